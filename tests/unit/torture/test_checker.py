"""The torture's checker on made-up evidence: each fault is found by its own count, and what is right by none."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pytest

from hub.ids import derive
from tests.torture import canary
from tests.torture.book import Attempted, Book, Covered, Decided, DeliveryRow, EventRow, FateRow
from tests.torture.canary import Canary
from tests.torture.checker import COUNTS, Evidence, count
from tests.torture.kafka import Message
from tests.torture.publisher import Accepted
from tests.torture.workload import Act, Step

SECRET: Final = b"secret"
LEAD: Final = "council/chesil"
MILLI: Final = 1000
SCORE: Final = Canary(canary.make(1, "F-1", "instrument"), "F-1", "F", "instrument", "outcome.score", "V")
DELIVERY: Final = derive(SECRET, "delivery", "score", LEAD)


def step(number: int, kind: str, *, acts: tuple[Act, ...] = (), said: tuple[Canary, ...] = ()) -> Accepted:
    return Accepted(Step("F", number, "s2w/sft", kind, f"F-{number}", {}, said, acts), f"r{number}", 0.0, 1)


def message(topic: str, offset: int, name: str, *, at: int = 0, value: bytes = b"") -> Message:
    return Message(topic, 0, offset, at, "F", value, {"ce_id": name}, b"ce_id=" + name.encode())


def right() -> Evidence:
    """Consent given, a score recorded and delivered to the lead, consent withdrawn; nothing is wrong with it."""
    names = ("given", "score", "withdrawn")
    book = Book(
        events=tuple(
            EventRow(name, f"r{place}", "events", "F", f"wraparound.{name}.v1", (), 100 * place)
            for place, name in enumerate(names)
        ),
        fates=tuple(FateRow(name, "router", "done", 0, place, None) for place, name in enumerate(names)),
        deliveries=(DeliveryRow(DELIVERY, LEAD, "F", "score", "delivered"),),
        attempts=(Attempted(LEAD, "kafka", (DELIVERY,), 150),),
        decisions=(Decided("score", {LEAD: "delivered"}, frozenset()),),
        coverage=(Covered("router", "events", 0, 0, 3, {"done": 3}),),
        positions={("router", "events", 0): 3},
        ends={("events", 0): 3},
        guards={},
        person_raises={},
        log=tuple(message("events", place, name) for place, name in enumerate(names)),
        wire=(message("to-council-chesil", 0, DELIVERY, at=1, value=SCORE.text.encode()),),
        waiting=frozenset(),
    )
    act = Act("outcome.score", LEAD, given=True)
    return Evidence(
        accepted=[
            step(0, "consent.given", acts=(act,)),
            step(1, "outcome.measure_recorded", said=(SCORE,)),
            step(2, "consent.withdrawn", acts=(replace(act, given=False),)),
        ],
        book=book,
        secret=SECRET,
    )


def with_book(**changes: object) -> Evidence:
    evidence = right()
    return replace(evidence, book=replace(evidence.book, **changes))  # type: ignore[arg-type]


def not_in_log() -> Evidence:
    return with_book(log=right().book.log[:2])


def not_delivered() -> Evidence:
    return with_book(wire=())


def parked() -> Evidence:
    fates = right().book.fates
    return with_book(fates=(*fates[:2], replace(fates[2], kind="parked")))


def two_fates() -> Evidence:
    fates = right().book.fates
    return with_book(fates=(*fates, fates[0]))


def one_copy_too_many() -> Evidence:
    wire = right().book.wire
    return with_book(wire=(*wire, replace(wire[0], offset=1)))


def counted_twice() -> Evidence:
    return with_book(guards={"V": 1}, person_raises={"V": 1})


def turned_round() -> Evidence:
    first, second, third = right().book.log
    return with_book(log=(replace(second, offset=0), replace(first, offset=1), third))


def behind_a_later_one() -> Evidence:
    book, later = right().book, derive(SECRET, "delivery", "withdrawn", LEAD)
    return with_book(
        deliveries=(*book.deliveries, DeliveryRow(later, LEAD, "F", "withdrawn", "delivered")),
        wire=(message("to-council-chesil", 0, later, at=1), replace(book.wire[0], offset=1)),
    )


def never_recorded() -> Evidence:
    return with_book(attempts=())


def recorded_too_late() -> Evidence:
    return with_book(attempts=(Attempted(LEAD, "kafka", (DELIVERY,), 2 * MILLI),))


def never_decided() -> Evidence:
    return with_book(decisions=())


def begun_after_withdrawal() -> Evidence:
    return with_book(attempts=(Attempted(LEAD, "kafka", (DELIVERY,), 250),))


def without_consent() -> Evidence:
    evidence = right()
    return replace(evidence, accepted=[step(0, "family.opened"), *evidence.accepted[1:]])


def a_gap() -> Evidence:
    return with_book(coverage=(Covered("router", "events", 0, 1, 3, {"done": 2}),))


def an_overlap() -> Evidence:
    return with_book(
        coverage=(*right().book.coverage, Covered("router", "events", 0, 1, 3, {"duplicate": 2}))
    )


def sums_do_not_add_up() -> Evidence:
    return with_book(coverage=(Covered("router", "events", 0, 0, 3, {"done": 2}),))


def on_the_other_side() -> Evidence:
    wire = right().book.wire
    return with_book(
        wire=(*wire, message("to-probation-perp", 0, "x", value=SCORE.text.encode())),
        deliveries=(*right().book.deliveries, DeliveryRow("x", "probation/perp", "F", "score", "delivered")),
    )


def in_a_header() -> Evidence:
    log = right().book.log
    return with_book(log=(replace(log[0], raw_headers=SCORE.text.encode()), *log[1:]))


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (not_in_log, "lost"),
        (not_delivered, "lost"),
        (parked, "lost"),
        (two_fates, "doubled"),
        (one_copy_too_many, "doubled"),
        (counted_twice, "doubled"),
        (turned_round, "out of order"),
        (behind_a_later_one, "out of order"),
        (never_recorded, "without record"),
        (recorded_too_late, "without record"),
        (never_decided, "without record"),
        (begun_after_withdrawal, "after withdrawal"),
        (without_consent, "after withdrawal"),
        (a_gap, "not covered once"),
        (an_overlap, "not covered once"),
        (sums_do_not_add_up, "not covered once"),
        (lambda: replace(right(), log_findings=["leaf at 3"]), "log broken"),
        (on_the_other_side, "secrets out"),
        (in_a_header, "secrets out"),
        (lambda: replace(right(), inbox={"probation/perp": SCORE.text.encode()}), "secrets out"),
    ],
)
def test_count_finds_it_when_evidence_is_wrong(fault: Callable[[], Evidence], expected: str) -> None:
    assert count(fault())[expected]


def test_counts_are_all_0_when_evidence_is_right() -> None:
    assert count(right()) == {name: [] for name in COUNTS}
