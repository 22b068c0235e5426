"""Whether a desk holds a role for somebody, as the router's states say: what a receipt may tell depends on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from hub.clock import Clock
from hub.database import Connection
from hub.keys import KeyRing
from hub.processor.states import state_context
from services.consent.family_facts import FamilyFacts
from services.consent.in_force import InForce
from services.consent.notified import is_sent
from services.gateway.receipts import Stored

TABLE: Final = "family_state"


@dataclass(frozen=True, slots=True)
class Roles:
    """Reads families' states, sealed as the router keeps them."""

    ring: KeyRing
    in_force: InForce
    clock: Clock

    async def held(self, conn: Connection, desk: str, copies: Sequence[Stored]) -> bool:
        """True if the desk holds a role for a family or somebody of the event, or held it when that was recorded.

        A role that the event itself ended counts for it (RULES.md 4.9). So a receipt that was told is told for good.
        Of an agency's own capacity there is nobody to tell of, nor in what a desk answers that it was sent.
        """
        if all(copy.of_agency for copy in copies):
            return True
        logs = sorted({copy.log for copy in copies})
        persons = sorted({person for copy in copies for person in copy.persons})
        found = await conn.execute(
            f"SELECT key::text, state FROM {TABLE} WHERE key = ANY(%s::uuid[])", (logs,)
        )
        rows = await found.fetchall()
        erased, now = await self.ring.load(conn, [row[0] for row in rows]), self.clock.now()
        for key, sealed in rows:
            if key in erased:
                continue
            stored = orjson.loads(self.ring.open(key, state_context(TABLE, key), bytes(sealed)))
            facts = FamilyFacts.of(stored)
            if any(is_sent(stored, str(copy.notice), desk) for copy in copies):
                return True
            if any(
                facts.scene(self.in_force.at(at), at, copy.id).holds_role(desk, persons, copy.referral)
                for copy in copies
                for at in (now, copy.recorded)
            ):
                return True
        return False
