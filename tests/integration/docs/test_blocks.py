"""Every command block of the documentation runs, as it stands there, from the top of the tree."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.settings import ROOT

TESTS = "make test"
"""The block that runs this very suite: its steps are listed, not run."""
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCKS = [
    pytest.param(block, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, block in enumerate(re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL))
    if block.strip() != TESTS
]


def outside() -> dict[str, str]:
    """The environment without what our own settings, or a `make` that runs this suite, put there."""
    ours = ("WRAPAROUND_", "MAKE", "MFLAGS")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An environment whose stack and temporary files are the test's own; what runs in it at the end is stopped."""
    environ = outside() | {"WRAPAROUND_FOLDER": str(tmp_path / "stack"), "TMPDIR": str(tmp_path)}
    yield environ
    run(".venv/bin/wraparound down", environ)


def run(block: str, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """A block, line by line, until one fails."""
    return subprocess.run(
        ["sh", "-euxc", block],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )


@pytest.mark.timeout(600)
@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_runs_to_its_end_when_a_reader_types_it(
    block: str, place: dict[str, str], tmp_path: Path
) -> None:
    done = run(block, place)
    assert done.returncode == 0, done.stdout + done.stderr
    # Whatever was started was stopped, and the demo's folder is gone.
    assert not (tmp_path / "stack" / "services.json").exists()
    assert list(tmp_path.glob("wraparound-demo-*")) == []
    if block.strip() == "make demo":
        assert re.search(r"^(\d+) of \1 expectations hold\.$", done.stdout, re.MULTILINE), done.stdout


def test_the_suite_is_style_types_and_both_kinds_of_tests_when_it_is_asked_for() -> None:
    steps = run("make --always-make --dry-run test", outside()).stdout
    for step in (
        "ruff check .",
        "ruff format --check .",
        "mypy .",
        "pytest tests/unit",
        "pytest tests/integration -m stacks",
        'pytest tests/integration -m "not stacks and not fuzz"',
    ):
        assert step in steps
    assert (ROOT / ".ci" / "run").read_text().splitlines()[-1] == "exec make test"
