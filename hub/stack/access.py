"""Which topics there are, and who may do what on Kafka (STREAMING.md section 6). Pure.

Rights are literal, by topic and group; one principal per desk and per service; none is a super-user. A desk's
consumer groups are its principal's name, or begin with it and a dot: no desk reaches into another's group.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

EVENTS = "events"
PEOPLE = "people"
PATHWAYS = "pathways"
LOGS = (EVENTS, PEOPLE, PATHWAYS)
DESK_PARTITIONS = 4

GATEWAY = "gateway"
ROUTER = "router"
DELIVERY = "delivery"
OUTCOMES = "outcomes"
ENGINEER = "engineer"
SERVICES = (GATEWAY, ROUTER, DELIVERY, OUTCOMES, ENGINEER)

ROUTER_GROUPS = ("router", "people", "pathways")

Operation = Literal["read", "write", "describe", "describe_configs"]
Resource = Literal["topic", "group", "cluster"]


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """One right of one principal. `name` is literal, or the start of names where `prefixed`."""

    principal: str
    operation: Operation
    resource: Resource
    name: str
    prefixed: bool = False


def principal(desk: str) -> str:
    """The Kafka principal of a desk: `s2w/sft` is `s2w-sft`."""
    return desk.replace("/", "-")


def topic_from(desk: str) -> str:
    """Where a desk publishes."""
    return f"from-{principal(desk)}"


def topic_to(desk: str) -> str:
    """Where a desk receives."""
    return f"to-{principal(desk)}"


def check_desks(desks: Sequence[str]) -> None:
    """Raises `ValueError` when two desks, or a desk and a service, would be one principal."""
    names = [*SERVICES, *(principal(desk) for desk in desks)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"expected different principals; these are given twice: {', '.join(twice)}")


def topics(desks: Sequence[str], partitions: int = 12) -> dict[str, int]:
    """Every topic and its number of partitions, which is fixed when it is made."""
    logs = dict.fromkeys(LOGS, partitions)
    return logs | {name(desk): DESK_PARTITIONS for desk in desks for name in (topic_from, topic_to)}


def topic_settings(retention_ms: int) -> Mapping[str, str]:
    """What every topic of ours is set to; each carries bodies, so each forgets."""
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(retention_ms),
        # Kafka drops whole closed segments: without this one, a quiet topic keeps a body for weeks.
        "segment.ms": str(min(retention_ms, 86_400_000)),
        "unclean.leader.election.enable": "false",
    }


def grants(desks: Sequence[str]) -> list[Grant]:
    """Every right that anybody has."""
    rows = [grant for desk in desks for grant in _of_desk(desk)]
    for desk in desks:
        rows.append(Grant(GATEWAY, "read", "topic", topic_from(desk)))
        rows.append(Grant(DELIVERY, "write", "topic", topic_to(desk)))
    rows.append(Grant(GATEWAY, "read", "group", GATEWAY))
    for log in LOGS:
        rows.append(Grant(DELIVERY, "write", "topic", log))
        rows.append(Grant(ROUTER, "read", "topic", log))
    rows += [Grant(ROUTER, "read", "group", group) for group in ROUTER_GROUPS]
    rows += [Grant(OUTCOMES, "read", "topic", EVENTS), Grant(OUTCOMES, "read", "group", OUTCOMES)]
    # An engineer sees that streams move, never what is in them.
    rows += [Grant(ENGINEER, "describe", "topic", topic) for topic in topics(desks)]
    rows += [Grant(ENGINEER, "describe_configs", "topic", topic) for topic in topics(desks)]
    rows += [Grant(ENGINEER, "describe", "group", group) for group in (GATEWAY, OUTCOMES, *ROUTER_GROUPS)]
    rows.append(Grant(ENGINEER, "describe", "cluster", "kafka-cluster"))
    return sorted(set(rows))


def _of_desk(desk: str) -> list[Grant]:
    name = principal(desk)
    return [
        Grant(name, "write", "topic", topic_from(desk)),
        Grant(name, "read", "topic", topic_to(desk)),
        Grant(name, "read", "group", name),
        Grant(name, "read", "group", f"{name}.", prefixed=True),
    ]
