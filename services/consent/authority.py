"""Who may state what: the partnership's authority table, asked twice.

The table is plain data, `[{types: [family.opened, …], who: [word, …]}]`; one word that fits is enough, and
a type that no row names is nobody's. The door asks `may_publish`: could this desk ever state such a thing?
The family's log asks `may_state`: is it so now, in this family? A claim that would give its author a role,
a consent or a lift is worth nothing without it.

A registration gives its desk nothing until the council has stated it (section 2).

Words: `council`, `kind:K`, `agency:A`, `desk:D`, `hub`; `lead`; `opens_family` (opens it by this event, or
has opened it); `may_refer`; `requested_desk`; `supports_subject` (supporting now or until lately: outcomes
are seen after support); `supports_victim`; `role_for_subject`; `registered`, `registers_itself:K`,
`own_desk:K` (of an agency of that kind); `source_of_cells`; `owner`; `self`; `task_owner` (checked where the task is).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.consent.agreement import Desk
from services.consent.compiled import CompiledRules
from services.consent.event import HUB, PlainEvent, word
from services.consent.family_facts import FamilyFacts
from services.consent.giving import COUNCIL
from services.consent.held import stated_by_council
from services.consent.vocabulary import FAMILY_ROLES, expand

Table = Sequence[Mapping[str, Any]]
_SUPPORTING: Final = frozenset({"supporting", "former"})


@dataclass(frozen=True, slots=True)
class Allowed:
    """The word of the table by which it is allowed."""

    by: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A code, and words that hold no personal data."""

    code: str
    words: str


def may_publish(table: Table, rules: CompiledRules, desk: str, kind: str) -> Allowed | Refused:
    """Whether a desk could ever publish this kind of event, by what it is; what depends on a family is asked later."""
    return _first(table, kind, lambda each: _ever(rules, desk, each))


def may_state(table: Table, rules: CompiledRules, facts: FamilyFacts, event: PlainEvent) -> Allowed | Refused:
    """Whether the event's author may state it of this family, as its log stands before the event."""
    asked = _Asked(rules, facts, event)
    return _first(table, event.kind, lambda each: _ever(rules, event.source, each) and _now(asked, each))


def _first(table: Table, kind: str, fits: Callable[[str], bool]) -> Allowed | Refused:
    words = [each for row in table if kind in row["types"] for each in row["who"]]
    for each in words:
        if fits(each):
            return Allowed(each)
    if not words:
        return Refused("nobodys_type", f"{kind} is published by nobody")
    return Refused("not_authorised", f"{kind} is published by: {', '.join(words)}")


def _ever(rules: CompiledRules, name: str, who: str) -> bool:
    if name == HUB:
        return who == HUB
    desk = rules.desk(name)
    if desk is None or who == HUB:
        return False
    form, colon, value = who.partition(":")
    if colon:
        return value == {"agency": desk.agency, "desk": desk.name}.get(form, desk.kind)
    return _is_such(desk, who)


def _is_such(desk: Desk, who: str) -> bool:
    if who == "council":
        return desk.kind == "council"
    if who in ("lead", "opens_family"):
        return desk.may_lead
    return desk.may_refer if who == "may_refer" else True


@dataclass(frozen=True, slots=True)
class _Asked:
    """One question, with what the answer may rest on."""

    rules: CompiledRules
    facts: FamilyFacts
    event: PlainEvent

    @property
    def state(self) -> Mapping[str, Any]:
        """The family's state before the event."""
        return self.facts.state

    def person(self) -> str | None:
        """Whom the event is about: its subject, or the victim it shields."""
        return self.event.person() or self.event.person("victim")

    def roles(self, person: str | None) -> set[str]:
        """The roles that the author holds for a person now, former ones too."""
        if person is None:
            return set()
        event = self.event
        return {
            each.role
            for each in self.facts.person(person).spans
            if each.desk == event.source
            and not each.perhaps
            and _in(each.start, each.end, event.recorded)
            # As with permits: what a desk says of itself is no role yet.
            and (each.role != "universal" or stated_by_council(self.rules, each))
        }

    def leads(self) -> bool:
        """True if the author leads the family now."""
        return self.holds("lead")

    def holds(self, role: str) -> bool:
        """True if the author holds a role for the family now."""
        spans = self.state.get(role, {}).get(self.event.source, ())
        return any(_in(start, end, self.event.recorded) for start, end, _ in spans)


def _in(start: int, end: int | None, at: int) -> bool:
    return start <= at and (end is None or at < end)


def _now(asked: _Asked, who: str) -> bool:
    rule = _RULES.get(who.partition(":")[0])
    return rule is None or rule(asked)


def _opens(asked: _Asked) -> bool:
    return asked.event.kind == "family.opened" or asked.state.get("opener") == asked.event.source


def _requested(asked: _Asked) -> bool:
    referral = asked.state.get("referrals", {}).get(asked.event.person("referral"))
    return referral is not None and referral["to"] == asked.event.source


def _supports(asked: _Asked) -> bool:
    return not _SUPPORTING.isdisjoint(asked.roles(asked.person()))


def _supports_victim(asked: _Asked) -> bool:
    return "supporting" in asked.roles(asked.person())


def _has_role(asked: _Asked) -> bool:
    member = asked.person() in asked.state.get("members", {})
    return bool(asked.roles(asked.person())) or (member and any(asked.holds(each) for each in FAMILY_ROLES))


def _registered(asked: _Asked) -> bool:
    return "universal" in asked.roles(asked.person())


def _registers_itself(asked: _Asked) -> bool:
    return asked.event.word("desk") in (None, asked.event.source)


def _own_desk(asked: _Asked) -> bool:
    desk = asked.event.word("desk")
    return desk is None or _agency(desk) == _agency(asked.event.source)


def _source_of_cells(asked: _Asked) -> bool:
    """The author supports the person, and each cell is one that an agreement lets the author share with consent."""
    if not _supports_victim(asked) and "supervising" not in asked.roles(asked.person()):
        return False
    if asked.event.word("given_as") == COUNCIL:
        return False  # that is the council's own word
    rows = list(asked.event.rows("cells"))
    return bool(rows) and all(_shares(asked, row) for row in rows)


def _shares(asked: _Asked, row: Mapping[str, object]) -> bool:
    permits = asked.rules.permits(asked.event.source, word(row.get("desk")) or "")
    categories = expand(word(row.get("category")) or "")
    return bool(categories) and all(
        any(
            each.purpose == row.get("purpose") and any("consent" in one for one in each.when)
            for each in permits.get(category, ())
        )
        for category in categories
    )


def _owner(asked: _Asked) -> bool:
    """The agency that first recorded the pair, or placed the restriction."""
    event = asked.event
    return _agency(event.source) in {_agency(each) for each in _owners(asked)}


def _owners(asked: _Asked) -> Iterable[str]:
    event = asked.event
    plain: Mapping[str, Any] = asked.state.get("persons", {}).get(asked.person(), {})
    perpetrator, restriction = event.person("perpetrator"), event.word("restriction")
    for key, register in plain.items():
        name, _, rest = key.partition("|")
        value = register[2] if isinstance(register[2], dict) else {}
        if perpetrator is not None and key == f"pair_since|{perpetrator}|p":
            yield value.get("owner") or ""
        source, _, named = rest.partition("|")
        # An id is a desk's own, and may hold any character; its receipt stands behind it.
        if restriction is not None and name == "restriction" and named.rpartition("|")[0] == restriction:
            yield value.get("owner") or source


def _self(asked: _Asked) -> bool:
    event = asked.event
    agency, desk = event.word("agency"), event.word("desk")
    if agency is not None:
        return agency == _agency(event.source)
    if event.kind.startswith("hub.worker_conflict"):
        return desk is not None and _agency(desk) == _agency(event.source)
    return desk is None or desk == event.source


def _agency(desk: str) -> str:
    return desk.partition("/")[0]


_RULES: Final[dict[str, Callable[[_Asked], bool]]] = {
    "lead": _Asked.leads,
    "opens_family": _opens,
    "requested_desk": _requested,
    "supports_subject": _supports,
    "supports_victim": _supports_victim,
    "role_for_subject": _has_role,
    "registered": _registered,
    "registers_itself": _registers_itself,
    "own_desk": _own_desk,
    "source_of_cells": _source_of_cells,
    "owner": _owner,
    "self": _self,
}
"""What a word asks of a family; the others ask only what the author is."""
