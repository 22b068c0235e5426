"""Which entries of the queue are new, repeats, or alarms."""

from services.audit.merkle import leaf_hash
from services.audit.sealer import Alarm, sort_out
from services.audit.store import Pending

A, B, C = (bytes([value]) * 16 for value in b"abc")


def test_entries_are_new_in_queue_order_when_none_was_sealed() -> None:
    queue = [Pending(B, b"b", None), Pending(A, b"a", None)]
    assert sort_out(queue) == ([B, A], [leaf_hash(b"b"), leaf_hash(b"a")], [])


def test_repeat_falls_away_when_it_has_the_bytes_that_were_sealed() -> None:
    queue = [Pending(A, b"a", leaf_hash(b"a")), Pending(B, b"b", None), Pending(B, b"b", None)]
    assert sort_out(queue) == ([B], [leaf_hash(b"b")], [])


def test_entry_is_an_alarm_when_it_is_missing_changed_or_too_long() -> None:
    queue = [Pending(A, None, None), Pending(B, b"b", leaf_hash(b"other")), Pending(C, bytes(65_536), None)]
    alarms = [Alarm(A.hex(), "missing"), Alarm(B.hex(), "changed"), Alarm(C.hex(), "too_long")]
    assert sort_out(queue) == ([], [], alarms)
    assert sort_out([Pending(C, bytes(65_535), None)])[0] == [C]
