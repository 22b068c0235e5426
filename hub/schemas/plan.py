"""The compiled form of `items` and `reduce` for one event type (see items.py for what they mean).

Fields of the same category, place and person are one group, so that an ordinary event costs a few look-ups a
group. An event that addresses fields to desks uses a second plan, of single fields, because each may be
addressed apart.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from hub.schemas.fields import FieldInfo
from hub.schemas.items import FAMILY, Cell, Items, TextItem
from hub.schemas.vocabulary import ID

Datum = dict[str, Any]
Bits = tuple[int, ...]


class Group(NamedTuple):
    """Fields that one item decides. `ref` names the Ref of their person, in the row or at the root.

    `is_fixed`: required codes of the gate; they go with it, so that nobody can be chosen for them apart.
    """

    category: str
    place: bool
    ref: str | None
    in_row: bool
    names: tuple[str, ...]
    is_text: bool
    is_fixed: bool
    path: str


class ListPlan(NamedTuple):
    """A list decided entry by entry: rows, or Refs (`groups` is then one group about the entry itself)."""

    name: str
    is_refs: bool
    is_gate: bool
    groups: tuple[Group, ...]
    nullable: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What the functions need to know of a type. `subjects`: the root Refs naming the gate's persons."""

    gate: str
    root: tuple[Group, ...]
    lists: tuple[ListPlan, ...]
    subjects: tuple[str, ...]
    subject_lists: tuple[tuple[str, bool], ...]
    nullable_subjects: tuple[str, ...]


def compile_plan(gate: str, subjects: tuple[str, ...], fields: tuple[FieldInfo, ...], *, split: bool) -> Plan:
    """`split`: a group for each field, for events that address fields to desks."""
    root = [f for f in fields if f.list_name is None]
    by_name = {f.name: f for f in root}
    return Plan(
        gate=gate,
        root=_groups([f for f in root if f.kind not in {"rows", "refs"}], split=split),
        lists=tuple(_list_plan(f, fields, subjects, split=split) for f in root if f.kind in {"rows", "refs"}),
        subjects=tuple(name for name in subjects if by_name[name].kind == "ref"),
        subject_lists=tuple((n, by_name[n].kind == "refs") for n in subjects if by_name[n].kind != "ref"),
        nullable_subjects=tuple(n for n in subjects if by_name[n].kind == "ref" and not by_name[n].required),
    )


def _list_plan(
    field: FieldInfo, fields: tuple[FieldInfo, ...], subjects: tuple[str, ...], *, split: bool
) -> ListPlan:
    is_gate = field.name in subjects
    if field.kind == "refs":
        own = (
            ()
            if is_gate
            else (Group(field.category or "", field.place, None, True, (), False, False, field.path),)
        )
        return ListPlan(field.name, True, is_gate, own, isinstance(field.type, list))
    row = [f for f in fields if f.list_name == field.name]
    return ListPlan(field.name, False, is_gate, _groups(row, split=split), isinstance(field.type, list))


def _groups(fields: list[FieldInfo], *, split: bool) -> tuple[Group, ...]:
    found: dict[tuple[Any, ...], list[FieldInfo]] = {}
    for field in fields:
        if field.category not in {ID, None}:
            apart = field.path if (split and not field.required) or field.is_text else ""
            key = (field.category, field.place, field.pointer, field.person, apart, split and field.required)
            found.setdefault(key, []).append(field)
    return tuple(_group(each) for each in found.values())


def _group(fields: list[FieldInfo]) -> Group:
    first = fields[0]
    points = first.pointer in {"row", "root", "self"}
    in_row = first.pointer == "row" or (first.pointer == "self" and first.list_name is not None)
    names = tuple(f.name for f in fields)
    ref = first.person if points else None
    return Group(
        first.category or "", first.place, ref, in_row, names, first.is_text, first.required, first.path
    )


class _Finder:
    """Gives each distinct item its bit, in order of appearance."""

    __slots__ = ("addressed", "bit", "cells", "found", "people", "texts")

    def __init__(self, addressed: dict[str, tuple[str, ...]]) -> None:
        self.addressed = addressed
        self.bit = 1
        self.cells: list[Cell] = []
        self.texts: list[TextItem] = []
        self.found: dict[tuple[str, bool, str, tuple[str, ...]], int] = {}
        self.people: dict[str, int] = {}

    def cell(self, category: str, place: bool, person: str, desks: tuple[str, ...] = ()) -> int:
        key = (category, place, person, desks)
        known = self.found.get(key)
        if known is not None:
            return known
        bit = self.bit
        self.bit = bit << 1
        self.found[key] = bit
        self.cells.append(Cell(bit, category, person, place, desks))
        self.people[person] = self.people.get(person, 0) | bit
        return bit

    def text(self, group: Group, person: str, value: Datum, index: int) -> int:
        bit = self.bit
        self.bit = bit << 1
        about = tuple([ref["value"] for ref in value["about"]]) or None
        desks = self.desks(group.path, index) if self.addressed else ()
        self.texts.append(TextItem(bit, group.category, person, desks, about, group.path))
        self.people[person] = self.people.get(person, 0) | bit
        for each in about or ():
            self.people.setdefault(each, 0)
        return bit

    def desks(self, path: str, index: int) -> tuple[str, ...]:
        found = self.addressed.get(path, ())
        if index >= 0:
            name, _, rest = path.partition(".")
            found += self.addressed.get(f"{name}.{index}.{rest}", ())
        return tuple(sorted(set(found)))

    def group(self, group: Group, holder: Datum, root: Datum, index: int) -> int:
        """The bit of a group in the root (index -1) or a row; 0 where it holds nothing."""
        category, place, ref, in_row, names, is_text, is_fixed, path = group
        for name in names:
            if holder[name] is not None:
                break
        else:
            return 0
        person = FAMILY
        if ref is not None:
            named = (holder if in_row else root)[ref]
            if named is not None:
                person = named["value"]
        if is_text:
            return self.text(group, person, holder[names[0]], index)
        if self.addressed and not is_fixed:
            return self.cell(category, place, person, self.desks(path, index))
        return self.cell(category, place, person)


def addressed_desks(datum: Datum) -> dict[str, tuple[str, ...]]:
    """Field path → desks, from `addressed_to`."""
    found: dict[str, tuple[str, ...]] = {}
    for entry in datum["addressed_to"] or ():
        found[entry["field"]] = found.get(entry["field"], ()) + tuple(entry["desks"])
    return found


def gate_persons(plan: Plan, datum: Datum) -> tuple[str, ...]:
    """The persons of the event's existence, distinct, in the event's order."""
    found = [datum[name]["value"] for name in plan.subjects if datum[name] is not None]
    for name, is_refs in plan.subject_lists:
        found += [(entry if is_refs else entry["person"])["value"] for entry in datum[name] or ()]
    return tuple(dict.fromkeys(found)) if len(found) > 1 else tuple(found)


def find_items(plan: Plan, datum: Datum, addressed: dict[str, tuple[str, ...]]) -> Items:
    """See items.py. `datum` is complete (every field there) and carries hub refs."""
    finder = _Finder(addressed)
    persons = gate_persons(plan, datum)
    for person in persons or (FAMILY,):
        finder.cell(plan.gate, False, person)
    gates = tuple(finder.cells)
    root = tuple([finder.group(group, datum, datum, -1) for group in plan.root])
    lists = tuple([_list_bits(finder, plan, each, datum) for each in plan.lists])
    cells, texts = tuple(finder.cells), tuple(finder.texts)
    return Items(persons, gates, cells, texts, finder.bit - 1, root, lists, finder.people)


def _list_bits(finder: _Finder, plan: Plan, each: ListPlan, datum: Datum) -> tuple[Bits, ...] | None:
    """Per row the bits of its groups, then, in a list of the gate's persons, its person's gate bit."""
    rows = datum[each.name]
    if not rows:
        return None
    if each.is_refs:
        if each.is_gate:
            return tuple([(finder.cell(plan.gate, False, ref["value"]),) for ref in rows])
        category, place, path = each.groups[0].category, each.groups[0].place, each.groups[0].path
        desks = finder.desks(path, -1) if finder.addressed else ()
        return tuple([(finder.cell(category, place, ref["value"], desks),) for ref in rows])
    found = []
    for index, row in enumerate(rows):
        bits = [finder.group(group, row, datum, index) for group in each.groups]
        if each.is_gate:
            bits.append(finder.cell(plan.gate, False, row["person"]["value"]))
        found.append(tuple(bits))
    return tuple(found)


def reduce_datum(plan: Plan, datum: Datum, items: Items, mask: int) -> Datum:
    """A copy with what the mask does not release set to null, and denied rows gone."""
    out = datum.copy()
    for group, bit in zip(plan.root, items.root, strict=True):
        if bit and not bit & mask:
            for name in group.names:
                out[name] = None
    for each, bits in zip(plan.lists, items.lists, strict=True):
        kept = _reduce_list(each, datum[each.name], bits, mask) if bits else []
        out[each.name] = (kept or None) if each.nullable else kept
    for name in plan.nullable_subjects:
        if datum[name] is not None and not items.people[datum[name]["value"]] & mask:
            out[name] = None
    return out


def _reduce_list(each: ListPlan, rows: list[Any], bits: tuple[Bits, ...], mask: int) -> list[Any]:
    kept = []
    for row, row_bits in zip(rows, bits, strict=True):
        released = 0
        for bit in row_bits:
            released |= bit & mask
        if not released:
            continue
        if each.is_refs:
            kept.append(row)
            continue
        out = row
        for group, bit in zip(each.groups, row_bits, strict=False):
            if bit and not bit & mask:
                if out is row:
                    out = row.copy()
                for name in group.names:
                    out[name] = None
        kept.append(out)
    return kept
