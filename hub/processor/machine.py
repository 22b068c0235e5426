"""What one processor knows: where its state is kept, and its pure handler."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from hub.clock import Micros
from hub.effects import Outcome, Queue, State
from hub.events import Event


@dataclass(frozen=True, slots=True)
class Kept:
    """A key's state as its row holds it, and the latest time of the key's log.

    `body` is None for a state that its row holds already, so that only the time is new. `older`: in a shape that is
    not today's.
    """

    body: bytes | None
    latest: Micros
    older: bool = False


class Machine(Protocol):
    """The part of a processor that is its own; everything else is the same code for all of them.

    `handle` is pure: it does not change the state that it is given, and the same state and event give the
    same
    outcome, byte for byte. `queued` holds what has not ended of the event's key where `needs_queue`
    said
    that the event may change what they rest on, else nothing. `history` holds what took effect in the key's log
    before the event, in order, where `needs_history` said that it turns on that, else nothing.
    """

    @property
    def name(self) -> str:
        """The name under which positions and fates are kept, such as `router`."""

    @property
    def topic(self) -> str:
        """The topic that it reads."""

    @property
    def table(self) -> str:
        """The table of its states (`key`, `shape`, `state`, `latest_at`)."""

    @property
    def shape(self) -> int:
        """The version of the shape of its states."""

    @property
    def sealed(self) -> bool:
        """Whether states are sealed under their key's subject key (False: hub ids, codes and dates only)."""

    def initial(self, key: str) -> State:
        """The state of a key of which nothing has been seen."""

    def dump(self, state: State, stored: State | None) -> Kept:
        """A state as it is to be stored; equal states give equal bytes.

        `stored` is the one that stands there now, None if none does: what has not changed need not be written again.
        """

    def load(self, kept: Kept) -> State:
        """A stored state of this shape."""

    def needs_queue(self, event: Event) -> bool:
        """Whether the event may change what the key's queued deliveries rest on."""

    def needs_history(self, state: State, event: Event) -> bool:
        """Whether what the event does turns on what took effect before in its key's log."""

    def rebuild(self, history: Sequence[Event]) -> State:
        """The state of a key in whose log all this took effect, in order."""

    def handle(self, state: State, event: Event, queued: Queue, history: Sequence[Event] = ()) -> Outcome:
        """Apply one event."""
