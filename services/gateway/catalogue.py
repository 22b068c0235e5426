"""`GET /v1/catalogue`: the event types that the caller's desk may publish or receive, with schema and example.

A type that is not there, and one that is not for this desk, are one 404.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse

from hub.clock import Micros
from hub.partnership import Desk
from hub.schemas import EventType
from hub.schemas.dated import dated
from hub.schemas.json_schema import json_schema
from hub.shown import answer, ref
from services.consent.event import kind_of
from services.gateway.api import Doors
from services.gateway.identity import Caller
from services.gateway.offers import Offers
from services.gateway.problems import NOT_FOUND, ProblemError


def build(doors: Doors, offers: Offers) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/v1/catalogue", tags=["catalogue"])
    first = next(iter(offers.catalogue))

    @router.get(
        "",
        summary="The event types that you may publish or receive",
        responses={200: answer("The types", ref("Catalogue"), {"types": [_brief(first, True, True)]})},
    )
    async def list_types(caller: Annotated[Caller, Depends(doors.caller)]) -> Response:
        """In the order of their names."""
        found = [(each, *_may(offers, caller.desk, each)) for each in offers.catalogue]
        shown = [_brief(each, publish, receive) for each, publish, receive in found if publish or receive]
        return JSONResponse({"types": shown})

    @router.get(
        "/{event_type}",
        summary="One event type",
        responses={
            200: answer("The type", ref("EventType"), _whole(first, True, True, [1], doors.parts.clock.now()))
        },
    )
    async def show_type(event_type: str, caller: Annotated[Caller, Depends(doors.caller)]) -> Response:
        """Its schemas, the category of each field, an example as of now, and its registered versions."""
        if event_type not in offers.catalogue:
            raise ProblemError(NOT_FOUND)
        found = offers.catalogue.type(event_type)
        publish, receive = _may(offers, caller.desk, found)
        if not publish and not receive:
            raise ProblemError(NOT_FOUND)
        versions = sorted(
            each.version for each in offers.catalogue.registered.values() if each.type == event_type
        )
        return JSONResponse(_whole(found, publish, receive, versions, doors.parts.clock.now()))

    return router


def _may(offers: Offers, desk: Desk, event_type: EventType) -> tuple[bool, bool]:
    return offers.may_publish(desk, event_type), offers.may_receive(desk, event_type)


def _brief(event_type: EventType, publish: bool, receive: bool) -> dict[str, Any]:
    return {
        "type": event_type.type,
        "what": event_type.schema.get("doc", kind_of(event_type.type)),
        "gate": event_type.gate,
        "publish": publish,
        "receive": receive,
    }


def _whole(
    event_type: EventType, publish: bool, receive: bool, versions: list[int], now: Micros
) -> dict[str, Any]:
    return _brief(event_type, publish, receive) | {
        "schema_id": event_type.schema_id,
        "versions": versions,
        "schema": event_type.schema,
        "json_schema": json_schema(event_type),
        "categories": {each.path: each.category for each in event_type.fields},
        "example": dated(event_type, event_type.examples[0], now) if event_type.examples else None,
    }
