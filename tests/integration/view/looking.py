"""The hub of the attacks, with a gateway that shows families, and people who look."""

from dataclasses import dataclass
from typing import Any

import httpx
import orjson
from fastapi import APIRouter

from cli.gateway import families_of, proofs_of
from hub import ledger
from hub.clock import Micros
from services.gateway.api import Doors
from services.gateway.main import assemble
from tests.integration.attack.hub import Hub

WHY = {"purpose": "safeguard", "reason": "core group meeting", "subject": "a.user"}


@dataclass
class Looking(Hub):
    """Users look at families over HTTP."""

    patience: Micros = 0
    """How long a look waits for facts that are on their way: in vain, unless the test reads on meanwhile."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.gateway = assemble(
            self.stack.settings("gateway", postgres=self.dsn), [self._families, proofs_of]
        )
        transport = httpx.ASGITransport(self.gateway.app, raise_app_exceptions=False)
        self.http = httpx.AsyncClient(transport=transport, base_url=self.stack.url)

    def _families(self, doors: Doors) -> APIRouter:
        object.__setattr__(doors.parts, "clock", self.clock)
        return families_of(doors, lambda: self.patience)

    async def look(self, family: str, desk: str, **params: Any) -> httpx.Response:
        """Ask for a family's view."""
        claims = {**WHY, **params.pop("claims", {})}
        headers = self.bearer(desk, **{key: each for key, each in claims.items() if each is not None})
        headers["accept"] = params.pop("accept", "application/json")
        return await self.http.get(f"/v1/families/{family}", headers=headers, params=params)

    async def find(self, scheme: str, value: str, desk: str) -> httpx.Response:
        """Search for a family."""
        content = orjson.dumps({"scheme": scheme, "value": value})
        headers = {**self.bearer(desk, **WHY), "content-type": "application/json"}
        return await self.http.post("/v1/families/search", headers=headers, content=content)

    async def execute(self, statement: str) -> None:
        """Do something to the database."""
        async with self.connection() as conn:
            await conn.execute(statement.encode())

    async def recorded(self, kind: str) -> list[dict[int, Any]]:
        """The details of the log's entries of a kind, in order."""
        rows = await self.rows(
            "SELECT entry_id::text FROM audit_entry WHERE kind = %s ORDER BY recorded_at, entry_id", kind
        )
        found = []
        for (entry,) in rows:
            async with self.database.transaction() as conn:
                found.append(await ledger.read_details(conn, self.ring, entry))
        return found
