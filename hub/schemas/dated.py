"""An example moved in time: a hub whose clock stands elsewhere would take it for long past, or for yet to come."""

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final

from hub.clock import DAY, Micros, format_micros, parse_micros
from hub.schemas.compose import Json
from hub.schemas.event_type import EventType
from hub.schemas.fields import inner
from hub.schemas.json_form import WRITTEN_AT, WRITTEN_ON
from hub.schemas.problems import Problem

_BIRTH: Final = "identity.dob"
_WORDED: Final = "content"
"""A field that says in words what the others say: the start of an agreement stands in its text too, and stays."""
_DATES: Final = ("date", "timestamp-micros")


def dated(event_type: EventType, example: Mapping[str, Any], now: Micros) -> Json:
    """A copy of an example as if written at `now`: moved by whole days, to less than a day before. Births stay."""
    days = (now - parse_micros(WRITTEN_AT)) // DAY
    moved: Json = deepcopy(dict(example))
    worded = _WORDED in moved
    for field in event_type.fields:
        kind = inner(field.type)
        logical = kind.get("logicalType") if isinstance(kind, dict) else None
        if logical in _DATES and field.category != _BIRTH and not (worded and field.name == "starts_at"):
            for row in _holding(moved, field.list_name):
                if row.get(field.name) is not None:
                    row[field.name] = _later(row[field.name], days, whole=logical == "date")
    return moved


def problems_at(event_type: EventType, problems: Iterable[Problem], now: Micros) -> list[Problem]:
    """What is wrong with data that comes at `now`, with examples that would be taken then."""
    days = (now - parse_micros(WRITTEN_AT)) // DAY
    moved = {
        WRITTEN_AT: _later(WRITTEN_AT, days, whole=False),
        WRITTEN_ON: _later(WRITTEN_ON, days, whole=True),
    }
    examples = [dated(event_type, each, now) for each in event_type.examples]
    plain = [replace(each, example=moved.get(each.example, each.example)) for each in problems]
    return event_type.with_examples(plain, examples)


def _holding(example: Json, list_name: str | None) -> Iterator[Json]:
    yield from [example] if list_name is None else example.get(list_name) or ()


def _later(text: str, days: int, *, whole: bool) -> str:
    if whole:
        return (date.fromisoformat(text) + timedelta(days)).isoformat()
    return format_micros(parse_micros(text) + days * DAY).replace(".000000Z", "Z")
