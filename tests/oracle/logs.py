"""Random logs of one family, told by its own event types, with all that the rules may ask of them.

A log is a list of `Step`s; a step that the family's state machine refuses never happened. So a log can be shortened
step by step, which is how a difference is made readable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from hub.schemas.fields import FieldInfo, inner
from tests.oracle.world import DAY, HOUR, SECOND
from tests.unit.consent.cast import CATALOGUE, ref

V, P, N = "mother-v", "father-p", "partner-n"
K, L, M = "child-k", "teen-l", "teen-m"
ADULTS: Final = (V, P, N)
CHILDREN: Final = (K, L, M)
PEOPLE: Final = (*ADULTS, *CHILDREN)
BORN: Final = {V: "1985-05-05", P: "1983-03-03", N: None, K: "2015-06-01", L: "2007-10-20", M: "2005-11-15"}
LEADS: Final = ("council/chesil", "council/west")
SERVICES: Final = (
    "s2w/sft",
    "reach/sft",
    "paragon/victim",
    "probation/perp",
    "reach/sft/ann",
    "paragon/behaviour",
    "probation/victim-liaison",
)
DESKS: Final = (
    *LEADS,
    "council/minutes",
    *SERVICES,
    "police/dorset",
    "health/gp",
    "probation/victim-liaison",
)
PLACES_OF_CHILDREN: Final = ("school/st-brannocks", "health/gp", "housing/options")
CATEGORIES: Final = (
    "outcome.score",
    "support.dv_safety_plan",
    "mental_health.detail",
    "support.clinical_detail",
    "contact.whereabouts_protected",
    "contact.channel",
    "referral.need",
    "support.summary",
    "offending.detail",
)
WORDS: Final = (
    *CATEGORIES,
    "contact",
    "support",
    "risk.rating",
    "family.membership",
    "child",
    "safety.restriction",
)
PURPOSES: Final = ("support", "treatment", "safeguard", "supervise")
WAITS: Final = (
    0,
    SECOND,
    SECOND,
    60 * SECOND,
    HOUR,
    5 * HOUR,
    25 * HOUR,
    3 * DAY,
    12 * DAY,
    30 * DAY,
    100 * DAY,
)
LATER: Final = (
    0,
    0,
    0,
    SECOND,
    HOUR,
    25 * HOUR,
    73 * HOUR,
    22 * DAY,
    29 * DAY,
    95 * DAY,
    400 * DAY,
    740 * DAY,
)


@dataclass(frozen=True)
class Step:
    """One event to be told, so long after the one before."""

    kind: str
    source: str
    data: dict[str, Any] = field(hash=False)
    wait: int = SECOND


@dataclass(frozen=True)
class Theme:
    """What a life is about: whom these services support from the start, and what happens, how often."""

    clients: tuple[str, ...]
    services: tuple[str, ...]
    happens: tuple[tuple[Callable[[Teller], None], int], ...]


class Teller:
    """Tells a family's life at random."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.steps: list[Step] = []
        self.referrals: dict[str, tuple[str, str, str]] = {}

    def log(self) -> list[Step]:
        """A family opened, with its people, and then a number of things that happen to it: anything, or of one kind."""
        if self.chance(0.5):
            return self.life(self.one(*_THEMES))
        lead = self.random.choice(LEADS)
        self.tell("family.opened", lead, lead=lead)
        people = [each for each in PEOPLE if self.chance(0.75)] or [V]
        self.tell("family.member_added", lead, members=[self.member(each) for each in people])
        for _ in range(self.random.randrange(4, 26)):
            self.random.choices(_HAPPENINGS, _WEIGHTS)[0](self)
        return self.steps

    def life(self, theme: Theme) -> list[Step]:
        """A family at work, in which the same few things happen over and over: what one says, another takes back."""
        lead, services = LEADS[0], (SERVICES[0], SERVICES[2])
        self.tell("family.opened", lead, lead=lead)
        rows = [{**self.member(each), "dob": days(BORN[each])} for each in PEOPLE]
        self.tell("family.member_added", lead, members=rows)
        self.tell("practice.plan_agreed", lead, discussed=[ref(K)], core_group=list(services))
        for person in theme.clients:
            self.tell("person.told_recorded", lead, person=ref(person), told=True)
            for to in theme.services:
                _begin(self, person, lead, to)
        happenings, weights = zip(*theme.happens, strict=True)
        for _ in range(self.random.randrange(4, 14)):
            self.random.choices(happenings, weights)[0](self)
        return self.steps

    def tell(self, kind: str, source: str, /, **given: Any) -> None:
        """Add a step; what is not given is made up."""
        data = filled(self.random, kind, given)
        self.steps.append(Step(kind, source, data, self.random.choice(WAITS)))

    def chance(self, part: float) -> bool:
        return self.random.random() < part

    def one(self, *of: Any) -> Any:
        return self.random.choice(of)

    def some(self, of: tuple[Any, ...], least: int = 1) -> list[Any]:
        return self.random.sample(of, self.random.randint(least, min(3, len(of))))

    def member(self, person: str) -> dict[str, Any]:
        born = BORN[person] if self.chance(0.85) else None
        row = {"person": ref(person), "kind": "child" if person in CHILDREN else "adult", "dob": days(born)}
        if self.chance(0.06):
            row["kind"] = self.one("adult", "child")
        if self.chance(0.1):
            row |= {"domestic_abuse_role": self.one("victim", "alleged_perpetrator", "neither")}
            row |= {"against": self.one(None, ref(self.one(*ADULTS)))}
        return row

    def cells(self, *, open_ended: bool = False) -> list[dict[str, Any]]:
        rows = []
        for _ in range(self.random.randint(1, 4)):
            row = {
                "purpose": self.one(*PURPOSES),
                "category": self.one(*CATEGORIES),
                "desk": self.one(*DESKS),
            }
            if self.chance(0.5):
                row |= {"purpose": "support", "desk": self.one(*LEADS)}
            if open_ended and self.chance(0.4):
                row[self.one("purpose", "category", "desk")] = None
            rows.append(row)
        return rows


def filled(random: Random, kind: str, given: dict[str, Any]) -> dict[str, Any]:
    """A datum of the type: what is given, and the rest at random."""
    out: dict[str, Any] = {}
    type_ = CATALOGUE.type(f"wraparound.{kind}.v1")
    for each in type_.fields:
        if each.list_name is not None:
            continue
        if each.name in given and not each.is_row:
            out[each.name] = given[each.name]
        elif each.name in ("addressed_to", "withheld", "occurred_at", "corrects", "retracted"):
            out[each.name] = [] if each.name == "withheld" else None
        elif each.name == "family":
            out[each.name] = ref("family-1")
        elif each.is_row:
            inside = [one for one in type_.fields if one.list_name == each.name]
            out[each.name] = _rows(random, each, inside, given.get(each.name, ...))
        else:
            out[each.name] = _value(random, each)
    if "addressed_to" in given or random.random() < 0.8:
        return out
    open_fields = sorted(
        one.path for one in type_.fields if one.category not in ("id", "rows") and not one.required
    )
    if open_fields:
        chosen = random.sample(open_fields, min(2, len(open_fields)))
        desks = random.sample(DESKS, 2)
        out["addressed_to"] = [{"field": path, "desks": desks} for path in chosen]
    return out


def _rows(
    random: Random, rows: FieldInfo, inside: list[FieldInfo], given: Any
) -> list[dict[str, Any]] | None:
    if given is None or (given is ... and not rows.required and random.random() < 0.4):
        return None
    told = [{}] * random.randint(1, 3) if given is ... else given
    # Of rows that were given, what they leave out is left out: only what the rules read of them matters.
    return [
        {
            one.name: row[one.name] if one.name in row else _optional(random, one, given is ...)
            for one in inside
        }
        for row in told
    ]


def _optional(random: Random, one: FieldInfo, free: bool) -> Any:
    quiet = {
        "domestic_abuse_role",
        "against",
        "kind",
        "dob",
        "household",
        "valid_from",
        "valid_until",
        "earlier",
        "act",
    }
    if not free and (one.name in quiet or one.name in ("purpose", "category", "desk", "role")):
        return None
    return _value(random, one)


def _value(random: Random, one: FieldInfo) -> Any:
    if not one.required and random.random() < 0.5:
        return None
    if one.kind == "ref":
        return ref(random.choice(PEOPLE)) if one.ref == "person" else ref("other-1")
    if one.kind == "refs":
        return [ref(each) for each in random.sample(PEOPLE, random.randint(1, 2))]
    if one.kind == "text":
        about = [ref(each) for each in random.sample(PEOPLE, random.choice((0, 1, 1, 2)))]
        return {"text": "words", "about": about}
    return _plain(one.type)


def _plain(avro: Any) -> Any:
    avro = inner(avro)
    if isinstance(avro, dict) and avro["type"] == "array":
        return [_plain(avro["items"])]
    if isinstance(avro, dict) and avro["type"] == "record":
        return {each["name"]: _plain(each["type"]) for each in avro["fields"]}
    name = avro["type"] if isinstance(avro, dict) else avro
    return {"string": "code", "double": 1.0, "boolean": True}.get(name, 1)


def days(value: str | None) -> int | None:
    """A date as days since the epoch."""
    from datetime import date

    return None if value is None else date.fromisoformat(value).toordinal() - date(1970, 1, 1).toordinal()


def _day_of(teller: Teller) -> int | None:
    return days(teller.one(None, "2023-08-01", "2023-10-01", "2024-01-15", "2024-06-01"))


def _refer(t: Teller) -> None:
    name = f"referral-{len(t.referrals) + 1}"
    person, to = t.one(*ADULTS, *ADULTS, L), t.one(*SERVICES)
    source = t.one(*LEADS, *LEADS, "s2w/sft", "probation/perp", "health/gp")
    t.referrals[name] = (person, source, to)
    needs = t.one(None, [{"need": "depression"}], [{"need": "domestic_abuse_victim"}])
    about = {"referral": ref(name), "person": ref(person)}
    t.tell("referral.requested", source, **about, to=to, specialism="any", needs=needs)
    if t.chance(0.8):
        t.tell("referral.offered", "hub", **about)
        t.tell("referral.accepted", to, **about)
    if t.chance(0.7):
        t.tell("referral.allocated", to, **about)
        if t.chance(0.7):
            t.tell("referral.support_started", to, **about)


def _begin(t: Teller, person: str, lead: str, to: str) -> None:
    """A referral that runs up to its support."""
    name = f"referral-{len(t.referrals) + 1}"
    t.referrals[name] = (person, lead, to)
    about = {"referral": ref(name), "person": ref(person)}
    t.tell("referral.requested", lead, **about, to=to, specialism="any", needs=None)
    t.tell("referral.offered", "hub", **about)
    for kind in ("accepted", "allocated", "support_started"):
        t.tell(f"referral.{kind}", to, **about)


def _move(t: Teller) -> None:
    if not t.referrals:
        return _refer(t)
    name = t.one(*t.referrals)
    person, _, to = t.referrals[name]
    kind = t.one(*_MOVES)
    source = {"waitlisted": "hub", "offered": "hub", "withdrawn": t.referrals[name][1]}.get(kind, to)
    t.tell(f"referral.{kind}", source, referral=ref(name), person=ref(person))
    return None


_MOVES: Final = (
    "returned",
    "waitlisted",
    "offered",
    "accepted",
    "declined",
    "allocated",
    "stage_entered",
    "support_started",
    "goal_reviewed",
    "goal_reviewed",
    "appointment_recorded",
    "appointment_recorded",
    "support_ended",
    "support_ended",
    "closed_before_support",
    "withdrawn",
    "reopened",
)


def _outcome(t: Teller) -> None:
    kind = t.one(
        "measure_recorded",
        "treatment_completed",
        "programme_completed",
        "note_recorded",
        "crisis_contact",
        "re_presented",
        "mainstream_referral_made",
    )
    t.tell(f"outcome.{kind}", t.one(*SERVICES, "health/gp"), person=ref(t.one(*PEOPLE)))


def _practice(t: Teller) -> None:
    source = t.one(*LEADS, "council/minutes")
    kind = t.one(
        "risk_rated", "risk_rated", "stage_of_change_assessed", "stage_of_change_assessed", "joined", "left"
    )
    t.tell(f"practice.{kind}", source, person=ref(t.one(*PEOPLE)))


def _group(t: Teller) -> None:
    kind = t.one("plan_agreed", "supervision_held")
    group = None if t.chance(0.2) else t.some(SERVICES, 0)
    discussed = [ref(each) for each in t.some(PEOPLE)]
    t.tell(f"practice.{kind}", t.one(*LEADS, "council/minutes"), discussed=discussed, core_group=group)


def _child(t: Teller) -> None:
    source, child = t.one(*LEADS), ref(t.one(*CHILDREN))
    kind = t.one(
        "status_changed",
        "status_changed",
        "attendance_recorded",
        "placement_started",
        "placement_ended",
        "proceedings_initiated",
    )
    if kind == "status_changed":
        t.tell("child.status_changed", source, person=child, status=t.one("none", "cin", "cp", "cla"))
    elif kind == "proceedings_initiated":
        t.tell("child.proceedings_initiated", source, children=[ref(each) for each in t.some(CHILDREN)])
    else:
        t.tell(f"child.{kind}", t.one(source, "school/st-brannocks"), person=child)


def _enquiry(t: Teller) -> None:
    kind = t.one("section_47_started", "section_47_started", "section_47_ended")
    children = [ref(each) for each in t.some(CHILDREN)]
    t.tell(f"child.{kind}", t.one(*LEADS), children=children, enquiry=t.one("S-1", "S-2"))


def _household(t: Teller) -> None:
    moves = [
        {"person": ref(each), "household": t.one(None, ref("home-1"), ref("home-2"))}
        for each in t.some(PEOPLE)
    ]
    t.tell("family.household_changed", t.one(*LEADS), moves=moves)


def _member(t: Teller) -> None:
    if t.chance(0.3):
        return t.tell("family.member_added", t.one(*LEADS), members=[t.member(t.one(*PEOPLE))])
    role = t.one(None, None, "victim", "alleged_perpetrator", "neither")
    against = t.one(None, ref(t.one(*ADULTS)))
    person = t.one(*PEOPLE)
    state = t.one(None, None, "left", "member")
    given = {
        "dob": days(BORN[person]),
        "kind": None,
        "domestic_abuse_role": role,
        "against": against,
        "state": state,
    }
    return t.tell("family.member_changed", t.one(*LEADS), person=ref(person), moved_to=None, **given)


def _family(t: Teller) -> None:
    kind = t.one("lead_changed", "lead_changed", "closed", "opened")
    given = {} if kind == "closed" else {"lead": t.one(*LEADS)}
    t.tell(f"family.{kind}", t.one(*LEADS), **given)


def _pair(t: Teller) -> None:
    perpetrator, victim = t.random.sample(ADULTS, 2)
    if t.chance(0.25):
        ended = {"victim": ref(victim), "perpetrator": ref(perpetrator), "reason": "mistaken"}
        t.tell("safety.pair_ended", t.one("paragon/victim", "police/dorset", *LEADS), **ended)
        return _approve(t)
    if t.chance(0.5):
        exposed = [ref(each) for each in t.some(CHILDREN, 0)]
        given = {"victim": ref(victim), "perpetrator": ref(perpetrator), "exposed_children": exposed or None}
        return t.tell("safety.pair_recorded", t.one("paragon/victim", "police/dorset", *LEADS), **given)
    return _incident(t)


def _incident(t: Teller) -> None:
    roles = ("victim", "alleged_perpetrator", "child_present", "witness", None)
    people = [{"person": ref(each), "role": t.one(*roles)} for each in t.some(PEOPLE)]
    t.tell("outcome.incident_reported", t.one("police/dorset", *LEADS), people=people)


def _restriction(t: Teller) -> None:
    name, person = t.one("R-1", "R-2"), t.one(V, V, P, K)
    source = t.one("paragon/victim", "police/dorset", *LEADS)
    if t.chance(0.25):
        t.tell("safety.restriction_lifted", source, person=ref(person), restriction=name, reason="over")
        return _approve(t)
    given: dict[str, Any] = dict.fromkeys(("from_person", "from_agency", "from_desk", "from_worker"))
    kind = t.one(*given)
    given[kind] = {
        "from_person": ref(t.one(*ADULTS)),
        "from_agency": t.one("s2w", "reach", "probation", "council"),
        "from_desk": t.one("s2w/sft", "reach/sft", "council/chesil", "police/dorset"),
        "from_worker": "ann",
    }[kind]
    if kind == "from_worker":
        given["from_desk"] = "reach/sft"
    categories = t.one(None, None, t.some(WORDS))
    return t.tell(
        "safety.restriction_placed",
        source,
        person=ref(person),
        restriction=name,
        categories=categories,
        owner=t.one(None, source),
        **given,
    )


def _order(t: Teller) -> None:
    name, person = t.one("O-1", "O-2"), ref(t.one(K, V, L))
    if t.chance(0.25):
        return t.tell("safety.court_order_discharged", t.one(*LEADS), person=person, order=name)
    return t.tell(
        "safety.court_order_recorded",
        t.one(*LEADS),
        person=person,
        order=name,
        from_person=t.one(None, ref(P)),
        categories=t.one(None, t.some(WORDS)),
        allowed=t.some(DESKS, 0),
        until_date=_day_of(t),
    )


def _override(t: Teller) -> None:
    if t.chance(0.15):
        people = [ref(each) for each in t.some(PEOPLE)]
        return t.tell(
            "safety.override_ended", t.one(*LEADS), people=people, override=t.one("OV-1", "OV-2", "OV-3")
        )
    named = t.some(
        (
            "support.dv_safety_plan",
            "outcome.score",
            "support.summary",
            "offending.detail",
            "contact",
            "support",
        )
    )
    t.tell(
        "safety.override_invoked",
        t.one(*LEADS),
        people=[ref(each) for each in t.some(PEOPLE)],
        override=t.one("OV-1", "OV-2", "OV-3"),
        ground=t.one("s47", "s47", "vital"),
        enquiry=t.one("S-1", "S-2", None),
        categories=named,
        desks=t.some((*LEADS, *SERVICES)),
        until=None,
        lifts_victims=t.one(None, [ref(each) for each in t.some((V, P))]),
        lifts_restrictions=t.one(None, None, ["R-1"]),
    )
    return _approve(t)


def _approve(t: Teller) -> None:
    if t.steps and t.chance(0.8):
        index = max(i for i, each in enumerate(t.steps) if each.kind != "hub.approval_given")
        for source in t.some(("council/west", "paragon/victim", "paragon/behaviour", "police/weymouth")):
            t.tell(
                "hub.approval_given",
                source,
                task="T",
                request=f"e{index}",
                decision=t.one("approved", "approved", "refused"),
            )


def _consent(t: Teller) -> None:
    person = t.one(*ADULTS, *ADULTS, *CHILDREN)
    given_as = t.one("self", "self", "self", "parent", "council", "welfare_attorney", "deputy", None)
    giver = {"self": person, "parent": t.one(V, P), "council": None, "welfare_attorney": N, "deputy": N}.get(
        given_as
    )
    kind = t.one("given", "given", "given", "changed", "refused", "withdrawn")
    cells = t.cells(open_ended=kind in ("refused", "withdrawn"))
    if kind in ("given", "changed"):
        for each in cells:
            each |= {"earlier": t.one(None, None, True), "act": t.one("give", "give", "withdraw")}
            if t.chance(0.3):
                start = 1_693_818_000 * SECOND + t.random.randrange(0, 200) * DAY
                each |= {"valid_from": t.one(None, start), "valid_until": t.one(None, start + 30 * DAY)}
            if kind == "given":
                del each["act"]
    occurred = None if t.chance(0.7) else 1_693_818_000 * SECOND + t.random.randrange(0, 100) * DAY
    t.tell(
        f"consent.{kind}",
        t.one(*LEADS, "s2w/sft", "paragon/victim"),
        person=ref(person),
        cells=cells,
        given_by=ref(giver) if giver and t.chance(0.95) else None,
        given_as=given_as,
        occurred_at=occurred,
    )


def _act(t: Teller) -> None:
    """An act about one cell."""
    person = t.one(V, V, K, L, M)
    kind = t.one("given", "given", "given", "changed", "refused", "withdrawn")
    cell: dict[str, Any] = {"purpose": "support", "category": "outcome.score", "desk": LEADS[0]}
    if kind in ("given", "changed"):
        cell |= {"earlier": t.one(None, None, None, True)}
        cell |= {"act": t.one("give", "give", "withdraw")} if kind == "changed" else {}
        if t.chance(0.3):
            start = 1_693_818_000 * SECOND + t.random.randrange(0, 100) * DAY
            cell |= {"valid_from": t.one(None, None, start), "valid_until": t.one(None, start + 30 * DAY)}
    given_as = t.one(*("self", "self", None) if person == V else ("self", "parent", "parent", "council"))
    giver = {"parent": t.one(V, P), "council": None}.get(given_as or "self", person)
    occurred = None if t.chance(0.8) else 1_693_818_000 * SECOND + t.random.randrange(0, 100) * DAY
    t.tell(
        f"consent.{kind}",
        LEADS[0],
        person=ref(person),
        cells=[cell],
        given_by=ref(giver) if giver and t.chance(0.8) else None,
        given_as=given_as,
        occurred_at=occurred,
    )


def _measure(t: Teller) -> None:
    t.tell("outcome.measure_recorded", SERVICES[0], person=ref(t.one(V, V, K, L, M)), score=7)


def _named(t: Teller) -> None:
    """An override of the safety plan, which its second person mostly agrees to; or its end."""
    if t.chance(0.1):
        return t.tell("safety.override_ended", LEADS[0], people=[ref(V)], override=t.one("OV-1", "OV-2"))
    t.tell(
        "safety.override_invoked",
        LEADS[0],
        people=[ref(V)],
        override=t.one("OV-1", "OV-2"),
        ground=t.one("s47", "s47", "s47", "vital"),
        enquiry=t.one("S-1", "S-2", None),
        categories=["support.dv_safety_plan"],
        desks=[LEADS[0], "probation/perp"],
        until=None,
        lifts_victims=t.one(None, [ref(V)]),
        lifts_restrictions=None,
    )
    return _approve(t)


def _plan(t: Teller) -> None:
    name = next(each for each, (_, _, to) in t.referrals.items() if to == SERVICES[2])
    plan = {"text": "words", "about": [ref(V)]}
    about = {"referral": ref(name), "person": ref(V)}
    t.tell("referral.goal_reviewed", SERVICES[2], **about, dv_safety_plan=plan)


def _against(t: Teller) -> None:
    exposed = t.one(None, [ref(K)])
    pair = {"victim": ref(V), "perpetrator": ref(P), "exposed_children": exposed}
    t.tell("safety.pair_recorded", "police/dorset", **pair)


def _changed(t: Teller) -> None:
    quiet = dict.fromkeys(("dob", "kind", "domestic_abuse_role", "against", "state", "moved_to"))
    t.tell("family.member_changed", LEADS[1], person=ref(t.one(V, K)), relation="kin", **quiet)


def _objection(t: Teller) -> None:
    person = ref(t.one(*ADULTS))
    if t.chance(0.3):
        outcome = t.one("upheld", "overruled", "ended")
        return t.tell(
            "consent.objection_decided",
            "council/ig",
            person=person,
            objection=t.one("J-1", "J-2"),
            outcome=outcome,
            reason="compelling_grounds",
            told_on=days("2023-09-05"),
        )
    return t.tell(
        "consent.objection_raised",
        t.one(*LEADS),
        person=person,
        objection=t.one("J-1", "J-2"),
        purposes=t.one(None, t.some(PURPOSES)),
        categories=t.one(None, ["support.summary"], t.some(WORDS)),
        desks=t.one(None, t.some(DESKS)),
    )


def _person(t: Teller) -> None:
    adult, child = ref(t.one(*ADULTS)), ref(t.one(*CHILDREN))
    source = t.one(*LEADS)
    kind = t.one(
        "told",
        "told",
        "told",
        "capacity",
        "competence",
        "representative",
        "responsible",
        "responsible",
        "died",
    )
    if kind == "told":
        t.tell(
            "person.told_recorded", source, person=t.one(adult, adult, child), told=t.one(True, True, False)
        )
    elif kind == "capacity":
        t.tell(
            "person.capacity_assessed",
            source,
            person=adult,
            has_capacity=t.one(True, False),
            matter=t.one(None, "service", "both"),
        )
    elif kind == "competence":
        t.tell(
            "person.competence_assessed",
            source,
            person=child,
            competent=t.one(True, False),
            matter=t.one(None, "service", "both"),
        )
    elif kind == "representative":
        kinds = t.one("welfare_attorney", "deputy")
        t.tell(
            "person.representative_recorded",
            source,
            person=adult,
            representative=ref(N),
            kind=kinds,
            ended=t.one(None, None, True),
            from_date=_day_of(t),
            until_date=None,
        )
    elif kind == "responsible":
        holder = t.one(ref(V), ref(P), None)
        t.tell(
            "person.parental_responsibility_recorded",
            source,
            person=child,
            holder=holder,
            held_by_council=holder is None,
            basis=t.one("care_order", "interim_care_order", "other") if holder is None else "birth_mother",
            from_date=_day_of(t),
            until_date=None,
        )
    elif t.chance(0.2):
        t.tell("person.died", source, person=adult)


def _registered(t: Teller) -> None:
    person, desk = ref(t.one(*PEOPLE)), t.one(*PLACES_OF_CHILDREN)
    kind = t.one("registered", "registered", "deregistered")
    given = {"confirmed": t.one(True, None)} if kind == "registered" else {}
    source = t.one(*LEADS, desk) if kind == "registered" else t.one(*LEADS)
    t.tell(f"person.{kind}", source, person=person, desk=desk, **given)


def _supervised(t: Teller) -> None:
    kind = t.one("started", "started", "ended")
    t.tell(
        f"person.probation_supervision_{kind}",
        "probation/perp",
        person=ref(t.one(P, P, V, N)),
        desk=t.one("probation/perp", None),
    )


def _adopted(t: Teller) -> None:
    if t.chance(0.3):
        t.tell("person.adopted", t.one(*LEADS), person=ref(t.one(K, L)))


def _conflict(t: Teller) -> None:
    desk, worker = t.one("reach/sft", "council/chesil"), t.one("ann", "bob")
    kind = t.one("recorded", "recorded", "ended")
    t.tell(
        f"hub.worker_conflict_{kind}", "council/ig", conflict=t.one("C-1", "C-2"), desk=desk, worker=worker
    )


def _identity(t: Teller) -> None:
    """Who is one with whom has no second reading (ADR 0036)."""
    t.tell(
        "hub.identity_linked",
        t.one(*LEADS),
        person=ref(t.one(*PEOPLE)),
        degree=t.one("confirmed", "probable"),
        same_as=None,
    )


_HAPPENINGS: Final[tuple[Callable[[Teller], None], ...]] = (
    _refer,
    _move,
    _outcome,
    _practice,
    _group,
    _child,
    _enquiry,
    _household,
    _member,
    _family,
    _pair,
    _restriction,
    _order,
    _override,
    _consent,
    _objection,
    _person,
    _registered,
    _supervised,
    _adopted,
    _conflict,
    _identity,
)
_WEIGHTS: Final = (8, 12, 6, 5, 4, 5, 4, 4, 3, 2, 6, 4, 3, 5, 10, 4, 6, 3, 4, 1, 2, 1)

_THEMES: Final = (
    Theme((V, K, L, M), SERVICES[:1], ((_act, 8), (_measure, 6), (_person, 5), (_against, 1))),
    Theme((V,), SERVICES[2:3], ((_named, 4), (_plan, 6), (_enquiry, 5), (_against, 1))),
    Theme((P, V), SERVICES[:1], ((_move, 10), (_changed, 6), (_against, 3))),
)
