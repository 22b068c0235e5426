"""`wraparound rules activate`: what is wrong by file and line, before the hub is asked and after; the next step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli import activation
from cli.caller import UnsaidError
from cli.main import app
from client.calls import Call, HubProblemError
from hub.partnership import load
from services.consent.load import agreement_of
from tests.unit.partnership.planting import DORSET, plant
from tests.unit.partnership.planting import copied as copy_of

RUNNER = CliRunner()
FILE = "agreements/dor-sft.yaml"
WAITING: dict[str, Any] = {
    "receipt": "5b1f",
    "agreement": "DOR-SFT",
    "version": 2,
    "digest": "00ff",
    "starts_at": "2024-04-01T00:00:00.000000Z",
    "state": "waiting",
    "reason": None,
    "broken": None,
    "task": {"task": "1d9c", "owner": "council/chesil"},
}
BROKEN = {
    "invariant": "I06",
    "sentence": "Treatment needs its consent",
    "holds": False,
    "combinations": 3,
    "counterexample": {"item": "outcome.score about S, by P13", "facts": ["the desk is supporting for S"]},
}


class FakeHub:
    """A hub that answers every call with what it was given, in turn."""

    desk = "council/ig"

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked = list(answers), list[Call[Any]]()

    def run(self, call: Call[Any]) -> Any:
        self.asked.append(call)
        found = self.answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


class FakeCaller:
    """A person of a desk who asks such a hub."""

    def __init__(self, hub: FakeHub) -> None:
        self.run = hub.run

    def signed(self, *_: str) -> dict[str, Any]:
        return {}


def test_each_mistake_is_named_and_no_hub_is_asked_when_the_file_is_wrong(tmp_path: Path) -> None:
    folder = copy_of(DORSET, tmp_path)
    line = plant(folder, FILE, "when: [same, told]", "when: [same, nice]")
    result = RUNNER.invoke(app, ["rules", "activate", str(folder / FILE), "--as", "council/ig"])
    assert result.exit_code == 6
    assert f"{folder / FILE}:{line}:" in result.stderr
    assert "came 'nice'" in result.stderr


@pytest.mark.parametrize("path", ["none.yaml", "."])
def test_exit_is_6_when_there_is_no_file(path: str, tmp_path: Path) -> None:
    result = RUNNER.invoke(app, ["rules", "activate", str(tmp_path / path), "--as", "council/ig"])
    assert result.exit_code == 6
    assert "expected a file that can be read" in result.stderr


def test_what_the_hub_refuses_stands_at_its_line_when_the_file_says_it() -> None:
    file = DORSET / FILE
    text = file.read_text()
    agreement, _ = agreement_of(text, file, load(DORSET))
    assert agreement is not None
    errors = [
        {"pointer": "/data/starts_at", "rule": "start", "detail": "expected later", "example": "start: 2030"},
        {"pointer": "/data/version", "rule": "version", "detail": "expected 2, came 1"},
        {"pointer": "", "rule": "second-person", "detail": "expected another desk, came none"},
    ]
    hub = FakeHub(HubProblemError(422, {"errors": errors}))
    with pytest.raises(activation.RefusedError) as refused:
        activation.ask(hub, file, text, agreement)
    start, version = (
        next(number for number, line in enumerate(text.splitlines(), 1) if line.startswith(each))
        for each in ("start:", "version:")
    )
    assert refused.value.reasons == (
        f"{file}:{start}:8: expected later; for example: start: 2030",
        f"{file}:{version}:10: expected 2, came 1",
        f"{file}: expected another desk, came none",
    )


def test_the_text_goes_whole_and_in_pieces_when_it_is_long() -> None:
    text = (DORSET / FILE).read_text() + "# more\n" * 9_000
    agreement, _ = agreement_of(text, DORSET / FILE, load(DORSET))
    assert agreement is not None
    hub = FakeHub("receipt")
    assert activation.ask(hub, DORSET / FILE, text, agreement) == "receipt"
    assert hub.asked[0].content is not None
    event = json.loads(hub.asked[0].content)
    assert "".join(event["data"]["content"]) == text
    assert max(map(len, event["data"]["content"])) <= 20_000


def test_each_part_is_said_as_it_is_done_when_a_version_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = FakeHub("5b1f", {**WAITING, "state": "proving"}, WAITING)
    monkeypatch.setattr("cli.rules.caller", lambda *_: hub)
    monkeypatch.setattr("cli.activation.EVERY", 0.0)
    result = RUNNER.invoke(app, ["rules", "activate", str(DORSET / FILE), "--as", "council/ig"])
    assert result.exit_code == 0, result.output
    assert [each.partition(":")[0] for each in result.stderr.splitlines() if "remark" not in each] == [
        "checked",
        "asked for",
    ]
    said = [each.partition(":")[0] for each in result.stdout.splitlines()[1:]]
    assert said == ["proved", "signed", *said[2:4], "in force"]


def test_the_next_step_is_said_when_the_proof_holds() -> None:
    said = activation.words(activation.proved(FakeHub(WAITING), "5b1f"))
    assert "proved: every invariant holds" in said
    assert "wraparound task do 1d9c approve --as council/chesil" in said


def test_the_smallest_combination_is_said_when_an_invariant_is_broken() -> None:
    said = activation.words(
        {**WAITING, "state": "refused", "reason": "broken", "broken": [BROKEN], "task": None}
    )
    assert "nothing is activated" in said
    assert "I06  BROKEN Treatment needs its consent" in said
    assert "outcome.score about S, by P13, when:" in said
    assert "- the desk is supporting for S" in said


def test_versions_stand_in_lines_when_all_are_shown() -> None:
    listing = {
        "now": "2024-03-01T09:00:00.000000Z",
        "rules": "91bc",
        "in_force": [{"agreement": "DOR-SFT", "version": 1}],
        "versions": [WAITING, {**WAITING, "state": "refused", "reason": "late", "task": None}],
    }
    first, waits, late = activation.listed(listing).splitlines()
    assert first.startswith("In force at 2024-03-01T09:00:00Z: DOR-SFT version 1")
    assert waits.endswith("waiting, for council/chesil to sign: task 1d9c")
    assert late.endswith("refused, late")


CHANGED: dict[str, Any] = {
    **WAITING,
    "text": "version: 2",
    "difference": {
        "from": {"receipt": "4a0e", "version": 1, "digest": "99aa"},
        "lines": [
            "--- DOR-SFT version 1",
            "+++ DOR-SFT version 2",
            "@@ -1 +1 @@",
            "-version: 1",
            "+version: 2",
        ],
    },
}
TASK: dict[str, Any] = {
    "task": "1d9c",
    "kind": "approval",
    "reason": "second_person",
    "about": "5b1f",
    "opened_at": "2024-03-01T09:00:00.000000Z",
    "due_at": None,
    "detail": {"agreement": "DOR-SFT"},
    "asked": [{"action": "approve", "by": "council/ig", "at": "2024-03-01T09:00:00.000000Z", "why": None}],
    "state": "open",
    "closed": None,
    "actions": ["approve", "refuse"],
}


def test_what_changes_is_said_with_both_digests_when_a_version_takes_the_place_of_another() -> None:
    assert activation.changes(CHANGED).splitlines() == [
        "DOR-SFT version 2, sha256 00ff",
        "in the place of version 1, sha256 99aa",
        *CHANGED["difference"]["lines"],
    ]
    new = {**CHANGED, "difference": {"from": None, "lines": ["--- nothing"]}}
    assert activation.changes(new).splitlines()[1].startswith("a new agreement")


@pytest.mark.parametrize("as_json", [False, True])
def test_the_second_person_sees_the_difference_when_they_look_and_when_they_sign(
    as_json: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = {"task": "1d9c", "action": "approve", "state": "done"}
    hub = FakeHub(dict(TASK), CHANGED, dict(TASK), CHANGED, done)
    monkeypatch.setattr("cli.task.caller", lambda *_: FakeCaller(hub))
    rest = ["--json"] if as_json else []
    looked = RUNNER.invoke(app, ["task", "show", "1d9c", *rest])
    signed = RUNNER.invoke(app, ["task", "do", "1d9c", "approve", "--reason", "as agreed", *rest])
    assert (looked.exit_code, signed.exit_code) == (0, 0), (looked.output, signed.output)
    if as_json:
        for each in (looked, signed):
            assert json.loads(each.stdout)["difference"] == CHANGED["difference"]
    else:
        assert "asked      approve by council/ig at 2024" in looked.stdout
        assert "+version: 2" in looked.stdout
        assert (signed.stdout, "+version: 2" in signed.stderr) == ("approve: done\n", True)


def test_difference_of_one_version_is_shown_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.rules.caller", lambda *_: FakeHub(CHANGED))
    assert "+version: 2" in RUNNER.invoke(app, ["rules", "show", "5b1f", "--diff"]).stdout
    assert isinstance(RUNNER.invoke(app, ["rules", "show", "--diff"]).exception, UnsaidError)
