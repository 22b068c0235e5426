"""How far a line was looked at, and up to where every row is visible."""

from hypothesis import given
from hypothesis import strategies as st

from hub.attempts.lines import STUCK_AT_ONCE, Horizon, Line
from hub.attempts.mark import back_off
from hub.clock import SECOND
from tests.unit.delivery.rows import line


def test_numbers_are_safe_when_every_transaction_that_may_hold_them_has_ended() -> None:
    horizon = Horizon()
    assert horizon.look(10, 5)
    horizon.wait_for(10, 8)
    assert not horizon.look(12, 8), "transaction 8 is our own, and has not ended"
    assert horizon.safe == 0
    assert horizon.look(12, 9)
    assert horizon.safe == 10


def test_the_horizon_stands_still_when_a_transaction_does_not_end() -> None:
    horizon = Horizon()
    assert horizon.look(100, 5)
    horizon.wait_for(100, 9)
    assert not any(horizon.look(100 + step, 5) for step in range(20))
    assert horizon.safe == 0


def test_no_id_of_our_own_is_spent_when_nothing_new_was_given_out() -> None:
    horizon = Horizon()
    horizon.wait_for(100, 9)
    assert not horizon.look(100, 10)
    assert horizon.safe == 100


class Writers:
    """Transactions that take an id, then numbers, and end; and what a snapshot tells of them.

    As in PostgreSQL, a snapshot knows nothing of transactions that began after the last one to end.
    """

    def __init__(self) -> None:
        self.next_id = 1
        self.last_ended = 0
        self.given = 0
        self.running: dict[int, list[int]] = {}

    def begin(self) -> int:
        self.running[self.next_id] = []
        self.next_id += 1
        return self.next_id - 1

    def end(self, writer: int) -> None:
        del self.running[writer]
        self.last_ended = max(self.last_ended, writer)

    @property
    def oldest(self) -> int:
        return min([*self.running, self.last_ended + 1])

    def step(self, choice: int) -> None:
        others = sorted(self.running)
        if choice % 3 == 0 or not others:
            self.begin()
        elif choice % 3 == 1:
            self.given += 1
            self.running[others[choice % len(others)]].append(self.given)
        else:
            self.end(others[choice % len(others)])


@given(st.lists(st.integers(0, 1_000), max_size=300))
def test_no_number_below_the_horizon_is_still_to_appear_whatever_ends_when(choices: list[int]) -> None:
    writers, horizon = Writers(), Horizon()
    for choice in choices:
        oldest = writers.oldest
        writers.step(choice)
        given_out = writers.given
        if horizon.look(given_out, oldest):
            writers.step(choice // 3)
            own = writers.begin()
            horizon.wait_for(given_out, own)
            if choice % 2:
                writers.step(choice // 5)
            if own in writers.running:
                writers.end(own)
        hidden = [number for numbers in writers.running.values() for number in numbers]
        assert all(number > horizon.safe for number in hidden)


def test_a_line_goes_on_behind_what_it_read_but_never_past_what_is_safe() -> None:
    desk = Line("s2w/sft")
    rows = line({}, {}, {})
    desk.looked(rows, limit=3, safe=100)
    assert desk.ahead == 4
    desk.looked(rows, limit=10, safe=2)
    assert desk.ahead == 4, "never back"
    desk.looked([], limit=10, safe=50)
    assert desk.ahead == 51


def test_every_stuck_family_has_its_turn_when_there_are_many() -> None:
    desk = Line("s2w/sft", stuck={f"f{n}" for n in range(3 * STUCK_AT_ONCE + 7)})
    seen: set[str] = set()
    for _ in range(5):
        turn = desk.some_stuck()
        assert len(turn) == STUCK_AT_ONCE
        seen |= set(turn)
    assert seen == desk.stuck


def test_back_off_doubles_up_to_a_minute_when_tries_go_on() -> None:
    waits = [back_off(tries) for tries in range(1, 40)]
    assert waits[0] == SECOND // 5
    assert waits == sorted(waits)
    assert waits[-1] == 60 * SECOND
