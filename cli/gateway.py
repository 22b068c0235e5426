"""The gateway's process with what other services answer in it: services do not import one another."""

from collections.abc import Callable

from fastapi import APIRouter

from hub.attempts.served import SETTLE
from hub.clock import Micros
from hub.partnership import IG_TEAM
from hub.settings import Settings
from services.audit.api import log_router, proofs_router
from services.gateway import decisions
from services.gateway import main as gateway
from services.gateway.api import Doors
from services.gateway.directory import token
from services.view import api as view
from services.view import records, simulation
from services.view.viewer import Viewer


def log_of(doors: Doors) -> APIRouter:
    """`/log/…`: hashes for every desk, entries for those that govern information."""
    return log_router(
        doors.parts.database,
        party=doors.desk,
        entries_reader=doors.entries_reader,
        sees_growth=lambda desk: desk.partition("/")[2] == IG_TEAM,
    )


def proofs_of(doors: Doors) -> APIRouter:
    """`/v1/receipts/…/proof`: that an acceptance is in the log."""
    return proofs_router(doors.parts.database, desk=doors.desk)


def families_of(doors: Doors, patience: Callable[[], Micros] = lambda: SETTLE) -> APIRouter:
    """`/v1/families/…`: the family view; `/v1/operations/…`, `/v1/rules/…`: what engineers and reviewers read.

    `patience`: how long a look waits for facts that are on their way.
    """
    parts = doors.parts
    viewer = Viewer(
        parts.database,
        doors.kit(),
        parts.in_force,
        parts.partnership,
        parts.clock,
        lambda scheme, value: token(parts.secret, scheme, value),
        patience,
    )
    router = APIRouter()
    router.include_router(view.build(viewer, doors.caller))
    router.include_router(decisions.build(doors, view.explaining(viewer)))
    router.include_router(records.build(viewer, doors.caller))
    router.include_router(simulation.build(viewer, doors.caller))
    return router


MOUNTED = (log_of, proofs_of, families_of)


def main(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT."""
    return gateway.main(settings, MOUNTED)
