"""Each desk's letters in a file of its own: all that a desk knows of the county."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TextIO

from simulation.county.letters import ORDER, Letter, slug

FOLDERS: Final = ("scripts", "mailbags", "journals")


def script_file(folder: Path, desk: str) -> Path:
    """Where a desk's letters are."""
    return folder / "scripts" / f"{slug(desk)}.ndjson"


def mailbag(folder: Path, desk: str) -> Path:
    """Where a desk keeps every byte that the hub sent it."""
    return folder / "mailbags" / slug(desk)


def journal(folder: Path, desk: str) -> Path:
    """Where a desk writes down what it sent and received."""
    return folder / "journals" / f"{slug(desk)}.ndjson"


def write(folder: Path, weeks: Sequence[Sequence[Letter]]) -> None:
    """Make the folders, and write every desk's letters."""
    for name in FOLDERS:
        (folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    files = {desk: script_file(folder, desk).open("w") for desk in ORDER}
    for number, week in enumerate(weeks):
        for letter in week:
            _write(files[letter.desk], number, letter)
    for file in files.values():
        file.close()


def _write(file: TextIO, week: int, letter: Letter) -> None:
    line = {"week": week, "id": letter.id, "type": letter.type, "data": letter.data}
    file.write(json.dumps(line) + "\n")
