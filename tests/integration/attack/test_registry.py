"""Events that the family's log rejects: they are accepted, and who is who stays as it is."""

from typing import Any

import pytest

from tests.integration.attack.hub import CHESIL, IG, S2W, WEST, Hub
from tests.integration.gateway.world import event, ref

DORCHESTER, POLICE = "council/dorchester", "police/dorset"
HARM = "outcome.incident_reported"


async def rejected(hub: Hub) -> list[str]:
    """The kinds that the router has rejected."""
    found = await hub.rows(
        "SELECT e.type FROM fate f JOIN event e USING (event_id) WHERE f.kind = 'rejected'"
    )
    return [str(row[0]).removeprefix("wraparound.").removesuffix(".v1") for row in found]


async def incident(hub: Hub, person: str, *desks: str) -> dict[str, int]:
    """The police report an incident of a person, naming no family: how many reports each desk gets."""
    await hub.relay(*desks)
    hub.released.clear()
    people = [{"person": ref(person), "role": "victim"}]
    await hub.tell(HARM, {"incident": "i-1", "people": people}, desk=POLICE)
    await hub.settle()
    await hub.relay(*desks)
    return {desk: len(hub.got(desk, HARM)) for desk in desks}


async def test_nobody_joins_a_family_when_another_desk_adds_them(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="A", children="K")
    await hub.begin_family("F-2", WEST, adults="X")
    rows = [{"person": ref(each), "kind": "adult"} for each in ("X", "NEW")]
    await hub.tell("family.member_added", {"family": ref("F-1"), "members": rows}, desk=WEST)
    await hub.settle()
    assert await rejected(hub) == ["family.member_added"]
    assert (
        await hub.rows("SELECT 1 FROM identity WHERE kind = 'person' AND scheme = 'liquidlogic' OFFSET 3")
        == []
    )
    assert await incident(hub, "X", CHESIL, WEST) == {CHESIL: 0, WEST: 1}


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("family.closed", {"family": ref("F-1")}),
        ("family.member_changed", {"family": ref("F-1"), "person": ref("K"), "state": "left"}),
        ("hub.identity_unlinked", {"person": ref("K"), "identifier": ref("K"), "reason": "x"}),
        ("hub.identity_linked", {"person": ref("P"), "identifier": ref("K"), "degree": "confirmed"}),
    ],
)
async def test_child_stays_who_they_are_when_another_desk_says_otherwise(
    hub: Hub, kind: str, data: dict[str, Any]
) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    await hub.begin_family("F-2", CHESIL, adults="P")
    child = await hub.person("K")
    await hub.tell(kind, data, desk=WEST)
    await hub.settle()
    assert await rejected(hub) == [kind]
    assert await incident(hub, "K", CHESIL) == {CHESIL: 1}
    (told,) = hub.got(CHESIL, HARM)
    assert [row["person"]["value"] for row in told["people"]] == [child]


@pytest.mark.parametrize("degree", ["confirmed", "probable"])
async def test_child_stays_who_they_are_when_a_lead_claims_their_id_for_its_own_client(
    hub: Hub, degree: str
) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V", children="K")
    await hub.begin_family("F-2", WEST, adults="P")
    child = await hub.person("K")
    claim = {"person": ref("P"), "identifier": ref("K"), "degree": degree}
    await hub.tell("hub.identity_linked", claim, desk=WEST)
    await hub.settle()
    assert await incident(hub, "K", CHESIL, WEST) == {CHESIL: 1, WEST: 0}
    (told,) = hub.got(CHESIL, HARM)
    assert [row["person"]["value"] for row in told["people"]] == [child]


async def test_referral_is_free_when_another_desk_has_named_it(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="A")
    second = await hub.begin_family("F-2", CHESIL, adults="B")
    request = {"referral": ref("R-1"), "to": S2W, "specialism": "mental_health"}
    await hub.tell("referral.requested", {**request, "person": ref("A"), "family": ref("F-1")}, desk=WEST)
    await hub.tell("referral.requested", {**request, "person": ref("B"), "family": ref("F-2")})
    await hub.settle()
    assert await rejected(hub) == ["referral.requested"]
    assert await hub.rows("SELECT family_id::text FROM referral") == [(second,)]


async def test_members_join_when_nothing_of_their_family_is_read_yet(hub: Hub) -> None:
    rows = [{"person": ref("K"), "kind": "child"}]
    added = {"family": ref("F-1"), "members": rows}
    batch = [
        event("family.opened", {"family": ref("F-1"), "lead": WEST}, "o-1", CHESIL),
        event("family.member_added", added, "o-2", CHESIL),
    ]
    assert (await hub.post_batch(batch)).status_code == 202
    await hub.tell(
        "family.member_changed", {"family": ref("F-1"), "person": ref("K"), "kind": "child"}, desk=WEST
    )
    await hub.settle()
    assert await rejected(hub) == []
    assert await incident(hub, "K", WEST) == {WEST: 1}


async def test_suspended_council_is_back_when_it_says_so_and_what_it_said_enters(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V")
    await hub.tell("hub.agency_suspended", {"agency": "council"}, desk=IG)
    await hub.tell("family.member_changed", {"family": ref("F-1"), "person": ref("V"), "kind": "adult"})
    await hub.tell("hub.agency_resumed", {"agency": "s2w"}, desk=IG)
    assert await hub.rows("SELECT count(*) FROM waiting WHERE reason = 'suspended'") == [(2,)]
    await hub.tell("hub.agency_resumed", {"agency": "council"}, desk=IG)
    assert await hub.rows("SELECT count(*) FROM waiting WHERE reason = 'suspended'") == [(2,)]
    await say(hub, "hub.agency_resumed", "approve")
    assert await hub.rows("SELECT 1 FROM waiting") == []
    assert await hub.rows("SELECT 1 FROM agency_guard WHERE closed") == []


async def say(hub: Hub, kind: str, action: str) -> None:
    """The second person's word on an agency: that of the desk that has the task."""
    ((task, owner),) = await hub.rows(
        "SELECT task_id::text, owner FROM task WHERE done_at IS NULL AND kind = 'approval' AND detail ->> 'type' = %s",
        kind,
    )
    headers = hub.bearer(owner, subject="officer", purpose="safeguard", reason="review")
    assert (await hub.http.post(f"/v1/tasks/{task}/{action}", headers=headers)).status_code == 202


async def test_agency_stays_suspended_when_its_return_has_no_second_person(hub: Hub) -> None:
    await hub.tell("hub.agency_suspended", {"agency": "s2w"}, desk=IG)
    await say(hub, "hub.agency_suspended", "approve")
    request = await hub.tell("hub.agency_resumed", {"agency": "s2w"}, desk=IG)
    ((task,),) = await hub.rows("SELECT task_id::text FROM task WHERE done_at IS NULL AND key = %s", request)
    own = {"task": task, "request": request, "decision": "approved"}
    for desk in (IG, "s2w/sft"):
        assert (await hub.post("hub.approval_given", own, desk=desk)).status_code == 422
        headers = hub.bearer(desk, subject="officer", purpose="safeguard", reason="review")
        assert (await hub.http.post(f"/v1/tasks/{task}/approve", headers=headers)).status_code == 404
    assert await hub.rows("SELECT agency FROM agency_guard WHERE closed") == [("s2w",)]
    await say(hub, "hub.agency_resumed", "refuse")
    assert await hub.rows("SELECT agency FROM agency_guard WHERE closed") == [("s2w",)]
    await hub.tell("hub.agency_resumed", {"agency": "s2w"}, desk=IG)
    await hub.tell("hub.agency_suspended", {"agency": "s2w"}, desk=IG)
    assert await hub.rows("SELECT 1 FROM task WHERE done_at IS NULL AND kind = 'approval'") == []


async def test_suspension_holds_at_once_and_ends_when_its_second_person_refuses(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V")
    await hub.support("F-1", "V", S2W)
    await hub.tell("hub.agency_suspended", {"agency": "s2w"}, desk=IG)
    await hub.score("F-1", "V", 3)
    assert await hub.rows("SELECT count(*) FROM waiting WHERE reason = 'suspended'") == [(1,)]
    await say(hub, "hub.agency_suspended", "refuse")
    assert await hub.rows("SELECT 1 FROM waiting") == []
    assert await hub.rows("SELECT 1 FROM agency_guard WHERE closed") == []


async def test_suspension_is_refused_when_it_names_an_agency_that_nobody_knows(hub: Hub) -> None:
    answer = await hub.post("hub.agency_suspended", {"agency": "nobody"}, desk=IG)
    assert answer.status_code == 422
    assert await hub.rows("SELECT 1 FROM agency_guard") == []


async def test_every_family_of_a_group_supervision_gets_its_copy_when_there_are_many(hub: Hub) -> None:
    names = "ABCDEFGHIJKLMNOPQ"
    batch = []
    for name in names:
        rows = [{"person": ref(name), "kind": "child"}]
        batch += [
            event("family.opened", {"family": ref(f"F-{name}"), "lead": CHESIL}, f"o-{name}", CHESIL),
            event("family.member_added", {"family": ref(f"F-{name}"), "members": rows}, f"m-{name}", CHESIL),
        ]
    assert (await hub.post_batch(batch)).status_code == 202
    minutes = {"discussed": [ref(name) for name in names]}
    receipt = await hub.tell("practice.supervision_held", minutes, desk="council/minutes")
    assert await hub.rows("SELECT count(*) FROM event WHERE receipt_id = %s", receipt) == [(len(names),)]


async def test_nobody_joins_a_family_by_a_desk_that_led_it_until_a_retraction_that_was_not_read(
    hub: Hub,
) -> None:
    await hub.begin_family("F-1", WEST, adults="V")
    await hub.begin_family("F-2", DORCHESTER, adults="W")
    moved = {"family": ref("F-1"), "lead": CHESIL}
    await hub.tell("family.lead_changed", moved, event_id="l-1", desk=WEST)
    await hub.settle()
    await hub.tell("family.lead_changed", {**moved, "corrects": "l-1", "retracted": True}, desk=WEST)
    rows = [{"person": ref("W"), "kind": "adult"}]
    await hub.tell("family.member_added", {"family": ref("F-1"), "members": rows}, desk=CHESIL)
    await hub.settle()
    assert await rejected(hub) == ["family.member_added"]
    assert await incident(hub, "W", WEST, DORCHESTER) == {WEST: 0, DORCHESTER: 1}


async def test_child_is_known_when_a_desk_adds_them_that_leads_again_by_a_retraction_that_was_not_read(
    hub: Hub,
) -> None:
    await hub.begin_family("F-1", WEST, adults="V")
    await hub.tell("family.lead_changed", {"family": ref("F-1"), "lead": CHESIL}, desk=WEST)
    moved = {"family": ref("F-1"), "lead": DORCHESTER}
    await hub.tell("family.lead_changed", moved, event_id="l-1", desk=WEST)
    await hub.settle()
    await hub.tell("family.lead_changed", {**moved, "corrects": "l-1", "retracted": True}, desk=WEST)
    rows = [{"person": ref("N"), "kind": "child"}]
    await hub.tell("family.member_added", {"family": ref("F-1"), "members": rows}, desk=CHESIL)
    await hub.settle()
    assert await rejected(hub) == []
    assert await incident(hub, "N", CHESIL) == {CHESIL: 1}


async def test_a_withdrawal_finds_the_family_when_all_of_its_life_came_in_one_batch(hub: Hub) -> None:
    """Opened, joined and closed at once, as a council brings in what was before the hub."""
    about = {"family": ref("F-1")}
    life = [
        ("family.opened", {**about, "lead": CHESIL}),
        ("family.member_added", {**about, "members": [{"person": ref("V"), "kind": "adult"}]}),
        ("family.closed", about),
    ]
    batch = [event(kind, data, f"b-{kind}", CHESIL) for kind, data in life]
    assert (await hub.post_batch(batch, desk=CHESIL)).status_code == 202
    await hub.tell("consent.withdrawn", {"person": ref("V")})
    await hub.settle()
    assert await hub.rows("SELECT reason FROM waiting") == []
    assert list((await hub.guards()).values()) == [1]


async def test_an_id_is_doubtful_when_that_is_the_last_word_on_it_in_one_batch(hub: Hub) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V")
    about = {"family": ref("F-1"), "person": ref("V"), "identifier": ref("77", "paris")}
    words: list[tuple[str, dict[str, Any]]] = [
        ("linked", {"degree": "confirmed"}),
        ("unlinked", {"reason": "mistaken"}),
        ("linked", {"degree": "probable"}),
    ]
    batch = [
        event(f"hub.identity_{word}", {**about, **said}, f"b-{number}", CHESIL)
        for number, (word, said) in enumerate(words)
    ]
    assert (await hub.post_batch(batch, desk=CHESIL)).status_code == 202
    found = await hub.rows("SELECT status FROM identity WHERE scheme = 'paris' AND ended_at IS NULL")
    assert found == [("probable",)]
