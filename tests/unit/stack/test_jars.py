"""Kafka's jars: the lock file, and that nothing else is run."""

import hashlib
from pathlib import Path

import pytest

from hub.stack.jars import LOCK, ROOTS, JarError, _intact, read_lock


def test_the_lock_holds_every_root_once_when_read() -> None:
    jars = read_lock(LOCK.read_text())
    named = [f"{jar.group}:{jar.artifact}:{jar.version}" for jar in jars]
    assert len(named) == len(set(named)) == 46
    assert set(ROOTS) <= set(named)
    assert next(jar.version for jar in jars if jar.artifact == "kafka-clients") == "4.3.1"


def test_the_lock_names_no_place_when_read() -> None:
    assert "://" not in LOCK.read_text()


@pytest.mark.parametrize("line", ["a:b:1", "a:b " + "0" * 64, "a:b:1 abc", "a:b:c:d " + "0" * 64])
def test_the_line_is_named_when_it_is_not_in_its_form(line: str) -> None:
    with pytest.raises(JarError, match=r"jars\.lock:2"):
        read_lock(f"# head\n{line}\n")


def test_a_jar_is_fetched_again_when_one_byte_differs(tmp_path: Path) -> None:
    file = tmp_path / "a.jar"
    file.write_bytes(b"right")
    digest = hashlib.sha256(b"right").hexdigest()
    assert _intact(file, digest)
    file.write_bytes(b"wrong")
    assert not _intact(file, digest)
    assert not _intact(tmp_path / "none", digest)
