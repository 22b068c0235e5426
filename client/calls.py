"""What both clients say to the hub and how they read it: values, no network.

A `Call` is one request and what its answer means. `attempts` says what to do one step after another: send this, or
wait so long; a client carries that out and hands back what came. So the synchronous and the asynchronous client are
one thing, and what is sent again is the same under the same ids.
"""

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import httpx

from client.events import BATCH, STRUCTURED, NewEvent, batches, encoded
from client.tokens import DeskKey

TRIES: Final = 8
TIMEOUT: Final = 40.0
LONGEST_PAUSE: Final = 30.0
AGAIN: Final = frozenset({429, 502, 503, 504})
"""Answers that say: nothing was done, send the same later."""

T = TypeVar("T")


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


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request, and how a good answer is read. `signed` are claims of its token beside the usual ones."""

    method: str
    path: str
    read: Callable[[Any], T]
    params: Mapping[str, str | int] = field(default_factory=dict)
    content: bytes | None = None
    media_type: str = "application/json"
    signed: Mapping[str, Any] = field(default_factory=dict)

    def request(self, profile: Profile) -> dict[str, Any]:
        """The arguments of httpx's `request`, with a token of its own."""
        headers = {"authorization": f"Bearer {profile.key.token(profile.url, **self.signed)}"}
        if self.content is not None:
            headers["content-type"] = self.media_type
        return {
            "method": self.method,
            "url": self.path,
            "headers": headers,
            "params": dict(self.params),
            "content": self.content,
        }


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request; hand back the answer, or the error where none came."""

    request: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait."""

    seconds: float


Came = httpx.Response | httpx.TransportError | None


def attempts(call: Call[T], profile: Profile, tries: int) -> Generator[Send | Pause, Came, T]:
    """The steps of a call. Raises `HubProblemError`, and httpx's error if no answer came in the last try."""
    for attempt in range(1, tries + 1):
        came = yield Send(call.request(profile))
        last = attempt == tries
        if isinstance(came, httpx.Response):
            if came.status_code not in AGAIN or last:
                return call.read(_read(came))
        elif last:
            assert came is not None
            raise came
        yield Pause(_pause(came, attempt))
    raise AssertionError


def _pause(came: Came, attempt: int) -> float:
    told = came.headers.get("retry-after", "") if isinstance(came, httpx.Response) else ""
    backoff: float = min(0.1 * 2**attempt, 5.0)
    return min(max(float(told), backoff), LONGEST_PAUSE) if told.isdigit() else backoff


def _read(answer: httpx.Response) -> Any:
    if answer.is_success:
        if answer.headers.get("content-type", "").startswith("text/plain"):
            return answer.text
        return answer.json() if answer.content else {}
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    raise HubProblemError(answer.status_code, problem if isinstance(problem, dict) else {})


# The calls ----------------------------------------------------------------------------------------------------------


def publish(event: NewEvent, source: str, *, dry_run: bool = False) -> Call[str]:
    """Publish one event: the receipt's id ("" for a dry run)."""
    return Call(
        "POST",
        "/v1/events",
        lambda found: str(found.get("receipt", "")),
        params={"dry_run": "true"} if dry_run else {},
        content=encoded(event, source),
        media_type=STRUCTURED,
    )


def publish_batches(
    events: Sequence[NewEvent], source: str, *, dry_run: bool = False
) -> list[Call[list[str | HubProblemError]]]:
    """Publish events in as few requests as the limits allow: for each its receipt's id, or its problem."""
    params = {"dry_run": "true"} if dry_run else {}
    return [
        Call("POST", "/v1/events", _results, params=params, content=body, media_type=BATCH)
        for _, body in batches(events, source)
    ]


def _results(found: Any) -> list[str | HubProblemError]:
    return [
        HubProblemError(each["status"], each) if "status" in each else str(each.get("receipt", ""))
        for each in found
    ]


def hub_time() -> Call[str]:
    """What the hub's clock says (RFC 3339)."""
    return Call("GET", "/livez", lambda found: str(found["at"]))


def receipt(receipt_id: str) -> Call[dict[str, Any]]:
    """What became of an event."""
    return Call("GET", f"/v1/receipts/{receipt_id}", dict)


def inbox(after: int, limit: int, wait: int) -> Call[dict[str, Any]]:
    """Deliveries behind a cursor."""
    return Call("GET", "/v1/inbox", dict, params={"after": after, "limit": limit, "wait": wait})


def acknowledge(ids: Sequence[str]) -> Call[list[str]]:
    """Take deliveries out of the inbox; gives those that are: what was never in it is passed over."""
    body = json.dumps({"ids": list(ids)}).encode()
    return Call("POST", "/v1/inbox/acknowledgements", lambda found: list(found["acknowledged"]), content=body)


def catalogue(event_type: str = "") -> Call[dict[str, Any]]:
    """The event types that the desk may publish or receive; or one of them."""
    return Call("GET", f"/v1/catalogue/{event_type}" if event_type else "/v1/catalogue", dict)


def decisions(about: str, desk: str, *, user: str, purpose: str, reason: str) -> Call[dict[str, Any]]:
    """Why something was shared or withheld."""
    signed = looking(desk, user=user, purpose=purpose, reason=reason)
    return Call("GET", f"/v1/decisions/{about}", dict, signed=signed)


def looking(desk: str, *, user: str, purpose: str, reason: str) -> dict[str, Any]:
    """The claims of a look at data: who looks, for which desk, and why. They are recorded before the hub answers."""
    return {"subject": user, "desk": desk, "purpose": purpose, "reason": reason}


def family(
    family_id: str, *, signed: Mapping[str, Any], at: str = "", preview: str = ""
) -> Call[dict[str, Any]]:
    """What the desk may know of a family; `at`: as it was on that instant (RFC 3339).

    `preview`: what another desk would see, for a desk that governs information.
    """
    asked = {name: value for name, value in (("at", at), ("for", preview)) if value}
    return Call("GET", f"/v1/families/{family_id}", dict, params=asked, signed=signed)


def simulation(asked: Mapping[str, Any], *, signed: Mapping[str, Any]) -> Call[dict[str, Any]]:
    """What more and what less would have been released under other rules: some families, and `next`.

    `asked`: `rules`, `since`, `until` and `after`, the `next` of the answer before.
    """
    body = json.dumps(dict(asked)).encode()
    return Call("POST", "/v1/rules/simulation", dict, content=body, signed=signed)


def agreements() -> Call[dict[str, Any]]:
    """The rules in force, and every version of an agreement that is or was, or is asked for."""
    return Call("GET", "/v1/agreements", dict)


def agreement(receipt_id: str) -> Call[dict[str, Any]]:
    """One version, with its text."""
    return Call("GET", f"/v1/agreements/{receipt_id}", dict)


def find_families(scheme: str, value: str, *, signed: Mapping[str, Any]) -> Call[list[dict[str, Any]]]:
    """The families that an id of one's own leads to."""
    body = json.dumps({"scheme": scheme, "value": value}).encode()
    return Call(
        "POST", "/v1/families/search", lambda found: list(found["families"]), content=body, signed=signed
    )


def looks(
    family_id: str, *, signed: Mapping[str, Any], since: str = "", until: str = ""
) -> Call[dict[str, Any]]:
    """Who saw a family's data in [since, until), and why; what was released to whom."""
    period = {name: at for name, at in (("since", since), ("until", until)) if at}
    return Call("GET", f"/v1/families/{family_id}/looks", dict, params=period, signed=signed)


def identity(person: str, *, signed: Mapping[str, Any]) -> Call[dict[str, Any]]:
    """What is linked to a person or family of the hub."""
    return Call("GET", f"/v1/identities/{person}", dict, signed=signed)


def proof(receipt_id: str) -> Call[dict[str, Any]]:
    """That an acceptance is in the log: leaf, index, hashes, checkpoint."""
    return Call("GET", f"/v1/receipts/{receipt_id}/proof", dict)


def checkpoint() -> Call[str]:
    """The newest signed checkpoint of the log that the desk may have: a C2SP signed note."""
    return Call("GET", "/log/checkpoint", str)


def stages(event_id: str) -> Call[dict[str, Any]]:
    """Where an event is: for the engineers' desk."""
    return Call("GET", f"/v1/operations/events/{event_id}", dict)


def tasks(kind: str = "", limit: int = 100) -> Call[list[dict[str, Any]]]:
    """What waits for a person of the desk."""
    params: dict[str, str | int] = {"limit": limit}
    if kind:
        params["kind"] = kind
    return Call("GET", "/v1/tasks", lambda found: list(found["tasks"]), params=params)


def task(task_id: str, *, signed: Mapping[str, Any] | None = None) -> Call[dict[str, Any]]:
    """One task, and what can be done about it. `signed`: who looks and why, for one that lists what left."""
    return Call("GET", f"/v1/tasks/{task_id}", dict, signed=signed or {})


def do_task(
    task_id: str, action: str, given: Mapping[str, Any], *, signed: Mapping[str, Any]
) -> Call[dict[str, Any]]:
    """Do something about a task."""
    return Call(
        "POST", f"/v1/tasks/{task_id}/{action}", dict, content=json.dumps(dict(given)).encode(), signed=signed
    )
