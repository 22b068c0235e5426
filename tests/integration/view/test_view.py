"""A family looked at over HTTP: recorded before it answers, compared with the guards, the same 404 for all the rest."""

import asyncio
from typing import Any

import httpx
import orjson
import pytest

from hub.clock import SECOND, format_micros
from tests.integration.attack.hub import CHESIL, IG, PARAGON, PROBATION, S2W
from tests.integration.gateway.world import ref
from tests.integration.view.looking import Looking

NOBODY = "00000000-0000-8000-8000-000000000000"
POLICE = "police/dorset"


async def home(hub: Looking) -> str:
    """V and P with K; s2w supports V and has scored her. Gives the family's id."""
    family = await hub.begin_family("F-1", CHESIL, adults="VP", children="K")
    await hub.support("F-1", "V", S2W)
    await hub.score("F-1", "V", 17)
    return family


def sections(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_look_is_recorded_with_who_and_why_when_a_view_is_shown(hub: Looking) -> None:
    family = await home(hub)
    view = sections(await hub.look(family, CHESIL))
    assert [each["category"] for each in view["withheld"]] == ["outcome.score"]
    (entry,) = await hub.recorded("family.viewed")
    of_family, of_user = entry[0], entry[1]
    assert (of_family["desk"], of_family["purpose"], of_family["reason"]) == (
        CHESIL, "safeguard", "core group meeting",
    )  # fmt: skip
    assert sorted(of_family["shown"]) == sorted(each["id"] for each in view["chronology"])
    assert of_family["withheld"] == ["outcome.score"]
    assert (of_user["user"], of_family["user"] != "a.user") == ("a.user", True)
    ((channel, ended),) = await hub.rows(
        "SELECT channel, ended_mono IS NOT NULL FROM attempt WHERE channel = 'view'"
    )
    assert (channel, ended) == ("view", True)


async def test_information_governance_sees_what_a_desk_would_and_is_recorded_as_itself(hub: Looking) -> None:
    family = await home(hub)
    own = sections(await hub.look(family, S2W))
    preview = sections(await hub.look(family, IG, **{"for": S2W}))
    assert all(each.pop("clauses") for each in preview["chronology"])
    for each in (*preview["chronology"], *preview["withheld"]):
        each.pop("lacked", None)
        each.pop("clauses", None)
    assert preview["chronology"] == own["chronology"]
    assert preview["withheld"] == own["withheld"]
    nothing = await hub.look(family, IG, **{"for": PARAGON})
    answers = [
        await hub.look(family, CHESIL, **{"for": S2W}),
        await hub.look(family, CHESIL, **{"for": "s2w/none"}),
    ]
    # To the desk there is nothing, and that is what is to be seen.
    assert (nothing.status_code, sections(nothing)["chronology"], sections(nothing)["freshness"]) == (
        200,
        [],
        [],
    )
    assert not any(value for name, value in sections(nothing).items() if name not in ("family", "for", "at"))
    assert {(each.status_code, each.content) for each in answers} == {(404, answers[0].content)}
    for unknown, rule in ((NOBODY, "unknown-id"), ("no-id", "format")):
        told = await hub.look(unknown, IG, **{"for": S2W})
        assert (told.status_code, told.json()["errors"][0]["rule"]) == (404, rule)
        assert (await hub.look(unknown, CHESIL, **{"for": S2W})).content == answers[0].content
    none = await hub.look(family, IG, **{"for": "s2w/none"})
    assert (none.status_code, none.json()["errors"][0]["pointer"]) == (422, "/query/for")
    assert S2W in none.json()["errors"][0]["detail"]

    entries = [each[0] for each in await hub.recorded("family.viewed")]
    looks = [(each["desk"], each["what"], each.get("for"), bool(each["shown"])) for each in entries]
    assert sorted(looks, key=str) == [
        (IG, "preview", PARAGON, False), (IG, "preview", S2W, True), (S2W, "view", None, True),
    ]  # fmt: skip
    denied = [each[0]["desk"] for each in await hub.recorded("access.denied")]
    assert sorted(denied) == [CHESIL, CHESIL, CHESIL, CHESIL, IG, IG]


async def test_delivery_and_view_name_the_event_alike_when_a_desk_has_both(hub: Looking) -> None:
    family = await home(hub)
    view = sections(await hub.look(family, CHESIL))
    ids = {str(row[0]) for row in await hub.rows("SELECT delivery_id FROM delivery WHERE desk = %s", CHESIL)}
    from_others = {each["id"] for each in view["chronology"] if each.get("by") == S2W}
    assert from_others
    assert from_others <= ids


async def test_nothing_is_shown_when_the_look_cannot_be_recorded(hub: Looking) -> None:
    family = await home(hub)
    await hub.execute("ALTER TABLE audit_detail RENAME TO gone")
    answer = await hub.look(family, CHESIL)
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert b"chronology" not in answer.content
    await hub.execute("ALTER TABLE gone RENAME TO audit_detail")
    assert (await hub.look(family, CHESIL)).status_code == 200


async def test_one_and_the_same_answer_is_given_when_there_is_nothing_for_the_reader(hub: Looking) -> None:
    family = await home(hub)
    answers = [
        await hub.look(family, PARAGON),
        await hub.look(family, IG),
        await hub.look(NOBODY, CHESIL),
        await hub.look("no-id", CHESIL),
        await hub.http.get("/v1/nowhere", headers=hub.bearer(CHESIL)),
        await hub.find("liquidlogic", "V", PARAGON),
        await hub.find("liquidlogic", "nobody", CHESIL),
        await hub.find("no-scheme", "V", CHESIL),
    ]
    assert {(each.status_code, each.content) for each in answers} == {(404, answers[0].content)}
    # One byte of time or of a number of its own would tell them apart.
    assert len({tuple(sorted(each.headers.items())) for each in answers}) == 1


async def test_denial_is_recorded_when_a_family_is_not_the_readers(hub: Looking) -> None:
    family = await home(hub)
    await hub.look(family, PARAGON)
    await hub.look(NOBODY, PARAGON)
    denied = await hub.recorded("access.denied")
    assert sorted(len(each) for each in denied) == [1, 2]
    assert {row["user"] for each in denied for part, row in each.items() if part == len(each) - 1} == {
        "a.user"
    }


async def test_look_is_refused_when_the_token_does_not_say_why(hub: Looking) -> None:
    family = await home(hub)
    for claim, said in (("purpose", None), ("purpose", "bogus"), ("reason", None), ("reason", " ")):
        answer = await hub.look(family, CHESIL, claims={claim: said})
        (fault,) = answer.json()["errors"]
        assert (answer.status_code, fault["pointer"]) == (422, f"/token/{claim}")
        assert ("one of safeguard, support" in fault["detail"]) == (claim == "purpose")
        assert "bogus" not in answer.text
    assert await hub.recorded("family.viewed") == []


async def test_time_is_refused_when_it_is_none(hub: Looking) -> None:
    answer = await hub.look(await home(hub), CHESIL, at="yesterday")
    (fault,) = answer.json()["errors"]
    assert (answer.status_code, fault["pointer"], fault["rule"]) == (422, "/query/at", "format")
    assert fault["example"] == format_micros(hub.clock.now())


async def test_a_time_is_refused_when_the_hubs_clock_has_not_come_to_it(hub: Looking) -> None:
    family, now = await home(hub), hub.clock.now()
    assert (await hub.look(family, CHESIL, at=format_micros(now))).status_code == 200
    answer = await hub.look(family, CHESIL, at=format_micros(now + 1))
    (fault,) = answer.json()["errors"]
    assert (answer.status_code, fault["pointer"], fault["rule"]) == (422, "/query/at", "range")
    assert fault["example"] == format_micros(now)
    assert fault["example"] in fault["detail"]


async def test_what_was_recorded_by_then_is_shown_when_a_time_is_named(hub: Looking) -> None:
    family = await hub.begin_family("F-1", CHESIL, adults="VP", children="K")
    then = "2023-06-01T10:00:00Z"
    hub.clock.advance(3_600_000_000)
    await hub.tell("child.status_changed", {"family": ref("F-1"), "person": ref("K"), "status": "cp"})
    await hub.settle()
    assert sections(await hub.look(family, CHESIL))["statuses"] != []
    assert sections(await hub.look(family, CHESIL, at=then))["statuses"] == []


async def test_all_is_held_when_a_withdrawal_was_accepted_and_not_read(hub: Looking) -> None:
    family = await home(hub)
    await hub.consent("F-1", "V")
    await hub.score("F-1", "V", 11)
    assert sections(await hub.look(family, CHESIL))["outcomes"][-1]["score"] == 11
    await hub.tell("consent.withdrawn", {"family": ref("F-1"), "person": ref("V")})
    view = sections(await hub.look(family, CHESIL))
    assert (view["chronology"], [each["reason"] for each in view["held"]]) == ([], ["facts"])
    await hub.settle()
    view = sections(await hub.look(family, CHESIL))
    assert view["held"] == []
    assert "score" not in view["outcomes"][-1]


async def test_withdrawal_counts_when_it_commits_while_the_view_reads(hub: Looking) -> None:
    family = await home(hub)
    victim = await hub.person("V")
    async with hub.connection() as conn:
        await conn.execute("BEGIN")
        await conn.execute("UPDATE guard SET raises = raises + 1 WHERE person_id = %s", (victim,))
        looking = asyncio.create_task(hub.look(family, CHESIL))
        waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        while (await hub.rows(waits))[0][0] == 0:
            assert not looking.done()
            await asyncio.sleep(0.01)
        await conn.execute("COMMIT")
    view = sections(await looking)
    assert [each["reason"] for each in view["held"]] == ["facts"]


async def test_perpetrators_desk_reads_nothing_of_her_when_it_works_for_him(hub: Looking) -> None:
    family = await home(hub)
    pair = {"victim": ref("V"), "perpetrator": ref("P"), "basis": "disclosure"}
    await hub.tell("safety.pair_recorded", {"family": ref("F-1"), **pair})
    started = {"family": ref("F-1"), "person": ref("P"), "desk": PROBATION}
    await hub.tell("person.probation_supervision_started", started, desk=PROBATION)
    await hub.settle()
    before = await hub.look(family, PROBATION)
    await hub.score("F-1", "V", 9)
    after = await hub.look(family, PROBATION)
    assert sections(before)["chronology"] != []
    assert (await hub.person("V")).encode() not in after.content
    assert S2W.encode() not in after.content
    assert without_time(before) == without_time(after)


async def test_perpetrators_desk_sees_the_very_same_when_something_of_hers_is_on_its_way(
    hub: Looking,
) -> None:
    family = await home(hub)
    pair = {"victim": ref("V"), "perpetrator": ref("P"), "basis": "disclosure"}
    await hub.tell("safety.pair_recorded", {"family": ref("F-1"), **pair})
    started = {"family": ref("F-1"), "person": ref("P"), "desk": PROBATION}
    await hub.tell("person.probation_supervision_started", started, desk=PROBATION)
    await hub.settle()
    before = await hub.look(family, PROBATION)
    assert sections(before)["chronology"] != []
    about = {"family": ref("F-1"), "person": ref("V")}
    referral = {"referral": ref("R-9"), "to": PARAGON, "specialism": "domestic_abuse_victim"}
    for kind, data in (("consent.refused", about), ("referral.requested", about | referral)):
        await hub.tell(kind, data)
        # As long as no log has read it, the lead is told that something is on its way; the other side never is.
        held = {desk: sections(await hub.look(family, desk))["held"] for desk in (CHESIL, PROBATION)}
        assert ([each["reason"] for each in held[CHESIL]], held[PROBATION]) == (["facts"], [])
        hub.patience = 60 * SECOND
        looking = asyncio.create_task(hub.look(family, PROBATION))
        await asyncio.sleep(0.3)
        assert not looking.done()
        await hub.settle()
        after = await looking
        if after.status_code == 503:  # on a busy machine it took longer than a look may
            after = await hub.look(family, PROBATION)
        assert without_time(after) == without_time(before)
        hub.patience = 0


async def test_the_other_side_is_led_nowhere_when_it_tries_the_id_of_a_referral_of_hers(hub: Looking) -> None:
    family = await home(hub)
    pair = {"victim": ref("V"), "perpetrator": ref("P"), "basis": "disclosure"}
    await hub.tell("safety.pair_recorded", {"family": ref("F-1"), **pair})
    started = {"family": ref("F-1"), "person": ref("P"), "desk": PROBATION}
    await hub.tell("person.probation_supervision_started", started, desk=PROBATION)
    for person, name, desk in (("V", "R-V", PARAGON), ("P", "R-P", PROBATION)):
        await hub.tell("person.told_recorded", {"person": ref(person), "told": True})
        request = {"family": ref("F-1"), "person": ref(person), "referral": ref(name), "to": desk}
        await hub.tell("referral.requested", {**request, "specialism": "any"})
    await hub.settle()
    for value in ("R-V", "V"):
        assert (await hub.find("liquidlogic", value, PROBATION)).status_code == 404
        assert [
            each["family"] for each in sections(await hub.find("liquidlogic", value, CHESIL))["families"]
        ] == [family]
        assert (await hub.find("liquidlogic", value, PARAGON)).status_code == 200
    for value in ("R-P", "P", "F-1"):
        assert (await hub.find("liquidlogic", value, PROBATION)).status_code == 200


async def test_the_other_side_finds_no_other_family_of_hers_when_he_is_no_member_of_it(hub: Looking) -> None:
    await home(hub)
    pair = {"victim": ref("V"), "perpetrator": ref("P"), "basis": "disclosure"}
    await hub.tell("safety.pair_recorded", {"family": ref("F-1"), **pair})
    started = {"family": ref("F-1"), "person": ref("P"), "desk": PROBATION}
    await hub.tell("person.probation_supervision_started", started, desk=PROBATION)
    await hub.settle()
    # She joins her mother's: by the pair its log hears of P, and who supervises him.
    other = await hub.begin_family("F-2", CHESIL, adults="VG", children="N")
    for value in ("V", "G", "N", "F-2"):
        assert (await hub.find("liquidlogic", value, PROBATION)).status_code == 404
    assert (await hub.look(other, PROBATION)).status_code == 404
    assert (await hub.look(other, CHESIL)).status_code == 200


def without_time(answer: httpx.Response) -> bytes:
    return orjson.dumps({key: each for key, each in answer.json().items() if key != "at"})


async def test_nothing_is_shown_when_the_agency_is_suspended(hub: Looking) -> None:
    family = await home(hub)
    assert (await hub.look(family, S2W)).status_code == 200
    await hub.execute("UPDATE agency_guard SET closed = true WHERE agency = 's2w'")
    assert (await hub.look(family, S2W)).status_code == 404
    assert (await hub.look(family, CHESIL)).status_code == 200


async def test_text_is_given_when_a_terminal_asks_for_it(hub: Looking) -> None:
    answer = await hub.look(await home(hub), CHESIL, accept="text/plain")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text.startswith("Family ")


async def test_reviewers_find_a_familys_id_alone_when_they_ask_by_an_id_of_their_agencys(
    hub: Looking,
) -> None:
    family = await home(hub)
    other = await hub.begin_family("F-2", CHESIL, adults="V")
    found = {
        value: (await hub.find("liquidlogic", value, IG)).json()["families"] for value in ("F-1", "V", "K")
    }
    assert found["F-1"] == [{"family": family, "case": {}}]
    assert sorted(each["family"] for each in found["V"]) == sorted([family, other])
    assert found["K"] == found["F-1"]
    assert (await hub.find("crn", "V", IG)).status_code == 404
    searches = [each[0] for each in await hub.recorded("search.run")]
    assert {each["desk"] for each in searches} == {IG}
    assert (await hub.look(family, IG)).status_code == 404


@pytest.mark.parametrize(("scheme", "value"), [("liquidlogic", "F-1"), ("liquidlogic", "V")])
async def test_family_is_found_when_somebody_asks_by_an_id_of_their_own(
    hub: Looking, scheme: str, value: str
) -> None:
    family = await home(hub)
    answer = await hub.find(scheme, value, CHESIL)
    assert [each["family"] for each in answer.json()["families"]] == [family]
    (entry,) = await hub.recorded("search.run")
    assert value not in [each for part in entry.values() for each in part.values()]
