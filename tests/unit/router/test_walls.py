"""A desk that serves both sides: what is asked of it goes back at once, what is under way the lead hears of (4.22)."""

from tests.unit.consent.cast import CHESIL, POLICE, REACH, S2W, ref
from tests.unit.router.loop import Loop

PAIR = {"victim": ref("V"), "perpetrator": ref("P")}
ABOUT = {"referral": ref("r-1"), "person": ref("V")}
RETURNED, OFFERED, REQUESTED = "referral.returned", "referral.offered", "referral.requested"


def family() -> Loop:
    """V and P, told of what is shared, in a family of Chesil's; s2w supports P."""
    loop = Loop()
    loop.open("F1", CHESIL, adults="VP", children="K")
    loop.accept("person.told_recorded", CHESIL, "F1", person=ref("V"), told=True)
    loop.support("F1", "P", S2W)
    loop.release()
    return loop


def ask(loop: Loop, to: str = S2W) -> None:
    loop.accept(REQUESTED, CHESIL, "F1", **ABOUT, to=to, specialism="any")
    loop.release()


def state(loop: Loop) -> object:
    return loop.family("F1").plain["referrals"]["r-1"]["state"]


def both_sides(loop: Loop) -> list[tuple[str, str, str]]:
    return [(each.key, each.owner, each.detail["desk"]) for each in loop.tasks if each.kind == "both_sides"]


def test_request_goes_back_at_once_when_its_desk_opposes_its_subject() -> None:
    loop = family()
    loop.accept("safety.pair_recorded", POLICE, "F1", **PAIR)
    ask(loop)

    assert state(loop) == "returned"
    (told,) = loop.got(CHESIL, RETURNED)
    assert told["reason"] == "serves_both_sides"
    assert ref("V") not in [each["person"] for each in loop.got(CHESIL, OFFERED)]
    for kind in (REQUESTED, RETURNED):
        assert ref("V") not in [each["person"] for each in loop.got(S2W, kind)]
    assert both_sides(loop) == []


def test_request_goes_back_when_it_is_reopened_after_a_pair_began() -> None:
    loop = family()
    ask(loop)
    loop.accept("referral.withdrawn", CHESIL, "F1", **ABOUT)
    loop.accept("safety.pair_recorded", POLICE, "F1", **PAIR)
    loop.accept("referral.reopened", CHESIL, "F1", **ABOUT)
    loop.release()

    assert state(loop) == "returned"


def test_request_is_offered_when_its_desk_opposes_somebody_else() -> None:
    loop = family()
    loop.accept("safety.pair_recorded", POLICE, "F1", **PAIR)
    ask(loop, to=REACH)

    assert state(loop) == "offered"
    assert loop.got(CHESIL, RETURNED) == []


def test_lead_has_a_task_of_the_work_under_way_when_a_pair_begins() -> None:
    loop = family()
    ask(loop)
    assert both_sides(loop) == []
    loop.accept("safety.pair_recorded", POLICE, "F1", **PAIR)
    loop.release()

    assert both_sides(loop) == [("r-1", CHESIL, S2W)]
    assert state(loop) == "offered"


def test_lead_has_a_task_when_the_pair_is_recorded_in_another_family() -> None:
    loop = family()
    ask(loop)
    loop.open("F2", "council/west", adults="VP")
    loop.release()
    loop.accept("safety.pair_recorded", POLICE, "F2", **PAIR)
    loop.release()

    assert both_sides(loop) == [("r-1", CHESIL, S2W)]
