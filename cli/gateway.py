"""The gateway's process with what other services answer in it: services do not import one another."""

from fastapi import APIRouter

from hub.attempts.rows import make_kit
from hub.settings import Settings
from services.audit.api import log_router
from services.gateway import main as gateway
from services.gateway.api import Doors
from services.gateway.directory import token
from services.view import api as view
from services.view.viewer import Viewer


def log_of(doors: Doors) -> APIRouter:
    """`/log/…`: hashes for every desk, entries for those that govern information."""
    return log_router(doors.parts.database, party=doors.desk, entries_reader=doors.entries_reader)


def families_of(doors: Doors) -> APIRouter:
    """`/v1/families/…`: the family view."""
    parts = doors.parts
    kit = make_kit(parts.secret, parts.ring, parts.catalogue, code=parts.code, rules=lambda _: parts.rules)
    viewer = Viewer(
        parts.database,
        kit,
        doors.rules,
        parts.partnership,
        parts.clock,
        lambda scheme, value: token(parts.secret, scheme, value),
    )
    return view.build(viewer, doors.caller)


MOUNTED = (log_of, families_of)


def main(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT."""
    return gateway.main(settings, MOUNTED)
