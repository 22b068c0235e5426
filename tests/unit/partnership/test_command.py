"""`wraparound partnership`: words on stdout, findings on stderr, exit 6 when it may not be used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.partnership import app
from tests.unit.partnership.planting import DORSET, HARBOUR, copied, plant

RUNNER = CliRunner()


def test_check_says_what_was_read_when_all_is_well() -> None:
    result = RUNNER.invoke(app, ["check", str(DORSET)])
    assert result.exit_code == 0
    assert "Safeguarding Families Together, Dorset: valid." in result.stdout
    assert "45 clauses" in result.stdout


def test_check_names_each_line_and_exits_6_when_files_are_wrong(tmp_path: Path) -> None:
    folder = copied(HARBOUR, tmp_path)
    line = plant(folder, "limits.yaml", "nesting: 8", "nesting: 0")

    result = RUNNER.invoke(app, ["check", str(folder)])

    assert result.exit_code == 6
    assert not result.stdout
    assert f"{folder / 'limits.yaml'}:{line}:10: expected a whole number from 1" in result.stderr
    assert "1 to mend" in result.stderr


def test_check_finds_the_agreements_mistakes_when_the_rest_is_well(tmp_path: Path) -> None:
    folder = copied(HARBOUR, tmp_path)
    line = plant(folder, "agreements/harbour.yaml", "purpose: support", "purpose: profit")

    result = RUNNER.invoke(app, ["check", str(folder)])

    assert result.exit_code == 6
    assert f"harbour.yaml:{line}:" in result.stderr


def test_check_is_one_object_when_json_is_asked_for(tmp_path: Path) -> None:
    folder = copied(HARBOUR, tmp_path)
    plant(folder, "limits.yaml", "nesting: 8", "nesting: 0")

    good, bad = (RUNNER.invoke(app, ["check", str(each), "--json"]) for each in (HARBOUR, folder))

    assert (good.exit_code, bad.exit_code) == (0, 6)
    assert json.loads(good.stdout)["valid"] is True
    found = json.loads(bad.stdout)
    assert found["valid"] is False
    assert found["findings"][0]["came"] == "0"


def test_check_warns_when_no_version_is_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WRAPAROUND_CLOCK_START", "2030-01-01T00:00:00Z")
    monkeypatch.setenv("WRAPAROUND_CLOCK_ANCHOR", "2026-01-01T00:00:00Z")
    monkeypatch.setenv("WRAPAROUND_CLOCK_SPEED", "0.000001")

    result = RUNNER.invoke(app, ["check", str(DORSET)])

    assert result.exit_code == 0
    assert "warning: DOR-SFT version 1 is not in force at 2030-01-01" in result.stderr


def test_check_warns_when_the_review_is_overdue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WRAPAROUND_CLOCK_START", "2024-07-01T00:00:00Z")
    monkeypatch.setenv("WRAPAROUND_CLOCK_ANCHOR", "2026-01-01T00:00:00Z")
    monkeypatch.setenv("WRAPAROUND_CLOCK_SPEED", "0.000001")

    result = RUNNER.invoke(app, ["check", str(DORSET)])

    assert "was due for review on 2024-06-01" in result.stderr


def test_show_reads_like_the_configuration() -> None:
    result = RUNNER.invoke(app, ["show", str(DORSET)])
    assert result.exit_code == 0
    assert "paragon/victim" in result.stdout
    assert "P04   probation, reach, s2w to lead, for support: treatment" in result.stdout
    assert "signed: council 2022-11-14" in result.stdout


def test_show_is_one_object_when_json_is_asked_for() -> None:
    result = RUNNER.invoke(app, ["show", str(DORSET), "--json"])
    shown = json.loads(result.stdout)
    assert shown["partnership"]["name"] == "dorset"
    assert "2022-09-19" in shown["partnership"]["calendar"]["holidays"]
    assert shown["agreements"][0]["id"] == "DOR-SFT"


def test_show_exits_6_when_the_configuration_is_wrong(tmp_path: Path) -> None:
    assert RUNNER.invoke(app, ["show", str(tmp_path / "nowhere")]).exit_code == 6
