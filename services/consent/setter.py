"""Collects the registers that one event sets."""

from __future__ import annotations

from typing import Final

from services.consent.event import PlainEvent
from services.consent.registers import Register, Registers, Value, larger

ANY: Final = "*"


Deltas = dict[str, Registers]
"""Person id → the registers that an event sets for them."""


VICTIM: Final = "victim"


PERPETRATOR: Final = "alleged_perpetrator"


CHILD_PRESENT: Final = "child_present"


class Setter:
    """Collects registers with the stamp of one event."""

    def __init__(self, event: PlainEvent) -> None:
        self.event = event
        self.result: Deltas = {}

    def put(self, person: str | None, key: str, value: Value, at: int | None = None) -> None:
        """Set a register of a person; twice the same key in one event keeps the larger."""
        if person is None:
            return
        register = Register(self.event.accepted if at is None else at, self.event.receipt, value)
        registers = self.result.setdefault(person, {})
        known = registers.get(key)
        registers[key] = register if known is None else larger(known, register)
