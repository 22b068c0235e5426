"""The documentation is true: what the code has stands on its pages, and its commands exist."""

import re
import subprocess

import pytest

from hub.crash import POINTS
from hub.ledger import KINDS
from hub.partnership import load
from hub.schemas import Catalogue
from hub.settings import ROOT, table
from hub.stack import access

README = (ROOT / "README.md").read_text()
REFERENCE = (ROOT / "docs" / "reference.md").read_text()
COMMANDS = [
    line.strip()
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.strip()
]
SET_UP = ["make demo", "make test"]


@pytest.mark.parametrize("variable", [row[0] for row in table()])
def test_a_setting_stands_in_the_reference_when_the_code_reads_it(variable: str) -> None:
    assert f"| `{variable}` |" in REFERENCE


def test_each_kind_of_audit_entry_stands_in_the_reference_when_the_log_may_hold_it() -> None:
    assert [kind for kind in KINDS if f"| `{kind}` | {KINDS[kind]} |" not in REFERENCE] == []


def test_each_event_type_stands_in_the_reference_when_the_catalogue_has_it() -> None:
    names = [
        each.type.removeprefix("wraparound.").removesuffix(".v1") for each in Catalogue.load(ROOT / "schemas")
    ]
    assert [name for name in names if f"| `{name}` |" not in REFERENCE] == []


def test_each_crash_point_stands_in_the_reference_when_a_process_may_die_there() -> None:
    assert [point for point in POINTS if f"- `{point}`" not in REFERENCE] == []


def test_each_topic_stands_in_the_reference_when_the_stack_makes_it() -> None:
    desks = [desk.name for desk in load(ROOT / "partnerships" / "dorset").active_desks if desk.receives]
    for topic in access.topics(desks):
        name = str(topic)
        shown = "from-<agency>-<team>" if name.startswith("from-") else name
        shown = "to-<agency>-<team>" if name.startswith("to-") else shown
        assert f"| `{shown}` |" in REFERENCE


def test_two_commands_set_up_and_go_when_somebody_reads_the_first_page() -> None:
    assert [line for line in COMMANDS if line.startswith("make")] == SET_UP


def test_a_target_exists_when_the_first_page_names_it() -> None:
    makefile = (ROOT / "Makefile").read_text()
    named = set(re.findall(r"`make ([a-z]+)`", README)) | {line.split()[1] for line in SET_UP}
    assert [name for name in named if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []


@pytest.mark.parametrize("command", [line for line in COMMANDS if not line.startswith("make")])
def test_a_command_exists_with_its_options_when_the_first_page_shows_it(command: str) -> None:
    words = command.split()
    assert words[0] == ".venv/bin/wraparound"
    verbs = [word for word in words[1:] if not word.startswith("--") and re.fullmatch(r"[a-z]+", word)]
    helped = subprocess.run(
        [str(ROOT / ".venv/bin/wraparound"), *verbs, "--help"],
        capture_output=True, text=True, timeout=60, check=False, env={"COLUMNS": "200", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert helped.returncode == 0
    assert [word for word in words if word.startswith("--") and word not in helped.stdout] == []


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:[a-z_]+/)+(?:[a-z_]+\.md)?)`", README))))
def test_a_room_exists_when_the_first_page_points_to_it(path: str) -> None:
    assert (ROOT / path).exists()
