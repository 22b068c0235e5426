"""All references in an event: found for identity resolution, replaced by the hub's own.

A `Ref` names a person, family, referral or household by a publisher's id; on entering the log each becomes
`{scheme: hub, value: hub id}`. `Identifier`s are not references: they are registered, and stay as they are.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hub.schemas.fields import FieldInfo

HUB_SCHEME: Final = "hub"

Datum = dict[str, Any]
RefKey = tuple[str, str, str]
"""(kind, scheme, value)."""


@dataclass(frozen=True, slots=True)
class RefUse:
    """A reference where it stands: `path` is a JSON Pointer, `kind` person, family, referral or household."""

    path: str
    scheme: str
    value: str
    kind: str

    @property
    def key(self) -> RefKey:
        """What `replace_refs` looks up."""
        return (self.kind, self.scheme, self.value)


@dataclass(frozen=True, slots=True)
class IdentifierUse:
    """An id to be registered for the person that `person` names (scheme, value)."""

    path: str
    person: tuple[str, str]
    scheme: str
    value: str


class RefPlan:
    """Where a type's references are."""

    __slots__ = ("_fields", "_rows")

    def __init__(self, fields: tuple[FieldInfo, ...]) -> None:
        holding = [f for f in fields if f.kind in {"ref", "refs", "text"}]
        self._fields = tuple((f.name, f.kind, f.ref or "person") for f in holding if f.list_name is None)
        lists = dict.fromkeys(f.list_name for f in holding if f.list_name is not None)
        self._rows = tuple(
            (name, tuple((f.name, f.kind, f.ref or "person") for f in holding if f.list_name == name))
            for name in lists
        )

    def collect(self, datum: Datum) -> Iterator[RefUse]:
        """Every reference in the datum, root fields first."""
        yield from _collect(self._fields, datum, "")
        for name, fields in self._rows:
            for index, row in enumerate(datum[name] or ()):
                yield from _collect(fields, row, f"/{name}/{index}")

    def replace(self, datum: Datum, mapping: Mapping[RefKey, str]) -> Datum:
        """A copy with each reference the hub's. Raises `KeyError` for one that the mapping lacks."""

        def new(kind: str, ref: dict[str, str]) -> dict[str, str]:
            return {"scheme": HUB_SCHEME, "value": mapping[(kind, ref["scheme"], ref["value"])]}

        out = _replace(self._fields, datum, new)
        for name, fields in self._rows:
            if datum[name]:
                out[name] = [_replace(fields, row, new) for row in datum[name]]
        return out


_Fields = tuple[tuple[str, str, str], ...]


def _collect(fields: _Fields, holder: Datum, at: str) -> Iterator[RefUse]:
    for name, shape, kind in fields:
        value = holder[name]
        if value is None:
            continue
        if shape == "ref":
            yield RefUse(f"{at}/{name}", value["scheme"], value["value"], kind)
            continue
        inside = f"{at}/{name}" if shape == "refs" else f"{at}/{name}/about"
        for index, ref in enumerate(value if shape == "refs" else value["about"]):
            yield RefUse(f"{inside}/{index}", ref["scheme"], ref["value"], kind)


def _replace(fields: _Fields, holder: Datum, new: Callable[[str, dict[str, str]], dict[str, str]]) -> Datum:
    out = holder.copy()
    for name, shape, kind in fields:
        value = holder[name]
        if value is None:
            continue
        if shape == "ref":
            out[name] = new(kind, value)
        elif shape == "refs":
            out[name] = [new(kind, ref) for ref in value]
        else:
            out[name] = {**value, "about": [new(kind, ref) for ref in value["about"]]}
    return out
