"""What an event says has happened, and when: never later than the hub's present, but for a small tolerance. Pure.

A type's name says that something happened, and these of its times and dates say when. The others may lie ahead: what is
planned, due, agreed until then; and a birth, since a child is known of before it is born. The present is an input: at
the doors that of the acceptance, so that a log that has such an event keeps it as it is.
"""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

from hub.clock import HOUR, Micros, format_micros
from hub.schemas.event_type import EventType
from hub.schemas.fields import inner
from hub.schemas.problems import Problem

AHEAD: Final[Micros] = HOUR
"""How far ahead of the hub's clock a publisher's may be, or a time that was written without its zone."""

PAST: Final = frozenset(
    {
        *(
            "occurred_at",
            "people.at",
            "goals.reviewed_on",
            "accepted_on",
            "agreed_on",
            "allocated_on",
            "assessed_on",
        ),
        *("changed_on", "closed_on", "completed_on", "contact_on", "declined_on", "died_on", "discharged_on"),
        *("ended_on", "entered_on", "held_on", "issued_on", "joined_on", "left_on", "made_on", "offered_on"),
        *(
            "opened_on",
            "order_on",
            "rated_on",
            "re_presented_on",
            "refused_on",
            "reopened_on",
            "requested_on",
        ),
        *("returned_on", "started_on", "taken_on", "told_on", "waitlisted_on", "withdrawn_on"),
    }
)
"""Paths of the fields that lie in the past by their meaning."""

OPEN: Final = frozenset(
    {
        *("actions.due_on", "goals.due_on", "answer_by", "hearing_on", "next_on", "review_on", "starts_at"),
        *(
            "cells.valid_from",
            "cells.valid_until",
            "until",
            "from_date",
            "until_date",
            "since",
            "effective_on",
        ),
        *("moves.moved_on", "dob", "members.dob"),
    }
)
"""Paths of the fields that may lie ahead: what is planned or agreed, from when it holds, a move, a birth."""

_EPOCH: Final = date(1970, 1, 1)


class _Said(NamedTuple):
    """A field that says when something happened. `rows`: the list that has it."""

    rows: str | None
    name: str
    is_day: bool


def not_yet(event_type: EventType, datum: Mapping[str, Any], now: Micros, today: date) -> Iterator[Problem]:
    """What a datum says has happened and cannot have yet. `today`: the partnership's day at `now + AHEAD`."""
    last_day = (today - _EPOCH).days
    for said in _said(event_type):
        last = last_day if said.is_day else now + AHEAD
        for at, row in _holding(datum, said.rows):
            value = row.get(said.name)
            if value is not None and value > last:
                yield _problem(f"{at}/{said.name}", now, today, is_day=said.is_day)


def _problem(at: str, now: Micros, today: date, *, is_day: bool) -> Problem:
    if is_day:
        expected = f"a day that has begun, {today.isoformat()} at the latest by the hub's clock"
        return Problem(at, "range", expected, "a later one", today.isoformat())
    minutes = timedelta(microseconds=AHEAD) // timedelta(minutes=1)
    expected = f"a time that has come: at most {minutes} minutes after the hub's clock, {format_micros(now)}"
    return Problem(at, "range", expected, "a later one", format_micros(now))


def _holding(datum: Mapping[str, Any], rows: str | None) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if rows is None:
        yield "", datum
    else:
        for number, row in enumerate(datum.get(rows) or ()):
            yield f"/{rows}/{number}", row


@lru_cache(maxsize=512)
def _said(event_type: EventType) -> tuple[_Said, ...]:
    found = []
    for field in event_type.fields:
        kind = inner(field.type)
        if field.path in PAST and isinstance(kind, dict) and "logicalType" in kind:
            found.append(_Said(field.list_name, field.name, kind["logicalType"] == "date"))
    return tuple(found)
