"""Cases by hand: what each desk gets of an event, in the specification's cast, read off sections 2 to 5 with a pencil.

A row is an event; a column a desk; an entry the categories that the desk gets, gate and all, in short names: `-` for
nothing, `~x` for one whose existence alone is told. The world of a block is the cast of section 8 and what its title
says. A case is one entry: one desk's answer to one event in one world.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

SHORT: Final = {
    "membership": "family.membership",
    "existence": "family.existence",
    "name": "identity.name",
    "dob": "identity.dob",
    "identifier": "identity.identifier",
    "equality": "identity.equality",
    "channel": "contact.channel",
    "address": "contact.address",
    "status": "child.status",
    "s47": "child.s47",
    "school": "child.education",
    "worker": "worker.contact",
    "rating": "risk.rating",
    "why": "risk.reason",
    "stage": "stage_of_change",
    "referral": "referral.existence",
    "need": "referral.need",
    "words": "referral.reason",
    "state": "referral.status",
    "position": "waiting.position",
    "support": "support.existence",
    "summary": "support.summary",
    "clinical": "support.clinical_detail",
    "plan": "support.dv_safety_plan",
    "mental": "mental_health.detail",
    "substance": "substance.use_detail",
    "offending": "offending.summary",
    "offences": "offending.detail",
    "outcome": "outcome.summary",
    "score": "outcome.score",
    "incident": "incident.report",
    "consent": "consent.record",
    "restriction": "safety.restriction",
    "third": "third_party.detail",
    "decision": "supervision.decision",
    "note": "supervision.note",
    "court": "child.proceedings",
}

TABLE: Final = (Path(__file__).parent / "table.txt").read_text()
