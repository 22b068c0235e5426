"""A family of which each fact is asked for when the engine wants it: the scene that `rules prove` runs the engine on.

Two people stand for everybody: S, whom the item is about, and V, another member, for whom a child may be shielded.
One desk is decided for. What the engine derives from a family (who is a victim, whom a desk opposes) is a fact here,
free of all others, so that more combinations are proved than any family can have.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from services.consent.agreement import FOREVER, Micros
from services.consent.compiled import CompiledRules
from services.consent.giving import Act, Responsible
from services.consent.items import FAMILY
from services.consent.person import Objection, PersonFacts, Refusal, Tri
from services.consent.proof.explore import Facts
from services.consent.shields import Override, Shield
from services.consent.vocabulary import FAMILY_ROLES, ROLES

S: Final = "S"
V: Final = "V"
HOUR: Final = 3_600_000_000
NO_YES: Final = (False, True)
ANY: Final = (False, True, None)
MEMBER: Final = ("member", "left", "stranger")
KIND: Final = ("adult", "child", "grown", "unknown")
ROLE: Final = ("not held", "held")
SHIELD: Final = ("none", "of this category", "shielded set", "of other desks", "unreadable")
ORDER: Final = ("none", "listing this desk", "listing others")
OVERRIDE: Final = ("none", "in force", "in force, lifting", "unreadable", "naming another desk")
CONSENT: Final = ("none", "given", "withdrawn", "unreadable", "by a parent", "by P", "for another category")
_NOBODY: Final = PersonFacts(registers={}, known=False)
"""Of the family as a whole nothing is recorded as of a person."""
LATER: Final[Mapping[str, Micros]] = {
    "lift": HOUR,
    "override": 2 * HOUR,
    "role": 3 * HOUR,
    "consent": 4 * HOUR,
    "family role": 5 * HOUR,
}
"""How long after the decision each period ends that has an end."""


class Named:
    """A mapping of desks that holds something for one desk alone; another desk's is nobody's business (I13)."""

    def __init__(self, scene: AbstractScene, found: Any, empty: Any) -> None:
        self._scene, self._found, self._empty = scene, found, empty

    def get(self, desk: str, default: Any = None) -> Any:
        """What this desk has."""
        if desk != self._scene.desk:
            held = self._scene.facts_asked.ask(("another desk", desk), NO_YES)
            return self._found if held else self._empty if default is None else default
        return self._found

    def __contains__(self, desk: str) -> bool:
        """A desk without any role is asked no further; here each role is a fact."""
        return desk == self._scene.desk


class Roles:
    """The roles of the desk for one person, or for the family."""

    def __init__(self, scene: AbstractScene, whom: str) -> None:
        self._scene, self._whom = scene, whom

    def get(self, role: str, default: Any = None) -> Any:
        """The end of a role, or None."""
        scene = self._scene
        if role not in ROLES or (role in FAMILY_ROLES) is not (self._whom == FAMILY):
            return default
        held = scene.facts_asked.ask(("role", role, self._whom), ROLE)
        later = LATER["family role" if self._whom == FAMILY else "role"]
        end = scene.born + later if held == "held" else None
        return default if end is None or end <= scene.at else end

    def __contains__(self, role: str) -> bool:
        return self.get(role) is not None

    def __getitem__(self, role: str) -> Micros:
        found: Micros = self.get(role)
        return found


class Persons:
    """Person → the desk's roles for them."""

    def __init__(self, scene: AbstractScene) -> None:
        self._of = {each: Roles(scene, each) for each in ((V, S) if scene.backwards else (S, V))}

    def get(self, person: str, default: Any = None) -> Any:
        """The roles for a person."""
        return self._of.get(person, default)

    def __contains__(self, person: str) -> bool:
        return person in self._of

    def __getitem__(self, person: str) -> Roles:
        return self._of[person]

    def items(self) -> Iterable[tuple[str, Roles]]:
        """Everybody."""
        return self._of.items()

    def values(self) -> Iterable[Roles]:
        """The roles for each."""
        return self._of.values()


class People:
    """A mapping of persons whose values are facts; only those there are listed."""

    def __init__(self, scene: AbstractScene, value: Any) -> None:
        self._scene, self._value = scene, value

    def get(self, person: str, default: Any = None) -> Any:
        """The value of a person, or the default."""
        if person not in (S, V):
            return default
        there, value = self._value(person)
        return value if there else default

    def __contains__(self, person: object) -> bool:
        return person in (S, V) and bool(self._value(person)[0])

    def __getitem__(self, person: str) -> Any:
        return self._value(person)[1]

    def __iter__(self) -> Iterator[str]:
        order = (V, S) if self._scene.backwards else (S, V)
        return (each for each in order if each in self)

    def __bool__(self) -> bool:
        return any(each in self for each in (S, V))

    def keys(self) -> Iterator[str]:
        """Who is there."""
        return iter(self)

    def items(self) -> Iterator[tuple[str, Any]]:
        """Who is there, with the value."""
        return ((each, self[each]) for each in self)


class AbstractScene:
    """The interface of `services.consent.scene.Scene`, each answer asked of the facts of a run."""

    def __init__(
        self,
        facts: Facts,
        rules: CompiledRules,
        desk: str,
        category: str,
        at: Micros,
        *,
        backwards: bool = False,
    ) -> None:
        self.facts_asked, self.rules, self.desk, self.category = facts, rules, desk, category
        self.at = self.born = at
        self.backwards = backwards
        """Everything in the other order (I16)."""
        self.facts = self.state = self
        """Of `state` only the members are asked."""

    def __getattr__(self, name: str) -> Any:
        """A part that a run asks for is made when it does: most runs ask for few."""
        made = _MADE.get(name)
        if made is None:
            raise AttributeError(name)
        found = self.__dict__[name] = made(self)
        return found

    def _ask(self, atom: tuple[Any, ...], options: tuple[Any, ...] = NO_YES) -> Any:
        return self.facts_asked.ask(atom, options)

    def three(self, *atom: Hashable) -> tuple[bool, Tri]:
        """Whether something may be so, and whether it is."""
        found = self._ask(atom, ANY)
        return found is not False, found

    @property
    def open(self) -> bool:
        """The family is open."""
        return bool(self._ask(("open",)))

    @property
    def s47(self) -> bool:
        """A child of the family is under s47."""
        return bool(self._ask(("s47",)))

    @property
    def statutory(self) -> bool:
        """A child is CP, CLA or under s47."""
        return self.s47 or bool(self._ask(("cp or cla",)))

    s47_until = statutory_until = FOREVER
    grows_up: Mapping[str, Micros] = MappingProxyType({})
    """Nobody comes of age here: each age is a combination of its own."""

    @property
    def unsettled_adults(self) -> bool:
        """Somebody who may set a desk against a member is not known yet."""
        return bool(self._ask(("somebody unknown",)))

    def kind(self, person: str) -> str:
        """What S or V is; V is an adult."""
        return str(self._ask(("kind", person), KIND)) if person == S else "adult"

    def adult(self, person: str) -> Tri:
        """Whether somebody is an adult now."""
        return {"adult": True, "grown": True, "child": False}.get(self.kind(person))

    def member(self, person: str) -> tuple[bool, Tri]:
        """Whether somebody is a member now, and an adult."""
        there = person == V or self._ask(("member", person), MEMBER) == "member"
        return there, self.adult(person) if there else None

    def ever(self, person: str) -> tuple[bool, Tri]:
        """Whether somebody was ever a member, and is an adult."""
        there = person == V or self._ask(("member", person), MEMBER) != "stranger"
        return there, self.adult(person) if there else None

    def get(self, part: str, default: Any = None) -> Any:
        """The part `members` of the state, as far as consents read it."""
        return {S: self._born()} if part == "members" else default

    def _born(self) -> dict[str, Any]:
        kind = self.kind(S)
        sixteen = self.born - HOUR if kind == "child" and self._ask(("sixteen",)) else None
        grown = self.born - HOUR if kind == "grown" else None
        word = {"grown": "child", "unknown": None}.get(kind, kind)
        return {"kind": word, "adult_from": grown, "sixteen": sixteen}

    def person(self, person: str) -> Any:
        """The facts of a person."""
        return _NOBODY if person == FAMILY else self.people.get(person) or AbstractPerson(self, person)

    def one_with(self, person: str) -> Mapping[str, bool]:  # noqa: ARG002 - there are two, and each has one id
        """Nobody."""
        return {}

    def kinds(self, person: str) -> list[Tri]:
        """Adult or child, of a member."""
        return [self.everybody[person]] if person in self.everybody else []

    def opposed(self, desk: str) -> Any:
        """Whom the desk opposes."""
        if self.rules.opposes_nobody(desk):
            return {}
        return self.opposed_by_it if desk == self.desk else {}

    def shielders(self, child: str) -> frozenset[str]:
        """V, if the child may live with them or was there."""
        with_them = child == S and V in self.victims and (self.lives_with(S, V) or self._ask(("exposed",)))
        return frozenset({V} if with_them else ())

    def parents_shielded(self, child: str) -> tuple[str, ...]:
        """V, if it is certain that the child belongs to them."""
        sure = child == S and self.members.get(S) is False and self.victims.get(V) is True
        return (V,) if sure and (self._ask(("exposed",)) or self._ask(("home",), ANY) is True) else ()

    def surely_shielded(self, person: str) -> bool:
        """Known to be a victim, or a child known to belong to one."""
        return self.victims.get(person) is True or bool(self.parents_shielded(person))

    def lives_with(self, one: str, other: str) -> bool:
        """True unless it is known that they do not share a household."""
        return one == other or self._ask(("home",), ANY) is not False

    def near(self, person: str) -> Tri:
        """Whether where somebody can be found tells where a shielded one can."""
        found: Tri = True if self.surely_shielded(person) else self._ask(("near",), ANY)
        return found

    def since(self, victim: str) -> Micros:
        """From when a victim is shielded: before or after what is decided was recorded."""
        return self.born + (HOUR if self._ask(("recorded before the pair", victim)) else -HOUR)

    @property
    def sides(self) -> dict[str, set[str]]:
        """No restriction here names a person: pairs do."""
        return {}

    def enquired_since(self, start: Micros, enquiry: str | None) -> None:
        """No override here is for an enquiry."""

    def settled(self, person: str) -> bool:
        """Certain who this is."""
        return person == FAMILY or not self._ask(("unconfirmed", person))

    def nobody(self, person: str) -> bool:  # noqa: ARG002 - denied before anything else is asked
        """The persons of a proof are somebody."""
        return False

    def pair(self, victim: str) -> bool:
        """Somebody is recorded as P against them."""
        return bool(self._ask(("paired", victim)))

    def accused(self, person: str) -> bool:
        """P against anybody."""
        return person == "P"

    def role_words(self, desk: str) -> Any:  # noqa: ARG002 - a short cut of the engine, not taken here
        """Every role may be held: each is a fact of its own."""
        return _EveryRole()

    def is_one_of(self, person: str, subjects: frozenset[str]) -> bool:
        """Whether a person certainly is one of those."""
        return any(self.is_a(person, each) for each in sorted(subjects))

    def is_a(self, person: str, word: str) -> bool:
        """Whether a person certainly is an adult, a child, a victim, a perpetrator."""
        if word in ("adult", "child"):
            return self.members.get(person) is (word == "adult")
        if word == "victim":
            return self.victims.get(person) is True
        return word == "perpetrator" and bool(self._ask(("perpetrator", person)))

    def shields_of(self, person: str) -> tuple[Shield, ...]:
        """What was recorded of a person."""
        if person == V:
            whole = self._ask(("shield", V), ("none", "shielded set")) == "shielded set"
            return (_shield("shielded set", self.desk, self.category, self.born),) if whole else ()
        found = self._ask(("shield", S), SHIELD)
        orders = self._ask(("order",), ORDER) if self.category == "child.proceedings" else "none"
        shields = [_shield(found, self.desk, self.category, self.born)] if found != "none" else []
        if orders != "none":
            listed = frozenset({self.desk} if orders == "listing this desk" else {"nobody"})
            order = _shield("of this category", self.desk, self.category, self.born)
            shields.append(order._replace(order=True, desk=None, allowed=listed))
        return tuple(shields)


@cache
def _shield(what: str, desk: str, category: str, born: Micros) -> Shield:
    return Shield(
        id="R",
        owner="owner",
        person=None,
        agency=None,
        desk="nobody/else" if what == "of other desks" else desk,
        worker=None,
        categories=None if what in ("shielded set", "unreadable") else frozenset({category}),
        allowed=None,
        since=born - HOUR,
        order=False,
        known=what != "unreadable",
    )


@cache
def _override(what: str, desk: str, category: str, born: Micros) -> Override:
    start = born - HOUR
    return Override(
        id="O",
        ground="vital",
        enquiry=None,
        reason="danger",
        categories=frozenset({category}),
        desks=frozenset({"another" if what == "naming another desk" else desk}),
        restrictions=frozenset({"R"}),
        victims=frozenset({S, V}),
        lifted=frozenset({S, V, "owner|R"}) if what == "in force, lifting" else frozenset(),
        start=start,
        end=start if what == "unreadable" else born + LATER["override"],
        known=what != "unreadable",
    )


class _EveryRole:
    def isdisjoint(self, _roles: object) -> bool:
        """Never: each role is asked for."""
        return False

    def __contains__(self, _role: object) -> bool:
        """Always, for the same reason."""
        return True


class AbstractPerson:
    """The facts of a person, as `PersonFacts` has them."""

    died = False
    competence: tuple[tuple[int, str, Tri], ...] = ()
    representatives: Mapping[str, Responsible] = {}
    acts: tuple[Act, ...] = ()
    side = None
    selves: frozenset[str] = frozenset()

    owners: AbstractSet[str] = frozenset({"owner"})
    capacity: tuple[tuple[int, str, Tri], ...] = ()
    responsible: Mapping[str, Responsible] = MappingProxyType(
        {each: Responsible("", 0, FOREVER) for each in ("V", "P")}
    )

    def __init__(self, scene: AbstractScene, person: str) -> None:
        self._scene, self._person = scene, person

    @property
    def exposed(self) -> People:
        """V, if the child was there."""
        scene = self._scene
        return People(scene, lambda each: (each == V and scene.facts_asked.ask(("exposed",), NO_YES), True))

    def _ask(self, word: str, options: tuple[Any, ...] = NO_YES) -> Any:
        return self._scene.facts_asked.ask((word, self._person), options)

    @property
    def known(self) -> bool:
        """All that was accepted of them has been seen."""
        return self._person in ("V", "P") or not self._ask("stranger unknown")

    @property
    def told(self) -> Tri:
        """They were told."""
        found: Tri = self._ask("told", ANY)
        return found

    @property
    def objections(self) -> tuple[Objection, ...]:
        """An objection that covers what is decided, or that cannot be read."""
        found = self._ask("objects", ANY)
        return () if found is False else (Objection(None, None, None, found),)

    @property
    def overrides(self) -> tuple[Override, ...]:
        """An override that names this person, the category and the desk."""
        if self._scene.category.startswith("contact."):
            return ()
        found = self._ask("override", OVERRIDE)
        if found == "none":
            return ()
        scene = self._scene
        return (_override(found, scene.desk, scene.category, scene.born),)

    def given(self, cell: tuple[str, ...]) -> tuple[Any, ...]:
        """The givings of a cell: none is a renewal here."""
        found = self.registers.get("|".join(("consent", *cell)))
        return () if found is None else (found,)

    @property
    def registers(self) -> _Registers:
        """Consents, asked for by their cell."""
        return _Registers(self._scene, self._person)

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """What stands against a giving."""
        found = self._ask("consent", CONSENT)
        at = self._scene.born - HOUR // 2
        return (Refusal("*", "*", "*", at, "r", "withdrawn"),) if found == "withdrawn" else ()

    refused = ()


class _Registers:
    def __init__(self, scene: AbstractScene, person: str) -> None:
        self._scene, self._person = scene, person

    def get(self, key: str, default: Any = None) -> Any:
        """The register of a consent: this very cell's, or another's, which nothing may ask for."""
        scene = self._scene
        found = scene.facts_asked.ask(("consent", self._person), CONSENT)
        _, _, category, desk = key.split("|")
        own = category in (scene.category, "contact.whereabouts_protected") and desk == scene.desk
        if (found == "for another category") is own or found == "none":
            return default
        if found == "unreadable":
            return [scene.born - HOUR, "r", {"unreadable": True}]
        parent = found in ("by a parent", "by P")
        giver = "P" if found == "by P" else V if parent else self._person
        return [
            scene.born - HOUR,
            "g",
            {
                "from": scene.born - HOUR,
                "until": scene.born + LATER["consent"],
                "occurred": scene.born - HOUR,
                "as": "parent" if parent else "self",
                "by": giver,
            },
        ]


def _conflicts(scene: AbstractScene) -> tuple[tuple[str, str], ...]:
    return (
        (("", scene.desk),)
        if scene.desk.count("/") > 1 and scene.facts_asked.ask(("conflict",), NO_YES)
        else ()
    )


_MADE: Final[Mapping[str, Callable[[AbstractScene], Any]]] = {
    "memo": lambda _: {},
    "outcomes": lambda _: {},
    "suspended": lambda _: frozenset(),
    "family_roles": lambda scene: Named(scene, Roles(scene, FAMILY), {}),
    "roles": lambda scene: Named(scene, Persons(scene), {}),
    "members": lambda scene: People(scene, scene.member),
    "everybody": lambda scene: People(scene, scene.ever),
    "victims": lambda scene: People(scene, lambda each: scene.three("victim", each)),
    "shields": lambda scene: People(scene, lambda each: (True, scene.shields_of(each))),
    "adopted": lambda scene: People(
        scene, lambda each: (each == S and scene.facts_asked.ask(("adopted", S), NO_YES), True)
    ),
    "victims_of": lambda scene: {S: People(scene, lambda each: scene.three("pair", S, each)), V: {}},
    "conflicts": _conflicts,
    "opposed_by_it": lambda scene: People(
        scene, lambda each: (scene.facts_asked.ask(("opposes", each), NO_YES), True)
    ),
    "people": lambda scene: {each: AbstractPerson(scene, each) for each in (S, V)},
}
"""The parts of a scene, which are asked for by name."""
