"""What a version of an agreement changes: its text beside that of the version whose place it takes. Pure.

Whoever signs a version signs its whole text; the difference says where to look.
"""

from collections.abc import Mapping
from difflib import unified_diff
from typing import Any, Final

CONTEXT: Final = 3
"""Lines around each change."""


def difference(version: Mapping[str, Any], before: Mapping[str, Any] | None) -> dict[str, Any]:
    """The lines of a unified diff, and what it is from: the last version signed before; None for a new agreement."""
    came = None if before is None else {name: before[name] for name in ("receipt", "version", "digest")}
    old = "nothing" if before is None else f"{before['agreement']} version {before['version']}"
    lines = unified_diff(
        [] if before is None else before["text"].splitlines(),
        version["text"].splitlines(),
        old,
        f"{version['agreement']} version {version['version']}",
        n=CONTEXT,
        lineterm="",
    )
    return {"from": came, "lines": list(lines)}
