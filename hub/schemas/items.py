"""What an event holds, as the sharing rules see it: one item for each decision that a desk needs.

`EventType.items(datum)` turns an event (Avro datum, hub refs) into `Items`; the engine answers, per desk,
with one integer: the OR of the `bit`s of what may be released; `EventType.reduce(datum, items, mask)` makes
the delivery.

- **Cell**: a distinct (category, person, place, addressed) present in the event with a non-null value.
  RULES.md section 4.3 decides these; every field of the cell goes out or stays.
- **Gate cells** (`items.gates`, also the first of `items.cells`): one per person whom the event's existence
  is about (category = the type's gate), there even when no field carries that category. No gate bit in the
  mask means that the event does not exist for that desk: `reduce` refuses such a mask. Fields of the gate's
  own category share its bit.
- **TextItem**: one free text, decided by itself: its category and person as for a cell, and `about`, the
  persons the author says it is about. `about is None`: nobody was given, so it counts as about everybody and
  third parties (4.8).
- **person** is the hub id. `FAMILY` ("") means no single person: the family as a whole (family.opened), or a
  third party nobody identified. An event that names nobody for its gate has one gate cell with `FAMILY`, and
  `persons` is ().
- **place** is True for what tells where or when somebody can be found (address, school, appointment): for a
  shielded person, and whoever may share their household, the engine reads its category as
  contact.whereabouts_protected (4.2).
- **addressed**: the desks that the author chose for these fields when writing (condition `addressed`);
  usually ().
- **Texts with `about`**: the engine needs `about` ⊆ persons it may show; a text is never part of a cell.

How `reduce` reads the mask: a field without its bit becomes null; a row stays only if one of its fields does,
or, in the list that names the gate's persons, its person's gate bit does; the order of rows stays; a list
without rows is null. A Ref to a gate's person stays if any item about that person does; any other Ref to a
person is a cell about that person.

The tuples are NamedTuples, not dataclasses: they are built for each event on the hot path, three times as
fast.
"""

from typing import Final, NamedTuple

FAMILY: Final = ""
"""The person of what is about no single identified person."""


class Cell(NamedTuple):
    """All fields of one category about one person; `bit` is a power of two, unique in the event."""

    bit: int
    category: str
    person: str
    place: bool
    addressed: tuple[str, ...]


class TextItem(NamedTuple):
    """One free text; `about` holds hub person ids, or None where the author named nobody."""

    bit: int
    category: str
    person: str
    addressed: tuple[str, ...]
    about: tuple[str, ...] | None
    path: str


class Items(NamedTuple):
    """What one event holds. `everything` is the mask that releases all of it.

    `persons`: the gate's persons, distinct, in the event's order. `gates`: the gate cells, one per person (or
    one with FAMILY). `cells`: gate cells first, then the others by first appearance. `root`, `lists`,
    `people` belong to `reduce` (bits by root field; by list, row and field; all bits about each person, none for who
    only stands in a text).
    """

    persons: tuple[str, ...]
    gates: tuple[Cell, ...]
    cells: tuple[Cell, ...]
    texts: tuple[TextItem, ...]
    everything: int
    root: tuple[int, ...]
    lists: tuple[tuple[tuple[int, ...], ...] | None, ...]
    people: dict[str, int]
