"""`/openapi.json` and `/asyncapi.json`: complete, valid, and true of what runs."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from cli.gateway import MOUNTED
from hub.schemas.json_schema import json_schema
from hub.settings import ROOT, load
from hub.stack import access
from services.gateway.asyncapi import CONTENT_TYPE
from services.gateway.cloudevents import BATCH, STRUCTURED, event_of
from services.gateway.main import Gateway, assemble
from services.gateway.openapi import is_signed
from services.gateway.problems import KINDS, ProblemError, page
from services.gateway.registry import WRITES

METHODS = ("get", "post", "put", "patch", "delete")
Json = dict[str, Any]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Gateway:
    folder: Path = tmp_path_factory.mktemp("keys")
    for name in ("secret", "master"):
        (folder / name).write_text("0a" * 32)
        (folder / name).chmod(0o600)
    settings = load(
        {
            "WRAPAROUND_HUB_SECRET_FILE": str(folder / "secret"),
            "WRAPAROUND_MASTER_KEY_FILE": str(folder / "master"),
            "WRAPAROUND_POSTGRES": "postgresql://nobody@127.0.0.1:1/none",
            "WRAPAROUND_PUBLIC_URL": "https://hub.example",
        }
    )
    return assemble(settings, MOUNTED)


def served(gateway: Gateway, path: str) -> Json:
    async def get() -> httpx.Response:
        transport = httpx.ASGITransport(gateway.app)
        async with httpx.AsyncClient(transport=transport, base_url="https://hub.example") as http:
            return await http.get(path)

    answer = asyncio.run(get())
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    found: Json = answer.json()
    return found


@pytest.fixture(scope="module")
def openapi(gateway: Gateway) -> Json:
    return served(gateway, "/openapi.json")


@pytest.fixture(scope="module")
def asyncapi(gateway: Gateway) -> Json:
    return served(gateway, "/asyncapi.json")


def routes(gateway: Gateway) -> list[RouteContext]:
    app: Any = gateway.app._app
    found = [each for each in iter_route_contexts(app.routes) if isinstance(each.original_route, APIRoute)]
    assert len(found) > 20
    return found


def operations(openapi: Json) -> Iterator[tuple[str, str, Json]]:
    for path, item in openapi["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def resolved(document: Json, value: Json) -> Json:
    """What a `$ref` names; it must be there."""
    while "$ref" in value:
        found: Any = document
        for part in value["$ref"].removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        value = found
    return value


def refs(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from refs(each)
    elif isinstance(value, list):
        for each in value:
            yield from refs(each)


def test_openapi_is_valid_by_its_own_specification(openapi: Json) -> None:
    assert openapi["openapi"] == "3.1.0"
    assert [error.message for error in OpenAPIV31SpecValidator(openapi).iter_errors()] == []


def test_every_route_stands_in_openapi_with_its_methods_and_no_other(gateway: Gateway, openapi: Json) -> None:
    running = {
        (each.path_format, method.lower())
        for each in routes(gateway)
        if each.include_in_schema
        for method in each.methods or ()
    }
    assert {(path, method) for path, method, _ in operations(openapi)} == running
    hidden = [each.path for each in routes(gateway) if not each.include_in_schema]
    assert all(path == "/registry/{_path:path}" for path in hidden)


def test_a_refused_method_is_told_those_that_its_path_has_in_openapi(gateway: Gateway, openapi: Json) -> None:
    async def allowed(paths: list[str]) -> dict[str, set[str]]:
        transport = httpx.ASGITransport(gateway.app)
        async with httpx.AsyncClient(transport=transport, base_url="https://hub.example") as http:
            answers = {path: await http.request("TRACE", re.sub(r"{\w+}", "1", path)) for path in paths}
        assert {answer.status_code for answer in answers.values()} == {405}
        return {path: set(answer.headers["allow"].split(", ")) for path, answer in answers.items()}

    found = asyncio.run(allowed(list(openapi["paths"])))
    assert found == {
        path: {method.upper() for method in METHODS if method in item}
        for path, item in openapi["paths"].items()
    }


def test_every_operation_says_what_it_answers_with_schema_and_valid_example(openapi: Json) -> None:
    for path, method, operation in operations(openapi):
        assert operation.get("summary"), path
        assert operation.get("description"), path
        good = [status for status in operation["responses"] if status < "400"]
        assert good or (method.upper(), path.removeprefix("/registry")) in WRITES, (path, method)
        for response in operation["responses"].values():
            shown = resolved(openapi, response)
            for media_type, content in shown.get("content", {}).items():
                assert "schema" in content, (path, media_type)
                if media_type != "application/octet-stream":
                    assert "example" in content, (path, method, response)
                    check(openapi, content["schema"], content["example"], (path, method))


def check(document: Json, schema: Json, example: Any, where: object) -> None:
    whole = {"components": document["components"], "allOf": [schema]}
    errors = Draft202012Validator(whole).iter_errors(example)
    assert [error.message for error in errors] == [], where


def test_every_operation_names_the_problems_that_it_may_answer(gateway: Gateway, openapi: Json) -> None:
    signed = {each.path_format: is_signed(each.dependant) for each in routes(gateway)}
    assert signed["/v1/events"]
    assert not signed["/livez"]
    for path, method, operation in operations(openapi):
        statuses = set(operation["responses"])
        assert {"404", "405", "500", "503"} <= statuses, path
        assert ("security" in operation) == signed[path]
        assert ({"401", "429"} <= statuses) == signed[path], path
        assert ("413" in statuses) == ("requestBody" in operation), (path, method)
    assert {"409", "413", "415", "422"} <= openapi["paths"]["/v1/events"]["post"]["responses"].keys()


def test_every_problem_has_its_example_and_its_page_in_the_docs(openapi: Json) -> None:
    responses = openapi["components"]["responses"]
    assert responses.keys() == KINDS.keys()
    docs = (ROOT / "docs" / "problems.md").read_text()
    for slug, kind in KINDS.items():
        content = responses[slug]["content"]["application/problem+json"]
        assert content["example"]["type"] == f"/problems/{slug}"
        assert content["example"]["status"] == kind.status
        assert page(kind) in docs
        if kind.status in {429, 503}:
            assert "retry-after" in responses[slug]["headers"]


def test_every_rule_of_an_error_stands_in_the_docs_when_a_door_may_name_it() -> None:
    docs = (ROOT / "docs" / "problems.md").read_text()
    sources = [*(ROOT / "services" / "gateway").glob("*.py"), *(ROOT / "hub" / "schemas").glob("*.py")]
    rules = set()
    for source in sources:
        text = source.read_text()
        rules |= set(re.findall(r"(?:invalid|Fault)\(\s*f?\"[^\"]*\",\s*\"([a-z-]+)\"", text))
        rules |= set(
            re.findall(
                r"(?:_wrong|Problem)\([^\n\"]*?(?:f?\"[^\"]*\"[^\n\"]*?)??\"([a-z]+(?:-[a-z]+)*)\",", text
            )
        )
    assert {"required", "type", "check-digit", "personal", "source", "too-many"} <= rules
    assert sorted(rule for rule in rules if f"| `{rule}` |" not in docs) == []


def test_events_in_openapi_are_accepted_as_they_stand(gateway: Gateway, openapi: Json) -> None:
    parts = gateway.parts
    content = openapi["paths"]["/v1/events"]["post"]["requestBody"]["content"]
    events = [each["value"] for each in content[STRUCTURED]["examples"].values()]
    assert len(events) > 60
    for each in [*events, *content[BATCH]["example"]]:
        check(openapi, content[STRUCTURED]["schema"], each, each["type"])
        check(openapi, {"$ref": f"#/components/schemas/{each['type']}"}, each["data"], each["type"])
        attributes = {name: value for name, value in each.items() if name != "data"}
        event = event_of(attributes, each["data"], parts.partnership.limits)
        parts.checker.check(parts.partnership.desk(each["source"]), event)


def test_what_the_json_schema_of_a_type_refuses_the_door_refuses_too(gateway: Gateway) -> None:
    odd: list[Any] = [None, True, -(2**60), 1.5, "", "x" * 30_000, [], {}, [None], {"scheme": "x"}]
    compared = 0
    for event_type in gateway.parts.catalogue:
        validator = Draft202012Validator(json_schema(event_type))
        for example in event_type.examples:
            assert list(validator.iter_errors(example)) == []
            for name in (*example, "unknown"):
                for value in odd:
                    changed = {**example, name: value}
                    if not validator.is_valid(changed):
                        compared += 1
                        assert event_type.validate(changed), (event_type.type, name, value)
    assert compared > 1_000


def test_asyncapi_has_every_topic_and_every_message(gateway: Gateway, asyncapi: Json) -> None:
    assert asyncapi["asyncapi"] == "3.0.0"
    desks = [desk.name for desk in gateway.parts.partnership.active_desks if desk.receives]
    assert {each["address"] for each in asyncapi["channels"].values()} == set(access.topics(desks))
    assert asyncapi["components"]["messages"].keys() == {each.type for each in gateway.parts.catalogue}
    used = {each["channel"]["$ref"] for each in asyncapi["operations"].values()}
    assert used == {f"#/channels/{name}" for name in asyncapi["channels"]}
    for pointer in set(refs(asyncapi)):
        assert resolved(asyncapi, {"$ref": pointer})


def test_examples_in_asyncapi_are_valid_by_their_schema(gateway: Gateway, asyncapi: Json) -> None:
    headers = Draft202012Validator(asyncapi["components"]["messageTraits"]["cloudevent"]["headers"])
    shown = 0
    for name, message in asyncapi["components"]["messages"].items():
        event_type = gateway.parts.catalogue.type(name)
        assert message["contentType"] == CONTENT_TYPE
        assert message["payload"]["schema"] == event_type.schema
        for example in message["examples"]:
            shown += 1
            assert event_type.validate(example["payload"]) == []
            assert list(headers.iter_errors(example["headers"])) == []
    assert shown >= len(gateway.parts.catalogue)


def test_desk_is_offered_what_it_may_publish_and_receive(gateway: Gateway, asyncapi: Json) -> None:
    incoming = asyncapi["channels"]["from-s2w-sft"]["messages"]
    outgoing = asyncapi["channels"]["to-s2w-sft"]["messages"]
    assert "wraparound.outcome.measure_recorded.v1" in incoming
    assert "wraparound.family.opened.v1" not in incoming
    assert "wraparound.referral.requested.v1" in outgoing
    assert "wraparound.hub.event_rejected.v1" in outgoing
    assert "wraparound.person.adopted.v1" not in outgoing
    parts = gateway.parts
    attributes = {"specversion": "1.0", "id": "e", "source": "s2w/sft", "type": "wraparound.family.opened.v1"}
    refused = event_of(attributes, {}, parts.partnership.limits)
    with pytest.raises(ProblemError):
        parts.checker.check(parts.partnership.desk("s2w/sft"), refused)
