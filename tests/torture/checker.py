"""The checker: compares the client's record with PostgreSQL and Kafka, and counts what went wrong.

Each count is one function that gives what it found, a line each, without personal data; a right hub gives none. It
uses none of the hub's services: only the book, the workload, and how an id is derived.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from hub.ids import derive
from tests.torture import canary
from tests.torture.book import Book, EventRow
from tests.torture.canary import Canary
from tests.torture.kafka import Message
from tests.torture.publisher import Accepted, published
from tests.torture.workload import CONSENTED, PERPETRATOR_DESK

Found = Iterable[str]
MILLI: Final = 1000


@dataclass
class Evidence:
    """The client's record and the book, with what is looked up in them more than once."""

    accepted: Sequence[Accepted]
    book: Book
    secret: bytes
    drained: Sequence[str] = ()
    log_findings: Sequence[str] = ()
    leaks: Sequence[str] = ()
    inbox: Mapping[str, bytes] = field(default_factory=dict)
    """What each desk's inbox answered over HTTP, as bytes."""

    @cached_property
    def by_receipt(self) -> dict[str, list[EventRow]]:
        """The stored copies of each accepted event."""
        found: dict[str, list[EventRow]] = defaultdict(list)
        for event in self.book.events:
            if event.receipt is not None:
                found[event.receipt].append(event)
        return found

    @cached_property
    def first_seen(self) -> dict[str, Message]:
        """Each event's first record in its log."""
        found: dict[str, Message] = {}
        for message in self.book.log:
            found.setdefault(message.id, message)
        return found

    @cached_property
    def copies(self) -> dict[str, list[Message]]:
        """Each delivery's records in the desks' topics."""
        found: dict[str, list[Message]] = defaultdict(list)
        for message in self.book.wire:
            found[message.id].append(message)
        return found

    @cached_property
    def attempts(self) -> dict[str, list[int]]:
        """When each delivery's attempts over Kafka were committed, in order."""
        found: dict[str, list[int]] = defaultdict(list)
        for attempt in self.book.attempts:
            if attempt.channel == "kafka":
                for delivery in attempt.deliveries:
                    found[delivery].append(attempt.at)
        return {delivery: sorted(times) for delivery, times in found.items()}

    @cached_property
    def canaries(self) -> dict[str, Canary]:
        """Every canary that was published."""
        return published(self.accepted)

    @cached_property
    def fate_offsets(self) -> dict[str, int]:
        """Where each event lies in `events`, as the router's fate says."""
        return {fate.event: fate.offset for fate in self.book.fates if fate.processor == "router"}


def lost(evidence: Evidence) -> Found:
    """Accepted events that are in no log or have no fate, and releases that were decided and reached no topic."""
    book = evidence.book
    fates = {(fate.event, fate.processor) for fate in book.fates}
    for accepted in evidence.accepted:
        if not evidence.by_receipt.get(accepted.receipt) and accepted.receipt not in book.waiting:
            yield f"{accepted.step.id} ({accepted.step.kind}): accepted, and stored nowhere"
    for event in book.events:
        if event.id not in evidence.first_seen:
            yield f"event {event.id} ({event.type}): not in the topic {event.topic}"
        elif (event.id, {"events": "router"}.get(event.topic, event.topic)) not in fates:
            yield f"event {event.id} ({event.type}): no fate"
    for fate in book.fates:
        if fate.kind == "parked":
            yield f"event {fate.event}: parked under {fate.processor}"
    yield from _undelivered(evidence)
    yield from (f"not at rest: {left}" for left in evidence.drained)


def _undelivered(evidence: Evidence) -> Found:
    last: dict[tuple[str, str], str] = {}
    for decision in evidence.book.decisions:
        for desk, result in decision.results.items():
            last[decision.event, desk] = result
    for (event, desk), result in last.items():
        delivery = derive(evidence.secret, "delivery", event, desk)
        if result == "delivered" and delivery not in evidence.copies:
            yield f"event {event} to {desk}: decided and not delivered"


def doubled(evidence: Evidence) -> Found:
    """Two fates, two deliveries, more copies on the wire than attempts, or a protective event counted twice."""
    book = evidence.book
    yield from _twice("fates", Counter((fate.event, fate.processor) for fate in book.fates))
    yield from _twice("deliveries", Counter((row.event, row.desk) for row in book.deliveries))
    yield from _twice("rows", Counter((event.id,) for event in book.events))
    for delivery, copies in evidence.copies.items():
        recorded = len(evidence.attempts.get(delivery, ()))
        if len(copies) > recorded > 0:
            yield f"delivery {delivery}: {len(copies)} copies, {recorded} attempts"
    raised = Counter(person for event in book.events for person in event.raises)
    for person in sorted(raised.keys() | book.guards.keys() | book.person_raises.keys()):
        counts = (raised[person], book.guards.get(person, 0), book.person_raises.get(person, 0))
        if len(set(counts)) > 1:
            yield "a person's raises: {} accepted, guard {}, counted {}".format(*counts)


def _twice(what: str, counted: Counter[tuple[str, ...]]) -> Found:
    return (f"{number} {what} of {' '.join(key)}" for key, number in counted.items() if number > 1)


def out_of_order(evidence: Evidence) -> Found:
    """A family's events that entered the log in another order than they were accepted, or reached a desk so."""
    families: dict[str, list[Accepted]] = defaultdict(list)
    for accepted in evidence.accepted:
        families[accepted.step.family].append(accepted)
    for steps in families.values():
        before = -1
        for accepted in sorted(steps, key=lambda each: each.step.number):
            for event in evidence.by_receipt.get(accepted.receipt, ()):
                message = evidence.first_seen.get(event.id)
                if message is None or event.topic != "events":
                    continue
                if message.offset < before:
                    yield f"{accepted.step.id}: in the log before what was accepted earlier"
                before = max(before, message.offset)
    yield from _desks_order(evidence)


def _desks_order(evidence: Evidence) -> Found:
    """What was held for a person's facts re-enters at the end, so it is not compared (STREAMING.md section 4)."""
    held = {
        derive(evidence.secret, "delivery", decision.event, desk)
        for decision in evidence.book.decisions
        for desk in decision.held
    }
    event_of = {row.id: row.event for row in evidence.book.deliveries}
    reached: dict[tuple[str, str], int] = {}
    seen: set[str] = set()
    for message in evidence.book.wire:
        if message.id in seen or message.id in held or message.id not in event_of:
            continue
        seen.add(message.id)
        place = evidence.fate_offsets.get(event_of[message.id], -1)
        line = (message.topic, message.key)
        if place < reached.get(line, -1):
            yield f"delivery {message.id} in {message.topic}: behind a later event of its family"
        reached[line] = max(place, reached.get(line, -1))


TO_WHOM_THEY_NAME = frozenset({"wraparound.hub.event_rejected.v1", "wraparound.hub.notice_sent.v1"})
"""Types that no rule releases: each goes to the one desk that it names."""


def unrecorded(evidence: Evidence) -> Found:
    """Messages on the wire that no entry names which was committed before they were made."""
    allowed = {
        derive(evidence.secret, "delivery", decision.event, desk)
        for decision in evidence.book.decisions
        for desk, result in decision.results.items()
        if result == "delivered"
    }
    internal = {event.id for event in evidence.book.events if event.type in TO_WHOM_THEY_NAME}
    allowed |= {row.id for row in evidence.book.deliveries if row.event in internal}
    for delivery, copies in evidence.copies.items():
        times = evidence.attempts.get(delivery, [])
        if delivery not in allowed:
            yield f"delivery {delivery}: on the wire, and no decision releases it"
        for place, copy in enumerate(sorted(copies, key=lambda each: each.at)):
            # A message knows its millisecond, a commit its microsecond.
            if place >= len(times) or times[place] // MILLI > copy.at:
                yield f"delivery {delivery}: copy {place + 1} left before its attempt was recorded"


def after_withdrawal(evidence: Evidence) -> Found:
    """Attempts that began after a withdrawal was accepted and carry what rested on that consent; or on none."""
    acts: dict[tuple[str, str, str], list[tuple[int, bool, str]]] = defaultdict(list)
    for accepted in evidence.accepted:
        for act in accepted.step.acts:
            key = (accepted.step.family, act.category, act.desk)
            acts[key].append((accepted.step.number, act.given, accepted.receipt))
    desks = {f"to-{row.desk.replace('/', '-')}": row.desk for row in evidence.book.deliveries}
    for message in evidence.book.wire:
        desk = desks[message.topic]
        for text in set(canary.found(message.value)):
            known = evidence.canaries.get(text)
            if known is None or known.category not in CONSENTED:
                continue
            number = int(known.event_id.rpartition("-")[2])
            told = sorted(acts.get((known.family, known.category, desk), ()))
            before = [given for at, given, _ in told if at < number]
            if not before or not before[-1]:
                yield f"delivery {message.id} to {desk}: {known.category} without consent"
                continue
            ended = next((receipt for at, given, receipt in told if at > number and not given), None)
            if ended is not None and _began(evidence, message) > evidence.by_receipt[ended][0].at:
                yield f"delivery {message.id} to {desk}: {known.category} after its withdrawal"


def _began(evidence: Evidence, message: Message) -> int:
    """When the attempt of a message began: the last one of its delivery that was committed when it was made."""
    times = evidence.attempts.get(message.id, [])
    place = bisect_right(times, message.at * MILLI + MILLI - 1)
    return times[place - 1] if place else 0


def uncovered(evidence: Evidence) -> Found:
    """Offsets that no coverage entry counts, or two; positions, fates and records that disagree with them."""
    book = evidence.book
    lines: dict[tuple[str, str, int], list[tuple[int, int]]] = defaultdict(list)
    for each in book.coverage:
        lines[each.processor, each.topic, each.partition].append((each.start, each.end))
        if sum(each.counts.values()) != each.end - each.start:
            yield f"{each.processor} {each.topic}/{each.partition} from {each.start}: its counts do not add up"
    for place, position in book.positions.items():
        at = 0
        for start, end in sorted(lines.get(place, [])):
            if start != at:
                yield f"{place}: {'counted twice' if start < at else 'not counted'} between {start} and {at}"
            at = max(at, end)
        if at != position:
            yield f"{place}: covered up to {at}, the position is {position}"
        if position != book.ends.get(place[1:], position):
            yield f"{place}: the position is {position}, Kafka's end {book.ends[place[1:]]}"
    records = {(message.topic, message.partition, message.offset): message.id for message in book.log}
    for fate in book.fates:
        topic = {"router": "events"}.get(fate.processor, fate.processor)
        if records.get((topic, fate.partition, fate.offset)) != fate.event:
            yield f"event {fate.event}: its fate under {fate.processor} names another record"


def secrets(evidence: Evidence) -> Found:
    """What the other side must never see, in its topic or inbox; and canaries where no personal data may be."""
    topic = f"to-{PERPETRATOR_DESK.replace('/', '-')}"
    seen = [(message.id, message.value) for message in evidence.book.wire if message.topic == topic]
    seen.append(("inbox", evidence.inbox.get(PERPETRATOR_DESK, b"")))
    for where, value in seen:
        for text in set(canary.found(value)):
            known = evidence.canaries.get(text)
            if known is None or known.shielded:
                yield f"{where}: {known.category if known else 'unknown'} reached {PERPETRATOR_DESK}"
    for message in (*evidence.book.log, *evidence.book.wire):
        if any(canary.found(message.raw_headers + message.key.encode())):
            yield f"{message.topic} {message.id}: personal data in a header or key"
    yield from evidence.leaks


def broken_log(evidence: Evidence) -> Found:
    """What `audit verify` finds wrong."""
    return evidence.log_findings


COUNTS: Final[Mapping[str, Callable[[Evidence], Found]]] = {
    "lost": lost,
    "doubled": doubled,
    "out of order": out_of_order,
    "without record": unrecorded,
    "after withdrawal": after_withdrawal,
    "not covered once": uncovered,
    "log broken": broken_log,
    "secrets out": secrets,
}
"""Every count, by the name that it has in the table."""


def count(evidence: Evidence) -> dict[str, list[str]]:
    """All counts, with what each found."""
    return {name: list(function(evidence)) for name, function in COUNTS.items()}
