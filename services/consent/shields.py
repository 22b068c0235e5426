"""Restrictions, court orders and overrides of a person, read from their registers (rules 4.16, 4.17)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from services.consent.agreement import Micros
from services.consent.vocabulary import CATEGORIES, expand

_HOUR: Final = 3_600_000_000
OVERRIDE_LIMITS: Final[dict[str, Micros]] = {"alone": 24 * _HOUR, "vital": 72 * _HOUR, "s47": 21 * 24 * _HOUR}
"""How long an override lasts at most: alone; for danger to life; for an enquiry (rule 4.16)."""


class Shield(NamedTuple):
    """Who must not have what about a person, by a restriction, or by a court order (`order`).

    From whom: those who work for a `person`, an `agency`, a `desk` (team), a `worker`; of an order whoever is not
    `allowed`, where the court made a list. What: `categories`, or None for the shielded set. `known`: False for
    a record that cannot be read, which counts for everybody and everything. `receipt`: of its record; `review`: when
    somebody is to ask whether it is still needed, which ends nothing.
    """

    id: str
    owner: str
    person: str | None
    agency: str | None
    desk: str | None
    worker: str | None
    categories: frozenset[str] | None
    allowed: frozenset[str] | None
    since: Micros
    order: bool
    known: bool
    receipt: str = ""
    review: Micros | None = None


class Override(NamedTuple):
    """One override as it concerns a person; in force in [start, end) while its ground stands.

    `restrictions`, `victims`: what it names to be lifted; `lifted`: the victims and `owner|restriction` that the
    agencies owning them have confirmed. `known` is False, and start and end are equal, for one that cannot be read.
    """

    id: str
    ground: str
    enquiry: str | None
    reason: str
    categories: frozenset[str]
    desks: frozenset[str]
    restrictions: frozenset[str]
    victims: frozenset[str]
    lifted: frozenset[str]
    start: Micros
    end: Micros
    known: bool


def shield_of(name: str, value: Mapping[str, Any], *, source: str | None, receipt: str) -> Shield:
    """A restriction from its register, or a court order (no `source`)."""
    owner = str(value.get("owner") or source or "").partition("/")[0]
    words, since = value.get("categories"), value.get("at")
    known = "unreadable" not in value and isinstance(since, int)
    return Shield(
        id=name,
        owner=owner,
        person=_word(value.get("from_person")),
        agency=_word(value.get("from_agency")),
        desk=_word(value.get("from_desk")),
        worker=_word(value.get("from_worker")),
        categories=_categories(words) if isinstance(words, list) and words else None,
        allowed=frozenset(map(str, value["allowed"])) if isinstance(value.get("allowed"), list) else None,
        since=since if isinstance(since, int) else 0,
        order=source is None,
        known=known,
        receipt=receipt,
        review=review if isinstance(review := value.get("review"), int) else None,
    )


def override_of(
    name: str,
    register: list[Any],
    value: Mapping[str, Any],
    confirmed: Iterable[tuple[Micros, Mapping[str, Any]]],
    *,
    ended: bool,
) -> Override:
    """An override from its register and the confirmations of its very invocation, each with its time.

    Without a second person in its first day it lapses, and a later one does not bring it back.
    """
    seconds = [(at, each) for at, each in confirmed if each.get("of") == register[1]]
    start = value.get("from")
    ground = str(value.get("ground") or "")
    known = isinstance(start, int) and ground in ("s47", "vital")
    begin = start if isinstance(start, int) else 0
    ends = [begin + OVERRIDE_LIMITS.get(ground, 0)]
    if all(at >= begin + OVERRIDE_LIMITS["alone"] for at, _ in seconds):
        ends.append(begin + OVERRIDE_LIMITS["alone"])
    if isinstance(value.get("until"), int):
        ends.append(value["until"])
    return Override(
        id=name,
        ground=ground,
        enquiry=_word(value.get("enquiry")),
        reason=str(value.get("reason") or ""),
        categories=_words(value.get("categories")),
        desks=_words(value.get("desks")),
        restrictions=_words(value.get("restrictions")),
        victims=_words(value.get("victims")),
        lifted=frozenset().union(*(_words(each.get("lifts")) for _, each in seconds)),
        start=begin,
        end=begin if ended or not known else max(begin, min(ends)),
        known=known,
    )


def _categories(words: list[Any]) -> frozenset[str]:
    """What a restriction names; a word that is no category makes it concern all."""
    found = [expand(str(each)) for each in words]
    return frozenset(each for group in found for each in group) if all(found) else frozenset(CATEGORIES)


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _words(value: object) -> frozenset[str]:
    return frozenset(map(str, value)) if isinstance(value, list) else frozenset()
