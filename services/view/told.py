"""One event as one desk may know it: what the whole view is made of, and nothing else. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hub.clock import Micros

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """An event, reduced to what its reader may have.

    `id` is that of the reader's delivery of it. `by` is the publishing desk, None where the reader may not know it.
    `corrects` is the `id` of what it corrects, where the reader has that too. For whoever previews, `clauses` are those
    by which it is shown (`own`: the reader published it), and `lacked` says by which each category is withheld. `why`
    says in words why each category is withheld.
    """

    id: str
    kind: str
    by: str | None
    recorded: Micros
    data: Data
    withheld: tuple[str, ...] = ()
    corrects: str | None = None
    clauses: tuple[str, ...] = ()
    lacked: Mapping[str, str] = field(default_factory=dict)
    why: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def retracts(self) -> bool:
        """Whether it says that what it corrects never was."""
        return self.data.get("retracted") is True

    @property
    def person(self) -> str | None:
        """The person whom it is about, where it is about one."""
        return ref(self.data.get("person"))


_PERSON_FIELDS: Final = ("person", "victim", "perpetrator", "against", "holder", "representative")
_PERSON_LISTS: Final = ("children", "discussed", "exposed_children", "people", "members", "moves")


def ref(value: object) -> str | None:
    """The hub's id in a reference."""
    if isinstance(value, Mapping) and isinstance(found := value.get("value"), str):
        return found
    return None


def names(value: object, named: str) -> bool:
    """Whether a body, or a part of one, has a reference to this person, referral or household."""
    if isinstance(value, Mapping):
        return ref(value) == named or any(names(each, named) for each in value.values())
    return isinstance(value, list | tuple) and any(names(each, named) for each in value)


def rows(data: Data, field: str) -> Sequence[Data]:
    """The rows of a list of the body."""
    found = data.get(field)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, Sequence) else []


def text(value: object) -> str | None:
    """The words of a free text."""
    return str(value["text"]) if isinstance(value, Mapping) and "text" in value else None


def cite(row: dict[str, Any], each: Told) -> dict[str, Any]:
    """The row, with the clauses by which it is shown, for whoever is told them; it may come of several events."""
    if each.clauses:
        row["clauses"] = sorted({*row.get("clauses", ()), *each.clauses})
    return row


_PAIRED: Final = "safety.pair_recorded"


def kept(**values: Any) -> dict[str, Any]:
    """A row of the view: what is not known is left out."""
    return {key: value for key, value in values.items() if value not in (None, [], (), {})}


def chosen(data: Data, *fields: str) -> dict[str, Any]:
    """These fields of a body, where they are known; free text as its words."""
    found = {name: text(data.get(name)) or data.get(name) for name in fields}
    return {name: value for name, value in found.items() if value is not None}


def persons(data: Data) -> Iterator[str]:
    """The persons whom the body names as its subjects, each once."""
    found: dict[str, None] = {}
    for name in _PERSON_FIELDS:
        if (one := ref(data.get(name))) is not None:
            found[one] = None
    for name in _PERSON_LISTS:
        for row in rows(data, name):
            if (one := ref(row) or ref(row.get("person"))) is not None:
                found[one] = None
    return iter(found)


def standing(told: Iterable[Told]) -> list[Told]:
    """The events that stand, in their order: of each the last correction; nothing that was retracted.

    A pair that was recorded stands until it is ended (RULES.md section 2).
    """
    events = list(told)
    first: dict[str, str] = {}
    last: dict[str, Told] = {}
    for each in events:
        first[each.id] = first.get(each.corrects or "", each.id)
        last[first[each.id]] = each
    return [
        each
        for each in events
        if not each.retracts and (each.kind == _PAIRED or last[first[each.id]] is each)
    ]
