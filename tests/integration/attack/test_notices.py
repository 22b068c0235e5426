"""Who holds what ended is told, also where a correction ended it; and nobody is told of whom they may not know."""

from tests.integration.attack.hub import CHESIL, PARAGON, S2W, WEST, Hub
from tests.integration.gateway.world import ref

NOTICE = "hub.notice_sent"
NHS = {"scheme": "nhs-number", "value": "9990000018"}
CELL = {"purpose": "support", "category": "outcome.score", "desk": CHESIL}
TREATMENT = {"purpose": "treatment", "category": "outcome.score", "desk": S2W}
SAID = {"family": ref("F-1"), "person": ref("V")}


async def test_desk_hears_nothing_of_what_ends_when_it_has_come_to_oppose_the_person(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="VP", children="K")
    await hub.support("F-1", "V", PARAGON)
    referral = await hub.support("F-1", "V", S2W)
    await hub.tell("consent.given", {**SAID, "given_as": "self", "cells": [TREATMENT]})
    await hub.settle()
    await hub.score("F-1", "V", 9, desk=PARAGON)
    await hub.relay(CHESIL, S2W, PARAGON)
    assert hub.scores_to(S2W) == [9]
    ended = {"referral": ref(referral), "person": ref("V"), "reason": "completed"}
    await hub.tell("referral.support_ended", ended, desk=S2W)
    await hub.settle()
    await hub.support("F-1", "P", S2W)
    pair = {"family": ref("F-1"), "victim": ref("V"), "perpetrator": ref("P")}
    await hub.tell("safety.pair_recorded", pair)
    await hub.settle()
    await hub.relay(CHESIL, S2W, PARAGON)
    before = hub.kinds_to(S2W)
    await hub.tell("consent.withdrawn", {**SAID, "cells": [TREATMENT]})
    await hub.settle()
    await hub.relay(CHESIL, S2W, PARAGON)
    assert hub.kinds_to(S2W) == before


async def test_holder_is_told_when_the_consent_is_retracted(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    await hub.support("F-1", "V", S2W)
    given = {**SAID, "given_as": "self", "cells": [CELL]}
    await hub.tell("consent.given", given, event_id="C-1")
    await hub.settle()
    await hub.score("F-1", "V", 7)
    await hub.relay(CHESIL)
    assert hub.scores_to(CHESIL) == [7]
    await hub.tell("consent.given", {**given, "corrects": "C-1", "retracted": True})
    await hub.settle()
    await hub.relay(CHESIL)
    (notice,) = hub.got(CHESIL, NOTICE)
    assert (notice["kind"], notice["categories"]) == ("withdrawn", ["outcome.score"])


async def test_holders_are_told_when_who_the_person_is_is_in_doubt_for_another_event(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    await hub.support("F-1", "V", S2W)
    await hub.support("F-1", "V", PARAGON)
    await hub.relay(CHESIL, S2W, PARAGON)
    await hub.begin_family("F-2", WEST, adults="B", children="L")
    for family, person, desk in (("F-1", "V", CHESIL), ("F-2", "B", WEST)):
        stated = {"family": ref(family), "person": ref(person), "identifiers": [NHS]}
        await hub.tell("family.member_changed", stated, desk=desk)
        await hub.settle()
    rows = [{"person": NHS, "role": "victim"}]
    await hub.tell("outcome.incident_reported", {"incident": "i-1", "people": rows}, desk="police/dorset")
    await hub.settle()
    await hub.tell("consent.objection_raised", {**SAID, "objection": "O-1"})
    await hub.settle()
    await hub.relay(CHESIL, S2W, PARAGON)
    assert [each["kind"] for each in hub.got(S2W, NOTICE)] == ["objected"]


async def test_holder_is_told_once_when_a_person_died_and_it_is_taken_back(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    await hub.support("F-1", "V", S2W)
    await hub.tell("consent.given", {**SAID, "given_as": "self", "cells": [CELL]})
    await hub.settle()
    await hub.score("F-1", "V", 7)
    await hub.relay(CHESIL)
    assert hub.scores_to(CHESIL) == [7]
    await hub.tell("person.died", SAID, event_id="D-1")
    await hub.settle()
    await hub.relay(CHESIL)
    await hub.tell("person.died", {**SAID, "corrects": "D-1", "retracted": True})
    await hub.settle()
    await hub.relay(CHESIL)
    (notice,) = hub.got(CHESIL, NOTICE)
    assert (notice["kind"], notice["categories"]) == ("withdrawn", ["outcome.score"])
