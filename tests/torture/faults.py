"""The faults: what is broken, when, and for how long. Each is a function of a session and its running publisher."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from hub import crash
from tests.torture.proxy import Proxy
from tests.torture.publisher import Publisher
from tests.torture.session import Breaks, Session, progress

SESSION_SECONDS: Final = 6.0
"""A consumer's session on Kafka (hub/kafka.py): beyond it the partitions of who stands still go to another."""

VICTIMS: Final = {
    "accept": ("gateway-1",),
    "outbox": ("delivery-1",),
    "attempt": ("delivery-1",),
    "processor": ("router-1", "router-2"),
    "sealer": ("sealer-1",),
}
"""Who passes a crash point. Both routers are armed, since either may own the partitions that matter."""
POINTS: Final = tuple(point for point in crash.POINTS if not point.startswith("intake."))
"""Those that what is published over HTTP passes; the Kafka door's are killed at in tests/integration/intake."""
STOPS: Final = (
    ("router-1", "processor.after_decode"),
    ("router-1", "processor.after_handle"),
    ("router-1", "processor.before_commit"),
    ("router-1", "processor.after_commit"),
    ("delivery-1", "attempt.before_commit"),
    ("delivery-1", "attempt.committed"),
    ("delivery-1", "attempt.before_mark"),
    ("delivery-1", "outbox.before_send"),
    ("sealer-1", "sealer.head"),
)


def wait_until(test: Callable[[], bool], seconds: float, what: str) -> None:
    """Until `test` holds. Raises `AssertionError`."""
    deadline = time.monotonic() + seconds
    while not test():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def nothing(session: Session, publisher: Publisher) -> None:
    """No fault: what a right run looks like."""


def crash_at(point: str) -> Breaks:
    """Kill -9 where the code names the point."""
    # The sealer takes all that waits at once; the others are in the middle of their work the second time.
    nth = 1 if point.startswith("sealer") else 2

    def breaks(session: Session, publisher: Publisher) -> None:
        rig = session.rig
        names = VICTIMS[point.partition(".")[0]]
        for name in names:
            rig.end(name)
            rig.start(name, WRAPAROUND_CRASH_AT=f"{point}:{nth}")

        def died() -> bool:
            return not all(rig.processes[name].running for name in names)

        wait_until(died, 60, f"{point} was never passed")
        rig.kills += 1
        rig.keep_up()

    return breaks


def all_points() -> Iterator[tuple[str, Breaks]]:
    """Each crash point by its name."""
    for point in POINTS:
        yield f"kill -9 at {point}", crash_at(point)


def _victim(place: int, point: str) -> str:
    """Where several pass a point they take turns."""
    names = VICTIMS[point.partition(".")[0]]
    return names[place % len(names)]


def every_point(session: Session, publisher: Publisher) -> None:
    """Every crash point in one run: each process dies at its points one after the other, all at once."""
    rig = session.rig
    left = {
        name: [point for place, point in enumerate(POINTS) if name == _victim(place, point)]
        for name in rig.names
    }
    armed = dict.fromkeys(left, "")
    for name in left:
        rig.kill(name)
    while any(armed[name] or left[name] for name in left) and publisher.running:
        for name, points in left.items():
            if rig.processes[name].running:
                continue
            rig.kills += bool(armed[name])
            armed[name] = points.pop(0) if points else ""
            rig.start(name, **({"WRAPAROUND_CRASH_AT": armed[name]} if armed[name] else {}))
        time.sleep(0.02)
    publisher.stop()
    never = [point for name, points in left.items() for point in (armed[name], *points) if point]
    assert not never, f"never passed: {', '.join(never)}"


def random_kills(kills: int, seed: int) -> Breaks:
    """Kill any process at random moments, spread over the publisher's run; routers come and go, so do partitions."""

    def breaks(session: Session, publisher: Publisher) -> None:
        rig, rng = session.rig, random.Random(seed)
        total = publisher.size
        for number in range(kills):
            due = int(total * number / kills)
            while publisher.running and len(publisher.accepted) < due:
                rig.keep_up()
                time.sleep(0.02)
            time.sleep(rng.uniform(0.0, 0.3))
            rig.keep_up()
            rig.kill(rng.choice(rig.names))
            if number % 10 == 9:
                progress(f"{number + 1} kills, {len(publisher.accepted)} of {total} events accepted")

    return breaks


def stop_at(name: str, point: str, nth: int = 3) -> Breaks:
    """SIGSTOP at a point until the session is over and others have gone on, then SIGCONT."""

    def breaks(session: Session, publisher: Publisher) -> None:
        rig = session.rig
        # While it starts its peers stand still: else they may have done all that it is to stop in.
        peers = [
            each for each in rig.names if each != name and each.partition("-")[0] == name.partition("-")[0]
        ]
        for each in peers:
            rig.pause(each)
        rig.end(name)
        rig.start(name, TORTURE_STOP_AT=f"{point}:{nth}")
        wait_until(lambda: rig.is_stopped(name), 60, f"{point} was never passed")
        rig.note_stopped(name)
        for each in peers:
            rig.resume(each)
        time.sleep(2 * SESSION_SECONDS)
        rig.resume(name)

    return breaks


def database_killed(session: Session, publisher: Publisher) -> None:
    """PostgreSQL killed in the middle, and started again a moment later; twice."""
    assert session.rig.stack.postgres is not None
    for _ in range(2):
        _after(publisher, 0.3)
        session.rig.stack.postgres.kill()
        session.rig.kills += 1
        time.sleep(2.0)
        session.rig.stack.postgres.restart()
        time.sleep(2.0)


def broker_killed(session: Session, publisher: Publisher) -> None:
    """The only broker killed in the middle, and started again."""
    assert session.rig.stack.kafka is not None
    _after(publisher, 0.3)
    session.rig.stack.kafka.kill(1)
    session.rig.kills += 1
    time.sleep(5.0)
    session.rig.stack.kafka.restart(1)


def leaders_killed(session: Session, publisher: Publisher) -> None:
    """Of three brokers each in turn: whatever it leads goes to another."""
    assert session.rig.stack.kafka is not None
    for broker in (1, 2, 3):
        _after(publisher, 0.2 * broker)
        session.rig.stack.kafka.kill(broker)
        session.rig.kills += 1
        time.sleep(5.0)
        session.rig.stack.kafka.restart(broker)
        time.sleep(5.0)


def commits_cut(proxy: Proxy) -> Breaks:
    """While events come, one COMMIT in twenty is not answered."""

    def breaks(session: Session, publisher: Publisher) -> None:
        proxy.armed = True
        while publisher.running:
            session.rig.keep_up()
            time.sleep(0.1)
        time.sleep(2.0)
        proxy.armed = False
        progress(f"{proxy.cuts} connections cut")

    return breaks


@contextmanager
def behind_proxy(session: Session) -> Iterator[Proxy]:
    """Every process finds PostgreSQL through a proxy."""
    rig = session.rig
    assert rig.stack.postgres is not None
    port = rig.stack.postgres.port
    proxy = Proxy(port, seed=session.seed)
    proxy.start()
    dsn = rig.stack.dsn.replace(f":{port}/", f":{proxy.port}/")
    _restart_all(session, dict.fromkeys(rig.names, dsn))
    try:
        yield proxy
    finally:
        _restart_all(session, {})
        proxy.stop()


def _restart_all(session: Session, dsn_for: dict[str, str]) -> None:
    rig = session.rig
    rig.dsn_for = dsn_for
    for process in rig.processes.values():
        process.terminate()
    for process in rig.processes.values():
        process.wait()
    rig.up()
    rig.wait_ready()


def two_of_each(session: Session, publisher: Publisher) -> None:
    """A second relay and a second sealer by mistake; then the first of each is killed, and comes back."""
    rig = session.rig
    for name in ("delivery-2", "sealer-2"):
        rig.start(name)
    _after(publisher, 0.4)
    for name in ("delivery-1", "sealer-1"):
        rig.kill(name)
    _after(publisher, 0.8)
    rig.keep_up()
    for name in ("delivery-2", "sealer-2"):
        rig.kill(name)
        del rig.processes[name]


def routers_late(session: Session, publisher: Publisher) -> None:
    """Both routers stand still for a moment, again and again: what is accepted meanwhile they have not seen."""
    rig = session.rig
    names = [name for name in rig.names if name.startswith("router")]
    while publisher.running:
        for name in names:
            rig.pause(name)
        time.sleep(SESSION_SECONDS / 3)
        for name in names:
            rig.resume(name)
        time.sleep(SESSION_SECONDS / 3)


PLANTED: Final = (
    ("position", "not covered once", stop_at("router-1", "processor.after_decode")),
    ("guard", "after withdrawal", routers_late),
    ("dedupe", "doubled", crash_at("outbox.after_send")),
    ("record", "without record", nothing),
    ("order", "out of order", routers_late),
)
"""Planted bugs, the count that must catch each, and the fault by which it comes to something."""


def _after(publisher: Publisher, share: float) -> None:
    """Until this share of the events has been accepted."""
    wait_until(
        lambda: not publisher.running or len(publisher.accepted) >= share * publisher.size,
        300,
        "the events do not come",
    )
