"""What a batch gathers before it writes: the last word on a delivery counts, and what the row was before."""

from hub.effects import Deliver, Queued, Release, Revise, Waiting
from hub.events import Envelope, Event
from hub.keys import KeyRing
from hub.processor.writer import Writer
from hub.schemas import Catalogue
from hub.settings import ROOT

EVENT = Event(Envelope("e" * 8, "t", "s2w/sft", "f" * 8, 1, 1), {})


def writer() -> Writer:
    return Writer(
        b"s" * 32, KeyRing(b"m" * 32), Catalogue.load(ROOT / "schemas"), rules=lambda _: "r", code="c"
    )


def queued(delivery_id: str, status: str) -> Queued:
    return Queued(delivery_id, "s2w/sft", status, False, 1, EVENT)


def release(status: str) -> Release:
    return Release("pending" if status == "pending" else "held", b"x", (), (), None, "r")


def test_a_held_row_re_enters_the_line_when_two_facts_of_one_batch_decide_it_again() -> None:
    made = writer()
    rows: dict[str, Queued | Waiting] = {"d": queued("d", "held")}
    assert isinstance(rows["d"], Queued)
    for _ in range(2):
        effects = [Revise(rows["d"], release("pending"))]
        made.carry_out(EVENT, 1, effects)
        made.queued_after(rows, effects)
    assert rows["d"].status == "pending"
    found = made._revised["d"]
    assert (found.queued.status, found.release.status) == ("held", "pending")


def test_a_new_row_is_written_once_as_last_decided_when_its_batch_decides_it_again() -> None:
    made = writer()
    first = Deliver("s2w/sft", EVENT, 1, release("held"))
    made.carry_out(EVENT, 1, [first])
    delivery_id = made.delivery_id(EVENT.id, "s2w/sft")
    made.carry_out(EVENT, 1, [Revise(queued(delivery_id, "held"), release("pending"))])
    assert made._new[delivery_id].release.status == "pending"
    assert made._revised == {}
