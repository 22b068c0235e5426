"""The Schema Registry API's read paths, so that ordinary Avro clients decode our topics.

Source: Confluent Schema Registry API, v1. A subject is a type string; a record's full name is the same, so
that `RecordNameStrategy` finds it. Schemas are committed with the hub: whatever would write answers 403 and
says how a schema is changed. Schemas hold no personal data, so these paths need no token.
"""

import re
from collections.abc import Callable, Coroutine
from typing import Any, Final

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from fastavro.schema import SchemaParseException, to_parsing_canonical_form

from hub.schemas import Catalogue
from hub.schemas.registered import Registered
from hub.shown import answer, body, ref

MEDIA_TYPE: Final = "application/vnd.schemaregistry.v1+json"
COMPATIBILITY: Final = "FULL_TRANSITIVE"
LONGEST_LOOKUP: Final = 256 * 1024
HOW_TO_CHANGE: Final = (
    "schemas are changed in the hub's repository, under schemas/, and registered by "
    "`python -m hub.schemas.build --write`; this registry is read-only"
)


WRITES: Final = (
    ("POST", "/subjects/{subject}/versions"),
    ("DELETE", "/subjects/{subject}"),
    ("DELETE", "/subjects/{subject}/versions/{version}"),
    ("PUT", "/config"),
    ("DELETE", "/config"),
    ("PUT", "/config/{subject}"),
    ("DELETE", "/config/{subject}"),
    ("PUT", "/mode"),
    ("PUT", "/mode/{subject}"),
    ("DELETE", "/mode/{subject}"),
    ("POST", "/compatibility/subjects/{subject}/versions"),
    ("POST", "/compatibility/subjects/{subject}/versions/{version}"),
)
"""What the Schema Registry API has beyond reading: each answers 403."""


class RegistryError(Exception):
    """An answer in the registry's own form of error."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class _Answer(Response):
    media_type = MEDIA_TYPE

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content)


class _Route(APIRoute):
    """Answers `RegistryError` in the registry's form, wherever the router is mounted."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except RegistryError as error:
                body = {"error_code": error.code, "message": str(error)}
                return _Answer(body, status_code=error.status)

        return answer


def _ok(schema: dict[str, Any], example: Any) -> dict[int | str, dict[str, Any]]:
    return {200: answer("As the Schema Registry answers", schema, example, MEDIA_TYPE)}


def _error(said: str, code: int, message: str) -> dict[str, Any]:
    return answer(said, ref("RegistryError"), {"error_code": code, "message": message}, MEDIA_TYPE)


_ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    404: _error("There is no such thing", 40401, "Subject not found."),
    422: _error("It is not in its form", 42202, "The specified version is not a valid version id."),
}
_REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    403: _error("Every write: how a schema is changed", 40301, HOW_TO_CHANGE)
}
_NAME: Final = "wraparound.family.opened.v1"
_TEXT: Final = '{"type": "string"}'
_STRING: Final = {"type": "string"}
_FULL: Final = {"subject": _NAME, "version": 1, "id": 1, "schema": _TEXT}
_SCHEMA_ALONE: Final = {"type": "object", "properties": {"schema": _STRING}, "required": ["schema"]}
_VERSIONS: Final = {"type": "array", "items": {"type": "object"}}
_LOOK_UP: Final = body(
    {
        MEDIA_TYPE: {
            "schema": {
                "type": "object",
                "properties": {"schema": _STRING, "schemaType": {"const": "AVRO"}},
                "required": ["schema"],
            },
            "example": {"schema": _TEXT},
        }
    }
)


class _Subjects:
    """The registered texts by subject and version."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.by_id = catalogue.registered
        self.by_subject: dict[str, list[Registered]] = {}
        for entry in sorted(self.by_id.values(), key=lambda each: each.version):
            self.by_subject.setdefault(entry.type, []).append(entry)

    def subject(self, name: str) -> list[Registered]:
        found = self.by_subject.get(name)
        if found is None:
            raise RegistryError(404, 40401, "Subject not found.")
        return found

    def version(self, name: str, version: str) -> Registered:
        found = self.subject(name)
        if version in {"latest", "-1"}:
            return found[-1]
        if not version.isascii() or not version.isdigit() or len(version) > 9 or int(version) == 0:
            message = "The specified version is not a valid version id: expected a number from 1, or latest."
            raise RegistryError(422, 42202, message)
        if int(version) > len(found):
            raise RegistryError(404, 40402, "Version not found.")
        return found[int(version) - 1]

    def schema(self, schema_id: str) -> Registered:
        is_id = schema_id.isascii() and schema_id.isdigit() and len(schema_id) <= 10
        found = self.by_id.get(int(schema_id)) if is_id else None
        if found is None:
            raise RegistryError(404, 40403, "Schema not found.")
        return found

    def look_up(self, name: str, body: bytes) -> Registered:
        found = self.subject(name)
        wanted = _parsed(body)
        for entry in reversed(found):
            if entry.schema == wanted:
                return entry
        form = _canonical_form(wanted)
        for entry in reversed(found):
            if _canonical_form(entry.schema) == form:
                return entry
        raise RegistryError(404, 40403, "Schema not found.")


def _parsed(body: bytes) -> Any:
    invalid = RegistryError(422, 42201, 'Invalid schema: expected {"schema": "<an Avro schema as text>"}.')
    if len(body) > LONGEST_LOOKUP:
        raise invalid
    try:
        request = orjson.loads(body)
        if not isinstance(request, dict) or request.get("schemaType", "AVRO") != "AVRO":
            raise invalid
        return orjson.loads(request["schema"])
    except (orjson.JSONDecodeError, KeyError) as error:
        raise invalid from error


def _canonical_form(schema: Any) -> str:
    try:
        return to_parsing_canonical_form(schema)
    except (SchemaParseException, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise RegistryError(422, 42201, "Invalid schema: expected Avro.") from error


def _full(entry: Registered) -> dict[str, Any]:
    return {"subject": entry.type, "version": entry.version, "id": entry.schema_id, "schema": entry.text}


def router(catalogue: Catalogue) -> APIRouter:
    """The routes under `/registry`, over the catalogue that is served."""
    subjects = _Subjects(catalogue)
    routes = APIRouter(
        prefix="/registry",
        tags=["registry"],
        route_class=_Route,
        default_response_class=Response,
        responses=_ERRORS,
    )
    _read_routes(routes, subjects)
    _config_routes(routes, subjects)
    _refused_routes(routes)
    return routes


def _read_routes(routes: APIRouter, subjects: _Subjects) -> None:
    @routes.get("/subjects", responses=_ok({"type": "array", "items": _STRING}, [_NAME]))
    async def list_subjects() -> Response:
        """Every subject: the type strings."""
        return _Answer(sorted(subjects.by_subject))

    @routes.get(
        "/subjects/{subject}/versions", responses=_ok({"type": "array", "items": {"type": "integer"}}, [1])
    )
    async def list_versions(subject: str) -> Response:
        """The versions of a subject."""
        return _Answer([entry.version for entry in subjects.subject(subject)])

    @routes.get("/subjects/{subject}/versions/{version}", responses=_ok(ref("Registered"), _FULL))
    async def show_version(subject: str, version: str) -> Response:
        """One version, by number or `latest`."""
        return _Answer(_full(subjects.version(subject, version)))

    @routes.get("/subjects/{subject}/versions/{version}/schema", responses=_ok({}, {"type": "string"}))
    async def show_text(subject: str, version: str) -> Response:
        """The schema alone."""
        return Response(subjects.version(subject, version).text, media_type=MEDIA_TYPE)

    @routes.post("/subjects/{subject}", responses=_ok(ref("Registered"), _FULL), openapi_extra=_LOOK_UP)
    async def look_up(subject: str, request: Request) -> Response:
        """Is this schema registered under the subject: its id and version, or 404."""
        return _Answer(_full(subjects.look_up(subject, await request.body())))

    @routes.get(
        "/schemas/ids/{schema_id}",
        responses=_ok(
            {"type": "object", "properties": {"schema": _STRING}, "required": ["schema"]}, {"schema": _TEXT}
        ),
    )
    async def show_schema(schema_id: str) -> Response:
        """The schema of an id, as it stands in front of each message."""
        return _Answer({"schema": subjects.schema(schema_id).text})

    @routes.get("/schemas/ids/{schema_id}/schema", responses=_ok({}, {"type": "string"}))
    async def show_schema_text(schema_id: str) -> Response:
        """The schema of an id, alone."""
        return Response(subjects.schema(schema_id).text, media_type=MEDIA_TYPE)

    @routes.get(
        "/schemas/ids/{schema_id}/subjects", responses=_ok({"type": "array", "items": _STRING}, [_NAME])
    )
    async def show_schema_subjects(schema_id: str) -> Response:
        """The subject of an id."""
        return _Answer([subjects.schema(schema_id).type])

    @routes.get(
        "/schemas/ids/{schema_id}/versions",
        responses=_ok(_VERSIONS, [{"subject": _NAME, "version": 1}]),
    )
    async def show_schema_versions(schema_id: str) -> Response:
        """The subject and version of an id."""
        entry = subjects.schema(schema_id)
        return _Answer([{"subject": entry.type, "version": entry.version}])


def _config_routes(routes: APIRouter, subjects: _Subjects) -> None:
    @routes.get("/", responses=_ok({"type": "object"}, {}))
    async def root() -> Response:
        """The registry answers."""
        return _Answer({})

    @routes.get("/schemas/types", responses=_ok({"type": "array", "items": _STRING}, ["AVRO"]))
    async def list_types() -> Response:
        """Avro alone."""
        return _Answer(["AVRO"])

    @routes.get("/config", responses=_ok({"type": "object"}, {"compatibilityLevel": COMPATIBILITY}))
    async def show_config() -> Response:
        """What a new version must be: compatible in both directions with every one before it."""
        return _Answer({"compatibilityLevel": COMPATIBILITY})

    @routes.get("/config/{subject}", responses=_ok({"type": "object"}, {"compatibilityLevel": COMPATIBILITY}))
    async def show_subject_config(subject: str) -> Response:
        """The same for every subject."""
        subjects.subject(subject)
        return _Answer({"compatibilityLevel": COMPATIBILITY})

    @routes.get("/mode", responses=_ok({"type": "object"}, {"mode": "READONLY"}))
    async def show_mode() -> Response:
        """Read-only, always."""
        return _Answer({"mode": "READONLY"})


def _refused_routes(routes: APIRouter) -> None:
    async def refuse() -> Response:
        """Refused, like every write: schemas are changed in the hub's repository."""
        raise RegistryError(403, 40301, HOW_TO_CHANGE)

    for method, path in WRITES:
        routes.add_api_route(
            path,
            refuse,
            methods=[method],
            status_code=403,
            summary="A write, refused",
            responses=_REFUSED,
            openapi_extra={"parameters": [_parameter(name) for name in re.findall(r"{(\w+)}", path)]},
        )

    @routes.get("/{_path:path}", include_in_schema=False)
    async def unknown(_path: str) -> Response:
        """No such path."""
        raise RegistryError(404, 404, "HTTP 404 Not Found")


def _parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": _STRING}
