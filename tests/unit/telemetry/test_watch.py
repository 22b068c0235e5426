"""A process answers probes on a port of its own, and nothing else."""

import asyncio
from contextlib import closing

import pytest

from hub.errors import HubError
from hub.settings import load
from hub.stack.ports import free_ports
from hub.telemetry import steps
from hub.telemetry.watch import Watch, watched


def status(answer: bytes) -> int:
    return int(answer.split(b" ")[1])


def test_ready_is_said_when_nothing_keeps_the_process_from_its_job() -> None:
    watch = Watch("router-1", lambda: None)
    assert status(watch.of(b"/readyz")) == 200
    assert status(watch.of(b"/livez")) == 200
    assert b'wraparound_ready{process="router-1"} 1.0' in watch.of(b"/metrics")


def test_reason_is_said_when_the_process_cannot_do_its_job() -> None:
    watch = Watch("router-2", lambda: "waits: router")
    answer = watch.of(b"/readyz?verbose")
    assert (status(answer), b"waits: router" in answer) == (503, True)
    assert status(watch.of(b"/livez")) == 200
    assert b'wraparound_ready{process="router-2"} 0.0' in watch.of(b"/metrics")


def test_process_is_not_ready_when_a_step_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is stopped, and not gone, answers nothing: no error ever says so."""
    watch = Watch("delivery-3", lambda: None)
    monkeypatch.setattr(steps, "LONGEST", -1.0)
    with steps.step("relay"), steps.step("outbox"):
        answer = watch.of(b"/readyz")
    assert (status(answer), b"hangs: outbox, relay" in answer) == (503, True)
    assert status(watch.of(b"/readyz")) == 200


def test_a_step_that_is_over_hangs_no_more_when_it_ended_by_an_error() -> None:
    with pytest.raises(OSError, match="gone"), steps.step("relay"):
        raise OSError("gone")
    assert steps.hanging(now=1e12) is None


def test_nothing_is_told_of_what_a_process_does_not_measure() -> None:
    told = Watch("sealer-1", lambda: None).of(b"/metrics")
    assert b"wraparound_agreement_ends_in_seconds" not in told
    assert b"wraparound_sealed_total" in told


@pytest.mark.parametrize("path", [b"/", b"/etc/passwd", b"", b"/metrics/x"])
def test_nothing_is_there_when_another_path_is_asked_for(path: bytes) -> None:
    assert status(Watch("p", lambda: None).of(path)) == 404


async def ask(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with closing(writer):
        writer.write(request)
        return await reader.read()


@pytest.fixture
def port() -> int:
    return free_ports(1)[0]


async def test_it_answers_while_the_process_runs_and_survives_whatever_is_sent(port: int) -> None:
    settings = load({"WRAPAROUND_WATCH_PORT": str(port)})
    async with watched(settings, "sealer-1", lambda: None):
        assert status(await ask(port, b"GET /readyz HTTP/1.1\r\n\r\n")) == 200
        assert await ask(port, b"\n") != b"\xff"
        await ask(port, b"x" * 100_000 + b"\n")
        assert status(await ask(port, b"POST /metrics HTTP/1.1\r\n\r\n")) == 404
        with pytest.raises(HubError):
            async with watched(settings, "sealer-2", lambda: None):
                pass
    with pytest.raises(ConnectionError):
        await ask(port, b"GET /livez HTTP/1.1\r\n\r\n")


async def test_nothing_listens_when_no_port_is_named() -> None:
    async with watched(load({}), "sealer-1", lambda: None):
        pass
