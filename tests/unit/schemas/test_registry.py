"""The registry's read paths, asked by Confluent's own client over a real socket, and by plain HTTP."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import orjson
import pytest
import uvicorn
from confluent_kafka.schema_registry import RegisteredSchema, Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext
from fastapi import FastAPI

from hub.schemas import Catalogue, wire
from services.gateway.registry import HOW_TO_CHANGE, router

SCORE = "wraparound.outcome.measure_recorded.v1"
SCHEMAS = Path(__file__).parents[3] / "schemas"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.load(SCHEMAS, sandbox=True)


@pytest.fixture(scope="module")
def url(catalogue: Catalogue) -> Iterator[str]:
    app = FastAPI()
    app.include_router(router(catalogue))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        deadline = time.monotonic() + 10
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        assert server.started
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/registry"
        server.should_exit = True
        thread.join(timeout=10)
        assert not thread.is_alive()


@pytest.fixture
def confluent(url: str) -> Iterator[SchemaRegistryClient]:
    with SchemaRegistryClient({"url": url}) as client:
        yield client


def test_confluents_deserializer_reads_our_bytes_when_given_a_topic(
    catalogue: Catalogue, confluent: SchemaRegistryClient
) -> None:
    score = catalogue.type(SCORE)
    value = wire.encode(score, score.from_json(score.examples[0]))
    read = AvroDeserializer(confluent)(value, SerializationContext("to-s2w-sft", MessageField.VALUE))
    assert read is not None
    assert read["score"] == score.examples[0]["score"]
    assert read["person"] == score.examples[0]["person"]
    assert read["taken_on"].isoformat() == score.examples[0]["taken_on"]


def test_our_decoder_reads_confluents_bytes_when_serialized_by_record_name(
    catalogue: Catalogue, confluent: SchemaRegistryClient
) -> None:
    score = catalogue.type(SCORE)
    settings = {
        "auto.register.schemas": False,
        "subject.name.strategy": lambda _context, record_name: record_name,
    }
    write = AvroSerializer(confluent, score.text, conf=settings)
    datum = score.from_json(score.examples[0])
    value = write(datum, SerializationContext("from-s2w-sft", MessageField.VALUE))
    assert value is not None
    event_type, read = wire.decode(catalogue, value)
    assert event_type is score
    assert read == datum


def test_every_subject_resolves_when_asked_by_confluents_client(
    catalogue: Catalogue, confluent: SchemaRegistryClient
) -> None:
    subjects = confluent.get_subjects()
    assert subjects == sorted(each.type for each in catalogue)
    for subject in subjects[:10]:
        assert confluent.get_versions(subject) == [1]
        latest: RegisteredSchema = confluent.get_latest_version(subject)
        assert latest.schema_id == catalogue.type(subject).schema_id
        assert confluent.get_schema(latest.schema_id).schema_str == catalogue.type(subject).text
        assert confluent.lookup_schema(subject, latest.schema).schema_id == latest.schema_id


def test_a_write_is_refused_with_the_way_to_change_a_schema_when_a_client_registers(
    catalogue: Catalogue, confluent: SchemaRegistryClient
) -> None:
    with pytest.raises(SchemaRegistryError) as refused:
        confluent.register_schema(SCORE, Schema('"string"', "AVRO"))
    assert refused.value.http_status_code == 403
    assert HOW_TO_CHANGE in str(refused.value)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/subjects/wraparound.outcome.measure_recorded.v1"),
        ("PUT", "/config"),
        ("PUT", "/mode"),
        ("POST", "/compatibility/subjects/x/versions/1"),
    ],
)
def test_every_write_answers_403_when_it_would_change_something(url: str, method: str, path: str) -> None:
    answer = httpx.request(method, url + path, json={})
    assert answer.status_code == 403
    assert answer.json() == {"error_code": 40301, "message": HOW_TO_CHANGE}
    assert answer.headers["content-type"].startswith("application/vnd.schemaregistry.v1+json")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/subjects/nobody/versions", 404, 40401),
        (f"/subjects/{SCORE}/versions/2", 404, 40402),
        (f"/subjects/{SCORE}/versions/0", 422, 42202),
        (f"/subjects/{SCORE}/versions/first", 422, 42202),
        ("/schemas/ids/999999", 404, 40403),
        ("/schemas/ids/x", 404, 40403),
        ("/nothing", 404, 404),
    ],
)
def test_an_error_has_the_registrys_code_when_there_is_no_such_thing(
    url: str, path: str, status: int, code: int
) -> None:
    answer = httpx.get(url + path)
    assert (answer.status_code, answer.json()["error_code"]) == (status, code)


def test_read_paths_agree_with_each_other_when_asked_for_one_schema(url: str, catalogue: Catalogue) -> None:
    score = catalogue.type(SCORE)
    base, by_id = f"{url}/subjects/{SCORE}/versions", f"{url}/schemas/ids/{score.schema_id}"
    assert httpx.get(f"{base}/1").json()["schema"] == score.text
    assert httpx.get(f"{base}/latest/schema").text == score.text
    assert httpx.get(f"{by_id}/schema").text == score.text
    assert httpx.get(f"{by_id}/subjects").json() == [SCORE]
    assert httpx.get(f"{by_id}/versions").json() == [{"subject": SCORE, "version": 1}]
    assert httpx.get(f"{url}/config").json() == {"compatibilityLevel": "FULL_TRANSITIVE"}
    assert httpx.get(f"{url}/config/{SCORE}").json() == {"compatibilityLevel": "FULL_TRANSITIVE"}
    assert httpx.get(f"{url}/mode").json() == {"mode": "READONLY"}
    assert httpx.get(f"{url}/schemas/types").json() == ["AVRO"]
    assert httpx.get(f"{url}/").json() == {}


def test_a_look_up_finds_the_schema_when_only_documentation_differs(url: str, catalogue: Catalogue) -> None:
    schema = {**catalogue.type(SCORE).schema, "doc": "in other words"}
    answer = httpx.post(f"{url}/subjects/{SCORE}", json={"schema": orjson.dumps(schema).decode()})
    assert answer.json()["id"] == catalogue.type(SCORE).schema_id


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 422),
        (b"[]", 422),
        (b"{}", 422),
        (b'{"schema": "{"}', 422),
        (b'{"schema": "{}"}', 422),
        (b'{"schema": "\\"nonsense\\""}', 422),
        (b'{"schema": "\\"string\\"", "schemaType": "JSON"}', 422),
        (b'{"schema": 3}', 422),
        (b'{"schema": "\\"string\\""}', 404),
        (b"[" * 300_000, 422),
    ],
)
def test_a_look_up_is_refused_in_words_when_it_is_no_known_schema(url: str, body: bytes, status: int) -> None:
    answer = httpx.post(f"{url}/subjects/{SCORE}", content=body)
    assert answer.status_code == status
    assert set(answer.json()) == {"error_code", "message"}


def test_the_read_paths_are_described_once_each_when_openapi_is_made(catalogue: Catalogue) -> None:
    app = FastAPI()
    app.include_router(router(catalogue))
    paths = app.openapi()["paths"]
    assert "/registry/schemas/ids/{schema_id}" in paths
    assert "post" in paths["/registry/subjects/{subject}"]
    assert not any("_path" in path for path in paths)
