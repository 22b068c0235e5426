"""Whether a desk holds a role for somebody now, as the router's states say: what a receipt may tell depends on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from hub.clock import Clock
from hub.database import Connection
from hub.keys import KeyRing
from hub.processor.store import state_context
from services.consent.compiled import CompiledRules
from services.consent.scene import FamilyFacts

TABLE: Final = "family_state"


@dataclass(frozen=True, slots=True)
class Roles:
    """Reads families' states, sealed as the router keeps them."""

    ring: KeyRing
    rules: CompiledRules
    clock: Clock

    async def held(
        self, conn: Connection, desk: str, families: Sequence[str], persons: Sequence[str]
    ) -> bool:
        """True if the desk holds a role for one of the families, or in one for one of the persons, now."""
        found = await conn.execute(
            f"SELECT key::text, state FROM {TABLE} WHERE key = ANY(%s::uuid[])", (list(families),)
        )
        rows = await found.fetchall()
        erased = await self.ring.load(conn, [row[0] for row in rows])
        for key, sealed in rows:
            if key in erased:
                continue
            stored = orjson.loads(self.ring.open(key, state_context(TABLE, key), bytes(sealed)))
            scene = FamilyFacts.of(stored).scene(self.rules, self.clock.now(), "")
            if scene.holds_role(desk, persons):
                return True
        return False
