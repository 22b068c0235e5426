"""Makes topics, accounts and rights on Kafka what `hub.stack.access` says, as often as it is asked.

Rights of our principals that are not in the table are taken away; on a broker of our own, everybody's.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hub.clock import DAY, Micros
from hub.stack import access, secret_files
from hub.stack.access import Grant
from hub.stack.admin import AdminError

RETENTION: Micros = 7 * DAY
FORGET_SECONDS = 120.0
EFFECTIVE_SECONDS = 120.0


def password_file(secrets: Path, principal: str) -> Path:
    """Where a principal's password is kept."""
    return secrets / "kafka" / f"{principal}.password"


def prepare(
    admin: Any,
    desks: Sequence[str],
    secrets: Path,
    *,
    brokers: int = 1,
    partitions: int = 12,
    retention: Micros = RETENTION,
    exclusive: bool = False,
) -> None:
    """Topics, SCRAM accounts (passwords into files of `secrets`) and rights.

    `exclusive`: the cluster serves nobody else. Raises `AdminError`, `ValueError`.
    """
    access.check_desks(desks)
    wanted = access.topics(desks, partitions)
    settings = dict(access.topic_settings(retention // 1000))
    copies = 3 if brokers >= 3 else 1
    settings["min.insync.replicas"] = "2" if copies == 3 else "1"
    ensure_topics(admin, wanted, settings, copies)
    principals = [*access.SERVICES, *(access.principal(desk) for desk in desks)]
    ensure_users(admin, principals, secrets)
    ensure_grants(admin, access.grants(desks), None if exclusive else principals)


def ensure_topics(admin: Any, wanted: Mapping[str, int], settings: Mapping[str, str], copies: int) -> None:
    """Make the topics that are missing, and set all of them; partitions of an existing one must agree."""
    from kafka.admin import ConfigResource, ConfigResourceType  # noqa: PLC0415 - see hub.stack.admin

    found = {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics()}
    for name, count in wanted.items():
        if found.get(name, count) != count:
            raise AdminError(
                f"topic {name} has {found[name]} partitions: expected {count}; its keys cannot be moved"
            )
    missing = {
        name: {"num_partitions": count, "replication_factor": copies, "configs": dict(settings)}
        for name, count in wanted.items()
        if name not in found
    }
    if missing:
        admin.create_topics(missing, wait_for_metadata=True)
    present = [name for name in wanted if name in found]
    if present:
        admin.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, name, dict(settings)) for name in present],
            raise_on_unknown=False,
        )


def wait_effective(
    connect: Callable[[str, str, str], Any], bootstrap: str, secrets: Path, wanted: Sequence[str]
) -> None:
    """Until every broker knows the accounts and rights just made: brokers learn of them a moment later.

    `connect(address, user, password)` gives an administration client. Raises `AdminError`.
    """
    password = secret_files.once(password_file(secrets, access.ENGINEER))
    deadline = time.monotonic() + EFFECTIVE_SECONDS
    for address in bootstrap.split(","):
        while not _sees(connect, address, password, set(wanted)):
            if time.monotonic() > deadline:
                raise AdminError(f"the broker at {address} does not learn its accounts and rights")
            time.sleep(0.02)


def _sees(connect: Callable[[str, str, str], Any], address: str, password: str, wanted: set[str]) -> bool:
    # The rights are made last: who is let in as an engineer and sees every topic comes after all of them.
    try:
        client = connect(address, access.ENGINEER, password)
    except AdminError:
        return False
    from kafka.errors import KafkaError  # noqa: PLC0415 - see hub.stack.admin

    try:
        return wanted <= set(client.list_topics())
    except KafkaError:
        # It may ask another broker, which has not learned the account yet.
        return False
    finally:
        client.close()


def wait_led(admin: Any, wanted: Mapping[str, int]) -> None:
    """Until each partition has a leader that knows it: a topic just made anew has none for a moment.

    Raises `AdminError`.
    """
    from kafka import TopicPartition  # noqa: PLC0415 - see hub.stack.admin
    from kafka.admin import OffsetSpec  # noqa: PLC0415
    from kafka.errors import KafkaError  # noqa: PLC0415

    ends = {
        TopicPartition(name, number): OffsetSpec.LATEST for name in wanted for number in range(wanted[name])
    }
    deadline = time.monotonic() + FORGET_SECONDS
    while True:
        try:
            admin.list_partition_offsets(ends)
        except KafkaError as error:
            if time.monotonic() > deadline:
                raise AdminError(f"topics have no leader: {type(error).__name__}") from error
        else:
            return


def forget(admin: Any, desks: Sequence[str]) -> None:
    """Delete our topics with all that is in them, and our groups; for tests, never in service."""
    groups = [group["group_id"] for group in admin.list_groups()]
    if groups:
        admin.delete_groups(groups)
    wanted = set(access.topics(desks))
    present = wanted & set(admin.list_topics())
    if present:
        admin.delete_topics(sorted(present))
    deadline = time.monotonic() + FORGET_SECONDS
    # The controller has forgotten them; what the broker answers follows a moment later.
    while wanted & set(admin.list_topics()):
        if time.monotonic() > deadline:
            raise AdminError("Kafka does not forget its topics")
        time.sleep(0.02)


def ensure_users(admin: Any, principals: Sequence[str], secrets: Path) -> None:
    """An account for each principal that has none, or whose password file is new."""
    from kafka.admin import ScramMechanism, UserScramCredentialUpsertion  # noqa: PLC0415

    known = set(admin.describe_user_scram_credentials())
    changes = []
    for name in principals:
        file = password_file(secrets, name)
        if name in known and file.exists():
            continue
        password = secret_files.once(file)
        changes.append(UserScramCredentialUpsertion(name, ScramMechanism.SCRAM_SHA_512, password))
    failed = admin.alter_user_scram_credentials(changes) if changes else {}
    wrong = sorted(name for name, message in failed.items() if message is not None)
    if wrong:
        raise AdminError(f"Kafka refused the accounts {', '.join(wrong)}")


def ensure_grants(admin: Any, wanted: Sequence[Grant], ours: Sequence[str] | None) -> None:
    """Exactly these rights: the missing are added; others of `ours` (None: of anybody) are removed."""
    from kafka.admin import (  # noqa: PLC0415
        ACLFilter,
        ACLOperation,
        ACLPermissionType,
        ACLResourcePatternType,
        ResourcePatternFilter,
        ResourceType,
    )

    everything = ACLFilter(
        None,
        None,
        ACLOperation.ANY,
        ACLPermissionType.ANY,
        ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY),
    )
    found, error = admin.describe_acls(everything)
    if getattr(error, "errno", 0):
        raise AdminError(f"Kafka does not tell its rights: {type(error).__name__}")
    acls = {_key(acl): acl for acl in (_acl(grant) for grant in wanted)}
    present = {_key(acl): acl for acl in found}
    add = [acl for key, acl in acls.items() if key not in present]
    if add:
        result = admin.create_acls(add)
        if result["failed"]:
            raise AdminError(f"Kafka refused {len(result['failed'])} rights")
    mine = None if ours is None else {f"User:{name}" for name in ours}
    remove = [
        acl for key, acl in present.items() if key not in acls and (mine is None or acl.principal in mine)
    ]
    if remove:
        admin.delete_acls(remove)


def _acl(grant: Grant) -> Any:
    from kafka.admin import (  # noqa: PLC0415
        ACL,
        ACLOperation,
        ACLPermissionType,
        ACLResourcePatternType,
        ResourcePattern,
        ResourceType,
    )

    pattern = ACLResourcePatternType.PREFIXED if grant.prefixed else ACLResourcePatternType.LITERAL
    return ACL(
        f"User:{grant.principal}",
        "*",
        ACLOperation[grant.operation.upper()],
        ACLPermissionType.ALLOW,
        ResourcePattern(ResourceType[grant.resource.upper()], grant.name, pattern),
    )


def _key(acl: Any) -> tuple[str, ...]:
    resource = acl.resource_pattern
    return (
        str(acl.principal),
        str(acl.host),
        acl.operation.name,
        acl.permission_type.name,
        resource.resource_type.name,
        str(resource.resource_name),
        resource.pattern_type.name,
    )
