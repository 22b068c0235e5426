"""What a decision is asked about: an event's cells and texts, in the shape of `hub.schemas.items`.

The rules read attributes only, so the kernel's tuples fit without either side importing the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

FAMILY: Final = ""
"""The person of what is about no single identified person."""


class CellLike(Protocol):
    """All fields of one category about one person, as one bit of the mask."""

    @property
    def bit(self) -> int:
        """A power of two, unique in the event."""

    @property
    def category(self) -> str:
        """The category of its fields."""

    @property
    def person(self) -> str:
        """Whom they are about, or FAMILY."""

    @property
    def place(self) -> bool:
        """True for what tells where or when somebody can be found."""

    @property
    def addressed(self) -> Sequence[str]:
        """The desks that the author chose for these fields."""


class TextLike(Protocol):
    """One free text, as one bit of the mask."""

    @property
    def bit(self) -> int:
        """A power of two, unique in the event."""

    @property
    def category(self) -> str:
        """The category of the text."""

    @property
    def person(self) -> str:
        """Whose text it is, or FAMILY."""

    @property
    def addressed(self) -> Sequence[str]:
        """The desks that the author chose for it."""

    @property
    def about(self) -> Sequence[str] | None:
        """The persons it is about; None: everybody, and third parties."""


class ItemsLike(Protocol):
    """All of one event. The gate's cells come first among `cells`."""

    @property
    def gates(self) -> Sequence[CellLike]:
        """The cells of the event's existence, one for each person whom it is about."""

    @property
    def cells(self) -> Sequence[CellLike]:
        """All cells, gate cells first."""

    @property
    def texts(self) -> Sequence[TextLike]:
        """All free texts."""


@dataclass(frozen=True, slots=True)
class Item:
    """One event to decide.

    `source` is the desk it comes from: of a derived event the desk of the request that it answers (then
    `derived`, and no desk is left out). `protective` events of a suspended agency are decided, others wait.
    `probable` are the persons of whom it is not certain that the publisher meant them. `parted`: it names a family
    that an adoption parted from this one (rule 4.18), or somebody's other id; it is there for nobody, by the rule of
    that name.
    """

    id: str
    source: str
    items: ItemsLike
    derived: bool = False
    protective: bool = False
    probable: frozenset[str] = field(default=frozenset())
    parted: str = ""
