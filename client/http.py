"""A desk's way to the hub over HTTP: publish, ask what became of it, read the inbox.

Each request carries a token of its own. A 503, or no answer at all, is tried again: the hub gives the first receipt to
an event that it has, so sending twice is safe. `HubProblemError` carries any other problem as the hub put it.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx

from client.tokens import DeskKey

TRIES: Final = 8


class HubProblemError(Exception):
    """The hub did not do it: `status` and the problem's members (RFC 9457)."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{status} {problem.get('title', '')}")
        self.status = status
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Profile:
    """Who a desk is, and where the hub."""

    url: str
    key: DeskKey

    @classmethod
    def load(cls, file: Path) -> "Profile":
        """Read a profile as the sandbox writes it: `url`, `desk`, `kid`, `key_file`."""
        found = json.loads(file.read_text())
        pem = Path(found["key_file"]).read_bytes()
        return cls(found["url"], DeskKey.from_pem(found["kid"], found["desk"], pem))


class HubClient:
    """One desk's connection to the hub. `watch` gets the bytes of every answer, before anything reads them."""

    def __init__(
        self, profile: Profile, *, tries: int = TRIES, watch: Callable[[bytes], object] = len
    ) -> None:
        self.profile = profile
        self._tries = tries
        self._watch = watch
        self._http = httpx.AsyncClient(base_url=profile.url, timeout=40.0)

    async def __aenter__(self) -> Self:
        """Use as a context."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        await self._http.aclose()

    async def publish(self, event_id: str, event_type: str, data: Any) -> str:
        """Publish one event of the desk's own; gives the receipt's id. Raises `HubProblemError`."""
        event = {
            "specversion": "1.0",
            "id": event_id,
            "source": self.profile.key.desk,
            "type": event_type,
            "datacontenttype": "application/json",
            "data": data,
        }
        headers = {"content-type": "application/cloudevents+json"}
        answer = await self._send("POST", "/v1/events", content=json.dumps(event).encode(), headers=headers)
        return str(answer["receipt"])

    async def receipt(self, receipt: str) -> dict[str, Any]:
        """What became of an event."""
        found: dict[str, Any] = await self._send("GET", f"/v1/receipts/{receipt}")
        return found

    async def inbox(self, after: int = 0, *, limit: int = 100, wait: int = 0) -> dict[str, Any]:
        """Deliveries behind the cursor `after`: `{"events": […], "after": n}`."""
        params = {"after": after, "limit": limit, "wait": wait}
        found: dict[str, Any] = await self._send("GET", "/v1/inbox", params=params)
        return found

    async def acknowledge(self, ids: list[str]) -> None:
        """Take deliveries out of the inbox."""
        await self._send("POST", "/v1/inbox/acknowledgements", json={"ids": ids})

    async def decisions(self, about: str, *, user: str, purpose: str, reason: str) -> dict[str, Any]:
        """Why something was shared or withheld; `about` is a receipt, event or delivery. For `council/ig` alone.

        The look is recorded with the user, purpose and reason before the hub answers.
        """
        signed: dict[str, Any] = {
            "subject": user,
            "desk": self.profile.key.desk,
            "purpose": purpose,
            "reason": reason,
        }
        found: dict[str, Any] = await self._send("GET", f"/v1/decisions/{about}", signed=signed)
        return found

    async def _send(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        signed: dict[str, Any] | None = None,
        **rest: Any,
    ) -> Any:
        for attempt in range(1, self._tries + 1):
            token = self.profile.key.token(self.profile.url, **(signed or {}))
            bearer = {"authorization": f"Bearer {token}"}
            try:
                answer = await self._http.request(method, path, headers={**(headers or {}), **bearer}, **rest)
            except httpx.TransportError:
                if attempt == self._tries:
                    raise
            else:
                self._watch(answer.content)
                if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or attempt == self._tries:
                    return _read(answer)
            await asyncio.sleep(min(0.1 * 2**attempt, 5.0))
        raise AssertionError


def _read(answer: httpx.Response) -> Any:
    if answer.is_success:
        return answer.json() if answer.content else {}
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    raise HubProblemError(answer.status_code, problem)
