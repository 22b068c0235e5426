"""Random families for property tests: every fact that the rules may ask of three persons, each also unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from hypothesis import strategies as st

from services.consent.decision import Decision
from services.consent.engine import decide
from services.consent.family_facts import FamilyFacts
from services.consent.items import Item
from tests.unit.consent.cast import CATALOGUE, DAY, START, dorset
from tests.unit.schemas.datums import PEOPLE, datums

ADULT, OTHER, CHILD = PEOPLE
DESKS: Final = (
    "council/chesil",
    "council/minutes",
    "s2w/sft",
    "reach/sft",
    "paragon/victim",
    "probation/perp",
    "police/dorset",
)
ROLES: Final = ("referrer", "referred_to", "supporting", "supervising", "former")
NOW: Final = START
CONSENT_END: Final = NOW + 30 * DAY
UNKNOWN: Final = "unknown"
CELLS: Final = (
    ("support", "outcome.score", "council/chesil"),
    ("treatment", "outcome.score", "s2w/sft"),
    ("safeguard", "support.dv_safety_plan", "council/chesil"),
    ("treatment", "mental_health.detail", "reach/sft"),
)
Fact = tuple[str, ...]


@dataclass(frozen=True)
class World:
    """Facts by name, each "true", "false" or "unknown"; roles are (role, desk, person)."""

    facts: Mapping[Fact, str]
    roles: frozenset[tuple[str, str, str]]
    lead: str
    core_group: frozenset[str]
    suspended: frozenset[str] = frozenset()
    unconfirmed: frozenset[str] = frozenset()

    def having(self, fact: Fact, value: str) -> World:
        """The same world with one fact changed."""
        return replace(self, facts={**self.facts, fact: value})

    def state(self) -> dict[str, Any]:
        """The family's state."""
        persons: dict[str, dict[str, Any]] = {each: {} for each in PEOPLE}
        for fact, value in self.facts.items():
            _set(persons, fact, value)
        for index, (role, desk, person) in enumerate(sorted(self.roles)):
            _role(persons[person], index, role, desk)
        if self.facts["apart",] == "true":
            for person, home in ((ADULT, "here"), (OTHER, "there"), (CHILD, "here")):
                persons[person]["household"] = [5, "r", {"household": home}]
        for person in self.unconfirmed:
            persons[person]["identity"] = [1, "r", {"degree": "probable"}]
        return {
            "open": [[NOW - DAY, None if self.facts["open",] == "true" else NOW - 1, None]],
            "lead": {self.lead: [[NOW - DAY, None, None]]},
            "core_group": {each: [[NOW - DAY, None, None]] for each in sorted(self.core_group)},
            "members": {
                each: {
                    "kind": "child" if each == CHILD else "adult",
                    "adult_from": None,
                    "spans": [[NOW - DAY, None, None]],
                }
                for each in PEOPLE
            },
            "children": {CHILD: {"status": "cp" if self.facts["statutory",] == "true" else "cin", "s47": {}}},
            "persons": persons,
            "known": dict.fromkeys(PEOPLE, True),
        }


@dataclass(frozen=True)
class Asked:
    """An event in a world."""

    kind: str
    source: str
    datum: Mapping[str, Any] = field(hash=False)

    def decide(self, world: World, at: int = NOW, recorded: int = NOW, **options: Any) -> Decision:
        """Decide it in a world."""
        facts = FamilyFacts.of(options.pop("state", None) or world.state(), world.suspended)
        item = Item("event", self.source, CATALOGUE.type(self.kind).items(dict(self.datum)))
        return decide(options.pop("rules", None) or dorset(), facts, item, recorded, at, **options)


def released(decision: Decision) -> set[tuple[str, int]]:
    """Everything released: desk and bit."""
    found: set[tuple[str, int]] = set()
    for each in decision.verdicts:
        mask = each.mask
        while mask:
            bit = mask & -mask
            found.add((each.desk, bit))
            mask ^= bit
    return found


def bits(asked: Asked) -> dict[int, Any]:
    """The cell or text of each bit; of a bit that several share, a gate cell first."""
    items = CATALOGUE.type(asked.kind).items(dict(asked.datum))
    found: dict[int, Any] = {}
    for cell in items.cells:
        found.setdefault(cell.bit, cell)
    found.update({text.bit: text for text in items.texts})
    return found


def _set(persons: dict[str, dict[str, Any]], fact: Fact, value: str) -> None:
    name = fact[0]
    if value == "false" or name in ("open", "statutory", "apart"):
        return
    unreadable = {"unreadable": True}
    if name == "pair":
        _, perpetrator, victim = fact
        state = unreadable if value == UNKNOWN else {"state": "in_force"}
        persons[victim][f"pair|{perpetrator}|p"] = [5, "r", state]
        persons[perpetrator][f"pair|{victim}|v"] = [5, "r", state]
        persons[victim][f"pair_since|{perpetrator}|p"] = [-5, "r", {"since": NOW - 5}]
    elif name == "told":
        persons[fact[1]]["told"] = [5, "r", unreadable if value == UNKNOWN else {"told": True}]
    elif name == "need":
        need = unreadable if value == UNKNOWN else {"to": "s2w/sft", "victim": True, "since": NOW - 5}
        persons[fact[1]]["need|x"] = [5, "r", need]
    elif name == "objection":
        scope = {"purposes": None, "categories": ["support.summary"], "desks": None}
        persons[fact[1]]["objection|council/chesil|o|r"] = [5, "r", unreadable if value == UNKNOWN else scope]
    elif name == "consent":
        given = {"from": NOW - 10, "until": CONSENT_END, "occurred": NOW - 10, "as": "self", "by": fact[1]}
        key = "|".join(("consent", *fact[2:]))
        persons[fact[1]][key] = [NOW - 10, "r", unreadable if value == UNKNOWN else given]
    elif name == "withdrawn":
        refusal = [NOW - 3, "s", {"act": "withdrawn"}]
        persons[fact[1]]["|".join(("refusal", *fact[2:]))] = refusal
        persons[fact[1]]["|".join(("refused", *fact[2:]))] = refusal


def _role(registers: dict[str, Any], index: int, role: str, desk: str) -> None:
    cause = f"referral-{index}"
    if role == "supervising":
        registers[f"role|supervising|{desk}|supervision"] = [1, "r", {"from": NOW - DAY}]
        return
    begins = "supporting" if role == "former" else role
    registers[f"role|{begins}|{desk}|{cause}"] = [1, "r", {"from": NOW - DAY}]
    if role == "former":
        end = {"at": NOW - 9, "event": "past", "how": "support_ended"}
        registers[f"referral_ended|{cause}"] = registers[f"support_ended|{cause}"] = [2, "r", end]


ATOMS: Final[tuple[Fact, ...]] = (
    ("open",),
    ("statutory",),
    ("apart",),
    ("pair", ADULT, OTHER),
    ("pair", OTHER, ADULT),
    ("told", ADULT),
    ("told", OTHER),
    ("need", ADULT),
    ("objection", ADULT),
    ("objection", OTHER),
    *(("consent", person, *cell) for person in (ADULT, OTHER) for cell in CELLS),
)
THREE_VALUED: Final = tuple(each for each in ATOMS if each[0] not in ("open", "statutory", "apart"))
CONSENTS: Final = tuple(each for each in ATOMS if each[0] == "consent")

_values = st.sampled_from(("true", "false", "true", "false", UNKNOWN))
_roles = st.tuples(st.sampled_from(ROLES), st.sampled_from(DESKS[2:6]), st.sampled_from((ADULT, OTHER)))
_suspended = st.frozensets(st.sampled_from(("s2w", "council", "paragon")), max_size=1)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A family with every fact at random."""
    facts = {each: draw(_values) for each in ATOMS}
    return World(
        facts=facts,
        roles=frozenset(draw(st.lists(_roles, max_size=5))),
        lead=draw(st.sampled_from(("council/chesil", "council/west"))),
        core_group=draw(st.frozensets(st.sampled_from(DESKS[2:6]), max_size=3)),
        suspended=draw(
            st.sampled_from((frozenset(), frozenset(), frozenset({"s2w"}), frozenset({"council"})))
        ),
        unconfirmed=draw(st.sampled_from((frozenset(), frozenset(), frozenset({ADULT}), frozenset({CHILD})))),
    )


KINDS: Final = tuple(
    sorted(each.type for each in CATALOGUE if each.gate not in ("internal", "operational.figures"))
)


@st.composite
def asked(draw: st.DrawFn) -> Asked:
    """Any event about these persons, from any desk."""
    kind = draw(st.sampled_from(KINDS))
    return Asked(kind, draw(st.sampled_from(DESKS)), draw(datums(CATALOGUE.type(kind))))
