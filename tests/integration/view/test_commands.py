"""The command line as a desk of a gateway that runs: what it says, and its exit codes."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from cli.audit import kept_note
from cli.edge import explain
from cli.local import UsageError
from cli.main import app
from hub.clock import SystemClock
from hub.database import Database
from hub.schemas.json_form import WRITTEN_AT
from hub.settings import read_secret
from hub.stack.identities import Identities
from hub.stack.stack import Stack
from services.audit.note import open_note, parse_checkpoint, parse_skey
from services.audit.sealer import Sealer
from tests.integration.gateway.world import Process
from tests.unit.consent.cast import DORSET

NOBODY = "00000000-0000-8000-8000-000000000000"


class Line:
    """The command line of a folder with the desks' profiles."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *words: str, expect: int = 0, text: str | None = None) -> str:
        result = CliRunner().invoke(app, [*words, "--folder", str(self.folder)], input=text)
        code = result.exit_code
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            said = explain(result.exception)
            assert said is not None, result.exception
            code = said[1]
        assert code == expect, (result.output, result.exception)
        return result.stdout

    def json(self, *words: str, **rest: Any) -> Any:
        return json.loads(self(*words, "--json", **rest))


@pytest.fixture
def line(stack: Stack, process: Process) -> Line:
    return Line(stack.folder)


def test_an_event_is_written_checked_sent_and_followed_when_its_desk_does_it(
    line: Line, database: str
) -> None:
    new = line("event", "new", "family.opened", "--as", "council/chesil")
    happened = json.loads(new)["data"]["occurred_at"]
    assert timedelta(0) <= datetime.now(UTC) - datetime.fromisoformat(happened) < timedelta(days=1)
    checked = CliRunner().invoke(app, ["event", "validate", "-"], input=new)
    assert (checked.exit_code, checked.stdout.strip()) == (0, "valid: wraparound.family.opened.v1")
    broken = new.replace('"specversion": "1.0"', '"specversion": 1')
    assert CliRunner().invoke(app, ["event", "validate", "-"], input=broken).exit_code == 6
    me = ("--as", "council/chesil")
    ahead = new.replace(happened, "2190-01-01T00:00:00Z")
    line("event", "validate", "-", text=ahead, expect=6)
    line("event", "send", "-", *me, "--dry-run", text=ahead, expect=6)
    line("event", "send", "-", *me, text=ahead, expect=6)
    assert line.json("catalogue", "show", "family.opened")["example"]["occurred_at"] == happened
    assert line.json("event", "send", "-", *me, "--dry-run", text=new)["state"] == "valid"
    receipt = line.json("event", "send", "-", *me, text=new)["receipt"]
    assert line("event", "send", "-", *me, text=new).strip() == receipt
    assert line.json("event", "send", "-", *me, text=new) == {"receipt": receipt, "state": "received"}
    line("event", "send", "-", *me, text=new.replace("chesil", "west"), expect=6)
    line("event", "send", "-", "--as", "s2w/nobody", text=new, expect=4)
    assert line.json("receipt", "show", receipt, *me)["state"] == "received"
    line("receipt", "show", receipt, "--as", "s2w/sft", expect=3)
    assert line.json("event", "show", receipt, "--as", "hub/operations")["stage"] == "queued"
    assert "queued" in line("event", "show", receipt, "--as", "hub/operations")
    assert receipt in line("event", "show", receipt, *me)

    assert line("inbox", "list", "--as", "s2w/sft") == ""
    acknowledged = line("inbox", "ack", NOBODY, "nosuch", "--as", "s2w/sft", expect=3)
    assert acknowledged.splitlines() == [
        "0 acknowledged",
        f"not in the inbox: {NOBODY}",
        "not in the inbox: nosuch",
    ]

    why = ("--reason", "duty call")
    line("family", "show", NOBODY, *me, *why, expect=3)
    line("family", "show", NOBODY, *me, expect=2)
    line("family", "show", NOBODY, *me, *why, "--at", "yesterday", expect=6)
    line("family", "find", "liquidlogic", "F-none", *me, *why, expect=3)
    line("rules", "preview", NOBODY, "--for", "s2w/sft", "--as", "council/ig", *why, expect=3)
    line("task", "show", NOBODY, *me, expect=3)
    line("task", "show", "1d9c", *me, expect=3)
    none = line("rules", "preview", NOBODY, "--for", "s2w/none", "--as", "council/ig", *why, expect=6)
    assert none == ""
    tried = ("rules", "simulate", str(DORSET), "--over", "2023-06", *why)
    assert "No event of any family was recorded" in line(*tried, "--as", "council/ig")
    assert line.json(*tried, "--as", "council/ig")["changes"] == []
    line(*tried, *me, expect=3)
    line("decision", "explain", NOBODY, "--as", "council/ig", *why, expect=3)
    line("identity", "show", NOBODY, "--as", "council/ig", *why, expect=3)
    line("audit", "who", NOBODY, "--as", "council/ig", *why, expect=3)
    turned = ("--since", "2024-04-01T00:00:00Z", "--until", "2024-03-01T00:00:00Z")
    line("audit", "who", NOBODY, *turned, "--as", "council/ig", *why, expect=2)
    line("identity", "unlink", "no-scheme", "paris:77", *me, expect=2)
    line("identity", "link", "no-scheme", "paris:77", "--code", "same_history", *me, expect=2)
    assert line("identity", "link", "liquidlogic:P-1", "liquidlogic:P-2", "--probable", *me).strip()
    assert line.json("identity", "unlink", "liquidlogic:P-1", "liquidlogic:P-2", "--same", *me)["receipt"]

    with psycopg.connect(database, autocommit=True) as conn:
        row = conn.execute(
            "INSERT INTO task (task_id, kind, key, owner, opened_at, reason) VALUES"
            " (gen_random_uuid(), 'dead_letter', %s, 'hub/operations', 1, 'test') RETURNING task_id::text",
            (NOBODY,),
        ).fetchone()
    assert row is not None
    engineer = ("--as", "hub/operations")
    assert line("task", "list", *engineer).split()[0] == row[0]
    assert line.json("task", "show", row[0], *engineer)["actions"] == ["discard"]
    line("task", "do", row[0], "discard", *engineer, *why, "--user", "a", expect=5)
    assert "asked      discard by hub/operations, a, at" in line("task", "show", row[0], *engineer)
    assert "discard asked for by hub/operations" in line("task", "list", *engineer)
    assert line("task", "do", row[0], "discard", *engineer, *why, "--user", "b").strip() == "discard: done"
    done = line("task", "show", row[0], *engineer)
    assert "by hub/operations, b: discard" in done
    assert "can be done: nothing here" in done
    line("task", "show", row[0], *me, expect=3)


def test_a_checkpoint_is_kept_to_the_byte_when_a_desk_asks_for_it(
    line: Line, stack: Stack, process: Process, database: str, tmp_path: Path
) -> None:
    me = ("--as", "council/ig")
    line("audit", "checkpoint", *me, expect=3)
    signer = parse_skey(read_secret(Identities(stack.folder).signing_key, "signing_key_file").decode())

    async def sealed() -> None:
        opened = Database(database)
        sealer = Sealer(opened, signer, SystemClock(), code="code")
        assert await sealer.open()
        await sealer.refresh()
        await opened.close()

    asyncio.run(sealed())
    kept = tmp_path / "kept"
    kept.write_text(line("audit", "checkpoint", *me))
    note = open_note(kept.read_bytes(), [signer.verifier])
    origin = parse_checkpoint(note.text).origin
    assert kept_note(kept, origin) == kept.read_bytes()
    assert line.json("audit", "checkpoint", *me)["checkpoint"].encode() == kept.read_bytes()


def test_a_period_is_refused_with_an_example_when_it_is_none(line: Line) -> None:
    asked = ["audit", "who", NOBODY, "--as", "council/ig", "--reason", "test", "--folder", str(line.folder)]
    for option in ("--since", "--until"):
        error = CliRunner().invoke(app, [*asked, option, "2024-03-01"]).exception
        assert isinstance(error, UsageError)
        assert f"{option}: expected an RFC 3339 time such as 2024-03-01T00:00:00Z" in str(error)


def test_it_says_try_again_when_no_hub_answers(stack: Stack) -> None:
    line = Line(stack.folder)
    line("receipt", "show", NOBODY, "--as", "council/chesil", expect=75)
    command = ["event", "new", "family.opened", "--as", "council/chesil", "--folder", str(stack.folder)]
    new = CliRunner().invoke(app, command)
    assert (new.exit_code, json.loads(new.stdout)["data"]["occurred_at"]) == (0, WRITTEN_AT)
    assert new.stderr.startswith("no hub answers: its dates are the example's, of 2026-04-14")


def test_an_example_is_refused_when_its_desk_is_none_of_the_partnerships(tmp_path: Path) -> None:
    line = Line(tmp_path)
    line("event", "new", "family.opened", "--as", "foo", expect=2)
    assert json.loads(line("event", "new", "family.opened", "--as", "s2w/sft"))["source"] == "s2w/sft"


def test_a_desk_must_be_named_when_there_are_several(stack: Stack) -> None:
    Line(stack.folder)("task", "list", expect=2)


def test_the_catalogue_is_read_offline_when_it_is_asked_for() -> None:
    shown = CliRunner().invoke(app, ["catalogue", "list", "referral", "--json"])
    types = [json.loads(each)["type"] for each in shown.stdout.splitlines()]
    assert "wraparound.referral.requested.v1" in types
    one = json.loads(CliRunner().invoke(app, ["catalogue", "show", "practice.risk_rated", "--json"]).stdout)
    assert one["example"]["rating"] in {"red", "amber", "green"}
    forms = {each["path"]: each["form"] for each in one["fields"]}
    assert forms["rating"] == "one of red, amber, green"
    assert forms["person"] == "{scheme, value}"
    assert forms["rated_on"].startswith("a date")
    added = CliRunner().invoke(app, ["catalogue", "show", "family.member_added"]).stdout
    assert "  members.identifiers  list of {scheme, value}  [identity.identifier]" in added.splitlines()
    assert "  members.phone  a telephone number  [contact.channel]" in added.splitlines()
    differs = CliRunner().invoke(app, ["catalogue", "diff", "referral.accepted", "referral.declined"])
    assert (differs.exit_code, "reason" in differs.stdout) == (1, True)
    assert (
        CliRunner().invoke(app, ["catalogue", "diff", "referral.accepted", "referral.accepted"]).exit_code
        == 0
    )
