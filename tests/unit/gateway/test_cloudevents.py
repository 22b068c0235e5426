"""CloudEvents over HTTP: both modes read, all else refused."""

from typing import Any

import orjson
import pytest

from hub.partnership import load
from hub.settings import ROOT
from services.gateway.cloudevents import CloudEvent, read
from services.gateway.problems import ProblemError

LIMITS = load(ROOT / "partnerships" / "dorset").limits
EVENT = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "s2w/sft",
    "type": "wraparound.outcome.note_recorded.v1",
    "data": {"person": {"scheme": "hub", "value": "x"}},
}


def structured(value: Any, kind: str = "application/cloudevents+json") -> CloudEvent:
    return read([("Content-Type", kind)], orjson.dumps(value), LIMITS)


def binary(headers: dict[str, str], body: bytes = b"{}") -> CloudEvent:
    base = {
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": "e-1",
        "ce-source": "s2w/sft",
        "ce-type": "t",
    }
    return read((base | headers).items(), body, LIMITS)


def problem(call: Any, *values: Any) -> ProblemError:
    with pytest.raises(ProblemError) as caught:
        call(*values)
    return caught.value


def test_both_modes_give_the_same_event_when_they_say_the_same() -> None:
    body = orjson.dumps(EVENT["data"])
    one = structured(EVENT | {"time": "2026-04-14T10:30:00Z"})
    other = binary({"ce-type": str(EVENT["type"]), "ce-time": "2020-01-01T00:00:00+01:00"}, body)
    assert one == other
    assert (one.id, one.source, one.type, one.data) == ("e-1", "s2w/sft", EVENT["type"], EVENT["data"])


def test_extension_counts_as_content_and_time_does_not() -> None:
    plain = structured(EVENT).digest
    assert structured(EVENT | {"time": "2030-01-01T00:00:00Z"}).digest == plain
    assert structured(EVENT | {"datacontenttype": "application/json"}).digest == plain
    assert structured(EVENT | {"time": None}).digest == plain
    assert structured(EVENT | {"traceparent": "00-1"}).digest != plain


def test_header_is_percent_decoded_when_it_is_encoded() -> None:
    assert binary({"ce-id": "caf%C3%A9"}).id == "caf\N{LATIN SMALL LETTER E WITH ACUTE}"
    assert binary({"ce-id": "caf\xc3\xa9"}).id == "caf\N{LATIN SMALL LETTER E WITH ACUTE}"


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "text/plain",
        "application/xml",
        "application/cloudevents-batch+json",
        "application/cloudevents+avro",
        "application/cloudevents+json; charset=utf-16",
    ],
)
def test_media_type_is_refused_when_it_is_not_one_event_in_json(kind: str) -> None:
    assert problem(structured, EVENT, kind).status == 415


def test_binary_mode_is_refused_when_it_has_no_version() -> None:
    assert problem(read, [("content-type", "application/json")], b"{}", LIMITS).status == 415
    twice = [("content-type", "application/json"), ("content-type", "application/cloudevents+json")]
    assert problem(read, twice, b"{}", LIMITS).status == 415


@pytest.mark.parametrize(
    ("change", "pointer", "rule"),
    [
        ({"specversion": "0.3"}, "/specversion", "codes"),
        ({"specversion": 1.0}, "/specversion", "type"),
        ({"id": None}, "/id", "required"),
        ({"id": ""}, "/id", "characters"),
        ({"id": "a\nb"}, "/id", "characters"),
        ({"id": "x" * 201}, "/id", "length"),
        ({"id": "9990000018"}, "/id", "personal"),
        ({"id": "999 000 0018"}, "/id", "personal"),
        ({"id": "T820432117003"}, "/id", "personal"),
        ({"subject": "9990000018"}, "/subject", "personal"),
        ({"source": "council/9990000018"}, "/source", "personal"),
        ({"source": 7}, "/source", "type"),
        ({"type": None}, "/type", "required"),
        ({"time": "yesterday"}, "/time", "format"),
        ({"Loud": "x"}, "", "unknown-field"),
        ({"deep": {"a": 1}}, "/deep", "type"),
        ({"data_base64": "AA=="}, "/data_base64", "unknown-field"),
    ],
)
def test_event_is_refused_when_an_attribute_is_wrong(change: dict[str, Any], pointer: str, rule: str) -> None:
    error = problem(structured, EVENT | change)
    assert (error.status, error.faults[0].pointer, error.faults[0].rule) == (422, pointer, rule)


@pytest.mark.parametrize("body", [b"[]", b"7", b'"x"', b"null", b"[{}]"])
def test_structured_event_is_refused_when_it_is_no_object(body: bytes) -> None:
    assert problem(read, [("content-type", "application/cloudevents+json")], body, LIMITS).status == 422


def test_data_is_refused_when_it_is_not_json() -> None:
    assert problem(structured, EVENT | {"datacontenttype": "text/plain"}).status == 415
    assert problem(binary, {}, b"not json").faults[0].pointer == "/data"
