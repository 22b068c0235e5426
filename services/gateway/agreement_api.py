"""`GET /v1/agreements`: the rules in force, and every version of an agreement, signed, asked for or refused.

For the desks of an agency that governs information: whoever asks for a version, and whoever signs it, reads here what
is asked. Agreements hold nothing about any person.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse
from psycopg.rows import dict_row

from hub.clock import Micros, format_micros
from hub.database import Connection
from hub.partnership import IG_TEAM
from hub.shown import answer
from services.consent.book import Book
from services.gateway import differing
from services.gateway.api import Doors
from services.gateway.identity import Caller
from services.gateway.problems import NOT_FOUND, ProblemError

_VERSION: Final[dict[str, Any]] = {
    "receipt": "5b1f7c0e-4a7d-8c3e-9f10-00000000000a",
    "agreement": "DOR-SFT",
    "version": 2,
    "starts_at": "2026-04-14T10:30:00.000000Z",
    "digest": "5f2a…",
    "state": "waiting",
    "reason": None,
    "broken": None,
    "asked_by": "council/ig",
    "asked_at": "2026-04-13T09:00:00.000000Z",
    "task": {"task": "5b1f7c0e-4a7d-8c3e-9f10-00000000000b", "owner": "council/chesil"},
    "signed_by": None,
    "signed_at": None,
}
_LIST: Final = {
    "now": "2026-04-13T09:01:00.000000Z",
    "rules": "91bc…",
    "in_force": [{"agreement": "DOR-SFT", "version": 1}],
    "versions": [_VERSION],
}
_ROWS: Final = """
SELECT v.receipt_id::text AS receipt, v.agreement, v.version, v.starts_at, v.digest, v.state, v.reason,
    v.detail AS broken, v.asked_by, v.asked_at, v.signed_by, v.signed_at, t.task_id::text AS task, t.owner, v.text
FROM agreement_version v
LEFT JOIN task t ON t.kind = 'approval' AND t.key = v.receipt_id::text AND t.done_at IS NULL
"""
_BEFORE: Final = (
    " WHERE v.agreement = %s AND v.version < %s AND v.starts_at <= %s AND v.state = 'signed'"
    " ORDER BY v.version DESC LIMIT 1"
)
_PLACE: Final = ("agreement", "version", "starts_at")
_WITH_TEXT: Final = {
    **_VERSION,
    "text": "id: DOR-SFT\n…",
    "difference": {
        "from": {"receipt": "5b1f7c0e-4a7d-8c3e-9f10-00000000000c", "version": 1, "digest": "9e01…"},
        "lines": [
            "--- DOR-SFT version 1",
            "+++ DOR-SFT version 2",
            "@@ -2 +2 @@",
            "-version: 1",
            "+version: 2",
        ],
    },
}
_TIMES: Final = ("starts_at", "asked_at", "signed_at")


def build(doors: Doors) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/v1/agreements", tags=["rules"])
    parts = doors.parts

    async def reader(who: Annotated[Caller, Depends(doors.caller)]) -> Caller:
        """A desk of an agency that governs information; for anybody else there is nothing here."""
        if not parts.partnership.has_desk(f"{who.desk.agency}/{IG_TEAM}"):
            raise ProblemError(NOT_FOUND)
        return who

    @router.get(
        "",
        summary="The agreements, and which are in force",
        responses={200: answer("Every version", {"type": "object"}, _LIST)},
    )
    async def listing(_: Annotated[Caller, Depends(reader)]) -> Response:
        """Signed versions first, in the order of their starts; then what is asked for or was refused."""
        async with parts.database.transaction() as conn:
            await parts.in_force.catch_up(conn)
            rows = await _read(conn, " ORDER BY (v.place IS NULL), v.starts_at, v.asked_at", ())
        now = parts.clock.now()
        rules = parts.in_force.at(now)
        return JSONResponse(
            {
                "now": format_micros(now),
                "rules": rules.digest,
                "in_force": [
                    {"agreement": each.id, "version": each.version}
                    for each in rules.rules.agreements
                    if now < each.end
                ],
                "versions": [_shown(each, parts.in_force.book, now) for each in rows],
            }
        )

    @router.get(
        "/{receipt}",
        summary="One version of an agreement, with its text",
        responses={200: answer("The version", {"type": "object"}, _WITH_TEXT)},
    )
    async def show(receipt: str, _: Annotated[Caller, Depends(reader)]) -> Response:
        """By the receipt of the event that asked for it; with what it changes of the version whose place it takes."""
        async with parts.database.transaction() as conn:
            await parts.in_force.catch_up(conn)
            rows = await _read(conn, " WHERE v.receipt_id = %s", (_id(receipt),))
            if not rows:
                raise ProblemError(NOT_FOUND)
            before = await _read(conn, _BEFORE, tuple(rows[0][each] for each in _PLACE))
        shown = _shown(rows[0], parts.in_force.book, parts.clock.now())
        difference = differing.difference(rows[0], before[0] if before else None)
        return JSONResponse({**shown, "text": rows[0]["text"], "difference": difference})

    return router


async def _read(conn: Connection, rest: str, values: tuple[object, ...]) -> list[dict[str, Any]]:
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_ROWS + rest, values)
        return await cursor.fetchall()


def _shown(row: Mapping[str, Any], book: Book, now: Micros) -> dict[str, Any]:
    shown = {name: row[name] for name in _VERSION if name != "task"}
    shown |= {name: None if row[name] is None else format_micros(row[name]) for name in _TIMES}
    shown["task"] = None if row["task"] is None else {"task": row["task"], "owner": row["owner"]}
    if row["state"] == "signed":
        shown["state"] = _stands(book, row["agreement"], row["version"], row["starts_at"], now)
    return shown


def _stands(book: Book, agreement: str, version: int, start: Micros, now: Micros) -> str:
    """How a signed version stands now."""
    if start > now and (agreement, version) in book.named(book.at(start).digest):
        return "to come"
    for each in book.at(now).rules.agreements:
        if (each.id, each.version) == (agreement, version):
            return "in force" if now < each.end else "ended"
    return "replaced"


def _id(receipt: str) -> str:
    try:
        if str(UUID(receipt)) == receipt:
            return receipt
    except ValueError:
        pass
    raise ProblemError(NOT_FOUND)
