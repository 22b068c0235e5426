"""A copy of a configuration with one mistake planted, and where it stands."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[3]
DORSET = ROOT / "partnerships" / "dorset"
HARBOUR = ROOT / "tests" / "data" / "partnerships" / "harbour"


def copied(source: Path, into: Path) -> Path:
    """A copy of a partnership's folder that a test may spoil."""
    return Path(shutil.copytree(source, into / source.name))


def plant(folder: Path, file: str, old: str, new: str) -> int:
    """Replace the first `old` in a file by `new`; gives the line where it stands."""
    path = folder / file
    text = path.read_text()
    assert old in text, f"{file} no longer holds what the test replaces: {old}"
    path.write_text(text.replace(old, new, 1))
    return text[: text.index(old)].count("\n") + 1
