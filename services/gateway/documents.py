"""What describes the hub, served by it: `/openapi.json`, `/asyncapi.json`, and a page for each kind of problem."""

from functools import cache
from typing import Any, Final

import orjson
from fastapi import APIRouter, Request, Response

from hub.shown import answer
from services.gateway import asyncapi, openapi
from services.gateway.api import Doors
from services.gateway.offers import Offers
from services.gateway.problems import KINDS, NOT_FOUND, ProblemError, page

JSON: Final = "application/json"
MARKDOWN: Final = "text/markdown"


def build(doors: Doors, offers: Offers, url: str, kafka: str) -> APIRouter:
    """The routes; each document is made at its first reading. `kafka`: the brokers' addresses."""
    router = APIRouter(tags=["documents"])

    @cache
    def described(request_app: Any) -> bytes:
        return orjson.dumps(openapi.document(request_app, doors.parts.catalogue, url))

    @cache
    def streams() -> bytes:
        parts = doors.parts
        return orjson.dumps(asyncapi.document(parts.partnership, offers, url, kafka, parts.clock.now()))

    @router.get(
        "/openapi.json",
        summary="This document",
        responses={200: answer("OpenAPI 3.1", {"type": "object"}, {"openapi": openapi.VERSION})},
    )
    async def show_openapi(request: Request) -> Response:
        """Every route, every problem, with examples that hold."""
        return Response(described(request.app), media_type=JSON)

    @router.get(
        "/asyncapi.json",
        summary="The topics on Kafka",
        responses={200: answer("AsyncAPI 3", {"type": "object"}, {"asyncapi": asyncapi.VERSION})},
    )
    async def show_asyncapi() -> Response:
        """Every topic and message, with examples that hold."""
        return Response(streams(), media_type=JSON)

    @router.get(
        "/problems/{slug}",
        summary="What a kind of problem means",
        response_class=Response,
        responses={200: answer("A page", {"type": "string"}, page(NOT_FOUND), MARKDOWN)},
    )
    async def show_problem(slug: str) -> Response:
        """The page that a problem's `type` names."""
        kind = KINDS.get(slug)
        if kind is None:
            raise ProblemError(NOT_FOUND)
        return Response(page(kind), media_type=MARKDOWN)

    return router
