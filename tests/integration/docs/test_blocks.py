"""Every command block of the documentation runs, as it stands there, from the top of the tree.

`make demo` runs alone. The README's hub by hand is started once by its first line, serves every page of `docs/` in
turn, as it would a reader of all of them, and is stopped by its last.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.settings import ROOT

TESTS = "make test"
"""The block that runs this very suite: its steps are listed, not run."""
DEMO = "make demo"
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```", re.DOTALL | re.MULTILINE)
PAGES = [page for page in sorted((ROOT / "docs").rglob("*.md")) if BLOCK.search(page.read_text())]
SET_UP = ("make .venv", ".venv/bin/wraparound up ", ".venv/bin/wraparound down")
"""What a page says for who reads it alone; on the shared hub it is left out."""
FIRST, *SHOWN = BLOCK.findall((ROOT / "README.md").read_text())
BY_HAND = SHOWN[-1][1].splitlines()


def outside() -> dict[str, str]:
    """The environment without what our own settings, or a `make` that runs this suite, put there."""
    ours = ("WRAPAROUND_", "MAKE", "MFLAGS")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def run(script: str, place: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Line by line, until one fails."""
    return subprocess.run(
        ["sh", "-euxc", script],
        cwd=place,
        env=outside() | more,
        capture_output=True,
        text=True,
        timeout=290,
        check=False,
    )


def script(page: Path) -> str:
    """A page's blocks, in order, as one reader types them into one terminal."""
    parts = []
    for language, block in BLOCK.findall(page.read_text()):
        if language == "python":
            parts.append(f".venv/bin/python -W error - <<'END'\n{block}END\n")
        else:
            parts += [line for line in block.splitlines() if not line.startswith(SET_UP)]
    return "\n".join(parts)


def stopped(folder: Path) -> bool:
    return not (folder / "services.json").exists()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The tree, with a hub of the test's own in it; what a page writes stays out of ours."""
    place = tmp_path_factory.mktemp("tree")
    for each in ROOT.iterdir():
        if each.name not in {".git", ".wraparound"}:
            (place / each.name).symlink_to(each)
    done = run(BY_HAND[0], place)
    assert done.returncode == 0, done.stdout + done.stderr
    yield place
    done = run(BY_HAND[-1], place)
    assert done.returncode == 0, done.stdout + done.stderr
    assert stopped(place / ".wraparound")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_runs_to_its_end_when_a_reader_types_its_blocks(page: Path, place: Path) -> None:
    done = run(script(page), place)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_first_page_starts_asks_and_stops_when_its_hub_is_typed_by_hand(place: Path) -> None:
    assert [line.split()[1] for line in (BY_HAND[0], BY_HAND[-1])] == ["up", "down"]
    done = run("\n".join(BY_HAND[1:-1]), place)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_starts_the_hub_as_the_first_page_does_when_it_starts_one(page: Path) -> None:
    typed = [line for _, block in BLOCK.findall(page.read_text()) for line in block.splitlines()]
    set_up = {line for line in typed if line.startswith(SET_UP)}
    assert set_up <= {"make .venv", BY_HAND[0], BY_HAND[-1]}
    assert (BY_HAND[0] in set_up) == (BY_HAND[-1] in set_up)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("options", ["--months 1", "--story small"])
def test_the_demo_holds_and_leaves_nothing_when_it_is_the_first_thing_typed(
    options: str, tmp_path: Path
) -> None:
    """The county for a month, as its year takes longer than a suite may; and two families' year, event by event."""
    assert [block.strip() for _, block in (FIRST, *SHOWN[:-1])] == [DEMO, TESTS]
    done = run(DEMO, ROOT, DEMO=options, WRAPAROUND_FOLDER=str(tmp_path / "stack"), TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^(\d+) of \1 expectations hold\.$", done.stdout, re.MULTILINE), done.stdout
    assert stopped(tmp_path / "stack")
    assert list(tmp_path.glob("wraparound-demo-*")) == []


def test_the_suite_is_style_types_and_both_kinds_of_tests_when_it_is_asked_for() -> None:
    steps = run("make --always-make --dry-run test", ROOT).stdout
    for step in (
        "ruff check .",
        "ruff format --check .",
        "mypy .",
        "pytest tests/unit",
        'pytest tests/integration -m "stacks and not fuzz"',
        'pytest tests/integration -m "not stacks and not fuzz"',
    ):
        assert step in steps
    assert (ROOT / ".ci" / "run").read_text().splitlines()[-1] == "exec make test"
