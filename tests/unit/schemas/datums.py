"""Random events for property tests: Avro datums whose strings and numbers are canaries, each found nowhere
else."""

from itertools import count
from pathlib import Path
from typing import Any, Final

from hypothesis import strategies as st

from hub.schemas import Catalogue, EventType
from hub.schemas.fields import FieldInfo, inner

SCHEMAS: Final = Path(__file__).parents[3] / "schemas"
CATALOGUE: Final = Catalogue.load(SCHEMAS, sandbox=True)
PEOPLE: Final = ("person-a", "person-b", "person-c")
DESKS: Final = ("council/chesil", "s2w/sft")

Datum = dict[str, Any]


def ref(value: str) -> dict[str, str]:
    return {"scheme": "hub", "value": value}


class Canaries:
    """Values that stand once in an event."""

    def __init__(self) -> None:
        self._next = count(1_000_001)

    def value(self, avro: Any) -> Any:
        """A canary of a type: a list or record holds one in each leaf."""
        avro = inner(avro)
        if isinstance(avro, dict):
            if avro["type"] == "array":
                return [self.value(avro["items"])]
            if avro["type"] == "record":
                return {field["name"]: self.value(field["type"]) for field in avro["fields"]}
            avro = avro["type"]
        number = next(self._next)
        return {"string": f"canary-{number}", "double": float(number), "boolean": number % 2 == 0}.get(
            avro, number
        )


def _value(draw: st.DrawFn, field: FieldInfo, canaries: Canaries) -> Any:
    if not field.required and draw(st.booleans()):
        return None
    person = st.sampled_from(PEOPLE).map(ref)
    if field.kind == "ref":
        return draw(person) if field.ref == "person" else ref(canaries.value("string"))
    if field.kind == "refs":
        return draw(st.lists(person, min_size=1, max_size=3))
    if field.kind == "text":
        return {"text": canaries.value("string"), "about": draw(st.lists(person, max_size=2))}
    return canaries.value(field.type)


@st.composite
def datums(draw: st.DrawFn, event_type: EventType) -> Datum:
    """A datum of the type: nulls, people, rows and addressees at random."""
    canaries = Canaries()
    out: Datum = {}
    for field in event_type.fields:
        if field.list_name is not None:
            continue
        if field.name in {"addressed_to", "withheld"}:
            out[field.name] = None if field.name == "addressed_to" else []
        elif field.is_row:
            inside = [each for each in event_type.fields if each.list_name == field.name]
            least = 1 if field.required else 0
            rows = draw(st.integers(least, 3))
            found = [{each.name: _value(draw, each, canaries) for each in inside} for _ in range(rows)]
            out[field.name] = found or None
        else:
            out[field.name] = _value(draw, field, canaries)
    paths = sorted(f.path for f in event_type.fields if f.category not in {"id", "rows"} and not f.required)
    if draw(st.booleans()) and paths:
        chosen = draw(st.lists(st.sampled_from(paths), min_size=1, max_size=3))
        desks = draw(st.lists(st.sampled_from(DESKS), min_size=1, max_size=2))
        out["addressed_to"] = [{"field": path, "desks": desks} for path in chosen]
    return out


event_types = st.sampled_from(list(CATALOGUE))
"""Every event type."""
