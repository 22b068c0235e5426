"""Every setting of the hub, and the only place that reads the environment.

The table is the dataclass: a field per setting with its variable, meaning, unit and check. `load` reads an
environment and fails with one line per wrong value, which says what is expected. Secrets are never settings:
a setting names the file, and `read_secret` refuses a file that others can read (AUDIT.md section 4).
"""

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from hub.clock import DAY, Clock, Micros, SandboxClock, SystemClock, parse_micros
from hub.errors import HubError
from hub.led_clock import LedClock

ROOT = Path(__file__).resolve().parent.parent
"""The repository's root: schemas/ and partnerships/ are found from here."""

PREFIX = "WRAPAROUND_"

T = TypeVar("T")


class SettingError(HubError):
    """The configuration is wrong; the message has a line for each setting."""

    exit_code = 6


class KeyFileError(HubError):
    """A key file is missing, malformed, or readable by others."""

    exit_code = 4


def whole(low: int, high: int) -> Callable[[str], int]:
    """Check: a whole number between the two."""

    def check(text: str) -> int:
        if not text.strip().isascii() or not text.strip().isdigit() or not low <= int(text) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(text)

    return check


def speed(text: str) -> float:
    """Check: how many times as fast as the machine's clock, above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value <= 1e7:
        raise ValueError("a number above 0, at most 10000000")
    return value


def one_of(*allowed: str) -> Callable[[str], str]:
    """Check: one of the words."""

    def check(text: str) -> str:
        if text not in allowed:
            raise ValueError("one of " + ", ".join(allowed))
        return text

    return check


def instant(text: str) -> Micros | None:
    """Check: nothing, or an RFC 3339 time, kept in microseconds."""
    try:
        return parse_micros(text) if text else None
    except ValueError as error:
        raise ValueError(str(error).removeprefix("expected ")) from error


def days(text: str) -> Micros:
    """Check: whole days, kept in microseconds."""
    return whole(1, 3660)(text) * DAY


def path(text: str) -> Path:
    """Check: a path, made absolute."""
    if not text:
        raise ValueError("a path")
    return Path(text).expanduser().resolve()


def optional_path(text: str) -> Path | None:
    """Check: nothing, or a path, made absolute."""
    return path(text) if text else None


def addresses(text: str) -> str:
    """Check: `host:port`, several with commas between."""
    for part in text.split(",") if text else ():
        host, _, port = part.rpartition(":")
        if not host or not port.isdigit():
            raise ValueError("host:port, several with commas between")
    return text


def dsn(text: str) -> str:
    """Check: nothing, or a PostgreSQL URL with a database in it."""
    if text and not text.startswith("postgresql://"):
        raise ValueError("postgresql://user@host:port/database")
    return text


def setting(meaning: str, default: str, check: Callable[[str], T], unit: str = "") -> T:
    """One row of the table. `default` is written as it would stand in the environment."""
    # A dataclass field stands in for the value that it will hold.
    row: T = field(
        default_factory=lambda: check(default),
        metadata={"meaning": meaning, "default": default, "check": check, "unit": unit},
    )
    return row


@dataclass(frozen=True, slots=True)
class Settings:
    """What a process is told. Each field's variable is its name in capitals behind `WRAPAROUND_`."""

    folder: Path = setting("where a local stack keeps all it has", ".wraparound", path)
    partnership: Path = setting(
        "the partnership's configuration", str(ROOT / "partnerships" / "dorset"), path
    )
    sandbox_keys: Path | None = setting(
        "public keys of a sandbox's desks (keys.json), beside those of the partnership", "", optional_path
    )

    kafka: str = setting("bootstrap addresses of Kafka", "", addresses, "host:port,…")
    kafka_user: str = setting("this process's Kafka principal", "", str)
    kafka_password_file: Path | None = setting("the file with its password", "", optional_path)
    kafka_security: str = setting(
        "how Kafka is spoken to; SASL_PLAINTEXT on loopback only",
        "SASL_PLAINTEXT",
        one_of("SASL_PLAINTEXT", "SASL_SSL"),
    )
    kafka_ca_file: Path | None = setting("the authority that signed the brokers' keys", "", optional_path)
    postgres: str = setting("the database; a password belongs into its passfile", "", dsn, "URL")
    database_pool: int = setting("connections that one process keeps", "8", whole(1, 200))

    hub_secret_file: Path | None = setting("the secret that ids derive from", "", optional_path)
    master_key_file: Path | None = setting("the key that wraps every family's keys", "", optional_path)
    signing_key_file: Path | None = setting("the log's signing key; the sealer's alone", "", optional_path)

    http_host: str = setting("where the gateway listens", "127.0.0.1", str)
    http_port: int = setting("its port; 0 takes a free one", "8080", whole(0, 65535))
    public_url: str = setting("the hub's address, as partners see it: the audience of their tokens", "", str)

    batch_size: int = setting("most records in one transaction of a processor", "2000", whole(1, 20_000))
    batch_wait: int = setting("longest wait for a batch to fill", "50", whole(0, 5_000), "ms")
    retention: Micros = setting("how long Kafka keeps what carries bodies", "7", days, "days")
    partitions: int = setting("partitions of `events`, fixed when it is made", "12", whole(1, 200))

    clock_start: Micros | None = setting(
        "a sandbox's time at the anchor; without it, the machine's time", "", instant, "RFC 3339"
    )
    clock_speed: float = setting("how many times as fast a sandbox's clock runs", "1", speed)
    clock_anchor: Micros | None = setting("the machine's time when the start was", "", instant, "RFC 3339")

    clock_file: Path | None = setting(
        "a file that leads a sandbox's clock: eight bytes, moved on by whoever leads it", "", optional_path
    )

    instance: str = setting("which of several such processes: its static membership", "1", str)
    log_level: str = setting("what is logged", "info", one_of("debug", "info", "warning", "error"))
    log_format: str = setting("in which form: a line of text, or of JSON", "text", one_of("text", "json"))
    traces: str = setting(
        "where traces go: an OTLP address over HTTP; none: no traces are made", "", str, "URL"
    )
    watch_host: str = setting("where a process without HTTP of its own answers probes", "127.0.0.1", str)
    watch_port: int = setting("its port for /livez, /readyz and /metrics; 0: none", "0", whole(0, 65535))

    def clock(self) -> Clock:
        """The hub's clock: led by a file, or the sandbox's if it has a start, otherwise the machine's."""
        if self.clock_file is not None:
            return LedClock(self.clock_file)
        if self.clock_start is None:
            return SystemClock()
        assert self.clock_anchor is not None
        return SandboxClock(self.clock_start, self.clock_speed, self.clock_anchor)

    def kafka_password(self) -> str:
        """The password of `kafka_user`. Raises `KeyFileError`."""
        return read_secret(self.kafka_password_file, "kafka_password_file").decode()


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; those not in the environment take their default.

    Raises `SettingError`, with one line for each variable that is wrong.
    """
    env = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    wrong: list[str] = []
    for row in fields(Settings):
        text = env.get(variable(row.name))
        if text is None:
            continue
        try:
            values[row.name] = row.metadata["check"](text)
        except ValueError as error:
            wrong.append(f"{variable(row.name)}: expected {error}")
    if values.get("clock_start") is not None and values.get("clock_anchor") is None:
        # INVARIANT: all processes of a sandbox compute its time from the same three numbers.
        wrong.append(f"{variable('clock_anchor')}: expected a time, since a sandbox's start is given")
    if wrong:
        raise SettingError("\n".join(wrong))
    return Settings(**values)


def to_environ(values: Mapping[str, object]) -> dict[str, str]:
    """The variables that say these settings to a child process. Raises `KeyError` for what is no setting."""
    known = {row.name for row in fields(Settings)}
    unknown = set(values) - known
    if unknown:
        raise KeyError(", ".join(sorted(unknown)))
    return {variable(name): str(value) for name, value in values.items()}


def table() -> list[tuple[str, str, str, str]]:
    """Variable, meaning, default, unit: what the documentation shows."""
    rows = []
    for row in fields(Settings):
        data = row.metadata
        rows.append((variable(row.name), data["meaning"], data["default"], data["unit"]))
    return rows


def read_secret(file: Path | None, name: str) -> bytes:
    """The content of a key file, without its last line break.

    Raises `KeyFileError` when it is not given, not there, empty, or open to group or others.
    """
    if file is None:
        raise KeyFileError(f"{variable(name)} is not set: name the key file")
    try:
        with file.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            if not stat.S_ISREG(mode) or mode & 0o077:
                raise KeyFileError(f"{file} can be read by others: chmod 600 {file}")
            content = opened.read().removesuffix(b"\n")
    except OSError as error:
        raise KeyFileError(f"{file} cannot be read: {error.strerror}") from error
    if not content:
        raise KeyFileError(f"{file} is empty: it should hold a key")
    return content


def read_key(file: Path | None, name: str) -> bytes:
    """A 32-byte key, written as 64 hexadecimal digits. Raises `KeyFileError`."""
    text = read_secret(file, name)
    try:
        key = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        key = b""
    if len(key) != 32:
        raise KeyFileError(f"{file} is not a key: expected 64 hexadecimal digits")
    return key
