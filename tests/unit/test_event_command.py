"""What `event send` and `event show` say."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from cli.event import app, delivery_line, state_of
from client.calls import Call, HubProblemError
from hub.clock import parse_micros


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ({"receipt": "r", "state": "in effect"}, "in effect"),
        ({"receipt": "r", "state": "rejected", "reason": "already_open"}, "rejected"),
        (httpx.ConnectError("away"), "received"),
        (HubProblemError(503, {}), "received"),
    ],
)
def test_what_was_sent_before_has_the_state_of_its_receipt_when_it_is_sent_again(
    answer: Any, state: str
) -> None:
    asked = []

    def ask(call: Call[dict[str, Any]], tries: int) -> dict[str, Any]:
        asked.append((call.method, call.path, tries))
        if isinstance(answer, Exception):
            raise answer
        return call.read(answer)

    assert state_of(ask, "r") == state
    assert asked == [("GET", "/v1/receipts/r", 1)]


@pytest.mark.parametrize(("tries", "said"), [(0, "to s2w/sft: failed, delivery d"), (3, "refused 3 times")])
def test_a_delivery_says_how_often_it_was_refused_when_it_was(tries: int, said: str) -> None:
    line = delivery_line({"desk": "s2w/sft", "status": "failed", "tries": tries, "delivery": "d"})
    assert said in line
    assert ("refused" in line) == bool(tries)


@pytest.mark.parametrize(
    ("name", "value", "pointer", "rule"),
    [
        ("id", "9990000018", "/id", "personal"),
        ("id", "x" * 300, "/id", "length"),
        ("specversion", "0.3", "/specversion", "codes"),
        ("time", "yesterday", "/time", "format"),
    ],
)
def test_what_the_door_would_refuse_is_found_offline_when_an_event_is_validated(
    tmp_path: Path, name: str, value: str, pointer: str, rule: str
) -> None:
    written = CliRunner().invoke(app, ["new", "practice.risk_rated"])
    event = json.loads(written.stdout)
    file = tmp_path / "event.json"
    file.write_text(json.dumps(event))
    assert CliRunner().invoke(app, ["validate", str(file)]).exit_code == 0
    file.write_text(json.dumps(event | {name: value}))
    refused = CliRunner().invoke(app, ["validate", str(file), "--json"])
    assert refused.exit_code == 6
    (error,) = json.loads(refused.stdout)["errors"]
    assert (error["pointer"], error["rule"]) == (pointer, rule)


@pytest.mark.parametrize(
    ("now", "pointers"),
    [
        ("2199-01-01T00:00:00Z", []),
        ("2023-06-01T00:00:00Z", ["/data/occurred_at", "/data/rated_on"]),
        (None, []),
    ],
)
def test_what_has_not_happened_yet_is_found_when_an_event_is_validated(
    tmp_path: Path, now: str | None, pointers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the hub's clock; where no hub answers, by this machine's, which is past the examples."""
    file = tmp_path / "event.json"
    file.write_text(CliRunner().invoke(app, ["new", "practice.risk_rated"]).stdout)
    asked = (None, "no hub answers") if now is None else (parse_micros(now), "")
    monkeypatch.setattr("cli.hub_clock.asked", lambda *_: asked)
    done = CliRunner().invoke(app, ["validate", str(file), "--json"])
    assert sorted(each["pointer"] for each in json.loads(done.stdout)["errors"]) == pointers
    assert done.exit_code == (6 if pointers else 0)
