"""`/openapi.json`: made from the routes that run (OpenAPI 3.1), completed by what all of them share.

Routes name their answers and examples themselves (shown.py). Here: the schemas that they refer to, each problem with
the body that it really has, and which routes ask for a token, as their dependencies say.
"""

from collections.abc import Iterator
from typing import Any, Final

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts

from hub.schemas import Catalogue
from hub.schemas.json_schema import json_schema
from hub.shown import ref
from services.gateway.api import Doors
from services.gateway.problems import (
    BROKEN,
    KINDS,
    LIMITED,
    MEDIA_TYPE,
    NOT_ALLOWED,
    NOT_FOUND,
    UNAUTHENTICATED,
    UNAVAILABLE,
    Fault,
    Kind,
    body,
    headers_of,
)

VERSION: Final = "3.1.0"
SCHEME: Final = "desk"
_SIGNED: Final = frozenset({"token", "caller", "desk", "entries_reader"})
_EVERYWHERE: Final = (NOT_FOUND, NOT_ALLOWED, BROKEN, UNAVAILABLE)
_FAULT: Final = Fault("/data/score", "type", "an integer, written without a decimal point", "a string", "12")
_DESCRIPTION: Final = """\
Who may know what of a family, between a council and its partner agencies.

Every request but those marked otherwise carries a JWT that the desk signs anew with its own key. Errors are problem
details (RFC 9457); their `type` is a page here. What does not exist and what is not for you are one 404. A 429 or 503
says in `Retry-After` when to send the same again; under the same ids that is always safe.
"""

_STRING: Final = {"type": "string"}
_UUID: Final = {"type": "string", "format": "uuid"}


def document(app: FastAPI, catalogue: Catalogue, url: str) -> dict[str, Any]:
    """The whole document."""
    found: dict[str, Any] = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version=VERSION,
        summary=app.summary,
        description=_DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        servers=[{"url": url}],
        routes=app.routes,
    )
    components = found.setdefault("components", {})
    components.setdefault("schemas", {}).pop("HTTPValidationError", None)
    components["schemas"].pop("ValidationError", None)
    components["schemas"] |= SCHEMAS | {each.type: json_schema(each) for each in catalogue}
    components["responses"] = {kind.slug: _problem(kind) for kind in KINDS.values()}
    components["securitySchemes"] = {SCHEME: _security()}
    for path, method, dependant in _operations(app):
        _complete(found["paths"][path][method], dependant)
    return found


def _operations(app: FastAPI) -> Iterator[tuple[str, str, Dependant]]:
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, APIRoute) and route.include_in_schema:
            for method in sorted(route.methods or ()):
                yield str(route.path_format), method.lower(), route.dependant


def _complete(operation: dict[str, Any], dependant: Dependant) -> None:
    """The problems of one operation, and whether it asks for a token."""
    signed = is_signed(dependant)
    kinds = [*_EVERYWHERE]
    if operation.get("parameters") or "requestBody" in operation:
        kinds.append(KINDS["invalid"])
    if "requestBody" in operation:
        kinds.append(KINDS["too-large"])
    if signed:
        operation["security"] = [{SCHEME: []}]
        kinds += [UNAUTHENTICATED, LIMITED]
    own = [KINDS[slug] for slug in operation.pop("x-problems", [])]
    responses = operation["responses"]
    for kind in (*kinds, *own):
        responses.setdefault(str(kind.status), {"$ref": f"#/components/responses/{kind.slug}"})
    for status, shown in list(responses.items()):
        # The framework's own form of a 422 is never answered.
        if "HTTPValidationError" in str(shown):
            responses[status] = {"$ref": "#/components/responses/invalid"}
    operation["responses"] = dict(sorted(responses.items()))


def is_signed(dependant: Dependant) -> bool:
    """Whether a route asks for a token: one of its dependencies is a method of `Doors` that does."""
    called = dependant.call
    own = isinstance(getattr(called, "__self__", None), Doors) and called.__name__ in _SIGNED  # type: ignore[union-attr]
    return own or any(is_signed(each) for each in dependant.dependencies)


def _problem(kind: Kind) -> dict[str, Any]:
    faults = [_FAULT] if kind.slug == "invalid" else []
    shown: dict[str, Any] = {
        "description": f"{kind.title}. {kind.detail}",
        "content": {MEDIA_TYPE: {"schema": ref("Problem"), "example": body(kind, faults)}},
    }
    headers = {
        name: {"schema": {"type": "string"}, "example": value} for name, value in headers_of(kind).items()
    }
    return shown | ({"headers": headers} if headers else {})


def _security() -> dict[str, Any]:
    return {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": UNAUTHENTICATED.detail,
    }


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required}


_PROBLEM: Final = _object(
    ["type", "title", "status", "detail", "instance", "errors"],
    type={"type": "string", "format": "uri-reference", "enum": [f"/problems/{slug}" for slug in KINDS]},
    title=_STRING,
    status={"type": "integer", "minimum": 400, "maximum": 599},
    detail=_STRING,
    instance={"type": "string", "format": "uri"},
    errors={
        "type": "array",
        "items": _object(
            ["pointer", "rule", "detail"],
            pointer={"type": "string", "description": "a JSON Pointer into the event in its structured form"},
            rule=_STRING,
            detail=_STRING,
            example={"type": "string", "description": "a value that would be valid"},
        ),
    },
)
_DELIVERY: Final = _object(
    ["specversion", "id", "source", "type", "time", "subject", "place"],
    specversion={"const": "1.0"},
    id=_UUID | {"description": "the delivery's: the same each time it is read, and on the desk's topic"},
    source={"const": "hub"},
    type=_STRING,
    time={"type": "string", "format": "date-time"},
    subject=_UUID | {"description": "the family's id at the hub"},
    place={"type": "integer", "minimum": 1},
    state={"enum": ["recalled", "waiting"], "description": "why there is no data"},
    datacontenttype={"const": "application/json"},
    data={"type": "object"},
)
SCHEMAS: Final[dict[str, Any]] = {
    "Problem": _PROBLEM,
    "CloudEvent": _object(
        ["specversion", "id", "source", "type"],
        specversion={"const": "1.0"},
        id={
            "type": "string",
            "minLength": 1,
            "description": "your own, of at most 200 characters; it says nothing about anybody",
        },
        source={"type": "string", "minLength": 1, "description": "the desk that signs the token"},
        type={"type": "string", "minLength": 1, "description": "a type of the catalogue"},
        time={"type": ["string", "null"], "format": "date-time"},
        datacontenttype={"enum": ["application/json", None]},
        data={"description": "by the schema of the type: the component of its name"},
    ),
    "Batch": {
        "type": "array",
        "items": {"description": "a CloudEvent; whatever else stands here is answered in its place"},
    },
    "Receipt": _object(["receipt", "state"], receipt=_UUID, state={"const": "received"}),
    "Valid": _object(["state"], state={"const": "valid"}),
    "Results": {
        "type": "array",
        "items": {"anyOf": [ref("Receipt"), ref("Problem"), ref("Valid")]},
        "description": "the answer to each event, in their order",
    },
    "Standing": _object(
        ["receipt", "state", "log"],
        receipt=_UUID,
        state={"enum": ["received", "in effect", "rejected"]},
        reason={"type": "string", "description": "a code, where it was rejected"},
        log=_object(["entry"], entry=_UUID, index={"type": "integer", "minimum": 0}),
    ),
    "Acknowledged": _object(["acknowledged"], acknowledged={"type": "array", "items": _STRING}),
    "Inbox": _object(
        ["events", "after"],
        events={"type": "array", "items": ref("Delivery")},
        after={"type": "integer", "minimum": 0, "description": "the cursor to ask with next"},
    ),
    "Delivery": _DELIVERY,
    "Catalogue": _object(["types"], types={"type": "array", "items": ref("EventTypeBrief")}),
    "EventTypeBrief": _object(
        ["type", "what", "gate", "publish", "receive"],
        type=_STRING,
        what=_STRING,
        gate={"type": "string", "description": "the category of the event's existence"},
        publish={"type": "boolean"},
        receive={"type": "boolean"},
    ),
    "EventType": {
        "allOf": [
            ref("EventTypeBrief"),
            _object(
                ["schema_id", "versions", "schema", "json_schema", "categories", "example"],
                schema_id={"type": "integer"},
                versions={"type": "array", "items": {"type": "integer"}},
                schema={"type": "object", "description": "Avro"},
                json_schema={"type": "object", "description": "of what you publish as JSON"},
                categories={"type": "object", "additionalProperties": {"type": ["string", "null"]}},
                example={},
            ),
        ]
    },
    "Task": _object(
        [
            *("task", "kind", "about", "reason", "opened_at", "due_at"),
            *("detail", "asked", "state", "actions"),
        ],
        task=_UUID,
        kind=_STRING,
        about=_STRING | {"description": "an id, never a name"},
        reason=_STRING | {"description": "a code"},
        opened_at={"type": "string", "format": "date-time"},
        due_at={"type": ["string", "null"], "format": "date-time"},
        detail={
            "type": "object",
            "description": "codes and ids; `unknown`: of what kind and scheme the ids are by which nobody is known",
        },
        asked={"type": "array", "items": ref("Asked")},
        state=_STRING | {"enum": ["open", "awaits a second person", "closed"]},
        closed={"anyOf": [ref("Closed"), {"type": "null"}], "description": "null while it is open"},
        actions={"type": "array", "items": _STRING},
        left={
            "type": "array",
            "items": ref("LeftBetween"),
            "description": "of `left_between`, of one task, not in the list",
        },
    ),
    "LeftBetween": _object(
        ["delivery", "desk", "type", "released_at", "event", "receipt"],
        delivery=_UUID,
        desk=_STRING,
        type=_STRING,
        released_at={
            "type": ["string", "null"],
            "format": "date-time",
            "description": "null: that it left is not sure",
        },
        event=_UUID,
        receipt={
            "type": ["string", "null"],
            "format": "uuid",
            "description": "null: the hub derived the event",
        },
    ),
    "Asked": _object(
        ["action", "by", "at", "why"],
        action=_STRING | {"description": "what a second person is to agree to"},
        by=_STRING | {"description": "the desk that asked"},
        at={"type": ["string", "null"], "format": "date-time"},
        why={"type": ["string", "null"], "description": "a code, where one was given"},
        user=_STRING | {"description": "who of the desk asked; of one task, not in the list"},
        reason=_STRING | {"description": "in their own words; of one task, not in the list"},
    ),
    "Closed": _object(
        ["at", "by", "how", "why"],
        at={"type": ["string", "null"], "format": "date-time"},
        by=_STRING | {"description": "the desk whose task it was, or hub"},
        how=_STRING
        | {"description": "the action; event: one of the desk's own; overtaken: nothing waits any more"},
        why={"type": ["string", "null"], "description": "a code, where one was given"},
        user=_STRING | {"description": "who of the desk did it, where a person of it did"},
        reason=_STRING | {"description": "in their own words"},
    ),
    "Tasks": _object(["tasks"], tasks={"type": "array", "items": ref("Task")}),
    "Done": _object(["task", "action", "state"], task=_UUID, action=_STRING, state=_STRING),
    "Registered": _object(
        ["subject", "version", "id", "schema"],
        subject=_STRING,
        version={"type": "integer"},
        id={"type": "integer"},
        schema={"type": "string", "description": "Avro, as text"},
    ),
    "RegistryError": _object(["error_code", "message"], error_code={"type": "integer"}, message=_STRING),
    "State": _object(["state"], state=_STRING),
    "Up": _object(["state", "at"], state=_STRING, at={"type": "string", "format": "date-time"}),
}
