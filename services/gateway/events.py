"""Events in over HTTP: `POST /v1/events`, in CloudEvents' three modes.

One event is a batch of one: both go through the one acceptance transaction (acceptance.py), and the answer follows its
commit. In a batch each event has its own answer, in order: what is wrong with one says so in its place, and the others
are accepted. `dry_run` ends before anything is asked of the database but the token's use.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse

from hub.clock import Micros
from hub.partnership import Desk
from hub.schemas.dated import dated
from hub.shown import answer, ref
from hub.shown import body as reads
from services.gateway import happening
from services.gateway.acceptance import accept, accept_all
from services.gateway.api import Doors
from services.gateway.checking import Published
from services.gateway.claims import Accepted
from services.gateway.cloudevents import BATCH, JSON, STRUCTURED, CloudEvent, is_batch, read, read_batch
from services.gateway.identity import Token, consume
from services.gateway.offers import Offers
from services.gateway.parts import Parts
from services.gateway.problems import ProblemError, body

Checked = Published | ProblemError

_RECEIPT: Final = {"receipt": "5b1f7c0e-4a7d-8c3e-9f10-00000000000a", "state": "received"}
_ONE_OR_MANY: Final = {"anyOf": [ref("Receipt"), ref("Results")]}
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: answer(
        "It was accepted before: its first receipt. Or the result of a dry run",
        {"anyOf": [ref("Receipt"), ref("Valid"), ref("Results")]},
        _RECEIPT,
    ),
    202: answer(
        "Durable; of a batch, each event's answer in its place",
        _ONE_OR_MANY,
        _RECEIPT,
        Location="the receipt; not for a batch",
    ),
}


def build(doors: Doors, offers: Offers) -> APIRouter:
    """The route."""
    router = APIRouter(prefix="/v1/events", tags=["events"])
    parts, limits = doors.parts, doors.parts.partnership.limits

    @router.post(
        "",
        status_code=202,
        summary="Publish events",
        responses=_RESPONSES,
        openapi_extra=reads(_examples(offers, parts.clock.now()))
        | {"x-problems": ["conflict", "unsupported-media-type"]},
    )
    async def publish(
        request: Request,
        token: Annotated[Token, Depends(doors.token)],
        dry_run: Annotated[bool, Query(description="Check the form only; nothing is kept.")] = False,
    ) -> Response:
        """CloudEvents 1.0. 202 once it is durable; the same event again: 200 and its first receipt."""
        desk = token.caller.desk
        try:
            raw = b"".join([chunk async for chunk in request.stream()])
            several = is_batch(request.headers.items())
            if several:
                checked = [_check(parts, desk, event) for event in read_batch(raw, limits)]
            else:
                event = parts.checker.check(desk, read(request.headers.items(), raw, limits))
        except ProblemError:
            await consume(parts.database, token)
            raise
        if several:
            return await _answer_batch(parts, checked, token, request.state.instance, dry_run=dry_run)
        return await _answer_one(parts, event, token, dry_run=dry_run)

    return router


def _examples(offers: Offers, now: Micros) -> dict[str, dict[str, Any]]:
    """The request's three forms, with an event of every type, from a desk that may publish it, as of now."""
    events = {}
    for number, each in enumerate(offers.catalogue):
        source = offers.publisher(each)
        if source is not None and each.examples:
            events[each.type] = {
                "specversion": "1.0",
                "id": f"example-{number}",
                "source": source,
                "type": each.type,
                "datacontenttype": JSON,
                "data": dated(each, each.examples[0], now),
            }
    shown = {name: {"value": event} for name, event in events.items()}
    return {
        STRUCTURED: {"schema": ref("CloudEvent"), "examples": shown},
        BATCH: {"schema": ref("Batch"), "example": list(events.values())[:2]},
        JSON: {
            "schema": {"description": "the data alone; the attributes are `ce-` headers (binary mode)"},
            "example": next(iter(events.values()))["data"],
        },
    }


def _check(parts: Parts, desk: Desk, event: CloudEvent | ProblemError) -> Checked:
    if isinstance(event, ProblemError):
        return event
    try:
        return parts.checker.check(desk, event)
    except ProblemError as problem:
        return problem


async def _answer_one(parts: Parts, event: Published, token: Token, *, dry_run: bool) -> Response:
    if dry_run:
        await consume(parts.database, token)
        if problem := happening.refusal(parts.partnership, event, parts.clock.now()):
            raise problem
        return JSONResponse({"state": "valid"})
    accepted = await accept(parts, event, token)
    return JSONResponse(
        _receipt(accepted),
        status_code=202 if accepted.first else 200,
        headers={"location": f"/v1/receipts/{accepted.receipt_id}"},
    )


async def _answer_batch(
    parts: Parts, checked: Sequence[Checked], token: Token, instance: UUID, *, dry_run: bool
) -> Response:
    """Each event's answer in its place; 202 also when none was accepted: each says what became of it."""
    events = [each for each in checked if isinstance(each, Published)]
    if dry_run or not events:
        await consume(parts.database, token)
        results: Sequence[Accepted | ProblemError | Published] = [_timely(parts, each) for each in checked]
    else:
        accepted = iter(await accept_all(parts, events, token))
        results = [each if isinstance(each, ProblemError) else next(accepted) for each in checked]
    answers = [_one_of_many(each, instance) for each in results]
    return JSONResponse(answers, status_code=200 if dry_run else 202)


def _timely(parts: Parts, event: Checked) -> Checked:
    if isinstance(event, ProblemError):
        return event
    return happening.refusal(parts.partnership, event, parts.clock.now()) or event


def _one_of_many(result: Accepted | ProblemError | Published, instance: UUID) -> dict[str, Any]:
    match result:
        case Accepted():
            return _receipt(result)
        case ProblemError():
            return body(result.kind, result.faults, instance)
        case Published():
            return {"state": "valid"}


def _receipt(accepted: Accepted) -> dict[str, Any]:
    return {"receipt": accepted.receipt_id, "state": "received"}
