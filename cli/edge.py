"""Errors at the edge of the command line: one line on stderr, and the exit code of INTERFACES.md section 4."""

import errno
import sys
from typing import Any

import httpx

from client.calls import HubProblemError
from hub.errors import WraparoundError

FAILED = 1
USAGE = 2
NOT_FOUND = 3
NOT_ALLOWED = 4
CONFLICT = 5
INVALID = 6
AGAIN = 75
INTERRUPTED = 130
BY_STATUS = {
    401: NOT_ALLOWED, 403: NOT_ALLOWED, 404: NOT_FOUND, 409: CONFLICT, 413: INVALID, 415: INVALID, 422: INVALID,
    429: AGAIN, 502: AGAIN, 503: AGAIN, 504: AGAIN,
}  # fmt: skip
"""What the status of a problem means for who called (INTERFACES.md sections 1 and 4)."""


def explain(error: BaseException) -> tuple[str, int] | None:
    """What a person should read and the exit code; None for what is our bug and deserves its traceback."""
    if isinstance(error, WraparoundError):
        return str(error), error.exit_code
    if isinstance(error, HubProblemError):
        return _told(error.problem, error), BY_STATUS.get(error.status, FAILED)
    if isinstance(error, httpx.TransportError):
        return f"the hub does not answer ({type(error).__name__}): `wraparound status` says what runs", AGAIN
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", INTERRUPTED
    if isinstance(error, OSError):
        return _explain_os(error)
    return None


def _told(problem: dict[str, Any], error: HubProblemError) -> str:
    """The hub's problem in a few lines: what, and for each error where and what is expected."""
    said = " ".join(str(problem[name]) for name in ("detail",) if problem.get(name))
    lines = [f"{error.status} {problem.get('title', 'the hub did not do it')}. {said}".rstrip()]
    for each in problem.get("errors", ()):
        example = f"; for example {each['example']}" if each.get("example") else ""
        lines.append(f"  {each.get('pointer', '')}: {each.get('detail', each.get('rule', ''))}{example}")
    return "\n".join(lines)


def _explain_os(error: OSError) -> tuple[str, int]:
    where = f" at {error.filename}" if error.filename else ""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"the disk is full{where}: make room, or name another --folder", FAILED
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return (
            f"no right to write or read{where}: change its owner or mode, or name another --folder",
            NOT_ALLOWED,
        )
    return f"{error.strerror or type(error).__name__}{where}", FAILED


def fail(error: BaseException) -> int:
    """Say it on stderr; the exit code. What nobody can explain is raised again."""
    said = explain(error)
    if said is None:
        raise error
    message, code = said
    sys.stderr.write(f"wraparound: {message}\n")
    return code
