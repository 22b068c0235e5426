"""The documentation is true: what the code has stands on its pages. Its commands are run by tests/integration/docs."""

import re
import shlex
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from hub.clock import DAY
from hub.crash import POINTS
from hub.ledger import KINDS
from hub.partnership import Limits, load
from hub.schemas import Catalogue
from hub.settings import ROOT, table
from hub.stack import access
from hub.stack.topics import RETENTION
from services.consent.corrections import MOVED_ON
from services.gateway import problems
from services.referral_router.handler import NOBODY
from tests.unit.test_cli import commands

README = (ROOT / "README.md").read_text()
REFERENCE = (ROOT / "docs" / "reference.md").read_text()
NOTHING = "\N{EN DASH}"
PAGES = [
    ROOT / "README.md",
    ROOT / "client" / "README.md",
    ROOT / "schemas" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
READERS = ("partner-developer", "integration-engineer", "ig-reviewer", "contributor")
SET_UP = ["make demo", "make test"]
CODE = [path for room in ("hub", "services", "cli", "client") for path in sorted((ROOT / room).rglob("*.py"))]
REASON = re.compile(r"(?:NotAllowed|Refused)\(\s*['\"]([a-z_]+)['\"]")
METRIC = re.compile(r"(?:Counter|Gauge|Histogram|Summary|Info|Enum|MetricFamily)\(\s*['\"]([a-z_]+)['\"]")


TYPED = re.compile(r"^```console\n(.*?)^```", re.DOTALL | re.MULTILINE)
"""Blocks that are shown and not run: a proof takes minutes, and a second person needs ids that the first was told."""
PROGRAM = ".venv/bin/wraparound "


def typed() -> list[tuple[str, str]]:
    """The commands of blocks that no test runs: the page, and what is typed there."""
    return [
        (page.name, line.removeprefix(PROGRAM))
        for page in PAGES
        for block in TYPED.findall(page.read_text())
        for line in block.splitlines()
        if line.startswith(PROGRAM)
    ]


def options(command: Any) -> str:
    """The options of a command, as the page shows them."""
    shown = [name for each in command.params if not getattr(each, "hidden", False) for name in each.opts]
    return ", ".join(f"`{name}`" for name in shown if name.startswith("--")) or NOTHING


def words(name: str, command: Any) -> str:
    """A command with its arguments."""
    return " ".join(
        [name, *(each.name.upper() for each in command.params if each.param_type_name == "argument")]
    )


def metrics(paths: Iterable[Path]) -> list[str]:
    """The names of all metrics that code makes."""
    return [name for path in paths for name in METRIC.findall(path.read_text())]


def reasons() -> list[str]:
    """Why a log may reject what was accepted."""
    found = {reason for path in CODE for reason in REASON.findall(path.read_text())}
    return sorted(found | {MOVED_ON, NOBODY, "undecodable"})


@pytest.mark.parametrize("reason", reasons())
def test_a_reason_stands_in_the_reference_when_a_log_may_reject_for_it(reason: str) -> None:
    assert f"\n| `{reason}` | " in REFERENCE


@pytest.mark.parametrize("row", table(), ids=lambda row: row[0])
def test_a_setting_stands_in_the_reference_when_the_code_reads_it(row: tuple[str, str, str, str]) -> None:
    name, meaning, default, unit = row
    shown = f"`{default.removeprefix(f'{ROOT}/')}`" if default else NOTHING
    assert f"| `{name}` | {meaning} | {shown} | {unit or NOTHING} |" in REFERENCE


@pytest.mark.parametrize(("page", "line"), typed())
def test_a_command_takes_what_a_page_types_when_its_block_is_not_run(page: str, line: str) -> None:
    words = shlex.split(line.partition(" > ")[0])
    known = dict(commands())
    names = [" ".join(words[:count]) for count in range(len(words), 0, -1)]
    name = next(each for each in names if each in known)
    assert known[name].make_context(name, words[len(name.split()) :]).params, page


@pytest.mark.parametrize(("name", "command"), list(commands()))
def test_a_command_stands_in_the_reference_when_it_can_be_called(name: str, command: Any) -> None:
    first = (command.help or "").splitlines()[0]
    assert f"| `{words(name, command)}` | {first} | {options(command)} |" in REFERENCE


def test_each_kind_of_audit_entry_stands_in_the_reference_when_the_log_may_hold_it() -> None:
    assert [kind for kind in KINDS if f"| `{kind}` | {KINDS[kind]} |" not in REFERENCE] == []


def test_each_event_type_stands_in_the_reference_when_the_catalogue_has_it() -> None:
    rows = [
        f"| `{each.type.removeprefix('wraparound.').removesuffix('.v1')}` | {each.schema['gate']} |"
        f" {each.schema['doc']} |"
        for each in Catalogue.load(ROOT / "schemas")
    ]
    assert [row for row in rows if row not in REFERENCE] == []


def test_each_problem_stands_in_the_reference_when_it_may_be_answered() -> None:
    rows = [f"| `{kind.slug}` | {kind.status} | {kind.title} |" for kind in problems.KINDS.values()]
    assert [row for row in rows if row not in REFERENCE] == []


def test_each_limit_stands_in_the_reference_when_the_doors_hold_to_it() -> None:
    assert [each.name for each in fields(Limits) if f"| `{each.name}` |" not in REFERENCE] == []


def test_each_crash_point_stands_in_the_reference_when_a_process_may_die_there() -> None:
    assert [point for point in POINTS if f"- `{point}`" not in REFERENCE] == []


def test_each_topic_stands_in_the_reference_when_the_stack_makes_it() -> None:
    desks = [desk.name for desk in load(ROOT / "partnerships" / "dorset").active_desks if desk.receives]
    for topic in access.topics(desks):
        name = str(topic)
        shown = "from-<agency>-<team>" if name.startswith("from-") else name
        shown = "to-<agency>-<team>" if name.startswith("to-") else shown
        assert f"| `{shown}` |" in REFERENCE


def test_the_reviewer_is_told_who_reads_bodies_in_kafka_and_for_how_long() -> None:
    desk, page = "s2w/sft", (ROOT / "docs" / "ig-reviewer.md").read_text()
    readers: dict[str, set[str]] = {}
    for grant in access.grants([desk]):
        if (grant.operation, grant.resource) == ("read", "topic"):
            readers.setdefault(grant.name, set()).add(grant.principal)
    rows = re.findall(r"^\| `([a-z<>-]+)` \| .* \| (.*) \|$", page, re.MULTILINE)
    shown = {topic.replace("<agency>-<team>", "s2w-sft"): said for topic, said in rows}
    told = {
        topic: set(re.findall(r"`(\w+)`", said)) or {access.principal(desk)} for topic, said in shown.items()
    }
    assert told == readers
    assert shown["to-s2w-sft"] == "that desk"
    days = RETENTION // DAY
    assert f"after {days} days (`WRAPAROUND_RETENTION`), in pieces of a day" in page
    segment = int(access.topic_settings(RETENTION // 1000)["segment.ms"]) * 1000 // DAY
    assert f"nothing is there after {days + segment}" in page


def test_each_metric_stands_in_the_reference_when_the_code_makes_it(tmp_path: Path) -> None:
    assert [name for name in metrics(CODE) if f"| `{name}` |" not in REFERENCE] == []
    planted = tmp_path / "planted.py"
    planted.write_text('LAG = Gauge(\n    "wraparound_lag_records", "How far behind.")')
    assert metrics([planted]) == ["wraparound_lag_records"]


def test_two_commands_set_up_and_go_when_somebody_reads_the_first_page() -> None:
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    assert [line for line in lines if line.startswith("make")] == SET_UP


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_target_exists_when_a_page_names_it(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    named = set(re.findall(r"`make ([a-z]+)", page.read_text())) | {line.split()[1] for line in SET_UP}
    assert [name for name in named if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:[a-z_]+/)+(?:[a-z_]+\.md)?)`", README))))
def test_a_room_exists_when_the_first_page_points_to_it(path: str) -> None:
    assert (ROOT / path).exists()


def anchors(page: Path) -> set[str]:
    """The names under which a page's headings are linked to."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_leads_somewhere_when_a_page_has_it(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text()):
        file, _, anchor = target.partition("#")
        found = (page.parent / file).resolve() if file else page
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), target


@pytest.mark.parametrize("reader", READERS)
def test_a_reader_finds_their_page_when_they_begin_at_the_first(reader: str) -> None:
    assert f"(docs/{reader}.md)" in README
