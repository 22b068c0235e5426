"""What must have happened in the year, each in a sentence. Pure: facts in, sentences and whether they hold out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cli.demo.account import Account
from cli.demo.holding import unmet

SCORE: Final = "outcome.score"
PLAN: Final = "support.dv_safety_plan"
SUMMARY: Final = "support.summary"
COUNCIL: Final = "council/chesil"
THERAPY: Final = "s2w/sft"
VICTIM: Final = "paragon/victim"
PROBATION: Final = "probation/perp"
REACH: Final = "reach/sft"

REFUSED: Final = {("council/chesil", "q-told-wrong", 422), ("probation/perp", "not-ours", 404)}
REJECTED: Final = {"s2w/sft:started-early": "wrong_state"}
AGAIN: Final = ["reach/sft:score-1"]
TASKS: Final = {"decision": 1, "held": 1}


@dataclass(frozen=True, slots=True)
class Seen:
    """What the expectations are asked of. `searched`: desk → needle → how often it stands in what the desk was sent."""

    account: Account
    searched: Mapping[str, Mapping[str, int]]
    tasks: Mapping[str, int]
    restarts: Mapping[str, int]
    log_is_good: bool
    plan: str
    refuge: str
    victim: str
    """Words of the safety plan, the refuge's address, and the hub id of the victim."""


Expectation = Callable[[Seen], bool]


def failed(seen: Seen) -> list[str]:
    """The sentences that do not hold."""
    return unmet(EXPECTATIONS, seen)


def _refusals(seen: Seen) -> bool:
    return {(each.desk, each.tag, each.status) for each in seen.account.refused()} == REFUSED


def _fates(seen: Seen) -> bool:
    account = seen.account
    done = {name for name, fate in account.fates().items() if fate["kind"] == "done"}
    names = {each.name for each in account.published()}
    return account.rejected() == REJECTED and done == names - REJECTED.keys()


def _once(seen: Seen) -> bool:
    """What was being sent to a topic when the relay was killed is sent again, under its own id."""
    repeats = [each for desk in seen.account.journals for each in seen.account.repeats(desk)]
    again = [each.name for each in seen.account.published() if each.again]
    return again == AGAIN and all(door == "topic" and is_same for door, is_same in repeats)


def _both_doors(seen: Seen) -> bool:
    doors = seen.account.doors(PROBATION)
    return set(doors["inbox"]) == set(doors["topic"]) != set()


def _all_delivered(seen: Seen) -> bool:
    """Every delivery that the hub says it released to one of the desks has come."""
    account = seen.account
    released = {
        (delivery["desk"], delivery["delivery"])
        for found in account.decisions.values()
        for event in found["events"]
        for delivery in event["deliveries"]
        if delivery["released_at"] is not None and account.doors(delivery["desk"])
    }
    came = {(desk, id_) for desk in account.journals for id_ in account.received(desk)}
    return released <= came


def _score(seen: Seen, tag: str, desk: str) -> Any:
    return (seen.account.data(f"s2w/sft:{tag}", desk) or {}).get("score")


def _without_consent(seen: Seen) -> bool:
    return all(
        seen.account.withheld("s2w/sft:score-1", desk) == (SCORE,) and _score(seen, "score-1", desk) is None
        for desk in (COUNCIL, VICTIM)
    )


def _with_consent(seen: Seen) -> bool:
    return [_score(seen, "score-2", desk) for desk in (COUNCIL, VICTIM)] == [12, 12]


def _withdrawn(seen: Seen) -> bool:
    name, account = "s2w/sft:score-3", seen.account
    waited = account.released_at(name, VICTIM) > account.recorded_at("council/ig:resumed")
    kept = _score(seen, "score-3", VICTIM) is None and account.withheld(name, VICTIM) == (SCORE,)
    return waited and kept and account.decided(name, VICTIM) > 1 and _score(seen, "score-3", COUNCIL) == 9


def _plan(seen: Seen) -> bool:
    account = seen.account
    told = [account.withheld(f"paragon/victim:{tag}", COUNCIL) for tag in ("started", "plan-2", "plan-3")]
    data = account.data("paragon/victim:plan-3", COUNCIL) or {}
    return told == [(PLAN,), (PLAN,), ()] and seen.plan in data["dv_safety_plan"]["text"]


def _plan_elsewhere(seen: Seen) -> bool:
    silent = all(PLAN not in seen.account.counts(desk)[1] for desk in (THERAPY, REACH, PROBATION))
    return silent and all(found[seen.plan] == 0 for desk, found in seen.searched.items() if desk != COUNCIL)


def _other_side(seen: Seen) -> bool:
    return set(seen.searched[PROBATION].values()) == {0} and len(seen.account.received(PROBATION)) > 0


def _refuge(seen: Seen) -> bool:
    moved = seen.account.data("council/chesil:q-moved", THERAPY)
    return moved is not None and all(found[seen.refuge] == 0 for found in seen.searched.values())


def _objection(seen: Seen) -> bool:
    account = seen.account
    during = account.withheld("reach/sft:goals-objected", COUNCIL) == (SUMMARY,)
    after = account.data("reach/sft:goals-statutory", COUNCIL) or {}
    return during and after["goals"][0]["progress"] == "some"


def _incident(seen: Seen) -> bool:
    rows = {desk: seen.account.data("council/chesil:q-incident", desk) or {} for desk in (VICTIM, PROBATION)}
    roles = {desk: [each["role"] for each in data["people"]] for desk, data in rows.items()}
    return roles == {VICTIM: ["victim", "alleged_perpetrator"], PROBATION: ["alleged_perpetrator"]}


EXPECTATIONS: Final[Mapping[str, Expectation]] = {
    "two events are refused at the door, and say why": _refusals,
    "every accepted event is handled, one of them rejected with a reason": _fates,
    "an event that is sent twice counts once, and a delivery that comes twice is the same": _once,
    "inbox and topic bring a desk the same deliveries": _both_doors,
    "whatever was released has arrived": _all_delivered,
    "without consent both desks learn that there is a score, and not the score": _without_consent,
    "with consent both desks read the score": _with_consent,
    "a score that waited while its consent was withdrawn arrives without the score": _withdrawn,
    "the council is told of the safety plan, and reads it once the victim agreed": _plan,
    "nobody but the council holds a byte of the safety plan": _plan_elsewhere,
    "probation holds no byte of the safety plan, of the refuge, or of the victim's id": _other_side,
    "the refuge's address reaches nobody": _refuge,
    "an objection holds back how support goes, until the child is on a protection plan": _objection,
    "of an incident each side gets its own rows": _incident,
    "an objection and a doubtful identity wait for a person, and nothing else": lambda seen: (
        dict(seen.tasks) == TASKS
    ),
    "router and delivery were killed in the middle of it, and came back": lambda seen: (
        seen.restarts["router"] > 0 and seen.restarts["delivery"] > 0
    ),
    "the log, rebuilt from its entries, is whole and unchanged": lambda seen: seen.log_is_good,
}
