"""What may leave, what lapses, what waits."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from hub.attempts.judge import PACE, Verdict, judge
from hub.attempts.row import Row
from tests.unit.delivery.rows import NOW, RULES, line, world


def taken(verdict: Verdict) -> list[int]:
    return [row.seq for row in verdict.take]


def lapsed(verdict: Verdict) -> list[tuple[int, str]]:
    return [(each.row.seq, each.cause) for each in verdict.lapse]


def test_everything_leaves_in_order_when_all_it_rests_on_is_so() -> None:
    rows = line({"persons": ("a", "b"), "counts": (2, 0)}, {"family_id": "f2"}, {})
    verdict = judge(rows, world(a=2))
    assert taken(verdict) == [1, 2, 3]
    assert verdict.lapse == ()


def test_a_row_lapses_with_the_counts_met_when_a_guard_was_raised() -> None:
    rows = line({"persons": ("a", "b", "c"), "counts": (2, 0, 1)})
    (lapse,) = judge(rows, world(a=3, c=1)).lapse
    assert (lapse.cause, lapse.met) == ("guard", (("a", 3),))


def test_a_row_lapses_when_a_guard_counts_less_than_its_decision_saw() -> None:
    verdict = judge(line({"persons": ("a",), "counts": (2,)}), world(a=1))
    assert lapsed(verdict) == [(1, "guard")]


def test_a_person_without_a_guard_counts_nothing_when_compared() -> None:
    assert taken(judge(line({"persons": ("a",), "counts": (0,)}), world())) == [1]


def test_a_row_lapses_at_the_very_instant_that_ends_it() -> None:
    rows = line({"valid_until": NOW.hub}, {"family_id": "f2", "valid_until": NOW.hub + 1})
    verdict = judge(rows, world())
    assert (taken(verdict), lapsed(verdict)) == ([2], [(1, "expiry")])


def test_a_guard_is_the_cause_when_several_things_differ() -> None:
    rows = line({"persons": ("a",), "counts": (0,), "valid_until": 0, "rules": "old"})
    assert lapsed(judge(rows, world(a=1))) == [(1, "guard")]


def test_a_family_waits_behind_a_row_that_somebody_else_is_at_and_no_other_does() -> None:
    rows = line({}, {"rules": "old"}, {"family_id": "f2"})
    verdict = judge(rows, replace(world(), busy=frozenset({rows[0].delivery_id})))
    assert (taken(verdict), lapsed(verdict)) == ([3], [(2, "rules")])
    assert verdict.waiting == {(rows[0].desk, rows[0].family_id)}


def test_a_family_waits_behind_what_lapses_and_no_other_does() -> None:
    rows = line({"rules": "old"}, {}, {"family_id": "f2"}, {"desk": "reach/sft"})
    verdict = judge(rows, world())
    assert (taken(verdict), lapsed(verdict)) == ([3, 4], [(1, "rules")])


def test_what_differs_lapses_together_when_it_stands_in_one_line() -> None:
    rows = line({"persons": ("a",), "counts": (0,)}, {}, {"persons": ("a",), "counts": (0,)})
    verdict = judge(rows, world(a=1))
    assert (taken(verdict), lapsed(verdict)) == ([], [(1, "guard"), (3, "guard")])


def test_a_family_waits_behind_what_is_lapsed_or_being_sent_or_backing_off() -> None:
    for change in (
        {"status": "lapsed"},
        {"status": "attempting"},
        {"status": "failed", "next_mono": NOW.mono + 1},
    ):
        verdict = judge(line(change, {}, {"family_id": "f2"}), world())
        assert taken(verdict) == [3], change
        assert verdict.waiting == {("s2w/sft", "f1")}


def test_a_failed_row_leaves_when_its_back_off_is_over() -> None:
    assert taken(judge(line({"status": "failed", "next_mono": NOW.mono}), world())) == [1]


def test_a_released_row_that_the_topic_has_yet_to_have_leaves_when_it_was_decided_again() -> None:
    assert taken(judge(line({"status": "delivered"}), world())) == [1]


def test_parked_families_and_persons_wait_untouched_even_when_a_guard_was_raised() -> None:
    rows = line(
        {"persons": ("a",), "counts": (0,)}, {"family_id": "f2", "persons": ("b",), "counts": (0,)}, {}
    )
    verdict = judge(rows, world(parked={"f1", "b"}, a=1, b=1))
    assert (taken(verdict), lapsed(verdict)) == ([], [])


def test_a_family_waits_when_rows_of_it_that_are_not_here_wait() -> None:
    verdict = judge(line({}, {"family_id": "f2"}), world(), {("s2w/sft", "f1")})
    assert taken(verdict) == [2]


def test_a_new_rule_set_makes_few_lapse_at_once_and_urgent_ones_first() -> None:
    rows = line(*({"family_id": f"f{n}", "rules": "old", "urgent": n % 3 == 0} for n in range(3 * PACE)))
    verdict = judge(rows, world())
    assert len(verdict.lapse) == PACE
    assert all(lapse.row.urgent for lapse in verdict.lapse)


def test_no_more_lapse_when_as_many_are_under_way() -> None:
    under_way = [{"family_id": f"f{n}", "status": "lapsed"} for n in range(PACE - 1)]
    more = [{"family_id": f"g{n}", "rules": "old"} for n in range(5)]
    assert len(judge(line(*under_way, *more), world()).lapse) == 1
    # A withdrawal is no storm: it is never paced.
    raised = [{"family_id": f"g{n}", "persons": ("a",), "counts": (0,)} for n in range(5)]
    assert len(judge(line(*under_way, *raised), world(a=1)).lapse) == 5


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "family_id": st.sampled_from(["f1", "f2", "f3"]),
            "desk": st.sampled_from(["s2w/sft", "reach/sft"]),
            "status": st.sampled_from(["pending", "failed", "attempting", "lapsed", "delivered"]),
            "persons": st.just(("a", "b")),
            "counts": st.tuples(st.integers(0, 2), st.integers(0, 2)),
            "rules": st.sampled_from([RULES, "old"]),
            "valid_until": st.sampled_from([None, NOW.hub - 1, NOW.hub, NOW.hub + 1]),
            "next_mono": st.sampled_from([0, NOW.mono + 1]),
        }
    ),
    max_size=30,
)


def is_so(row: Row, raises: dict[str, int]) -> bool:
    in_time = row.valid_until is None or row.valid_until > NOW.hub
    return tuple(raises[person] for person in row.persons) == row.counts and in_time and row.rules == RULES


@given(ROWS, st.integers(0, 2), st.integers(0, 2))
def test_nothing_leaves_that_differs_or_overtakes_its_family_whatever_the_line(
    changes: list[dict[str, object]], a: int, b: int
) -> None:
    rows = line(*changes)
    verdict = judge(rows, world(a=a, b=b))
    raises = {"a": a, "b": b}
    left = {row.seq for row in verdict.take}
    assert all(is_so(row, raises) for row in verdict.take)
    assert taken(verdict) == sorted(left)
    for row in verdict.take:
        before = [r for r in rows if (r.desk, r.family_id) == (row.desk, row.family_id) and r.seq < row.seq]
        assert all(r.seq in left for r in before)
    for lapse in verdict.lapse:
        assert not is_so(lapse.row, raises)
        assert lapse.row.seq not in left
        assert lapse.row.status not in {"lapsed", "attempting"}


@given(ROWS, st.integers(0, 2))
def test_every_line_with_anything_sendable_at_its_head_moves(
    changes: list[dict[str, object]], a: int
) -> None:
    rows = line(*changes)
    verdict = judge(rows, world(a=a))
    heads: dict[tuple[str, str], Row] = {}
    for row in rows:
        heads.setdefault((row.desk, row.family_id), row)
    moved = {row.seq for row in verdict.take} | {lapse.row.seq for lapse in verdict.lapse}
    for head in heads.values():
        due = head.status in {"pending", "delivered"} or (
            head.status == "failed" and head.next_mono <= NOW.mono
        )
        assert (head.seq in moved) == due
