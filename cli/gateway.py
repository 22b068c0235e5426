"""The gateway's process with the log's reading paths in it: services do not import one another."""

from fastapi import APIRouter

from hub.settings import Settings
from services.audit.api import log_router
from services.gateway import main as gateway
from services.gateway.api import Doors


def log_of(doors: Doors) -> APIRouter:
    """`/log/…`: hashes for every desk, entries for those that govern information."""
    return log_router(doors.parts.database, party=doors.desk, entries_reader=doors.entries_reader)


def main(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT."""
    return gateway.main(settings, [log_of])
