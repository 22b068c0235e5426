"""Names the branch of every union before fastavro writes it.

Without a hint fastavro validates a value against each branch in turn, and the writer spends a third of its
time on it. A hint is the pair (branch, value), fastavro's tuple notation. Measured: referral.requested 52 →
37 µs.
"""

from collections.abc import Callable
from typing import Any

from hub.schemas.compose import Json
from hub.schemas.fields import inner, record_name

Hint = Callable[[dict[str, Any]], dict[str, Any]]


def hints(record: Json) -> Hint | None:
    """A function that copies a datum of this record with its unions named; None where it has no union."""
    plan = []
    for field in record["fields"]:
        avro = inner(field["type"])
        optional = isinstance(field["type"], list)
        rows = None
        if isinstance(avro, dict) and avro["type"] == "array" and isinstance(avro["items"], dict):
            rows = hints(avro["items"]) if avro["items"]["type"] == "record" else None
        if optional or rows is not None:
            plan.append((field["name"], _branch(avro) if optional else None, rows))
    if not plan:
        return None

    def hint(datum: dict[str, Any]) -> dict[str, Any]:
        out = datum.copy()
        for name, branch, rows in plan:
            value = datum.get(name)
            if value is not None:
                if rows is not None:
                    value = [rows(row) for row in value]
                out[name] = value if branch is None else (branch, value)
        return out

    return hint


def _branch(avro: Any) -> str:
    if isinstance(avro, str):
        return avro
    return record_name(avro) or str(avro["type"])
