"""What is measured on: a stack with the hub's services as processes, their CPU and their memory from the kernel."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import psutil

from hub.stack.processes import ServiceProcess
from hub.stack.stack import Stack


@dataclass
class Stand:
    """A stack and its processes."""

    stack: Stack
    processes: dict[str, ServiceProcess] = field(default_factory=dict)

    def start(self, service: str, instance: int = 1) -> None:
        """Start one process."""
        name = f"{service}-{instance}"
        environ = self.stack.environ(service, instance=str(instance), log_level="warning")
        process = ServiceProcess(name, service, self.stack.folder, environ)
        process.start()
        self.processes[name] = process

    def stop(self, names: list[str]) -> None:
        """Stop these processes."""
        for name in names:
            self.processes[name].terminate()
        for name in names:
            self.processes.pop(name).wait()

    def roots(self) -> Iterator[tuple[str, int]]:
        """Each part and the process at its root."""
        for name, process in self.processes.items():
            if process.pid is None:
                raise SystemExit(f"{name} has ended: see {self.stack.folder}/logs")
            yield name.rpartition("-")[0], process.pid
        assert self.stack.postgres is not None
        assert self.stack.kafka is not None
        yield "postgres", self.stack.postgres.pid
        for pid in self.stack.kafka.pids.values():
            yield "kafka", pid

    def check(self) -> None:
        """Raises where a process has ended."""
        list(self.roots())

    def cpu(self, clients: Mapping[int, str]) -> dict[str, float]:
        """CPU seconds so far, by part: user and system time of the processes and of all that they started.

        `clients` names whom a process of PostgreSQL serves: what the benchmark itself asks of it is left out.
        """
        found: dict[str, float] = defaultdict(float)
        for part, pid in self.roots():
            if part == "postgres":
                for each in psutil.Process(pid).children():
                    whom = clients.get(each.pid, "itself").partition("-")[0]
                    if whom != "bench":
                        found[f"postgres for {whom}"] += seconds_of(each.pid)
            else:
                found[part] += seconds_of(pid)
        return found


def seconds_of(pid: int) -> float:
    """CPU seconds so far of a process and of all below it."""
    total = 0.0
    for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total
