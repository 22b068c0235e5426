"""The loop as a state machine: whatever the order, raises come back, facts agree, secrets stay, nothing is stuck."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from hub.processor.machine import Machine
from services.consent.registers import Registers
from services.referral_router.people import NEAR, People, families
from services.view.simulate import history
from tests.unit.consent.cast import CATALOGUE, CHESIL, PARAGON, POLICE, PROBATION, S2W, ref
from tests.unit.router.loop import WEST, Loop
from tests.unit.router.parts import Left, router

FAMILIES = {"F1": CHESIL, "F2": WEST, "F3": WEST}
ADULTS, CHILDREN = "VPWX", "K"
DESKS = (CHESIL, WEST, S2W, PARAGON, PROBATION, POLICE)
SCORE = "outcome.measure_recorded"
CELL = {"purpose": "support", "category": "outcome.score", "desk": CHESIL}

families_ = st.sampled_from(sorted(FAMILIES))
adults = st.sampled_from(ADULTS)


@cache
def opened() -> Loop:
    """The three families before anything happens to them: V is supported, everything was read."""
    loop = Loop()
    loop.open("F1", CHESIL, adults="V", children="K")
    loop.open("F2", WEST, adults="P")
    loop.open("F3", WEST, adults="W")
    loop.support("F1", "V", S2W)
    return loop


def come_to_rest(loop: Loop) -> None:
    """What was begun is sent; then everything is read and released until nothing moves."""
    while loop.attempts:
        loop.end(sent=True)
    loop.release()


class Said(NamedTuple):
    """An event as it was accepted."""

    receipt: str
    kind: str
    source: str
    family: str | None
    data: dict[str, Any]


class TheLoop(RuleBasedStateMachine):
    """V and her child K, her P, a witness and another, in three families of two leads."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = opened().copy()
        self.withdrawn: list[str] = []
        self.given: list[str] = []
        self.pairs: list[tuple[str, str, str]] = []
        self.supervised: list[tuple[str, str]] = []
        self.secrets: list[str] = []
        self.said: list[Said] = []
        self.taken_back: list[tuple[str, str]] = []
        self.consent()

    @initialize(paired=st.booleans(), supervised=st.booleans())
    def whom_it_is_kept_from(self, paired: bool, supervised: bool) -> None:
        """Probation sits in the core group, and is one act, or none, from opposing V."""
        self.plan("F1", {PROBATION})
        if paired:
            self.pair("F1", "V", "P", CHESIL)
        if supervised:
            self.supervise("F2", "P")
        self.loop.settle()

    def say(self, kind: str, source: str, family: str | None, **data: Any) -> str:
        """Have an event accepted, which may be corrected later."""
        receipt = self.loop.accept(kind, source, family, **data)
        self.said.append(Said(receipt, kind, source, family, data))
        return receipt

    @precondition(lambda self: self.said)
    @rule(data=st.data(), retracted=st.booleans())
    def take_back(self, data: st.DataObject, retracted: bool) -> None:
        """Correct or retract something, in words of something like it."""
        said = data.draw(st.sampled_from(self.said))
        like = [each for each in self.said if each[1:4] == said[1:4]]
        body = said.data if retracted else data.draw(st.sampled_from(like)).data
        marks = {"corrects": said.receipt, "retracted": retracted or None}
        receipt = self.say(said.kind, said.source, said.family, **{**body, **marks})
        self.taken_back.append((receipt, said.receipt))
        self.secrets += [receipt] if said.receipt in self.secrets else []
        self.withdrawn += [receipt] if said.kind == "consent.given" and retracted else []

    @rule(family=families_, person=st.sampled_from(ADULTS + CHILDREN))
    def add_member(self, family: str, person: str) -> None:
        kind = "child" if person in CHILDREN else "adult"
        self.say(
            "family.member_added", FAMILIES[family], family, members=[{"person": ref(person), "kind": kind}]
        )

    @rule(family=families_, person=adults)
    def somebody_leaves(self, family: str, person: str) -> None:
        self.loop.accept("family.member_changed", FAMILIES[family], family, person=ref(person), state="left")

    @rule(score=st.integers(0, 27))
    def record_a_score(self, score: int) -> None:
        self.secrets.append(self.say(SCORE, S2W, "F1", person=ref("V"), instrument="phq9", score=score))

    @rule()
    def consent(self) -> None:
        self.given.append(
            self.say("consent.given", CHESIL, "F1", person=ref("V"), given_as="self", cells=[CELL])
        )

    @rule(desk=st.sampled_from((CHESIL, WEST, S2W)), family=st.none() | families_)
    def withdraw(self, desk: str, family: str | None) -> None:
        self.withdrawn.append(self.say("consent.withdrawn", desk, family, person=ref("V"), cells=[CELL]))

    @rule(family=families_, victim=adults, perpetrator=adults, desk=st.sampled_from((CHESIL, WEST, PARAGON)))
    def pair(self, family: str, victim: str, perpetrator: str, desk: str) -> None:
        body = {"victim": ref(victim), "perpetrator": ref(perpetrator), "exposed_children": [ref("K")]}
        receipt = self.say("safety.pair_recorded", desk, family, **body, basis="disclosure")
        self.pairs += [(receipt, victim, perpetrator)] if victim != perpetrator else []

    @rule(family=families_, victim=adults, other=adults)
    def incident(self, family: str, victim: str, other: str) -> None:
        rows = [{"person": ref(victim), "role": "victim"}, {"person": ref(other), "role": "witness"}]
        self.say("outcome.incident_reported", POLICE, family, incident="i", people=rows)

    @rule(family=families_, person=adults)
    def supervise(self, family: str, person: str) -> None:
        receipt = self.say(
            "person.probation_supervision_started", PROBATION, family, person=ref(person), desk=PROBATION
        )
        self.supervised.append((receipt, person))

    @rule(family=families_, person=adults)
    def die(self, family: str, person: str) -> None:
        self.say("person.died", FAMILIES[family], family, person=ref(person))

    @rule(family=families_, desks=st.sets(st.sampled_from((S2W, PARAGON, PROBATION))))
    def plan(self, family: str, desks: set[str]) -> None:
        self.say(
            "practice.plan_agreed", FAMILIES[family], family, discussed=[ref("K")], core_group=sorted(desks)
        )

    @rule(status=st.sampled_from(("cin", "cp", "none")))
    def childs_status(self, status: str) -> None:
        self.say("child.status_changed", CHESIL, "F1", person=ref("K"), status=status)

    @rule(family=families_, person=adults, told=st.booleans())
    def tell(self, family: str, person: str, told: bool) -> None:
        self.say("person.told_recorded", FAMILIES[family], family, person=ref(person), told=told)

    @rule(family=families_, person=adults, desk=st.sampled_from((S2W, PARAGON, PROBATION)))
    def request(self, family: str, person: str, desk: str) -> None:
        about = {"referral": ref(f"{family}-{person}"), "person": ref(person), "specialism": "any"}
        self.say("referral.requested", FAMILIES[family], family, **about, to=desk)

    @rule(
        step=st.sampled_from(("accepted", "allocated", "support_started", "support_ended")),
        family=families_,
        person=adults,
        desk=st.sampled_from((S2W, PARAGON, PROBATION)),
    )
    def move_on(self, step: str, family: str, person: str, desk: str) -> None:
        about = {"referral": ref(f"{family}-{person}"), "person": ref(person)}
        self.say(f"referral.{step}", desk, family, **about)

    @rule()
    def childs_attendance(self) -> None:
        self.secrets.append(self.say("child.attendance_recorded", CHESIL, "F1", person=ref("K")))

    @rule()
    def mother_and_child_find_refuge(self) -> None:
        moves = [{"person": ref(each), "household": ref("refuge"), "dwelling": "refuge"} for each in "VK"]
        self.secrets.append(self.say("family.household_changed", CHESIL, "F1", moves=moves))

    @rule(family=families_)
    def close(self, family: str) -> None:
        self.loop.accept("family.closed", FAMILIES[family], family)

    @rule(data=st.data(), times=st.integers(1, 8), again=st.booleans())
    def read_on(self, data: st.DataObject, times: int, again: bool) -> None:
        for _ in range(times):
            places = self.loop.waiting()
            if places:
                self.loop.read_on(data.draw(st.sampled_from(places)), again=again)

    @rule(desk=st.sampled_from(DESKS))
    def attempt(self, desk: str) -> None:
        self.loop.begin(desk)

    @precondition(lambda self: self.loop.attempts)
    @rule(sent=st.booleans())
    def end(self, sent: bool) -> None:
        self.loop.end(sent=sent)

    def teardown(self) -> None:
        acts = list(self.loop.acts)
        come_to_rest(self.loop)
        self.nothing_is_stuck()
        self.raises_came_back()
        self.facts_agree()
        self.history_is_made_anew()
        self.logs_give_the_states()
        self.notices_are_of_what_was_had()
        self.holders_are_told()
        self.order_was_kept()
        self.withdrawals_were_exact()
        self.secrets_stayed()
        self.secrets_change_nothing(acts)

    def nothing_is_stuck(self) -> None:
        statuses = {held.row.status for held in self.loop.deliveries.values()}
        assert statuses <= {"delivered", "recalled"}, statuses
        assert not self.loop.undecided

    def raises_came_back(self) -> None:
        loop = self.loop
        for person in ADULTS + CHILDREN:
            assert loop.person(person).raises == loop.guards[person], person
        for family in FAMILIES:
            for person, seen in loop.family(family).plain.get("raises", {}).items():
                assert seen == loop.guards[person], (family, person)

    def history_is_made_anew(self) -> None:
        for family in FAMILIES:
            steps = history(CATALOGUE, self.loop.taken(family), self.loop.now + 1)
            assert steps is not None, family
            assert steps[-1].state == self.loop.family(family).plain, family

    def facts_agree(self) -> None:
        for person in ADULTS + CHILDREN:
            facts: Registers = self.loop.person(person).facts
            told = {key: list(each) for key, each in facts.items() if not key.startswith(NEAR)}
            for family in families(facts) | families(facts, NEAR):
                plain = self.loop.family(family).plain
                assert plain["known"][person]
                assert plain["persons"].get(person, {}) == told, (family, person)

    def logs_give_the_states(self) -> None:
        """What took effect, once more from the beginning, gives the same, byte for byte."""
        for (topic, key), state in self.loop.states.items():
            machine: Machine = router() if topic == "events" else People()
            history = self.loop.histories[topic, key]
            again = machine.rebuild(history)
            assert machine.dump(again, None) == machine.dump(state, None), (topic, key)

    def notices_are_of_what_was_had(self) -> None:
        """Nobody hears that something was corrected which never began to leave to them."""
        for left in self.loop.left:
            if left.event.type.endswith("notice_sent.v1"):
                named = left.event.data["deliveries"]
                if left.body["kind"] == "corrected":
                    assert self.loop.begun.issuperset(named), left
                assert not self.loop.begun.isdisjoint(named), left
                assert left.body["to"] == left.desk

    def holders_are_told(self) -> None:
        """Chesil hears that V withdrew if it had a score that she had let it have."""
        loop = self.loop
        told = len(loop.got(CHESIL, "hub.notice_sent"))
        effective = [loop.accepted[each] for each in self.withdrawn if self.any_accepted(each)]
        had = [
            left.step
            for left in loop.left
            if left.desk == CHESIL
            and left.event.type.endswith(f"{SCORE}.v1")
            and left.body["score"] is not None
        ]
        if had and effective and min(had) < max(effective):
            assert told, (had, effective)

    def order_was_kept(self) -> None:
        """Each desk first hears of a family in the order of its log; what may not have arrived comes again."""
        heard: dict[tuple[str, str], list[int]] = defaultdict(list)
        for left in self.loop.left:
            place = self.loop.logs["events", left.event.envelope.key].index(left.event)
            places = heard[left.desk, left.event.envelope.key]
            assert place in places or place > max(places, default=-1), left
            places.append(place)

    def withdrawals_were_exact(self) -> None:
        """No score leaves after a withdrawal that any log accepted, but one recorded under a later consent."""
        loop = self.loop
        effective = [each for each in self.withdrawn if self.any_accepted(each)]
        for left in loop.left:
            if (
                left.desk == CHESIL
                and left.event.type.endswith(f"{SCORE}.v1")
                and left.body["score"] is not None
            ):
                for each in effective:
                    renewed = any(
                        loop.accepted[given] > loop.accepted[each]
                        and loop.accepted[left.event.envelope.receipt] > loop.accepted[given]
                        for given in self.given
                    )
                    assert loop.accepted[each] > left.step or renewed, (each, left.step)

    def secrets_stayed(self) -> None:
        """Who supervises somebody's P hears nothing of the victim, nor of her child's school, once that is accepted."""
        loop = self.loop
        for left in loop.left:
            if left.desk != PROBATION:
                continue
            before = {
                each for each, step in loop.accepted.items() if step < left.step and self.any_accepted(each)
            }
            supervised = {person for receipt, person in self.stay_supervised() if receipt in before}
            for receipt, victim, perpetrator in self.pairs:
                if receipt in before and perpetrator in supervised and left.event.envelope.receipt != receipt:
                    assert not tells_of(left, victim), (receipt, left)

    def secrets_change_nothing(self, acts: Sequence[Callable[[Loop], None]]) -> None:
        """Whoever opposes V gets the very same bytes in the very same order as if her secrets had never been."""
        secrets = {each for each in self.secrets if self.is_opposed_before(each)}
        if secrets:
            other = opened().relive(acts, secrets)
            come_to_rest(other)
            assert self.loop.sent(PROBATION) == other.sent(PROBATION), secrets

    def is_opposed_before(self, receipt: str) -> bool:
        """Whether a desk that supervises somebody opposed V when this was accepted."""
        step = self.loop.accepted[receipt]
        before = {each for each, at in self.loop.accepted.items() if at < step and self.any_accepted(each)}
        supervised = {person for each, person in self.stay_supervised() if each in before}
        return any(
            each in before and victim == "V" and perpetrator in supervised
            for each, victim, perpetrator in self.pairs
        )

    def stay_supervised(self) -> list[tuple[str, str]]:
        """The supervisions that nobody tried to take back."""
        gone = {each for _, each in self.taken_back}
        return [(receipt, person) for receipt, person in self.supervised if receipt not in gone]

    def any_accepted(self, receipt: str) -> bool:
        copies = {f"{receipt}-{family}" for family in FAMILIES} & self.loop.done
        return not copies <= self.loop.rejected.keys()


def tells_of(left: Left, victim: str) -> bool:
    """Whether a delivery is about this victim, or about what shields the child that was exposed with her."""
    kind = left.event.type
    rows = [each["person"]["value"] for each in left.body.get("people") or ()]
    about_her = kind.endswith(f"{SCORE}.v1") and victim == "V"
    return about_her or victim in rows or "attendance" in kind


# How long it takes says how busy the machine is.
TestTheLoop = pytest.mark.timeout(900)(TheLoop.TestCase)
TestTheLoop.settings = settings(
    max_examples=30,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
)
