"""The command line as a whole: every command explains itself, and usage errors are usage errors."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from cli.caller import UnsaidError
from cli.edge import explain, fail
from cli.main import app, main, nouns
from cli.task import KINDS
from client.calls import HubProblemError
from services.gateway.work import ACTIONS

EXAMPLE = re.compile(r"`(?:\w+=\S+ )*wraparound [^`]+`")


def commands() -> Iterator[tuple[str, Any]]:
    """Every command that does something, by its words."""
    root: Any = typer.main.get_command(app)
    context = typer.Context(root)
    for name in root.list_commands(context):
        yield from _below(name, root.get_command(context, name))


def _below(words: str, command: Any) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield words, command
        return
    for name, inner in command.commands.items():
        yield from _below(f"{words} {name}", inner)


def test_every_command_shows_two_examples_when_asked_for_help() -> None:
    found = dict(commands())
    assert {"up", "down", "status", "run", "doctor"} <= set(found)
    assert [words for words, command in found.items() if len(EXAMPLE.findall(command.help or "")) < 2] == []


def test_a_noun_is_a_module_with_an_app_when_listed() -> None:
    assert "partnership" in nouns()
    assert not {"main", "local", "edge", "gateway"} & set(nouns())


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["run"],
        ["up", "--brokers", "2"],
        ["up", "--routers", "0"],
        ["up", "--clock-speed", "60"],
        ["up", "--clock-start", "yesterday"],
        ["run", "nothing"],
        ["task", "do", "1d9c", "frob", "--reason", "x"],
        ["task", "list", "--kind", "nonsense"],
        ["rules", "check", "nowhere.yaml"],
        ["family", "show", "1d9c", "--purpose", "bogus", "--reason", "x"],
    ],
)
def test_the_exit_code_is_two_when_a_command_is_used_wrongly(arguments: list[str], tmp_path: Path) -> None:
    folder = ["--folder", str(tmp_path)] if arguments[0] == "up" else []
    result = CliRunner().invoke(app, [*arguments, *folder])
    code = result.exit_code
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        said = explain(result.exception)
        assert said is not None
        code = said[1]
    assert code == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (HubProblemError(404, {"title": "Not found", "status": 404, "errors": []}), 3),
        (UnsaidError("--as: expected a desk"), 2),
        (KeyboardInterrupt(), 130),
        (typer.BadParameter("'bogus' is not one of 'rights'", param_hint="--purpose"), 2),
    ],
)
def test_a_refusal_is_one_json_object_when_json_was_asked_for(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fail(error, as_json=True) == code
    came = capsys.readouterr()
    found = json.loads(came.err)
    assert (came.out, found["exit_code"], bool(found["error"])) == ("", code, True)
    assert found.get("problem") == (error.problem if isinstance(error, HubProblemError) else None)
    assert fail(error) == code
    assert capsys.readouterr().err.startswith("wraparound: ")


def test_the_reason_stands_in_the_place_of_the_one_answer_when_who_asks_may_know_it() -> None:
    problem = {"title": "Not found", "detail": "There is nothing here for you."}
    told = {
        **problem,
        "errors": [
            {"pointer": "/path/about", "detail": "expected an id, came another form of id"},
            {"pointer": "", "detail": "expected another, came none"},
        ],
    }
    said = [explain(HubProblemError(404, each)) for each in (problem, told)]
    assert [each[0].splitlines() for each in said if each] == [
        ["404 Not found. There is nothing here for you."],
        [
            "404 Not found.",
            "  /path/about: expected an id, came another form of id",
            "  expected another, came none",
        ],
    ]


class Nobody:
    """A hub that has nothing for the desk that asks."""

    desk = "council/west"

    def run(self, _: object) -> object:
        raise HubProblemError(404, {"title": "Not found", "detail": "There is nothing here for you."})


@pytest.mark.parametrize(("task", "form"), [("1d9c", True), ("5b1f7c0e-4a7d-8c3e-9f10-00000000000a", False)])
def test_where_ids_come_from_is_said_when_a_desk_has_no_such_task(
    task: str, form: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.task.caller", lambda *_: Nobody())
    error = CliRunner().invoke(app, ["task", "show", task]).exception
    assert isinstance(error, HubProblemError)
    assert "`wraparound task list --as council/west` lists" in error.problem["detail"]
    assert ("has another form" in error.problem["detail"]) == form


def test_the_parser_refuses_in_json_when_json_was_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for words in (["nonsense"], ["family", "show", "1d9c", "--purpose", "bogus"], ["run", "nothing"]):
        monkeypatch.setattr("sys.argv", ["wraparound", *words, "--json"])
        with pytest.raises(SystemExit) as ended:
            main()
        assert (ended.value.code, json.loads(capsys.readouterr().err)["exit_code"]) == (2, 2)


def test_status_says_that_nothing_runs_when_nothing_does(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["status", "--json", "--folder", str(tmp_path)])
    assert result.exit_code == 3
    assert json.loads(result.stdout) == {"up": False}


def test_down_is_content_when_nothing_runs(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["down", "--json", "--folder", str(tmp_path)])
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"folder": str(tmp_path), "stopped": False}


def test_kinds_that_are_offered_are_those_that_something_can_be_done_about() -> None:
    assert set(KINDS) == {kind for kind, _ in ACTIONS}
