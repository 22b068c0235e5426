"""What leaves is what was released: `items` and `reduce` against a second, slow and obvious,
implementation."""

import zlib
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.schemas import FAMILY, EventType, GateDeniedError, Items, wire
from hub.schemas.fields import FieldInfo
from tests.unit.schemas.datums import CATALOGUE, Datum, datums, event_types, ref


class Ruling:
    """A decision for a desk: any function of what the rules may look at, fixed by a seed."""

    def __init__(self, seed: int, tenths: int) -> None:
        self.seed = seed
        self.tenths = tenths

    def cell(self, category: str, person: str, place: bool, desks: tuple[str, ...]) -> bool:
        return self._says("cell", category, person, place, desks)

    def text(self, category: str, person: str, about: tuple[str, ...] | None, desks: tuple[str, ...]) -> bool:
        return self._says("text", category, person, about, desks)

    def _says(self, *what: object) -> bool:
        return zlib.crc32(repr((self.seed, what)).encode()) % 10 < self.tenths

    def mask(self, items: Items) -> int:
        mask = 0
        for cell in items.cells:
            mask |= cell.bit if self.cell(cell.category, cell.person, cell.place, cell.addressed) else 0
        for text in items.texts:
            mask |= text.bit if self.text(text.category, text.person, text.about, text.addressed) else 0
        return mask


class Slow:
    """Reducing, field by field, as RULES.md 4.3 says it."""

    def __init__(self, event_type: EventType, datum: Datum, ruling: Ruling) -> None:
        self.type, self.datum, self.ruling = event_type, datum, ruling
        self.by_path = {field.path: field for field in event_type.fields}

    def desks(self, path: str, index: int | None) -> tuple[str, ...]:
        name, _, rest = path.partition(".")
        wanted = {path} | ({f"{name}.{index}.{rest}"} if index is not None else set())
        entries = self.datum["addressed_to"] or []
        return tuple(
            sorted({desk for entry in entries if entry["field"] in wanted for desk in entry["desks"]})
        )

    def person(self, field: FieldInfo, holder: Datum) -> str:
        if field.pointer in {"row", "self"}:
            named = holder[field.person or ""]
        else:
            named = self.datum[field.person or ""] if field.pointer == "root" else None
        return named["value"] if named else FAMILY

    def released(self, field: FieldInfo, holder: Datum, index: int | None) -> bool:
        value = holder[field.name]
        if value is None:
            return False
        person, desks = self.person(field, holder), self.desks(field.path, index)
        if field.is_text:
            about = tuple(each["value"] for each in value["about"]) or None
            return self.ruling.text(field.category or "", person, about, desks)
        return self.ruling.cell(field.category or "", person, field.place, desks)

    def gate(self, person: str) -> bool:
        return self.ruling.cell(self.type.gate, person, False, ())

    def row(self, field: FieldInfo, row: Datum, index: int) -> Datum | None:
        inside = [each for each in self.type.fields if each.list_name == field.name]
        decided = [each for each in inside if each.category != "id"]
        out = dict(row)
        kept = field.name in self.type.subjects and self.gate(row["person"]["value"])
        for each in decided:
            if self.released(each, row, index):
                kept = True
            else:
                out[each.name] = None
        return out if kept else None

    def reduce(self) -> Datum:
        out: Datum = {}
        for field in self.type.fields:
            if field.list_name is not None:
                continue
            value = self.datum[field.name]
            if field.is_row:
                rows = [self.row(field, row, index) for index, row in enumerate(value or [])]
                out[field.name] = [row for row in rows if row is not None] or None
            elif field.kind == "refs":
                out[field.name] = [
                    each for each in value or [] if self.ref_stays(field, each["value"])
                ] or None
            elif field.name in self.type.subjects and not field.required:
                out[field.name] = value if value and self.anything_about(value["value"]) else None
            elif field.category == "id":
                out[field.name] = value
            else:
                out[field.name] = value if self.released(field, self.datum, None) else None
        return {**out, "addressed_to": None, "withheld": [], "corrects": None}

    def ref_stays(self, field: FieldInfo, person: str) -> bool:
        if field.name in self.type.subjects:
            return self.gate(person)
        return self.ruling.cell(field.category or "", person, field.place, self.desks(field.path, None))

    def anything_about(self, person: str) -> bool:
        items = self.type.items(self.datum)
        mask = self.ruling.mask(items)
        about = [*(c.bit for c in items.cells if c.person == person)]
        about += [text.bit for text in items.texts if text.person == person]
        return any(bit & mask for bit in about)


def canaries(value: Any) -> set[Any]:
    """Every leaf that stands once: strings and large numbers."""
    if isinstance(value, dict):
        return set().union(*(canaries(each) for each in value.values()))
    if isinstance(value, list):
        return set().union(*(canaries(each) for each in value))
    if isinstance(value, str):
        return {value} if value.startswith("canary-") else set()
    return {value} if isinstance(value, int | float) and value > 1_000_000 else set()


@given(st.data(), st.integers(0, 2**32), st.integers(0, 10))
@settings(max_examples=600, deadline=None)
def test_what_leaves_is_what_was_released_when_any_ruling_reduces_any_event(
    data: st.DataObject, seed: int, tenths: int
) -> None:
    event_type = data.draw(event_types)
    datum = data.draw(datums(event_type))
    before = orjson.dumps(datum)
    ruling = Ruling(seed, tenths)
    items = event_type.items(datum)
    mask = ruling.mask(items)
    if not any(gate.bit & mask for gate in items.gates):
        with pytest.raises(GateDeniedError):
            event_type.reduce(datum, items, mask)
        return
    slow = Slow(event_type, datum, ruling)
    expected = slow.reduce()
    found = event_type.reduce(datum, items, mask)
    required_of_gate = {f.name for f in event_type.fields if f.required and f.list_name is None}
    assert {k: v for k, v in found.items() if k not in required_of_gate} == {
        k: v for k, v in expected.items() if k not in required_of_gate
    }
    body = wire.encode(event_type, found)
    denied = canaries(datum) - canaries(found)
    assert not [each for each in denied if isinstance(each, str) and each.encode() in body]
    assert wire.decode(CATALOGUE, body) == (event_type, found)
    assert orjson.dumps(datum) == before


@given(st.data(), st.integers(0, 2**32))
@settings(max_examples=300, deadline=None)
def test_reducing_twice_changes_nothing_when_the_ruling_is_the_same(data: st.DataObject, seed: int) -> None:
    """So a denied row or field leaves no trace: the event without it gives the same bytes."""
    event_type = data.draw(event_types)
    datum = data.draw(datums(event_type))
    ruling = Ruling(seed, 6)
    items = event_type.items(datum)
    mask = ruling.mask(items)
    if not any(gate.bit & mask for gate in items.gates):
        return
    once = event_type.reduce(datum, items, mask)
    again = {**once, "addressed_to": datum["addressed_to"]}
    left = event_type.items(again)
    kept = ruling.mask(left)
    assert event_type.reduce(again, left, kept) == once


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_everything_leaves_when_everything_is_released(data: st.DataObject) -> None:
    event_type = data.draw(event_types)
    datum = data.draw(datums(event_type))
    items = event_type.items(datum)
    found = event_type.reduce(datum, items, items.everything, corrects=datum["corrects"])
    assert canaries(found) >= canaries({k: v for k, v in datum.items() if k != "addressed_to"}) - lone_ids(
        event_type, datum
    )


def lone_ids(event_type: EventType, datum: Datum) -> set[Any]:
    """Ids in rows that say nothing else: such a row is dropped for everybody."""
    found: set[Any] = set()
    for field in event_type.fields:
        if field.is_row:
            inside = [f for f in event_type.fields if f.list_name == field.name and f.category != "id"]
            for row in datum[field.name] or []:
                if all(row[f.name] is None for f in inside):
                    found |= canaries(row)
    return found


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_each_item_has_its_own_bit_and_person_when_found(data: st.DataObject) -> None:
    event_type = data.draw(event_types)
    datum = data.draw(datums(event_type))
    items = event_type.items(datum)
    bits = [*(cell.bit for cell in items.cells), *(text.bit for text in items.texts)]
    assert sorted(bits) == [1 << n for n in range(len(bits))]
    assert items.everything == sum(bits)
    assert len({cell[1:] for cell in items.cells}) == len(items.cells)
    assert [gate.person for gate in items.gates] == list(items.persons or (FAMILY,))
    assert {gate.category for gate in items.gates} == {event_type.gate}
    assert event_type.persons(datum) == items.persons
    shown = [path for bit in bits for path in event_type.paths(datum, items, bit)]
    assert len(shown) == len(set(shown))


def incident() -> tuple[EventType, Datum]:
    event_type = CATALOGUE.type("wraparound.outcome.incident_reported.v1")
    named = {"9990000018": "V", "9990000026": "P", "9990000034": "K"}
    datum = event_type.from_json(event_type.examples[0])
    mapping = {use.key: named.get(use.value, "family") for use in event_type.refs(datum)}
    return event_type, event_type.replace_refs(datum, mapping)


def test_one_side_sees_its_own_row_alone_when_the_other_rows_are_denied() -> None:
    """RULES.md section 8, example 5: to probation P's row, no text, no other row."""
    event_type, datum = incident()
    items = event_type.items(datum)
    mask = sum(cell.bit for cell in items.cells if cell.person == "P")
    found = event_type.to_json(event_type.reduce(datum, items, mask))
    assert [row["person"] for row in found["people"]] == [ref("P")]
    assert "account" not in found["people"][0]
    assert "informant" not in found
    assert found["people"][0]["role"] == "alleged_perpetrator"


def test_texts_name_whom_they_are_about_when_the_author_said() -> None:
    event_type, datum = incident()
    texts = event_type.items(datum).texts
    assert [(text.path, text.person, text.about) for text in texts] == [
        ("informant", FAMILY, None),
        ("people.account", "V", ("V", "P")),
        ("people.account", "P", ("P",)),
    ]


def test_a_place_is_told_apart_when_it_stands_beside_other_facts() -> None:
    event_type = CATALOGUE.type("wraparound.referral.appointment_recorded.v1")
    datum = event_type.from_json(event_type.examples[0])
    items = event_type.items(datum)
    place = next(cell for cell in items.cells if cell.place)
    assert place.category == "support.summary"
    assert event_type.paths(datum, items, place.bit) == ["/occurred_at", "/starts_at", "/venue"]
    found = event_type.reduce(datum, items, items.everything & ~place.bit)
    assert (found["starts_at"], found["venue"], found["attendance"]) == (None, None, "attended")


def test_an_addressed_field_is_apart_when_the_author_chose_desks() -> None:
    event_type = CATALOGUE.type("wraparound.outcome.incident_reported.v1")
    example = dict(event_type.examples[0])
    example["addressed_to"] = [
        {"field": "people.role", "desks": ["s2w/sft"]},
        {"field": "people.1.account", "desks": ["probation/perp", "s2w/sft"]},
    ]
    datum = event_type.from_json(example)
    items = event_type.items(datum)
    assert {cell.addressed for cell in items.cells} == {(), ("s2w/sft",)}
    assert [text.addressed for text in items.texts] == [(), (), ("probation/perp", "s2w/sft")]
    found = event_type.reduce(datum, items, items.everything)
    assert found["addressed_to"] is None


def test_withheld_is_sorted_and_corrects_is_the_hubs_when_given() -> None:
    event_type, datum = incident()
    items = event_type.items({**datum, "corrects": "publishers-own-id"})
    found = event_type.reduce(
        datum, items, items.everything, withheld=["risk.reason", "child.s47"], corrects="hub-id"
    )
    assert found["withheld"] == ["child.s47", "risk.reason"]
    assert found["corrects"] == "hub-id"
    assert event_type.reduce(datum, items, items.everything)["corrects"] is None


def test_a_pair_keeps_one_name_back_when_only_the_other_is_released() -> None:
    event_type = CATALOGUE.type("wraparound.safety.pair_recorded.v1")
    datum = event_type.from_json(event_type.examples[0])
    items = event_type.items(datum)
    found = event_type.reduce(datum, items, items.gates[1].bit)
    assert found["victim"] is None
    assert found["perpetrator"] == datum["perpetrator"]
