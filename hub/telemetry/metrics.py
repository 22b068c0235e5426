"""Every metric of the hub: one table, in Prometheus' form.

Labels are names of ours (process, processor, topic, kind, status, a route's template): few, known, and nobody's. What
is measured in the database is set by `hub.telemetry.stock` when it is asked for; the rest by the code that does it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REGISTRY: Final = CollectorRegistry()
PREFIX: Final = "wraparound_"
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_COUNTERS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "http_requests_total": ("Requests answered.", ("method", "route", "status")),
    "records_total": ("Records that a processor has given a fate.", ("processor",)),
    "peer_errors_total": ("Times a process had to wait for a server that is away.", ("process",)),
    "faults_total": ("Faults of ours that a process met and survived.", ("process",)),
    "outbox_sent_total": ("Events that entered their logs on Kafka.", ()),
    "delivered_total": ("Deliveries that reached their desk's topic.", ()),
    "sealed_total": ("Entries sealed into the audit log.", ()),
}
_GAUGES: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "ready": ("1: the process can do its job; 0: it cannot.", ("process",)),
    "lag_records": ("Records of a topic behind a processor's positions.", ("processor", "topic")),
    "lag_seconds": (
        "Age of the last record taken, while others wait behind it.",
        ("processor", "topic"),
    ),
    "lag_measured_timestamp_seconds": ("When the lag was measured.", ("processor", "topic")),
    "progress_timestamp_seconds": ("When a loop last moved, or had nothing to do.", ("loop",)),
    "outbox_rows": ("Events that wait to enter their logs on Kafka.", ()),
    "outbox_oldest_seconds": ("Age of the oldest of them.", ()),
    "waiting_events": ("Accepted events that wait before the log, by reason.", ("reason",)),
    "waiting_oldest_seconds": ("Age of the oldest of them.", ()),
    "deliveries": (
        "Deliveries that have not ended, by status; `undecided`: events that wait for facts.",
        ("status",),
    ),
    "deliveries_oldest_seconds": ("Age of the oldest that is still to be sent.", ()),
    "tasks": ("Open tasks, by kind.", ("kind",)),
    "tasks_overdue": ("Open tasks that are past their due time, by kind.", ("kind",)),
    "parked_keys": ("Families and persons that stand still, by processor.", ("processor",)),
    "suspended_agencies": ("Agencies that are suspended.", ()),
    "audit_pending": ("Entries that wait to be sealed.", ()),
    "audit_pending_oldest_seconds": ("Age of the oldest of them.", ()),
    "checkpoint_age_seconds": ("Age of the newest signed checkpoint.", ()),
    "log_size": ("Entries in the audit log.", ()),
    "seal_alarms": ("Entries that cannot be sealed: somebody changed something.", ()),
    "agreement_ends_in_seconds": ("Until the agreement in force that ends first does.", ()),
}
_HISTOGRAMS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "http_request_seconds": ("Time that a request took.", ("route",)),
}

METRICS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType({
    **{PREFIX + name: ("counter", says) for name, (says, _) in _COUNTERS.items()},
    **{PREFIX + name: ("gauge", says) for name, (says, _) in _GAUGES.items()},
    **{PREFIX + name: ("histogram", says) for name, (says, _) in _HISTOGRAMS.items()},
})  # fmt: skip
"""Every metric by its name: its type, and what it says."""

_counters: Final = {
    name: Counter(PREFIX + name, says, labels, registry=REGISTRY)
    for name, (says, labels) in _COUNTERS.items()
}
_gauges: Final[dict[str, Gauge]] = {}
"""Made when first set: a process says nothing of what it does not measure, not even 0."""
_histograms: Final = {
    name: Histogram(PREFIX + name, says, labels, registry=REGISTRY)
    for name, (says, labels) in _HISTOGRAMS.items()
}


def _gauge(name: str) -> Gauge:
    if name not in _gauges:
        says, labels = _GAUGES[name]
        _gauges[name] = Gauge(PREFIX + name, says, labels, registry=REGISTRY)
    return _gauges[name]


def count(name: str, by: float = 1, **labels: str) -> None:
    """Add to a counter of the table, by its name without the prefix."""
    counter = _counters[name]
    (counter.labels(**labels) if labels else counter).inc(by)


def put(name: str, value: float, **labels: str) -> None:
    """Set a gauge of the table."""
    gauge = _gauge(name)
    (gauge.labels(**labels) if labels else gauge).set(value)


def put_all(name: str, label: str, values: Mapping[str, float]) -> None:
    """Set a gauge for each value of its label; what is not among them any more is gone."""
    gauge = _gauge(name)
    gauge.clear()
    for value, number in values.items():
        gauge.labels(**{label: value}).set(number)


def observe(name: str, value: float, **labels: str) -> None:
    """Add an observation to a histogram of the table."""
    _histograms[name].labels(**labels).observe(value)


def text() -> bytes:
    """All of it as Prometheus reads it."""
    return generate_latest(REGISTRY)
