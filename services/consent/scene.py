"""A family at one instant: who holds which role, who is whose victim, which desks oppose whom.

Made once for a state, a rule set and a stretch of time in which none of this changes, and used for every
event decided in that stretch. It goes with the facts that it was made of, or is carried on to later ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from copy import copy
from typing import TYPE_CHECKING, Any, Final

from services.consent.ages import is_adult
from services.consent.agreement import FOREVER, Micros
from services.consent.compiled import CompiledRules
from services.consent.held import Held, held_at
from services.consent.items import FAMILY
from services.consent.person import UNKNOWN, PersonFacts, Tri
from services.consent.sides import is_need, need, opposes, pairs, presumed, victims
from services.consent.vocabulary import FAMILY_ROLES

if TYPE_CHECKING:
    from services.consent.family_facts import FamilyFacts

_NEED_SIDE: Final = "victim"


def family_spans(state: Mapping[str, Any]) -> Iterable[list[list[Any]]]:
    """Everything of a state that begins and ends, but what is said of persons."""
    yield state.get("open", [])
    for role in sorted(FAMILY_ROLES):
        yield from state.get(role, {}).values()
    for member in state.get("members", {}).values():
        yield member["spans"]
    for child in state.get("children", {}).values():
        yield from child["s47"].values()


def window(facts: FamilyFacts, rules: CompiledRules, at: Micros) -> tuple[Micros, Micros]:
    """The stretch around an instant in which nothing of these facts and rules begins or ends."""
    edges = set(rules.edges)
    for each in facts.persons.values():
        edges.update(each.edges)
    for spans in family_spans(facts.state):
        for start, end, _ in spans:
            edges.add(start)
            if end is not None:
                edges.add(end)
    for member in facts.state.get("members", {}).values():
        if member["adult_from"] is not None:
            edges.add(member["adult_from"])
    start = max((each for each in edges if each <= at), default=-FOREVER)
    return start, min((each for each in edges if each > at), default=FOREVER)


def _is_about(shape: tuple[Any, ...], persons: AbstractSet[str]) -> bool:
    """Whether a shape of event says something of one of these persons; a text that does not say of whom may."""
    cells, texts = shape[-2:]
    return any(each.person in persons for each in cells) or any(
        each.about is None or not persons.isdisjoint(each.about) for each in texts
    )


class Scene:
    """The family in [start, end). Reads are by attribute.

    What the engine found, while it stands: `outcomes` by question, whose fourth part is whom it is about; `shapes` by
    shape of event, whose last parts are its cells and texts; `memo` what rests on nobody's consents.
    """

    def __init__(self, facts: FamilyFacts, rules: CompiledRules, at: Micros, event: str | None) -> None:
        self.facts, self.rules, self.at, self.event = facts, rules, at, event
        self.memo: dict[Any, Any] = {}
        self.outcomes: dict[tuple[Any, ...], Any] = {}
        self.shapes: dict[tuple[Any, ...], Any] = {}
        self.start, self.end = window(facts, rules, at)
        state = facts.state
        self.open = self._live(state.get("open", [])) is not None
        self.family_roles = self._roles_of_family()
        members: Mapping[str, Any] = state.get("members", {})
        adopted = [person for person, each in members.items() if each.get("adopted") is not None]
        self.adopted = frozenset(adopted).union(
            other
            for each in adopted
            for other, certain in facts.one_with(each).items()
            if certain or other not in members
        )
        """Who left the family by adoption: it knows nothing more of them (rule 4.18).

        A member who only may be one of them is held (F06): denied, what is said of them meanwhile would be lost.
        """
        self.everybody, self.members = self._members()
        """Person → True for an adult, False for a child, None where that is not known: whoever was a member, and is.

        Sides are taken over everybody: that a victim left is nothing that the other side may notice.
        """
        self.grows_up: dict[str, Micros] = self._grows_up()
        """Child → the instant of their 18th birthday, where that is known: what rests on a child ends there."""
        children = {
            person: each
            for person, each in state.get("children", {}).items()
            if person in self.members and self.members[person] is not True
        }
        enquired = {
            person: [name for name, spans in each["s47"].items() if self._live(spans) is not None]
            for person, each in children.items()
        }
        under = [person for person, each in enquired.items() if each]
        planned = [person for person, each in children.items() if each["status"] in ("cp", "cla")]
        self._enquiries = [
            (child, name, spans)
            for child, each in children.items()
            for name, spans in each["s47"].items()
            if spans
        ]
        self.s47, self.statutory = bool(under), bool(under or planned)
        self.s47_until, self.statutory_until = self._youngest(under), self._youngest([*under, *planned])
        self.roles: dict[str, dict[str, Mapping[str, Micros]]] = {}
        """Desk → person → role → its end: what permits may rest on."""
        self.sides: dict[str, set[str]] = {}
        """Desk → persons for whom it holds a role that sets it against their victims."""
        self.supervises: dict[str, set[str]] = {}
        self._read_roles()
        self.victims_of = pairs(facts.persons)
        in_need = {each: need(facts.person(each), rules) for each in self.everybody}
        stated = {each: facts.person(each).side for each in self.everybody}
        # What another's records say of somebody who may be the same ends no presumption here.
        recorded = pairs(facts.own) if facts.one else self.victims_of
        self.selves = {each: facts.person(each).selves for each in self.everybody}
        self.presumed = presumed(self.everybody, in_need, stated, recorded, self.selves)
        self.victims = victims(in_need, self.victims_of, self.presumed)
        """Person → True or None (perhaps) for a victim; not there: none."""
        self._add_victim_roles()
        self.unsettled_adults = self._unsettled_adults()
        self.shields = {person: each.shields for person, each in facts.persons.items() if each.shields}
        """Person → what restrictions and court orders say of them."""
        self.conflicts = tuple((each["desk"], each["worker"]) for each in state.get("conflicts", {}).values())
        self._opposed: dict[str, Mapping[str, Tri]] = {}
        self._near: dict[str, Tri] = {}
        self._shielders: dict[str, frozenset[str]] = {}
        self._role_words: dict[str, frozenset[str]] = {}
        self._words: dict[str, frozenset[str]] = {}

    def carried(self, facts: FamilyFacts, changed: AbstractSet[str], at: Micros) -> Scene:
        """This one for later facts, in which nothing differs but the consents of `changed`: what is of others stands.

        Consents are asked of whom a cell is about alone (`consents.py`); who gives them has them in that one's facts.
        """
        found = copy(self)
        found.facts, found.at = facts, at
        start, end = window(facts, self.rules, at)
        found.start, found.end = max(self.start, start), min(self.end, end)
        found.outcomes = {key: one for key, one in self.outcomes.items() if key[3] not in changed}
        found.shapes = {key: one for key, one in self.shapes.items() if not _is_about(key, changed)}
        return found

    def opposed(self, desk: str) -> Mapping[str, Tri]:
        """Whom a desk opposes: person → True, or None where that is not known (section 2)."""
        found = self._opposed.get(desk)
        if found is None:
            found = self._opposed[desk] = {} if self.rules.opposes_nobody(desk) else self._sides_with(desk)
        return found

    def shielders(self, child: str) -> frozenset[str]:
        """The victims with whom a child is shielded: it lives with them (unknown: it does) or was exposed.

        Whoever it was exposed with is one as long as nothing is known of them.
        """
        found = self._shielders.get(child)
        if found is None:
            exposed = self.facts.person(child).exposed
            names = {each for each in self.victims if each in exposed or self.lives_with(child, each)}
            names.update(each for each in exposed if not self.facts.person(each).known)
            found = frozenset(names) if self.members.get(child) is not True else frozenset()
            self._shielders[child] = found
        return found

    def parents_shielded(self, child: str) -> tuple[str, ...]:
        """The victims whose desks serve a child with them: it is certain that they belong together."""
        if self.members.get(child) is not False:
            return ()
        exposed = self.facts.person(child).exposed
        return tuple(
            each
            for each, tri in sorted(self.victims.items())
            if tri is True and (exposed.get(each) is True or self._at_home(child, each))
        )

    def kinds(self, person: str) -> list[Tri]:
        """What a member is stated to be, under each id that is, or may be, theirs: True for an adult."""
        ids = (person, *self.facts.one_with(person))
        return [self.everybody[each] for each in ids if each in self.everybody]

    def lives_with(self, one: str, other: str) -> bool:
        """True unless both households are known and differ."""
        here, there = self.facts.person(one).household, self.facts.person(other).household
        return here is None or there is None or here == there

    def near(self, person: str) -> Tri:
        """Whether where this person can be found tells where a shielded one can (4.2); None: perhaps.

        Perhaps, where a household is not known, or whether somebody is a victim.
        """
        if not self.victims:
            return False
        if person not in self._near:
            self._near[person] = self._is_near(person)
        return self._near[person]

    def surely_shielded(self, person: str) -> bool:
        """True for somebody known to be a victim, and a child known to belong to one."""
        return self.victims.get(person) is True or bool(self.parents_shielded(person))

    def enquired_since(self, start: Micros, enquiry: str | None) -> Micros | None:
        """When the last child of an enquiry (None: any) is of age that an override of that time may be for.

        None: there is none that runs. What ended since is over.
        One that was recorded after the override is another's successor if any has ended meanwhile.
        """
        running, ended = [], False
        for child, name, spans in self._enquiries:
            if enquiry in (None, name):
                grown = self.grows_up.get(child, FOREVER)
                running += [(each[0], grown) for each in spans if self._live([each]) is not None]
                ended = ended or any(end is not None and start < end <= self.at for _, end, _ in spans)
        return max((grown for begun, grown in running if begun <= start or not ended), default=None)

    def _is_near(self, person: str) -> Tri:
        children = (each for each, adult in self.members.items() if adult is not True)
        hidden = [*self.victims, *(each for each in children if self.shielders(each))]
        if person == FAMILY:
            return True if any(self.surely_shielded(each) for each in hidden) else None
        if self.surely_shielded(person):
            return True
        if any(self._at_home(person, each) and self.surely_shielded(each) for each in hidden):
            return True
        return None if any(each == person or self.lives_with(person, each) for each in hidden) else False

    def _at_home(self, one: str, other: str) -> bool:
        """True if both are known to live in one household."""
        here = self.facts.person(one).household
        return here is not None and here == self.facts.person(other).household

    def since(self, victim: str) -> Micros:
        """From when a victim is shielded: the first record of it."""
        facts = self.facts.person(victim)
        found = [
            *facts.since.values(),
            *(since for desk, stated, since in facts.needs if is_need(desk, stated, self.rules) is not False),
        ]
        if facts.side in (_NEED_SIDE, UNKNOWN):
            found.append(facts.side_since)
        return min(found, default=0)

    def settled(self, person: str) -> bool:
        """False for somebody whose identity or whose facts are not certain yet."""
        if person == FAMILY:
            return True
        facts = self.facts.person(person)
        return facts.confirmed and (facts.known or person not in self.members)

    def nobody(self, person: str) -> bool:
        """True for who stood in for somebody and was not meant."""
        return person != FAMILY and self.facts.person(person).nobody

    def pair(self, victim: str) -> bool:
        """True if somebody is recorded as P against this person."""
        return any(found.get(victim) is True for found in self.victims_of.values())

    def holds_role(self, desk: str, persons: Iterable[str], referral: str | None = None) -> bool:
        """True if a desk holds a role for the family, or for one of these persons: it may know that they are known.

        The role for the family is none for whom a desk of it opposes, nor for a child, which is shielded with them; and
        who names a `referral` of somebody whom the desk opposes need not know that there is one. What became of a
        statement about these turns on what that desk must not notice.
        """
        named, of_desk, opposed = tuple(persons), self.roles.get(desk, {}), self.opposed(desk)
        whose = self.facts.state.get("referrals", {}).get(referral, {}).get("person")
        if whose in opposed and whose not in of_desk:
            return False
        if any(person in of_desk for person in named):
            return True
        others = all(self.everybody.get(each) is True and each not in opposed for each in named)
        return desk in self.family_roles and (not opposed or others)

    def role_words(self, desk: str) -> frozenset[str]:
        """Every role that a desk holds for the family or for anybody."""
        found = self._role_words.get(desk)
        if found is None:
            persons = self.roles.get(desk, {}).values()
            found = self._role_words[desk] = frozenset(self.family_roles.get(desk, ())).union(*persons)
        return found

    def is_one_of(self, person: str, subjects: frozenset[str]) -> bool:
        """Whether a person certainly is one of those whom these words of a permit mean."""
        return not subjects.isdisjoint(self.words(person))

    def words(self, person: str) -> frozenset[str]:
        """What a member certainly is: adult or child, victim, perpetrator."""
        found = self._words.get(person)
        if found is None:
            adult = self.members.get(person)
            true = {
                "adult": adult is True,
                "child": adult is False,
                "victim": self.victims.get(person) is True,
                "perpetrator": self._is_perpetrator(person),
            }
            found = self._words[person] = frozenset(word for word, is_so in true.items() if is_so)
        return found

    def accused_by(self, person: str, at: Micros) -> bool:
        """True for a P of a pair that stands and was recorded by then, under whatever id is certainly theirs."""
        pairs = self.victims_of.get(person, {})
        ids = (person, *self.facts.person(person).selves)
        return any(
            each is True and any(self.facts.person(victim).since.get(one, at + 1) <= at for one in ids)
            for victim, each in pairs.items()
        )

    def accused(self, person: str) -> bool:
        """True for a P of a pair that has not ended, or stated or presumed to be one; where that is unknown too.

        Whom a family presumes to be P is so under an id, too, that is no member of it.
        """
        if any(each is not False for each in self.victims_of.get(person, {}).values()):
            return True
        ids = (person, *self.facts.one_with(person))
        stated = self.facts.person(person).side in ("alleged_perpetrator", UNKNOWN)
        return stated or any(self.presumed.get(each) for each in ids)

    def _is_perpetrator(self, person: str) -> bool:
        """True for a P of a recorded pair, a member stated to be one, and somebody supervised."""
        if any(each is True for each in self.victims_of.get(person, {}).values()):
            return True
        if self.facts.person(person).side == "alleged_perpetrator":
            return True
        return any(person in each for each in self.supervises.values())

    def describe(self, desk: str) -> dict[str, object]:
        """A desk's roles and whom it opposes, as plain data."""
        persons = self.roles.get(desk, {})
        return {
            "family": sorted(self.family_roles.get(desk, ())),
            "persons": {each: sorted(persons[each]) for each in sorted(persons)},
            "opposes": {each: self.opposed(desk)[each] for each in sorted(self.opposed(desk))},
        }

    def _live(self, spans: list[list[Any]]) -> Micros | None:
        """The end of the span that holds now, or None."""
        for start, end, by in spans:
            if start <= self.at and (end is None or self.at < end or (by is not None and by == self.event)):
                return FOREVER if end is None or by == self.event else int(end)
        return None

    def _roles_of_family(self) -> dict[str, dict[str, Micros]]:
        found: dict[str, dict[str, Micros]] = {}
        for role in FAMILY_ROLES:
            for desk, spans in self.facts.state.get(role, {}).items():
                end = self._live(spans)
                if end is not None:
                    found.setdefault(desk, {})[role] = end
        return found

    def _members(self) -> tuple[dict[str, Tri], dict[str, Tri]]:
        """Who was ever a member, and who is one now."""
        ever: dict[str, Tri] = {}
        now: dict[str, Tri] = {}
        for person, member in self.facts.state.get("members", {}).items():
            if person in self.adopted:
                continue
            ever[person] = is_adult(member, self.at)
            if self._live(member["spans"]) is not None:
                now[person] = ever[person]
        return ever, now

    def _grows_up(self) -> dict[str, Micros]:
        members: Mapping[str, Any] = self.facts.state.get("members", {})
        found = {
            each: members[each]["adult_from"] for each, adult in self.members.items() if adult is not True
        }
        return {each: at for each, at in found.items() if at is not None and at > self.at}

    def turns_against(self, desk: str) -> Micros:
        """When a child comes of age whom this desk may oppose from then on, or for whom it then works against others.

        Who supervises somebody opposes every other adult; a grown client may be P by presumption (section 2).
        """
        if self.rules.opposes_nobody(desk):
            return FOREVER
        whose = self.everybody if self.supervises.get(desk) else self.sides.get(desk, ())
        members: Mapping[str, Any] = self.facts.state.get("members", {})
        ages = (members[each]["adult_from"] for each in whose if self.everybody.get(each) is False)
        return min((each for each in ages if each is not None and each > self.at), default=FOREVER)

    def _youngest(self, children: Iterable[str]) -> Micros:
        """When the last of these children is of age."""
        return max((self.grows_up.get(each, FOREVER) for each in children), default=FOREVER)

    def _read_roles(self) -> None:
        for person, facts in self.facts.persons.items():
            if person in self.adopted:
                continue
            held = self._held(person, facts)
            for desk, roles in held.roles.items():
                self.roles.setdefault(desk, {})[person] = roles
            for desk in held.sides:
                self.sides.setdefault(desk, set()).add(person)
            for desk in held.supervises:
                self.supervises.setdefault(desk, set()).add(person)

    def _held(self, person: str, facts: PersonFacts) -> Held:
        """What desks hold for a person now: read again only when their facts, the rules or the time say so."""
        if self.event is not None:
            return held_at(facts, self.rules, self.at, self.event)
        found = self.facts.held.get(person)
        if found is None or not found.stands(facts, self.rules, self.at):
            found = self.facts.held[person] = held_at(facts, self.rules, self.at, None)
        return found

    def _add_victim_roles(self) -> None:
        for desk, persons in self.roles.items():
            known = self.rules.desk(desk)
            if known is not None and known.side == _NEED_SIDE:
                for person, roles in persons.items():
                    if "supporting" in roles and self.victims.get(person) is True:
                        persons[person] = {**roles, "supporting_victim": roles["supporting"]}

    def _sides_with(self, desk: str) -> dict[str, Tri]:
        clients, supervised = self.sides.get(desk, set()), self.supervises.get(desk, set())
        found = opposes(clients, supervised, self.everybody, self.victims_of, self.presumed, self.selves)
        for each in list(found):  # under whatever id: only one of them may be a member here
            for other, certain in self.facts.one_with(each).items():
                found.setdefault(other, found[each] if certain else None)
        return found

    def _unsettled_adults(self) -> bool:
        """True while somebody who may set a desk against a member is not known yet."""
        others = {each for each, adult in self.everybody.items() if adult is not False}
        exposed = {victim for each in self.everybody for victim in self.facts.person(each).exposed}
        others |= exposed
        for perpetrator, theirs in self.victims_of.items():
            if any(theirs.get(each, False) is not False for each in (*self.everybody, *exposed)):
                others.add(perpetrator)
        return any(not self.facts.person(each).known for each in others)
