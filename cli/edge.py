"""Errors at the edge of the command line: one line on stderr, and the exit code of INTERFACES.md section 4.

With `--json` the line is one JSON object: `error`, what a person reads; `exit_code`; and where the hub refused, its
`problem` as it came.
"""

import errno
import json
import sys
from typing import Any

import httpx
import typer

from client.calls import HubProblemError
from hub.errors import WraparoundError

FAILED = 1
USAGE = 2
NOT_FOUND = 3
NOT_ALLOWED = 4
CONFLICT = 5
INVALID = 6
PARTLY = 7
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
    if isinstance(error, typer.TyperException | KeyboardInterrupt):
        return _explain_person(error)
    if isinstance(error, OSError):
        return _explain_os(error)
    return None


def _told(problem: dict[str, Any], error: HubProblemError) -> str:
    """The hub's problem in a few lines: what, and for each error where and what is expected."""
    # Of what is not there the errors say, where there are any, what the one answer for everybody cannot.
    said = "" if error.status == 404 and problem.get("errors") else str(problem.get("detail", ""))
    lines = [f"{error.status} {problem.get('title', 'the hub did not do it')}. {said}".rstrip()]
    for each in problem.get("errors", ()):
        example = f"; for example {each['example']}" if each.get("example") else ""
        where = f"{each['pointer']}: " if each.get("pointer") else ""
        lines.append(f"  {where}{each.get('detail', each.get('rule', ''))}{example}")
    return "\n".join(lines)


def _explain_person(error: typer.TyperException | KeyboardInterrupt) -> tuple[str, int]:
    """What who typed it did: interrupted it, or typed what the parser of the command line does not read."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", INTERRUPTED
    return getattr(error, "format_message", error.__str__)(), USAGE


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


def fail(error: BaseException, *, as_json: bool = False) -> int:
    """Say it on stderr; the exit code. What nobody can explain is raised again."""
    said = explain(error)
    if said is None:
        raise error
    message, code = said
    sys.stderr.write(f"{_object(error, message, code)}\n" if as_json else f"wraparound: {message}\n")
    return code


def _object(error: BaseException, message: str, code: int) -> str:
    problem = {"problem": error.problem} if isinstance(error, HubProblemError) else {}
    return json.dumps({"error": message, "exit_code": code, **problem}, ensure_ascii=False)
