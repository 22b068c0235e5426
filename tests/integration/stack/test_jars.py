"""Kafka's jars when their source is away, or serves something else."""

import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hub.settings import ROOT
from hub.stack.certificates import Authority
from hub.stack.ports import free_ports


class Other(BaseHTTPRequestHandler):
    """A repository that answers everything with the same few bytes."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"other")

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Say nothing."""


@pytest.fixture
def other() -> Iterator[str]:
    """Its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Other) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[str]:
    """The same behind a certificate of an authority that nobody here knows, as a network's proxy has it."""
    key, chain = Authority.new("a proxy").issue("localhost")
    (tmp_path / "server.pem").write_bytes(key + chain)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    with ThreadingHTTPServer(("localhost", 0), Other) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"https://localhost:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def up(home: Path, repository: str) -> subprocess.CompletedProcess[str]:
    """Start a stack with an empty cache, and the repository that the user's jgo configuration names."""
    (home / "jgo.conf").write_text(f"[repositories]\ncentral = {repository}\n")
    env = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    env |= {
        "XDG_CACHE_HOME": str(home / "cache"),
        "JGO_CONFIG_FILE": str(home / "jgo.conf"),
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "cli.main", "up", "--servers-only", "--folder", str(home / "stack")]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=100, check=False)


def said(done: subprocess.CompletedProcess[str]) -> str:
    (line,) = [line for line in done.stderr.splitlines() if not line.startswith("starting ")]
    return line


def test_nothing_is_run_when_a_jar_is_not_the_one_that_the_lock_names(tmp_path: Path, other: str) -> None:
    done = up(tmp_path, other)
    assert done.returncode == 75
    assert "is not the file that jars.lock names" in said(done)
    assert list((tmp_path / "cache" / "wraparound" / "jars").iterdir()) == []


def test_one_line_says_so_when_the_repository_is_away(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    done = up(tmp_path, f"http://127.0.0.1:{port}")
    assert done.returncode == 75
    assert "is the Maven repository reachable?" in said(done)


def test_one_line_says_what_to_set_when_the_network_signs_certificates_of_its_own(
    tmp_path: Path, stranger: str
) -> None:
    done = up(tmp_path, stranger)
    assert done.returncode == 75
    assert "name the file with your network's certificate authority in REQUESTS_CA_BUNDLE" in said(done)
