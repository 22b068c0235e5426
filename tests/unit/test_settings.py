"""Settings: one table, one reading, one line for each that is wrong; key files for their owner alone."""

from dataclasses import fields
from pathlib import Path

import pytest

from hub.clock import DAY, SandboxClock, SystemClock
from hub.settings import (
    KeyFileError,
    SettingError,
    Settings,
    load,
    read_key,
    read_secret,
    table,
    to_environ,
    variable,
)


def test_defaults_are_taken_when_the_environment_is_empty() -> None:
    settings = load({})
    assert settings == Settings()
    assert settings.retention == 7 * DAY
    assert settings.folder.is_absolute()
    assert (settings.partnership / "partnership.yaml").exists()


def test_every_setting_is_in_the_table_with_its_meaning_when_listed() -> None:
    rows = table()
    assert [row[0] for row in rows] == [variable(field.name) for field in fields(Settings)]
    assert [row for row in rows if not row[1]] == []


def test_every_default_passes_its_own_check_when_written_out() -> None:
    assert load({name: default for name, _, default, _ in table()}) == Settings()


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("batch_size", "0", "a whole number from 1 to 20000"),
        ("batch_size", "1e3", "a whole number from 1 to 20000"),
        ("batch_size", "\u0661", "a whole number from 1 to 20000"),
        ("http_port", "65536", "a whole number from 0 to 65535"),
        ("clock_speed", "0", "a number above 0, at most 10000000"),
        ("clock_speed", "nan", "a number above 0, at most 10000000"),
        ("clock_start", "yesterday", "a time such as 2026-01-31T09:30:00Z"),
        ("kafka", "host", "host:port, several with commas between"),
        ("kafka_security", "PLAINTEXT", "one of SASL_PLAINTEXT, SASL_SSL"),
        ("postgres", "mysql://x", "postgresql://user@host:port/database"),
        ("log_level", "loud", "one of debug, info, warning, error"),
        ("folder", "", "a path"),
    ],
)
def test_one_line_says_what_is_expected_when_a_value_is_wrong(name: str, text: str, expected: str) -> None:
    with pytest.raises(SettingError) as caught:
        load({variable(name): text})
    assert str(caught.value) == f"{variable(name)}: expected {expected}"


def test_every_wrong_value_is_named_when_there_are_several() -> None:
    with pytest.raises(SettingError) as caught:
        load({"WRAPAROUND_BATCH_SIZE": "x", "WRAPAROUND_HTTP_PORT": "y"})
    assert len(str(caught.value).splitlines()) == 2


def test_a_sandbox_clock_is_refused_when_processes_could_not_agree_on_it() -> None:
    start = {"WRAPAROUND_CLOCK_START": "2025-01-01T00:00:00Z"}
    with pytest.raises(SettingError, match="WRAPAROUND_CLOCK_ANCHOR"):
        load(start)
    anchored = load(
        start | {"WRAPAROUND_CLOCK_ANCHOR": "2026-01-01T00:00:00Z", "WRAPAROUND_CLOCK_SPEED": "60"}
    )
    assert isinstance(anchored.clock(), SandboxClock)
    assert isinstance(load({}).clock(), SystemClock)


def test_settings_survive_when_told_to_a_child() -> None:
    told = to_environ({"batch_size": 10, "folder": "/tmp", "clock_speed": 1.0})
    assert load(told).batch_size == 10
    with pytest.raises(KeyError, match="no_such"):
        to_environ({"no_such": 1})


def test_a_key_is_read_when_its_file_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("ab" * 32 + "\n")
    file.chmod(0o400)
    assert read_key(file, "master_key_file") == b"\xab" * 32
    assert read_secret(file, "master_key_file") == b"ab" * 32


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o610, 0o666])
def test_a_key_is_refused_when_others_may_touch_it(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "key"
    file.write_text("ab" * 32)
    file.chmod(mode)
    with pytest.raises(KeyFileError, match=f"can be read by others: chmod 600 {file}"):
        read_key(file, "master_key_file")


@pytest.mark.parametrize("content", ["", "\n", "ab", "zz" * 32, "ab" * 33])
def test_a_key_is_refused_without_being_quoted_when_it_is_none(tmp_path: Path, content: str) -> None:
    file = tmp_path / "key"
    file.write_text(content)
    file.chmod(0o600)
    with pytest.raises(KeyFileError) as caught:
        read_key(file, "master_key_file")
    assert not content.strip() or content.strip() not in str(caught.value).replace(str(file), "")


def test_the_setting_is_named_when_a_key_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="WRAPAROUND_HUB_SECRET_FILE is not set"):
        read_key(None, "hub_secret_file")
    with pytest.raises(KeyFileError, match="No such file"):
        read_key(tmp_path / "none", "hub_secret_file")
    with pytest.raises(KeyFileError):
        read_key(tmp_path, "hub_secret_file")
