"""What a pure handler may ask for: values, carried out by the processor in its one transaction.

A handler gets a state and an event and gives `Done` or `Rejected`. It reads no clock, database, network or
random
number; whatever is to happen in the world is one of the effects below.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Literal

from hub.clock import Micros
from hub.events import Event

Queue = Sequence["Queued | Waiting"]
"""What of a key has not ended: deliveries, and events that wait."""
State = Any
"""The state of a key: whatever its machine keeps; never changed in place."""
QueuedStatus = Literal["pending", "lapsed", "held", "delivered", "recalled"]


@dataclass(frozen=True, slots=True)
class Emit:
    """An event that the hub derives: it enters the log `topic`/`key`.

    Its id follows from its cause and `part`. `key_id` names the subject whose key seals the body at rest; None
    where the body holds codes only. `recorded` is the time in the log that derives it, which may be past its cause's:
    a log that hears of something is never earlier than what it hears of. `names`: a receipt; the field `event` becomes
    the id that its publisher gave the event, which no log knows.
    """

    topic: str
    key: str
    type: str
    data: Mapping[str, Any]
    key_id: str | None
    part: str = ""
    recorded: Micros = 0
    names: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """What a decision allows a desk to get, and what that rests on.

    `body` is the complete Kafka value, reduced to what may be known (None: nothing, for held and recalled).
    `persons` are those whose guards are compared at the attempt, `counts` the raises that this decision had
    seen. `rules`: the digest of the rule set that decided.
    """

    status: QueuedStatus
    body: bytes | None
    persons: tuple[str, ...]
    counts: tuple[int, ...]
    valid_until: Micros | None
    rules: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Deliver:
    """A new delivery of an event to a desk. `recorded` is the event's time in its log.

    `after`: other deliveries. A desk that never had any of them is told nothing: this one is recalled then. `task`:
    what the desk is to do about it, if it is told.
    """

    desk: str
    event: Event
    recorded: Micros
    release: Release
    urgent: bool = False
    after: tuple[str, ...] = ()
    task: "OpenTask | None" = None


@dataclass(frozen=True, slots=True)
class Queued:
    """A delivery that has not ended: pending, failed, lapsed, held, or being attempted.

    `sent`: an earlier attempt surely reached the desk's topic, so that it ends when it may be shown again.
    `empty`: nothing has been decided for it to release yet.
    """

    delivery_id: str
    desk: str
    status: str
    released: bool
    recorded: Micros
    event: Event
    sent: bool = False
    empty: bool = False


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event that is not decided for everybody yet: facts of somebody are on their way (RULES.md section 7).

    `desks` have what it gives them already, whatever comes; to every other desk it, and what comes after it in its
    family, goes once it is decided.
    """

    event: Event
    recorded: Micros
    desks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Await:
    """An event waits, for facts of some of these persons; of one that waits already, who has theirs by now."""

    waiting: Waiting
    persons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Settle:
    """An event that waited is decided for everybody."""

    waiting: Waiting


@dataclass(frozen=True, slots=True)
class Revise:
    """A queued delivery decided again."""

    queued: Queued
    release: Release


@dataclass(frozen=True, slots=True)
class Decided:
    """The decision record of one event, all desks in it: becomes the audit entry `decision.made`."""

    event_id: str
    record: Mapping[str, Any]
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """Another audit entry: its kind, whom it concerns, and its detail."""

    kind: str
    part: str
    subjects: tuple[str, ...]
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Left:
    """What left about these persons since a time."""

    persons: tuple[str, ...]
    since: Micros


@dataclass(frozen=True, slots=True)
class OpenTask:
    """Something that waits for a person. `key` is an id, `reason` a code; nothing in it names anybody.

    It is there from `opens_at` on; None: at once. `part` tells those apart that one event opens of one kind and key.
    `shared`: several logs may come to open it, each once it knows what waits. It is one task, of the log that was first
    (in its detail, `family`), which alone ends it, and opens it again. `left`: it lists what left, in its detail by
    that name, and does not open if nothing did.
    """

    kind: str
    key: str
    owner: str
    reason: str
    due_at: Micros | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    opens_at: Micros | None = None
    part: str = ""
    shared: bool = False
    left: Left | None = None


@dataclass(frozen=True, slots=True)
class CloseTask:
    """What waited for a person is done, by this desk: each open task of the kind and key.

    If given, of that time; of a `log`, what that log opened. `but`: the desks whose tasks stay until they note them.
    """

    kind: str
    key: str
    by: str
    due_at: Micros | None = None
    log: str | None = None
    but: AbstractSet[str] = frozenset()


Effect = Emit | Deliver | Await | Settle | Revise | Decided | Note | OpenTask | CloseTask


@dataclass(frozen=True, slots=True)
class Done:
    """The event took effect: the new state of its key (the same object: unchanged), and what follows.

    `remark` is a code that its publisher may know.
    """

    state: State
    effects: tuple[Effect, ...] = ()
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The event breaks a rule of the data: it changes no state.

    `reason` is a code that its publisher may know.
    """

    reason: str
    effects: tuple[Effect, ...] = ()


Outcome = Done | Rejected
