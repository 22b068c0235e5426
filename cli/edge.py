"""Errors at the edge of the command line: one line on stderr, and the exit code of INTERFACES.md section 4."""

import errno
import sys

from hub.errors import WraparoundError

FAILED = 1
USAGE = 2
NOT_ALLOWED = 4
INTERRUPTED = 130


def explain(error: BaseException) -> tuple[str, int] | None:
    """What a person should read and the exit code; None for what is our bug and deserves its traceback."""
    if isinstance(error, WraparoundError):
        return str(error), error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", INTERRUPTED
    if isinstance(error, OSError):
        return _explain_os(error)
    return None


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
