"""What a desk may not say of who somebody is, and what a record of a log may not do to the others."""

import pytest

from hub.events import Envelope, to_headers
from hub.processor.records import Record
from hub.schemas import wire
from tests.integration.attack.hub import CHESIL, PARAGON, PROBATION, REACH, S2W, Hub
from tests.integration.gateway.world import ref

LINK = "hub.identity_linked"
REDRIVE = "hub.redrive_requested"


@pytest.mark.parametrize("desk", [PROBATION, S2W, PARAGON, REACH, "police/dorset", "council/minutes"])
async def test_an_id_stays_whose_it_is_when_a_desk_claims_it_for_its_own_client(hub: Hub, desk: str) -> None:
    await hub.begin_family("F-1", CHESIL, adults="V")
    await hub.begin_family("F-2", CHESIL, adults="P")
    victim = await hub.person("V")
    claim = {"person": ref("P"), "identifier": ref("V"), "degree": "confirmed"}
    assert (await hub.post(LINK, claim, desk=desk)).status_code == 404
    undo = {"person": ref("V"), "identifier": ref("V")}
    assert (await hub.post("hub.identity_unlinked", undo, desk=desk)).status_code == 404
    await hub.tell("person.told_recorded", {"person": ref("V"), "told": True})
    told = next(each for each in await hub.events() if each.kind == "person.told_recorded")
    assert told.data["person"]["value"] == victim


@pytest.mark.parametrize("desk", [PROBATION, S2W, CHESIL])
async def test_nothing_is_driven_again_when_another_than_the_engineers_asks(hub: Hub, desk: str) -> None:
    log = await hub.begin_family("F-1", CHESIL, adults="V")
    answer = await hub.post(REDRIVE, {"processor": "router", "key": log}, desk=desk)
    assert answer.status_code == 404


async def test_every_other_record_takes_effect_when_one_has_ids_that_no_database_takes(hub: Hub) -> None:
    log = await hub.begin_family("F-1", CHESIL, adults="V")
    await hub.tell("person.told_recorded", {"person": ref("V"), "told": True})
    place = "events", hub.partition(log)
    good = dict(hub.logs[place][0].headers)
    for number, (name, value) in enumerate(
        (("ce_id", b"-" * 36), ("ce_subject", b"no key"), ("ce_receipt", b"x"), ("ce_raises", b"y,z"))
    ):
        own = {"ce_id": f"00000000-0000-8000-8000-00000000000{number}".encode()}
        headers = [*(good | own | {name: value}).items()]
        hub.logs[place].append(Record(place[1], len(hub.logs[place]), headers, hub.logs[place][0].value))
    await hub.settle()
    fates = await hub.rows("SELECT count(*) FROM fate WHERE kind = 'rejected' AND reason = 'undecodable'")
    assert fates == [(4,)]
    assert await hub.rows("SELECT count(*) FROM task WHERE kind = 'dead_letter'") == [(4,)]
    assert (await hub.family_state(log))["persons"][await hub.person("V")]["told"][2]["told"] is True


async def test_somebody_owns_a_key_when_it_stops_again_after_it_was_driven(hub: Hub) -> None:
    log = await hub.begin_family("F-1", CHESIL, adults="V")
    place = "events", hub.partition(log)
    machine = hub.processors["events"].context.machine
    for round_ in range(2):
        broken = type("Broken", (), {"__getattr__": lambda self, name: getattr(machine, name)})()
        broken.handle = fail
        object.__setattr__(hub.processors["events"].context, "machine", broken)
        await hub.tell("person.told_recorded", {"person": ref("V"), "told": True})
        await hub.settle()
        assert await hub.rows("SELECT done_at IS NULL FROM task WHERE kind = 'parked'") == [(True,)], round_
        object.__setattr__(hub.processors["events"].context, "machine", machine)
        hub.logs[place].append(redrive(hub, place[1], log, round_))
        await hub.settle()
        assert await hub.rows("SELECT done_at IS NULL FROM task WHERE kind = 'parked'") == [(False,)], round_
    assert await hub.rows("SELECT count(*) FROM parked") == [(0,)]


def fail(*_: object) -> None:
    raise ZeroDivisionError


def redrive(hub: Hub, partition: int, key: str, number: int) -> Record:
    """As the engineers' request stands in the log."""
    schema = hub.catalogue.type(f"wraparound.{REDRIVE}.v1")
    envelope = Envelope(
        f"00000000-0000-8000-8000-00000000000{number}", schema.type, "hub/operations", key, 1, 1
    )
    body = wire.encode(schema, schema.datum(processor="router", key=key))
    return Record(partition, len(hub.logs["events", partition]), to_headers(envelope), body)
