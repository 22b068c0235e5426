"""`wraparound rules simulate`: the period, bad rules, answers added up, and what it says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from cli import simulation
from cli.rules import app
from tests.unit.consent.cast import CHESIL, DORSET, S2W
from tests.unit.partnership.planting import copied, plant

RUNNER = CliRunner()
WHY = ("--over", "2024-03", "--reason", "review")
EXAMPLE = {
    "event": "e-1",
    "family": "f-1",
    "type": "outcome.measure_recorded",
    "at": "2024-03-05T10:00:00Z",
    "from": S2W,
    "person": "mother-v",
    "before": "shared (P04)",
    "after": "withheld silently: no override names it (P05)",
}


def change(before: str, after: str, desk: str = CHESIL) -> dict[str, Any]:
    """A kind of change in one answer, with two examples."""
    kind = {"desk": desk, "category": "outcome.score", "before": before, "after": after}
    return {**kind, "events": 2, "families": 1, "examples": [EXAMPLE, EXAMPLE]}


def page(*changes: dict[str, Any], after: str | None, done: float = 1.0, erased: int = 0) -> dict[str, Any]:
    """One answer."""
    return {
        "rules": {"in_force": "a" * 64, "tried": "b" * 64},
        "families": 2,
        "events": 30,
        "releases": {"before": 50, "after": 49},
        "apart": {"erased": erased, "parked": 0, "not_recomputed": 0},
        "changes": list(changes),
        "recorded": None,
        "done": done,
        "next": after,
    }


class FakeCaller:
    """A desk whose hub has these answers."""

    def __init__(self, pages: list[dict[str, Any]]) -> None:
        self.pages, self.asked = pages, list[dict[str, Any]]()

    def signed(self, *why: str) -> dict[str, Any]:
        """The claims."""
        return {"reason": why[1]}

    def run(self, call: Any) -> dict[str, Any]:
        """The next answer."""
        self.asked.append(json.loads(call.content))
        return self.pages.pop(0)


def answered(pages: list[dict[str, Any]]) -> tuple[dict[str, Any], FakeCaller]:
    hub: Any = FakeCaller(pages)
    asked = {"since": "2024-03-01T00:00:00Z", "until": "2024-04-01T00:00:00Z", "rules": {}}
    return simulation.simulated(hub, asked, ("rights", "review", "a.user")), hub


@pytest.mark.parametrize(
    ("over", "since", "until"),
    [
        ("2024-03", "2024-03-01T00:00:00Z", "2024-04-01T00:00:00Z"),
        ("2023-12", "2023-12-01T00:00:00Z", "2024-01-01T00:00:00Z"),
        ("2024", "2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z"),
        ("2024-02-29", "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z"),
        ("2024-03-01/2024-03-15", "2024-03-01T00:00:00Z", "2024-03-15T00:00:00Z"),
        ("2024-03-01T09:30:00Z/2024-03-02", "2024-03-01T09:30:00Z", "2024-03-02T00:00:00Z"),
    ],
)
def test_a_period_has_a_start_and_an_end_when_it_is_written_in_each_way(
    over: str, since: str, until: str
) -> None:
    assert simulation.period(over) == {"since": since, "until": until}


@pytest.mark.parametrize(
    "over", ["", "March", "2024-13", "2023-02-29", "2024-04-01/2024-03-01", "2024-03/2024-04", "9999", "/"]
)
def test_a_period_is_refused_when_it_is_none(over: str) -> None:
    with pytest.raises(typer.BadParameter, match="expected a month"):
        simulation.period(over)
    result = RUNNER.invoke(app, ["simulate", str(DORSET), "--over", over, "--reason", "r"])
    assert result.exit_code == 2


def test_all_answers_are_one_when_the_hub_gives_several() -> None:
    less, more = change("released", "silent"), change("existence", "released", S2W)
    found, hub = answered([page(less, after="k-1", done=0.4), page(more, less, after=None, erased=3)])
    assert [each["after"] for each in hub.asked] == [None, "k-1"]
    assert (found["families"], found["events"], found["releases"]) == (4, 60, {"before": 100, "after": 98})
    assert found["apart"] == {"erased": 3, "parked": 0, "not_recomputed": 0}
    assert [(each["desk"], each["events"], len(each["examples"])) for each in found["changes"]] == [
        (CHESIL, 4, 3),
        (S2W, 2, 2),
    ]
    assert "next" not in found


def test_it_says_what_is_less_and_what_is_more_with_examples() -> None:
    found, _ = answered(
        [page(change("released", "silent"), change("existence", "released", S2W), after=None)]
    )
    said = simulation.text(found)
    less, more = said.split("MORE")
    assert (
        "council/chesil, outcome.score: released in force, nothing if tried: 2 events of 1 families" in less
    )
    assert "s2w/sft, outcome.score: that it is withheld in force, released if tried" in more
    assert "in force: shared (P04)" in less
    assert "tried:    withheld silently: no override names it (P05)" in less
    assert "Counted apart" not in said


def test_it_says_nothing_more_and_nothing_less_and_what_was_counted_apart_when_so_it_is() -> None:
    said = simulation.text(answered([page(after=None, erased=2)])[0])
    assert "Nothing more, nothing less." in said
    assert "Counted apart, events: 2 of erased families" in said


@pytest.mark.parametrize(
    ("recorded", "there"),
    [
        (
            {"first": "2024-05-01T09:00:00.000000Z", "last": "2024-05-08T10:30:00.250000Z"},
            "Families' logs have some from 2024-05-01T09:00:00Z to 2024-05-08T10:30:00Z.",
        ),
        (None, "No family's log has one yet."),
    ],
)
def test_it_says_that_nothing_was_compared_when_nothing_was_recorded(
    recorded: dict[str, str] | None, there: str
) -> None:
    none = page(after=None) | {"families": 0, "events": 0, "recorded": recorded}
    period = "from 2024-03-01T00:00:00Z to 2024-04-01T00:00:00Z"
    assert simulation.text(answered([none])[0]) == (
        f"No event of any family was recorded {period}: nothing was compared. {there}"
    )


def spoiled_folder(into: Path) -> tuple[Path, str]:
    """A folder whose agreement has a word that nobody knows; where it stands."""
    folder = copied(DORSET, into)
    line = plant(folder, "agreements/dor-sft.yaml", "effect: forbid", "effect: perhaps")
    return folder, f"dor-sft.yaml:{line}:"


def spoiled_file(into: Path) -> tuple[Path, str]:
    """The same, as the file of one agreement."""
    folder, place = spoiled_folder(into)
    return folder / "agreements" / "dor-sft.yaml", place


def no_folder(into: Path) -> tuple[Path, str]:
    """A folder that is not there."""
    return into / "nowhere", "nowhere"


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody may be asked anything."""
    monkeypatch.setattr("cli.rules.caller", lambda *_: pytest.fail("the hub was asked"))


@pytest.mark.usefixtures("no_hub")
@pytest.mark.parametrize("spoil", [spoiled_folder, spoiled_file, no_folder])
def test_line_and_reason_are_named_and_nothing_is_asked_when_the_rules_are_no_good(
    spoil: Callable[[Path], tuple[Path, str]], tmp_path: Path
) -> None:
    new, place = spoil(tmp_path)
    result = RUNNER.invoke(app, ["simulate", str(new), *WHY])
    assert (result.exit_code, result.stdout) == (6, "")
    assert place in result.stderr
    assert "expected" in result.stderr


def test_one_agreement_is_sent_alone_when_new_is_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = FakeCaller([page(after=None), page(after=None)])
    monkeypatch.setattr("cli.rules.caller", lambda *_: hub)
    for new in (DORSET / "agreements" / "dor-sft.yaml", DORSET):
        assert RUNNER.invoke(app, ["simulate", str(new), *WHY, "--json"]).exit_code == 0
    alone, whole = (each["rules"] for each in hub.asked)
    assert set(alone) == {"agreements"}
    assert set(whole) == {"agreements", "agencies", "desks"}
    assert alone["agreements"] == whole["agreements"]
    assert whole["desks"][CHESIL]["served"] is True
