"""council/chesil: the children's social work team that leads both families."""

import asyncio
from typing import Any, Final

from simulation.approving import approve
from simulation.desk import Desk
from simulation.people import (
    DORAN,
    DORAN_CRN,
    FENNIMORE,
    JORY,
    MARA,
    QUILLFEATHER,
    REFUGE,
    TAMSIN,
    WREN,
    Ref,
    about,
    case,
    nhs,
)

CORE_GROUP: Final = ["s2w/sft", "paragon/victim", "probation/perp"]


async def work(desk: Desk) -> None:
    """Lead both families through the year, each at its own pace."""
    await asyncio.gather(_quillfeather(desk), _fennimore(desk), _listen(desk))


async def _quillfeather(desk: Desk) -> None:
    await desk.on("2023-01-09")
    opened = {
        "family": QUILLFEATHER,
        "lead": "council/chesil",
        "locality": "chesil",
        "opened_on": "2023-01-09",
    }
    await desk.publish("q-opened", "family.opened", opened, "the family Quillfeather is opened")
    await desk.publish("q-members", "family.member_added", {"family": QUILLFEATHER, "members": _members()})
    wrong = {"family": QUILLFEATHER, "person": nhs("9990000019"), "told": True, "method": "face_to_face"}
    await desk.publish("q-told-wrong", "person.told_recorded", wrong, "an NHS number is mistyped")
    told = {"family": QUILLFEATHER, "person": MARA, "told": True, "method": "face_to_face"}
    await desk.publish("q-told", "person.told_recorded", told | {"told_on": "2023-01-09"})
    status = {"family": QUILLFEATHER, "person": WREN, "status": "cin", "since": "2023-01-09"}
    await desk.publish("q-status", "child.status_changed", status)
    await _rate(
        desk, "amber", "2023-01-09", about("Two call-outs in a month; her mother asks for help.", WREN, MARA)
    )
    await desk.on("2023-01-16")
    await _refer(desk, "q-refer-s2w", QUILLFEATHER, MARA, "s2w/sft", "mental_health", "depression")
    await _refer(
        desk,
        "q-refer-paragon",
        QUILLFEATHER,
        MARA,
        "paragon/victim",
        "domestic_abuse_victim",
        "domestic_abuse",
    )
    await desk.after("probation/perp", "supervision")
    await desk.on("2023-02-20")
    await desk.publish(
        "q-plan", "practice.plan_agreed", _plan(), "the plan is agreed; three desks join the core group"
    )
    await desk.on("2023-04-17")
    await desk.publish(
        "q-supervision", "practice.supervision_held", _supervision(), "group supervision, with minutes"
    )
    # However slow the machine is: Paragon supports Mara by then, and is back.
    await desk.after("council/ig", "resumed")
    await approve(desk.hub)
    desk.remark("agreed", "a second person of the council agrees: Paragon may come back")
    await desk.on("2023-08-07")
    await desk.publish("q-moved", "family.household_changed", _moved(), "Mara and Wren move to a refuge")
    await desk.on("2023-09-18")
    await desk.publish(
        "q-incident", "outcome.incident_reported", _incident(), "Doran comes to the school gate"
    )
    await _rate(desk, "red", "2023-09-18", about("He waited for Wren at the school gate.", WREN, DORAN))
    await desk.on("2023-12-04")
    told = {"family": QUILLFEATHER, "person": DORAN, "told": True, "method": "face_to_face"}
    await desk.publish("q-told-doran", "person.told_recorded", told)
    await _refer(
        desk,
        "q-refer-probation",
        QUILLFEATHER,
        DORAN,
        "probation/perp",
        "domestic_abuse_perpetrator",
        "domestic_abuse",
    )
    await desk.on("2023-12-18")
    await _rate(desk, "green", "2023-12-18", about("Mara has finished her course; Wren sleeps.", WREN, MARA))


async def _fennimore(desk: Desk) -> None:
    await desk.on("2023-01-30")
    opened = {"family": FENNIMORE, "lead": "council/chesil", "locality": "chesil", "opened_on": "2023-01-30"}
    await desk.publish("f-opened", "family.opened", opened, "the family Fennimore is opened")
    members = [
        {
            "person": TAMSIN,
            "given_name": "Tamsin",
            "family_name": "Fennimore",
            "dob": "1994-02-11",
            "kind": "adult",
        }
        | {"relation": "mother", "domestic_abuse_role": "neither"},
        {
            "person": JORY,
            "given_name": "Jory",
            "family_name": "Fennimore",
            "dob": "2019-10-03",
            "kind": "child",
        }
        | {"relation": "child", "domestic_abuse_role": "neither"},
    ]
    await desk.publish("f-members", "family.member_added", {"family": FENNIMORE, "members": members})
    told = {"family": FENNIMORE, "person": TAMSIN, "told": True, "method": "face_to_face"}
    await desk.publish("f-told", "person.told_recorded", told)
    status = {"family": FENNIMORE, "person": JORY, "status": "cin", "since": "2023-01-30"}
    await desk.publish("f-status", "child.status_changed", status)
    await desk.on("2023-02-06")
    await _refer(desk, "f-refer-reach", FENNIMORE, TAMSIN, "reach/sft", "substance_use", "alcohol")
    # One number, given for two people: a person has to decide whose it is.
    typo = {"family": FENNIMORE, "person": TAMSIN, "identifiers": [case("P-771204")]}
    await desk.publish("f-number", "family.member_changed", typo, "Mara's case number is entered for Tamsin")
    await desk.receive("referral.goal_reviewed", withheld=["support.summary"])
    await desk.on("2023-06-19")
    status = {"family": FENNIMORE, "person": JORY, "status": "cp", "previous": "cin", "step": "up"}
    await desk.publish(
        "f-status-cp", "child.status_changed", status, "Jory becomes subject to a child protection plan"
    )
    await desk.after("reach/sft", "ended")
    await desk.on("2023-12-11")
    status = {"family": FENNIMORE, "person": JORY, "status": "none", "previous": "cp", "step": "down"}
    await desk.publish("f-status-none", "child.status_changed", status)
    closed = {"family": FENNIMORE, "reason": "needs_met", "closed_on": "2023-12-11"}
    await desk.publish("f-closed", "family.closed", closed, "the family Fennimore is closed: needs met")


async def _listen(desk: Desk) -> None:
    await desk.receive("outcome.measure_recorded", withheld=["outcome.score"])
    desk.remark("saw-score", "hears that there is a score, and not which")
    await desk.receive("outcome.measure_recorded", score=12)
    desk.remark("read-score", "reads Mara's score")


async def _rate(desk: Desk, rating: str, day: str, reason: dict[str, Any]) -> None:
    data = {"family": QUILLFEATHER, "person": WREN, "rating": rating, "rated_on": day, "reason": reason}
    await desk.publish(f"q-risk-{day}", "practice.risk_rated", data, f"the risk to Wren is rated {rating}")


async def _refer(desk: Desk, tag: str, family: Ref, person: Ref, to: str, specialism: str, need: str) -> None:
    names = {MARA["value"]: "Mara", DORAN["value"]: "Doran", TAMSIN["value"]: "Tamsin"}
    data = {
        "family": family,
        "referral": case(tag.upper()),
        "person": person,
        "to": to,
        "specialism": specialism,
        "needs": [{"need": need, "when": "present", "severity": "medium"}],
        "given_name": names[person["value"]],
        "reason": about("Asks for help, and would like it soon.", person),
        "phone": "01632 960123",
        "addressed_to": [{"field": "reason", "desks": [to]}],
    }
    await desk.publish(tag, "referral.requested", data, f"{names[person['value']]} is referred to {to}")


def _members() -> list[dict[str, Any]]:
    return [
        {
            "person": MARA,
            "identifiers": [case("P-771204")],
            "given_name": "Mara",
            "family_name": "Quillfeather",
            "dob": "1991-03-09",
            "kind": "adult",
            "relation": "mother",
            "domestic_abuse_role": "victim",
        },
        {
            "person": DORAN,
            "identifiers": [DORAN_CRN],
            "given_name": "Doran",
            "family_name": "Thistlewick",
            "dob": "1989-11-30",
            "kind": "adult",
            "relation": "father",
            "domestic_abuse_role": "alleged_perpetrator",
            "against": MARA,
        },
        {
            "person": WREN,
            "given_name": "Wren",
            "family_name": "Quillfeather",
            "dob": "2017-06-21",
            "kind": "child",
            "relation": "child",
            "domestic_abuse_role": "neither",
        },
    ]


def _plan() -> dict[str, Any]:
    what = about("Someone from the team sees Wren each fortnight.", WREN)
    action = {
        "person": WREN,
        "what": what,
        "owner": "council/chesil",
        "due_on": "2023-03-06",
        "state": "open",
    }
    return {
        "family": QUILLFEATHER,
        "discussed": [WREN],
        "core_group": CORE_GROUP,
        "kind": "cin_plan",
        "agreed_on": "2023-02-20",
        "actions": [action],
    }


def _supervision() -> dict[str, Any]:
    return {
        "family": QUILLFEATHER,
        "discussed": [WREN, MARA],
        "attended": ["council/chesil", *CORE_GROUP],
        "core_group": CORE_GROUP,
        "held_on": "2023-04-17",
        "actions": [
            {
                "person": WREN,
                "what": about("School to ring the social worker, not the parents.", WREN),
                "owner": "council/chesil",
                "state": "open",
            }
        ],
        "notes": [{"person": MARA, "note": about("Mara sleeps better.", MARA), "by": "s2w/sft"}],
    }


def _moved() -> dict[str, Any]:
    place = {
        "household": case("H-9907"),
        "address_lines": [REFUGE],
        "postcode": "DT1 9ZZ",
        "dwelling": "refuge",
    }
    return {"family": QUILLFEATHER, "moves": [{"person": each, **place} for each in (MARA, WREN)]}


def _incident() -> dict[str, Any]:
    row = {"kind": "harassment", "at": "2023-09-18T08:20:00Z", "call_out": True}
    account = about("He waited at the gate until the police came.", DORAN)
    return {
        "family": QUILLFEATHER,
        "incident": "INC-2023-0918",
        "people": [
            {"person": MARA, "role": "victim", **row},
            {"person": DORAN, "role": "alleged_perpetrator", "account": account, **row},
            {"person": WREN, "role": "child_present", **row},
        ],
    }
