"""One event type: its schema, its fields, and what is done with its data."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import fastavro
import orjson

from hub.errors import HubError
from hub.schemas.compose import Json, canonical, expanded, without_logical_types
from hub.schemas.fields import FieldInfo, fields_of
from hub.schemas.formats import FORMATS
from hub.schemas.hints import Hint, hints
from hub.schemas.items import Items
from hub.schemas.json_form import reader, writer
from hub.schemas.plan import Plan, addressed_desks, compile_plan, find_items, gate_persons, reduce_datum
from hub.schemas.problems import InvalidDataError, Problem
from hub.schemas.refs import Datum, IdentifierUse, RefKey, RefPlan, RefUse
from hub.schemas.vocabulary import FAMILY_POINTER, ID, NOBODY_POINTER, ROWS

_NO_ADDRESSEES: Final[dict[str, tuple[str, ...]]] = {}


class GateDeniedError(HubError):
    """A delivery was asked for although its event's existence was not released: our bug."""


class EventType:
    """A type and version, such as `wraparound.referral.requested.v1`. Compiled at first use; safe to share.

    A *datum* is the Avro form in memory: a dict with every field, times in microseconds, dates in days, refs
    as `{"scheme": …, "value": …}`. JSON data is what publishers send.
    """

    def __init__(
        self, name: str, schema: Json, *, schema_id: int, examples: Sequence[Json] = (), sandbox: bool = False
    ) -> None:
        self.type = name
        self.schema_id = schema_id
        self.schema = schema
        self.examples = tuple(examples)
        self.gate: str = schema["gate"]
        subject = schema["subject"]
        self.subjects: tuple[str, ...] = tuple(
            name
            for name in ([subject] if isinstance(subject, str) else subject)
            if name not in {FAMILY_POINTER, NOBODY_POINTER}
        )
        self.family_field: str | None = schema.get("family")
        self.referral_field: str | None = schema.get("referral")
        self.sets: frozenset[str] = frozenset(schema.get("sets", ()))
        self._sandbox = sandbox

    @cached_property
    def text(self) -> str:
        """The complete schema as registered and served."""
        return canonical(self.schema)

    @cached_property
    def parsed(self) -> Any:
        """The schema as fastavro wants it, without logical types: times and dates stay integers."""
        return fastavro.parse_schema(without_logical_types(self.schema))

    @cached_property
    def _expanded(self) -> Json:
        found: Json = expanded(self.schema)
        return found

    @cached_property
    def hint(self) -> Hint:
        """Copies a datum with its unions named, for the writer; see hints.py."""
        return hints(self._expanded) or dict

    @cached_property
    def fields(self) -> tuple[FieldInfo, ...]:
        """Every field, those of rows after their list."""
        return fields_of(self._expanded)

    @cached_property
    def _read(self) -> Any:
        return reader(self._expanded, self._expanded, sandbox=self._sandbox)

    @cached_property
    def _write(self) -> Any:
        return writer(self._expanded)

    def read_json(self, data: object) -> tuple[Datum | None, list[Problem]]:
        """JSON data → (datum, []) or (None, problems): validation and conversion in one pass."""
        problems: list[Problem] = []
        datum: Datum | None = self._read(data, "", problems)
        if datum is not None and not problems:
            self._check_envelope(datum, problems)
        if problems:
            return None, self.with_examples(problems, self.examples)
        return datum, problems

    def validate(self, data: object) -> list[Problem]:
        """What is wrong with JSON data from a publisher; empty: nothing."""
        return self.read_json(data)[1]

    def from_json(self, data: object) -> Datum:
        """JSON data → datum. Raises `InvalidDataError` with the problems."""
        datum, problems = self.read_json(data)
        if datum is None:
            raise InvalidDataError(problems)
        return datum

    def to_json(self, datum: Datum) -> Json:
        """Datum → JSON data, nulls and an empty `withheld` left out."""
        found: Json = self._write(datum)
        if not found.get("withheld"):
            found.pop("withheld", None)
        return found

    def _check_envelope(self, datum: Datum, problems: list[Problem]) -> None:
        if datum["withheld"]:
            problems.append(Problem("/withheld", "hub-only", "nothing: the hub fills it", "an array"))
        if datum["retracted"] and datum["corrects"] is None:
            problems.append(Problem("/corrects", "required", "the id of what is retracted", "nothing"))
        for index, entry in enumerate(datum["addressed_to"] or ()):
            parts = entry["field"].split(".")
            path = ".".join(part for part in parts if not part.isdigit())
            if path not in self._addressable:
                expected = f"one of {', '.join(sorted(self._addressable))}"
                at = f"/addressed_to/{index}/field"
                problems.append(Problem(at, "codes", expected, "another string"))

    @cached_property
    def _addressable(self) -> frozenset[str]:
        return frozenset(f.path for f in self.fields if f.category not in {ID, ROWS} and not f.required)

    def with_examples(self, problems: Iterable[Problem], examples: Sequence[Json]) -> list[Problem]:
        """The problems, each with what would be valid there: from these examples of the type first."""
        return [self._with_example(problem, examples) for problem in problems]

    def _with_example(self, problem: Problem, examples: Sequence[Json]) -> Problem:
        if problem.rule == "unknown-field":
            return problem
        names = [part for part in problem.pointer.split("/")[1:] if not part.isdigit()]
        value = self._example(names, examples)
        if value is None:
            return problem
        shown = value if isinstance(value, str) else orjson.dumps(value).decode()
        return Problem(problem.pointer, problem.rule, problem.expected, problem.came, shown)

    def _example(self, names: list[str], examples: Sequence[Json]) -> Any:
        """From the type's examples, else what the field's format or codes give."""
        for example in examples:
            found = _look_up(example, names)
            if found is not None:
                return found
        field = next((f for f in self.fields if f.path == ".".join(names[:2])), None)
        if field is None:
            return None
        codes = field.attributes.get("codes")
        form = FORMATS.get(field.attributes.get("format", ""))
        return codes[0] if codes else form.example if form else None

    @cached_property
    def _plan(self) -> Plan:
        return compile_plan(self.gate, self.subjects, self.fields, split=False)

    @cached_property
    def _split_plan(self) -> Plan:
        return compile_plan(self.gate, self.subjects, self.fields, split=True)

    def persons(self, datum: Datum) -> tuple[str, ...]:
        """Hub ids of the gate's persons; () for what names nobody."""
        return gate_persons(self._plan, datum)

    def items(self, datum: Datum) -> Items:
        """What the sharing rules decide on; see items.py."""
        if datum["addressed_to"]:
            return find_items(self._split_plan, datum, addressed_desks(datum))
        return find_items(self._plan, datum, _NO_ADDRESSEES)

    def reduce(
        self,
        datum: Datum,
        items: Items,
        mask: int,
        *,
        withheld: Sequence[str] = (),
        corrects: str | None = None,
    ) -> Datum:
        """What a desk gets: `mask` is the OR of the released items' bits.

        `withheld`: the categories whose existence is told, as decided (sorted here). `corrects`: the delivery
        that this one corrects, by the hub's id, which the desk may never have had. `addressed_to` is never delivered.
        Raises `GateDeniedError` when no gate bit is in the mask.
        """
        if not any(gate.bit & mask for gate in items.gates):
            raise GateDeniedError(f"{self.type}: expected a gate bit in the mask, came {mask:#x}")
        plan = self._split_plan if datum["addressed_to"] else self._plan
        out = reduce_datum(plan, datum, items, mask)
        out["addressed_to"] = None
        out["withheld"] = sorted(withheld)
        out["corrects"] = corrects
        return out

    def paths(self, datum: Datum, items: Items, bit: int) -> list[str]:
        """The fields behind an item, as JSON Pointers, for explanations."""
        plan = self._split_plan if datum["addressed_to"] else self._plan
        found: list[str] = []
        for group, own in zip(plan.root, items.root, strict=True):
            if own == bit:
                found += [f"/{name}" for name in group.names if datum[name] is not None]
        for each, rows in zip(plan.lists, items.lists, strict=True):
            for index, bits in enumerate(rows or ()):
                for group, own in zip(each.groups, bits, strict=False):
                    if own == bit:
                        row, at = datum[each.name][index], f"/{each.name}/{index}"
                        found += [f"{at}/{n}" for n in group.names if row[n] is not None] or [at]
        return found

    @cached_property
    def _refs(self) -> RefPlan:
        return RefPlan(self.fields)

    def refs(self, datum: Datum) -> Iterator[RefUse]:
        """Every reference in the datum."""
        return self._refs.collect(datum)

    def replace_refs(self, datum: Datum, mapping: Mapping[RefKey, str]) -> Datum:
        """A copy whose references are the hub's; `KeyError` for one that the mapping lacks."""
        return self._refs.replace(datum, mapping)

    def identifiers(self, datum: Datum) -> list[IdentifierUse]:
        """The ids to be registered, each with the person it belongs to."""
        found = []
        for field in self.fields:
            if field.name == "identifiers" and field.kind == "value":
                rows = datum[field.list_name] if field.list_name else [datum]
                for index, row in enumerate(rows or ()):
                    at = f"/{field.list_name}/{index}" if field.list_name else ""
                    person = (row["person"]["scheme"], row["person"]["value"])
                    for place, each in enumerate(row[field.name] or ()):
                        path = f"{at}/{field.name}/{place}"
                        found.append(IdentifierUse(path, person, each["scheme"], each["value"]))
        return found

    def datum(self, **values: Any) -> Datum:
        """A complete datum: the root fields given, the defaults for the others.

        Rows must be complete already. Raises `KeyError` for a required field not given, or one not known.
        """
        out: Datum = {}
        for field in self.schema["fields"]:
            name, default = field["name"], field.get("default")
            if name in values:
                out[name] = values[name]
            elif "default" in field:
                out[name] = [] if default == [] else default
            else:
                raise KeyError(f"{self.type}: expected the field {name}")
        unknown = values.keys() - out.keys()
        if unknown:
            raise KeyError(f"{self.type}: expected only its fields, came also {', '.join(sorted(unknown))}")
        return out


def _look_up(example: Any, names: list[str]) -> Any:
    for name in names:
        if isinstance(example, list):
            example = example[0] if example else None
        example = example.get(name) if isinstance(example, dict) else None
    return example
