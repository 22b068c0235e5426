"""Everything that the reader may know, one after another: when it happened, when it was recorded, by whom. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from hub.clock import Micros, format_micros, parse_micros
from services.view.told import Told, kept, persons, rows

_WHEN: Final = (
    "occurred_at", "held_on", "ended_on", "started_on", "completed_on", "closed_on", "opened_on", "changed_on",
    "joined_on", "left_on", "rated_on", "assessed_on", "agreed_on", "since", "issued_on", "requested_on", "returned_on",
    "waitlisted_on", "offered_on", "accepted_on", "declined_on", "allocated_on", "entered_on", "withdrawn_on",
    "reopened_on", "taken_on", "re_presented_on", "contact_on", "made_on", "order_on", "died_on", "told_on",
    "refused_on", "discharged_on", "starts_at", "from_date", "until_date",
)  # fmt: skip
"""The fields that say when something happened, the first that is known counts."""
_FRAME: Final = frozenset({"family", "withheld", "corrects", "retracted", "addressed_to", "occurred_at"})


def chronology(told: Sequence[Told]) -> list[dict[str, Any]]:
    """One row an event, by when it happened, then by when it was recorded; what was corrected says by what."""
    by: dict[str, list[Told]] = {}
    for each in told:
        if each.corrects is not None:
            by.setdefault(each.corrects, []).append(each)
    return [_row(each, by.get(each.id, ())) for each in sorted(told, key=_place)]


def _place(each: Told) -> tuple[Micros, Micros, str]:
    at = happened(each)
    return (each.recorded if at is None else _instant(at)), each.recorded, each.id


def _row(each: Told, corrections: Sequence[Told]) -> dict[str, Any]:
    data = {name: value for name, value in each.data.items() if name not in _FRAME}
    return {"id": each.id, "what": each.kind, "recorded_at": format_micros(each.recorded)} | kept(
        happened=happened(each),
        by=each.by,
        about=list(persons(each.data)),
        data=data,
        withheld=list(each.withheld),
        clauses=list(each.clauses),
        lacked=dict(each.lacked),
        corrects=each.corrects,
        retracts=each.retracts or None,
        corrected_by=[one.id for one in corrections if not one.retracts],
        retracted_by=[one.id for one in corrections if one.retracts],
    )


def happened(each: Told) -> str | None:
    """When it happened, as its publisher says: a date or an instant; None where that is not said or withheld."""
    times = [each.data.get(name) for name in _WHEN]
    for name in ("people", "moves", "goals"):
        times += [_of_row(row) for row in rows(each.data, name)]
    return next((time for time in times if isinstance(time, str)), None)


def _of_row(row: Mapping[str, Any]) -> Any:
    return row.get("at") or row.get("moved_on") or row.get("reviewed_on")


def _instant(text: str) -> Micros:
    """Where a date or an instant stands among others; a date is its first instant, UTC."""
    return parse_micros(text if "T" in text else f"{text}T00:00:00Z")
