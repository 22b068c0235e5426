"""How the command line reaches the servers of a stack: ours by what its folder says, given ones by the settings."""

import json
from pathlib import Path
from typing import Any

from hub import settings as hub_settings
from hub.stack import access, admin
from hub.stack.identities import Identities

NOT_NAMED = "the database is not ours: name it with WRAPAROUND_POSTGRES"


def described(folder: Path) -> dict[str, Any]:
    """What the stack says of itself. Raises `FileNotFoundError` where none has ever run."""
    about: dict[str, Any] = json.loads((folder / "stack.json").read_text())
    return about


def database(about: dict[str, Any]) -> str:
    """The hub's database; empty where it was given and the settings name none here."""
    return about["postgres"] or hub_settings.load().postgres


def kafka(folder: Path, about: dict[str, Any], timeout_ms: int = 5_000) -> Any:
    """Kafka as an engineer may see it; the caller closes it. Raises `AdminError`."""
    settings = hub_settings.load()
    password = Identities(folder).kafka_password(access.ENGINEER).read_text().strip()
    given = not about["embedded"]["kafka"]
    return admin.connect(
        about["kafka"],
        access.ENGINEER,
        password,
        security=settings.kafka_security if given else "SASL_PLAINTEXT",
        ca_file=settings.kafka_ca_file if given else None,
        timeout_ms=timeout_ms,
    )
