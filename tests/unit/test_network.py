"""What `doctor` says of names, certificates and clocks, against servers of this machine."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from cli.network import Address, addresses, hub, names, tls
from hub.settings import load
from hub.stack.certificates import Authority


@contextmanager
def served(server: HTTPServer) -> Iterator[int]:
    """A server on a port of its own."""
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answering(date: str) -> type[BaseHTTPRequestHandler]:
    """A hub whose machine has this date."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(200)
            self.send_header("date", date or self.date_time_string())
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def spoken(tmp_path: Path, host: str) -> Iterator[Address]:
    """A server that shows a certificate of this name, and where its authority's stands."""
    authority = Authority.new("an authority")
    private, certificate = authority.issue(host)
    (tmp_path / "server.pem").write_bytes(private + certificate)
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    server = HTTPServer(("127.0.0.1", 0), answering(""))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with served(server) as port:
        yield Address("WRAPAROUND_KAFKA", "localhost", port, True, tmp_path / "ca.pem")


def test_a_certificate_holds_when_it_is_of_its_name_and_of_the_authority(tmp_path: Path) -> None:
    with spoken(tmp_path, "localhost") as server:
        found = tls([server])
        assert (found.ok, "localhost's ends in 824 days" in found.said) == (True, True)
        stranger = tls([Address(server.setting, server.host, server.port, True)])
    assert (stranger.ok, "this machine's authorities" in stranger.said) == (False, True)


def test_a_certificate_is_refused_when_it_is_of_another_name(tmp_path: Path) -> None:
    with spoken(tmp_path, "broker-1") as server:
        found = tls([server])
    assert (found.ok, "Hostname mismatch" in found.said) == (False, True)


def test_a_server_without_tls_is_named_with_its_setting() -> None:
    with served(HTTPServer(("127.0.0.1", 0), answering(""))) as port:
        found = tls([Address("WRAPAROUND_KAFKA", "127.0.0.1", port, True)])
    assert (found.ok, f"127.0.0.1:{port} of WRAPAROUND_KAFKA" in found.said) == (False, True)


def test_a_name_without_an_address_is_named_with_its_setting() -> None:
    assert names([Address("WRAPAROUND_KAFKA", "localhost", 9092)]).ok
    found = names([Address("WRAPAROUND_KAFKA", "nosuch.invalid", 9092)])
    assert (found.ok, "nosuch.invalid of WRAPAROUND_KAFKA" in found.said) == (False, True)


@pytest.mark.parametrize(
    ("date", "ok", "said"),
    [("", True, "within 30 s of ours"), ("Mon, 01 Jan 2024 00:00:00 GMT", False, "set both by NTP")],
)
def test_the_hubs_clock_is_compared_with_ours(date: str, ok: bool, said: str) -> None:
    with served(HTTPServer(("127.0.0.1", 0), answering(date))) as port:
        found = hub(f"http://127.0.0.1:{port}")
    assert (found.ok, said in found.said) == (ok, True)
    away = hub(f"http://127.0.0.1:{port}")
    assert (away.ok, "does not answer" in away.said) == (False, True)


def test_every_server_that_the_settings_name_is_looked_at() -> None:
    given = {
        "WRAPAROUND_KAFKA": "kafka-1:9093,[::1]:9094",
        "WRAPAROUND_KAFKA_SECURITY": "SASL_SSL",
        "WRAPAROUND_POSTGRES": "postgresql://hub@db.example/hub",
        "WRAPAROUND_PUBLIC_URL": "https://hub.example",
    }
    found = [(each.host, each.port, each.tls) for each in addresses(load(given))]
    assert found == [
        ("kafka-1", 9093, True),
        ("::1", 9094, True),
        ("db.example", 5432, False),
        ("hub.example", 443, True),
    ]
    assert list(addresses(load({}))) == []
