"""Secret files, identities, certificates, ports, and processes that die with their owner."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from cli import edge
from client.tokens import DeskKey
from hub.partnership.loader import load as load_partnership
from hub.settings import ROOT, KeyFileError, read_key
from hub.stack import owned, secret_files
from hub.stack.certificates import Authority
from hub.stack.folder import known_time, owner
from hub.stack.identities import Identities
from hub.stack.ports import free_ports, is_free, listening
from hub.stack.stack import DiskFullError, Stack
from services.audit.note import parse_skey

SLEEP = "import time; time.sleep(600)"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_secret_is_made_once_and_private_when_asked_for_twice(tmp_path: Path) -> None:
    first = secret_files.once(tmp_path / "a" / "secret")
    assert secret_files.once(tmp_path / "a" / "secret") == first
    assert len(bytes.fromhex(first)) == 32
    assert mode(tmp_path / "a" / "secret") == 0o600
    assert mode(tmp_path / "a") == 0o700
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["secret"]


def test_a_cluster_id_is_one_kafka_takes_when_made() -> None:
    for _ in range(50):
        made = secret_files.cluster_id()
        assert len(made) == 22
        assert not made.startswith("-")


def test_keys_are_those_that_their_readers_read_when_made(tmp_path: Path) -> None:
    made = Identities(tmp_path)
    made.make_hub_keys("wraparound/test")
    made.check_hub_keys()
    assert len(read_key(made.hub_secret, "hub_secret_file")) == 32
    assert mode(made.master_key) == mode(made.signing_key) == 0o400
    verifier = parse_skey(made.signing_key.read_text().strip()).verifier
    assert verifier.name == "wraparound/test"
    assert made.log_key.read_text().strip() == verifier.vkey


def test_start_up_fails_when_a_key_was_opened_to_others(tmp_path: Path) -> None:
    made = Identities(tmp_path)
    made.make_hub_keys("wraparound/test")
    made.signing_key.chmod(0o444)
    with pytest.raises(KeyFileError, match=r"signing\.key can be read by others"):
        made.check_hub_keys()


def test_the_partnership_knows_every_desk_when_its_sandbox_keys_are_made(tmp_path: Path) -> None:
    made = Identities(tmp_path)
    place = ROOT / "partnerships" / "dorset"
    desks = [desk.name for desk in load_partnership(place).active_desks]
    made.make_desk_keys(desks)
    before = made.public_keys.read_text()
    made.make_desk_keys(desks)
    assert made.public_keys.read_text() == before
    keys = load_partnership(place, made.public_keys).keys
    assert [key.desk for key in keys] == desks
    assert '"d"' not in before
    for key in keys:
        DeskKey.from_pem(key.kid, key.desk, made.desk_key(key.desk).read_bytes()).token("hub")
        assert mode(made.desk_key(key.desk)) == 0o600


def test_a_profile_names_files_and_holds_no_secret_when_written(tmp_path: Path) -> None:
    made = Identities(tmp_path)
    made.make_desk_keys(["a/b", "hub/operations"])
    kafka = {"bootstrap": "127.0.0.1:2", "security": "SASL_SSL", "ca_file": "/ca.pem"}
    made.write_profiles(["a/b"], ["hub/operations"], "http://127.0.0.1:1", kafka)
    profile = json.loads(made.profile("a/b").read_text())
    assert profile["kafka"]["publish_to"] == "from-a-b"
    assert kafka.items() <= profile["kafka"].items()
    assert Path(profile["key_file"]).exists()
    assert "PRIVATE" not in made.profile("a/b").read_text()
    assert "kafka" not in json.loads(made.profile("hub/operations").read_text())


def test_a_certificate_is_for_its_host_and_signed_when_issued() -> None:
    authority = Authority.new("test")
    key, chain = authority.issue("kafka")
    certificate = x509.load_pem_x509_certificate(chain)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["kafka"]
    certificate.verify_directly_issued_by(authority.certificate)
    private, public = load_pem_private_key(key, None), certificate.public_key()
    assert isinstance(public, EllipticCurvePublicKey)
    assert private.public_key() == public
    assert isinstance(certificate.signature_algorithm_parameters, ECDSA)


def test_ports_are_different_and_free_when_asked_for() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert listening(port)
        assert not is_free(port)
    assert not listening(port)


def test_a_child_ends_when_its_owner_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from hub.stack import owned\n"
        f"child = owned.spawn(Path({str(tmp_path)!r}), 'sleeper', [sys.executable, '-c', {SLEEP!r}])\n"
        "print(child.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=ROOT) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        wait_for_name(pid)
        parent.kill()
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def wait_for_name(pid: int) -> None:
    """Until the wrapper has become the program: before that it sees for itself that its owner is gone."""
    while SLEEP not in psutil.Process(pid).cmdline():
        time.sleep(0.01)


def test_a_child_is_stopped_killed_and_reported_when_told(tmp_path: Path) -> None:
    child = owned.spawn(tmp_path, "one", [sys.executable, "-c", f"print('hello', flush=True); {SLEEP}"])
    while "hello" not in child.last_lines():
        time.sleep(0.01)
    assert child.running
    assert child.wait(0.01) is None
    assert child.stop(10) == -signal.SIGTERM
    other = owned.spawn(tmp_path, "two", [sys.executable, "-c", SLEEP])
    other.kill()
    assert not other.running
    assert list((tmp_path / "pids").iterdir()) == []


def test_a_child_that_is_ending_is_not_asked_again_when_it_is_waited_for(tmp_path: Path) -> None:
    code = (
        "import signal, time\n"
        "def ending(*_):\n"
        "    signal.signal(signal.SIGTERM, signal.SIG_DFL); time.sleep(0.3); raise SystemExit(0)\n"
        "signal.signal(signal.SIGTERM, ending); print('hello', flush=True); time.sleep(600)"
    )
    child = owned.spawn(tmp_path, "one", [sys.executable, "-c", code])
    while "hello" not in child.last_lines():
        time.sleep(0.01)
    child.send(signal.SIGTERM)
    time.sleep(0.1)
    assert child.finish(10) == 0


def test_a_stranger_is_left_alone_when_it_has_the_pid_of_one_of_ours(tmp_path: Path) -> None:
    record = tmp_path / "pids" / "gateway-1"
    record.parent.mkdir()
    record.write_text(json.dumps({"pid": os.getpid(), "born": 5.0}))
    (tmp_path / "pids" / "half").write_text('{"pid":')
    assert owned.end_left_behind(tmp_path) == []
    assert list(record.parent.iterdir()) == []


def test_a_stack_says_so_when_there_is_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = Stack(tmp_path / "stack", postgres="postgresql://a@127.0.0.1:1/b")
    monkeypatch.setattr("hub.stack.stack.LEAST_FREE_BYTES", 1 << 80)
    with pytest.raises(DiskFullError, match="make room, or name another --folder"):
        stack.start()
    assert owner(stack.folder) is None


def test_no_owner_and_no_time_are_known_when_a_folder_is_new(tmp_path: Path) -> None:
    assert owner(tmp_path) is None
    assert known_time(tmp_path) is None
    (tmp_path / "stack.json").write_text('{"clock": null}')
    assert known_time(tmp_path) is None


@pytest.mark.parametrize(
    ("error", "said", "code"),
    [
        (OSError(28, "No space left on device", "/x/y"), "the disk is full at /x/y: make room", 1),
        (PermissionError(13, "Permission denied", "/x/y"), "no right to write or read at /x/y", 4),
        (FileNotFoundError(2, "No such file or directory", "/x"), "No such file or directory at /x", 1),
        (KeyboardInterrupt(), "interrupted", 130),
        (DiskFullError("full"), "full", 1),
    ],
)
def test_one_line_and_an_exit_code_are_said_when_something_fails(
    error: BaseException, said: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert edge.fail(error) == code
    err = capsys.readouterr().err
    assert err.startswith(f"wraparound: {said}")
    assert err.count("\n") == 1


def test_our_own_bug_keeps_its_traceback_when_nobody_can_explain_it() -> None:
    with pytest.raises(ZeroDivisionError):
        edge.fail(ZeroDivisionError())
