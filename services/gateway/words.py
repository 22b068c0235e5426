"""Who did something about a task, and their own words, as a task's row keeps them: sealed under that person's key.

They go with the person: once the key is erased nobody reads them any more, and the row holds ids and codes as ever.
"""

import base64
from typing import Final

import orjson

from hub.keys import KeyRing
from hub.looks import Look

ASKED: Final = "asked"
CLOSED: Final = "closed"


def sealed(ring: KeyRing, user: str, what: str, task: str, look: Look) -> str:
    """The name and the reason of a look, for what it did (`ASKED`, `CLOSED`) about a task; the key must be loaded."""
    words = orjson.dumps({"user": look.user, "reason": look.reason})
    return base64.b64encode(ring.seal(user, _context(what, task), words)).decode()


def opened(ring: KeyRing, user: str, what: str, task: str, found: str) -> dict[str, str]:
    """Both again; the key must be loaded."""
    return dict(orjson.loads(ring.open(user, _context(what, task), base64.b64decode(found))))


def _context(what: str, task: str) -> bytes:
    return f"{what}|{task}".encode()
