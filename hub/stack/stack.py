"""A whole stack in one folder: Kafka, PostgreSQL, topics, accounts, keys. Demo, tests and benchmark use this.

The folder holds everything: `stack.json` (no secrets), `secrets/`, `sandbox/`, `kafka/`, `postgres/`,
`logs/`, `pids/`. One process owns it, by a lock that ends with it; what a killed owner left is ended first.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from sqlalchemy.exc import OperationalError

from hub.clock import Micros, SystemClock, format_micros
from hub.errors import HubError, PeerError
from hub.migrating import migrate
from hub.settings import Settings, load, to_environ
from hub.stack import access, owned, secret_files, topics
from hub.stack.folder import SandboxTime as SandboxTime  # noqa: PLC0414 - it belongs to a stack's interface
from hub.stack.folder import known, known_clock_file, take
from hub.stack.given import GivenKafka
from hub.stack.identities import Identities
from hub.stack.kafka import KafkaCluster
from hub.stack.kafka_config import ADMIN
from hub.stack.ports import LOOPBACK, free_ports, is_free
from hub.stack.postgres import PostgresServer
from hub.stack.service_settings import Surroundings, environ

LEAST_FREE_BYTES = 500 * 1024 * 1024


class DiskFullError(HubError):
    """There is no room for a stack."""


class Stack:
    """One stack. Start it from a thread that lasts (its children end with that thread); use as a context."""

    def __init__(
        self,
        folder: Path,
        brokers: int = 1,
        postgres: str | None = None,
        kafka: GivenKafka | None = None,
        *,
        desks: Sequence[str] = (),
        readers: Sequence[str] = (),
        origin: str = "wraparound/sandbox",
        partitions: int = 12,
        retention: Micros = topics.RETENTION,
        time: SandboxTime | None = None,
        http_port: int = 0,
        cache: Path | None = None,
        quick_start: bool = True,
    ) -> None:
        """`postgres` (a DSN) and `kafka` are used where given; nothing is started for them.

        `desks` get topics, accounts, keys and profiles; `readers`, which nothing is delivered to, keys and
        profiles alone. `origin` names the audit log. `http_port` 0: a free one, kept in the folder.
        """
        self.folder = folder.resolve()
        self.brokers = brokers
        self.desks = tuple(desks)
        self.readers = tuple(readers)
        self.time = time
        self.identities = Identities(self.folder)
        self.kafka = (
            None
            if kafka
            else KafkaCluster(self.folder / "kafka", brokers, cache=cache, quick_start=quick_start)
        )
        self.postgres = None if postgres else PostgresServer(self.folder / "postgres")
        self._given_kafka = kafka
        self._given_postgres = postgres
        self._origin = origin
        self._partitions = partitions
        self._retention = retention
        self._http_port = http_port
        self._lock: IO[str] | None = None
        self.clock_file: Path | None = None
        """The file in the folder that leads a sandbox's clock, if one does."""
        self.passing = False
        """Whether the folder goes with it: then nothing of it has to end in order."""
        access.check_desks((*self.desks, *self.readers))

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    @property
    def dsn(self) -> str:
        """The hub's database."""
        if self.postgres is not None:
            return self.postgres.dsn()
        assert self._given_postgres is not None
        return self._given_postgres

    @property
    def bootstrap(self) -> str:
        """Kafka's addresses."""
        return self._kafka.bootstrap

    @property
    def _kafka(self) -> GivenKafka:
        if self.kafka is not None:
            return GivenKafka(self.kafka.bootstrap, ADMIN, self.kafka.admin_password_file)
        assert self._given_kafka is not None
        return self._given_kafka

    @property
    def http_port(self) -> int:
        """The gateway's port."""
        return self._http_port

    @property
    def url(self) -> str:
        """Where the gateway will listen."""
        return f"http://{LOOPBACK}:{self._http_port}"

    def start(self) -> None:
        """Take the folder and start what is not given.

        Raises `InUseError`, `DiskFullError`, and the errors of Kafka and PostgreSQL; then nothing is left.
        """
        self._lock = take(self.folder)
        try:
            owned.end_left_behind(self.folder)
            self._check_room()
            self._go_on()
            self._choose_http_port()
            self.identities.make_hub_keys(self._origin)
            self.identities.check_hub_keys()
            self.identities.make_desk_keys((*self.desks, *self.readers))
            # PostgreSQL comes up while Kafka formats and loads its classes.
            if self.postgres is not None:
                self.postgres.begin()
            if self.kafka is not None:
                self.kafka.begin()
            if self.postgres is not None:
                self.postgres.wait()
            self._migrate(self.dsn)
            if self.kafka is not None:
                self.kafka.wait()
            self._prepare_kafka()
            self.identities.write_profiles(self.desks, self.readers, self.url, self._kafka.for_desks)
            self._describe()
        except BaseException:  # Ctrl-C as well: no server that was started outlives this
            self.stop()
            raise

    def stop(self) -> None:
        """Stop what was started and give the folder back; safe to call twice."""
        for server in (self.kafka, self.postgres):
            if server is not None and self.passing:
                server.drop()
            elif server is not None:
                server.stop()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def keep_up(self, told: Callable[[str, bool], None] = lambda _, __: None) -> None:
        """Start again what is ours and ended by itself. Raises the servers' errors.

        `told` hears of each (`kafka-1`, `postgres`): False, it has ended; True, it is started again.
        """
        if self.kafka is not None:
            for broker in self.kafka.ended:
                told(f"kafka-{broker}", False)
                self.kafka.restart(broker)
                told(f"kafka-{broker}", True)
        if self.postgres is not None and not self.postgres.running:
            told("postgres", False)
            self.postgres.restart()
            told("postgres", True)

    def environ(self, service: str, **more: object) -> dict[str, str]:
        """The environment of one service process: this one's, but for what the stack decides.

        `service` is its Kafka principal; `more` are further settings by name.
        """
        return environ(self._values(service) | more)

    def settings(self, service: str, **more: object) -> Settings:
        """The same as `Settings`, for code that runs in this process."""
        return load(to_environ(self._values(service) | more))

    def admin(self) -> Any:
        """kafka-python's administration client as the super-user; the caller closes it."""
        return self._kafka.admin()

    def new_database(self, name: str, *, migrated: bool = True) -> str:
        """An empty database of its own in the embedded server, and its DSN."""
        assert self.postgres is not None
        dsn = self.postgres.create_database(name)
        if migrated:
            self._migrate(dsn)
        return dsn

    def forget_topics(self) -> None:
        """Empty Kafka: our topics and groups are deleted and made anew. For tests, while nobody uses them."""
        client = self.admin()
        try:
            topics.forget(client, self.desks)
            self._prepare(client)
            topics.wait_led(client, access.topics(self.desks, self._partitions))
        finally:
            client.close()

    def _values(self, service: str) -> dict[str, object]:
        return Surroundings(
            folder=self.folder,
            kafka=self._kafka,
            postgres=self.dsn,
            http_port=self._http_port,
            url=self.url,
            partitions=self._partitions,
            time=self.time,
            clock_file=self.clock_file,
        ).of(service)

    def _check_room(self) -> None:
        if shutil.disk_usage(self.folder).free < LEAST_FREE_BYTES:
            raise DiskFullError(
                f"less than 500 MB are free under {self.folder}: make room, or name another --folder"
            )

    def _migrate(self, dsn: str) -> None:
        try:
            migrate(dsn)
        except OperationalError as error:
            raise PeerError("PostgreSQL does not answer: is the address right, and the server up?") from error

    def _prepare_kafka(self) -> None:
        client = self.admin()
        try:
            self._prepare(client)
        finally:
            client.close()

    def _prepare(self, client: Any) -> None:
        topics.prepare(
            client,
            self.desks,
            self.identities.secrets,
            brokers=self.brokers if self.kafka is not None else len(client.describe_cluster()["brokers"]),
            partitions=self._partitions,
            retention=self._retention,
            exclusive=self.kafka is not None,
        )
        topics.wait_effective(
            self._kafka.connect, self.bootstrap, self.identities.secrets, list(access.topics(self.desks))
        )

    def _go_on(self) -> None:
        """What an earlier stack in this folder was made with: its topics have their partitions, its past its time."""
        partitions = known(self.folder).get("partitions")
        if isinstance(partitions, int):
            self._partitions = partitions
        if self.time is None and self.clock_file is None:
            self.clock_file = known_clock_file(self.folder)

    def _choose_http_port(self) -> None:
        wanted = self._http_port
        if wanted and not is_free(wanted):
            raise PeerError(f"port {wanted} is taken by another program: end it, or name another with --port")
        if not wanted:
            before = known(self.folder).get("http_port")
            port = before if isinstance(before, int) else 0
            self._http_port = port if port and is_free(port) else free_ports(1)[0]

    def _describe(self) -> None:
        about = {
            "started_at": format_micros(SystemClock().now()),
            "url": self.url,
            "http_port": self._http_port,
            "kafka": self.bootstrap,
            "brokers": self.brokers,
            "embedded": {"kafka": self.kafka is not None, "postgres": self.postgres is not None},
            "postgres": self.dsn if self.postgres is not None else None,
            "desks": [*self.desks, *self.readers],
            "origin": self._origin,
            "partitions": self._partitions,
            "clock_file": None if self.clock_file is None else self.clock_file.name,
            "clock": None
            if self.time is None
            else {
                "start": format_micros(self.time.start),
                "speed": self.time.speed,
                "anchor": format_micros(self.time.anchor),
            },
        }
        secret_files.write(self.folder / "stack.json", json.dumps(about, indent=1) + "\n", 0o644)
