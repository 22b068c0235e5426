"""What the gateway answers when it does not do what it was asked: problem details (RFC 9457).

Each status means one thing (INTERFACES.md section 1). A problem never quotes a value that came in, and the 404
is one and the same for what does not exist, what is not allowed, and what nobody may know of: the same words,
members and size, so that it tells nothing.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from hub.errors import WraparoundError
from hub.schemas.problems import Problem as DataProblem

MEDIA_TYPE: Final = "application/problem+json"
_NOBODY: Final = uuid.UUID(int=0)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem. `slug` names its page under `/problems/`."""

    status: int
    slug: str
    title: str
    detail: str


UNAUTHENTICATED: Final = Kind(
    401,
    "unauthenticated",
    "The token was not accepted",
    "Send a fresh JWT, signed with the desk's own key, as `Authorization: Bearer …`. Expected: alg EdDSA or"
    " ES256, kid of a key in the partnership, iss the agency, sub, aud this hub, exp at most 5 minutes ahead,"
    " jti never used before.",
)
NOT_FOUND: Final = Kind(
    404,
    "not-found",
    "Not found",
    "There is nothing here for you. `GET /v1/catalogue` lists the event types that your agency may publish or"
    " receive, `/openapi.json` the paths.",
)
NOT_ALLOWED: Final = Kind(
    405,
    "method-not-allowed",
    "This path has no such method",
    "The header Allow names the methods that it has.",
)
CONFLICT: Final = Kind(
    409,
    "conflict",
    "This id was used for something else",
    "An event of this source and id was accepted with other content. Publish the new content under a new id.",
)
CLOSED: Final = Kind(
    409,
    "task-closed",
    "This task is closed already",
    "Nothing was done. `GET /v1/tasks/{task}` says how it was closed.",
)
TOO_LARGE: Final = Kind(413, "too-large", "The body is too large", "Send less at once.")
UNSUPPORTED: Final = Kind(
    415,
    "unsupported-media-type",
    "This media type is not read here",
    "Send CloudEvents: `application/json` with ce- headers, `application/cloudevents+json`, or"
    " `application/cloudevents-batch+json`; in UTF-8, not compressed.",
)
INVALID: Final = Kind(
    422, "invalid", "The request is not valid", "Each error says where, and what is expected."
)
LIMITED: Final = Kind(
    429,
    "too-many-requests",
    "Too many requests of your agency",
    "Nothing was read. Send the same again after Retry-After seconds; a batch counts as one request.",
)
BROKEN: Final = Kind(
    500, "fault", "We failed", "The fault is ours and is recorded. Send the same again later."
)
UNAVAILABLE: Final = Kind(
    503,
    "unavailable",
    "Not now",
    "Nothing was accepted or shown. Send the same again after Retry-After seconds.",
)

KINDS: Final = {
    kind.slug: kind
    for kind in (
        *(UNAUTHENTICATED, NOT_FOUND, NOT_ALLOWED, CONFLICT, CLOSED, TOO_LARGE, UNSUPPORTED, INVALID),
        *(LIMITED, BROKEN, UNAVAILABLE),
    )
}
RETRY_SECONDS: Final = 2


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. `pointer` is a JSON Pointer into the CloudEvent in its structured form."""

    pointer: str
    rule: str
    expected: str
    came: str
    example: str = ""


class ProblemError(WraparoundError):
    """The request ends here, with this problem as its answer. `retry`: seconds until the same may be sent again."""

    def __init__(self, kind: Kind, faults: Iterable[Fault] = (), *, retry: int | None = None) -> None:
        super().__init__(kind.title)
        self.kind = kind
        self.status = kind.status
        self.faults = tuple(faults)
        self.retry = retry

    @property
    def headers(self) -> dict[str, str]:
        """What the status asks for beside the body."""
        return headers_of(self.kind, self.retry)


def headers_of(kind: Kind, retry: int | None = None) -> dict[str, str]:
    """Response headers that belong to a kind of problem."""
    if kind is UNAUTHENTICATED:
        return {"www-authenticate": "Bearer"}
    if kind is UNAVAILABLE or kind is LIMITED:
        return {"retry-after": str(RETRY_SECONDS if retry is None else retry)}
    return {}


def invalid(pointer: str, rule: str, expected: str, came: str, example: str = "") -> ProblemError:
    """A 422 with one fault."""
    return ProblemError(INVALID, [Fault(pointer, rule, expected, came, example)])


def in_data(problems: Iterable[DataProblem]) -> list[Fault]:
    """What a schema found wrong with the data, as faults of the whole event."""
    return [Fault(f"/data{p.pointer}", p.rule, p.expected, p.came, p.example) for p in problems]


def body(kind: Kind, faults: Iterable[Fault] = (), instance: uuid.UUID | None = None) -> dict[str, Any]:
    """The members of the answer. `instance` is also in the log line of the request; a 404 has none of its own."""
    own = _NOBODY if kind is NOT_FOUND or instance is None else instance
    return {
        "type": f"/problems/{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": kind.detail,
        "instance": own.urn,
        "errors": [_fault(fault) for fault in faults],
    }


def page(kind: Kind) -> str:
    """The page behind a problem's `type`: docs/problems.md has one after another."""
    return f"## {kind.slug}\n\n**{kind.status} {kind.title}.** {kind.detail}\n"


def encoded(kind: Kind, faults: Iterable[Fault] = (), instance: uuid.UUID | None = None) -> bytes:
    """The answer's bytes."""
    return orjson.dumps(body(kind, faults, instance))


def _fault(fault: Fault) -> Mapping[str, str]:
    shown = {
        "pointer": fault.pointer,
        "rule": fault.rule,
        "detail": f"expected {fault.expected}, came {fault.came}",
    }
    return {**shown, "example": fault.example} if fault.example else shown
