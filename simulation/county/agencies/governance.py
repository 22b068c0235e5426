"""council/ig: suspends an agency and lets it come back; decides objections."""

from datetime import timedelta
from typing import Final

from simulation.county.agencies.reach import objecting
from simulation.county.county import AWAY, County
from simulation.county.letters import Letter, Outbox

DECIDED_AFTER: Final = timedelta(days=95)


def letters(county: County) -> list[Letter]:
    """What information governance sends."""
    outbox = Outbox("council/ig", "ig-{:04d}")
    theft = {"agency": AWAY.agency, "reason": "security_incident"}
    outbox.write(AWAY.since, "hub.agency_suspended", theft)
    outbox.write(AWAY.back, "hub.agency_resumed", theft)
    for life in objecting(county):
        assert life.started is not None
        referral, day = life.referral, life.started + DECIDED_AFTER
        outcome = "upheld" if referral.number % 3 else "overruled"
        data = {
            "family": referral.family.ref,
            "person": referral.person.ref,
            "objection": f"OBJ-{referral.number}",
            "outcome": outcome,
            "reason": "compelling_grounds" if outcome == "overruled" else "grounds_of_their_own",
            "told_on": day.isoformat(),
        }
        outbox.write(day, "consent.objection_decided", data, referral.family.key)
    return outbox.letters
