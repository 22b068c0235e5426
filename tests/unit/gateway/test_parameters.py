"""What a refused parameter is answered: what was expected, in the rules of docs/problems.md, and never what came."""

from datetime import datetime
from typing import Annotated, Any

import pytest
from fastapi import FastAPI, Query
from fastapi.exceptions import RequestValidationError
from fastapi.testclient import TestClient
from pydantic import AwareDatetime
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.clock import parse_micros
from services.gateway.api import refused

NOW = "2024-03-01T09:00:00.000000Z"


def asked(query: str) -> list[Any]:
    """The faults of a request, as rule, expectation and example."""
    app = FastAPI()

    @app.exception_handler(RequestValidationError)
    async def _(_: Request, error: RequestValidationError) -> Response:
        found = [refused(each, parse_micros(NOW)) for each in error.errors()]
        return JSONResponse([[each.pointer, each.rule, each.expected, each.example] for each in found])

    @app.get("/")
    async def _(
        must: int,
        wait: Annotated[int, Query(ge=1, le=30)] = 1,
        kind: Annotated[str, Query(max_length=3)] = "",
        at: AwareDatetime | None = None,
        dry: bool = False,
    ) -> dict[str, datetime | int | str | None]:
        return {"must": must, "wait": wait, "kind": kind, "at": at, "dry": dry}

    return list(TestClient(app).get(f"/?{query}").json())


TIME = ["/query/at", "format", "a time with its zone (RFC 3339)", NOW]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["/query/must", "required", "a value", ""]),
        ("must=Mara", ["/query/must", "type", "a whole number", "1"]),
        ("must=1&wait=99", ["/query/wait", "range", "at most 30", "30"]),
        ("must=1&wait=0", ["/query/wait", "range", "at least 1", "1"]),
        ("must=1&kind=Mara", ["/query/kind", "length", "at most 3 characters", ""]),
        ("must=1&at=yesterday", TIME),
        ("must=1&at=2024-03-01T09:00:00", TIME),
        ("must=1&dry=Mara", ["/query/dry", "type", "true or false", "true"]),
    ],
)
def test_the_answer_says_what_was_expected_when_a_parameter_is_refused(
    query: str, expected: list[str]
) -> None:
    assert asked(query) == [expected]


@pytest.mark.parametrize(
    ("kind", "bounds", "rule", "expected"),
    [
        ("after_since", {}, "range", "`until` later than `since`"),
        ("one_of", {"those": ["council/west", "s2w/sft"]}, "codes", "one of council/west, s2w/sft"),
        ("ahead", {"now": NOW}, "range", f"a time that has come: by the hub's clock it is {NOW}"),
    ],
)
def test_the_answer_names_what_it_is_compared_with_when_a_parameter_is_refused(
    kind: str, bounds: dict[str, Any], rule: str, expected: str
) -> None:
    found = refused({"loc": ("query", "it"), "type": kind, "ctx": bounds}, parse_micros(NOW))
    assert (found.pointer, found.rule, found.expected) == ("/query/it", rule, expected)
