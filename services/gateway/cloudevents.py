"""CloudEvents 1.0 over HTTP: binary, structured and batch mode, JSON data.

Source: CloudEvents 1.0.2, and its HTTP protocol binding (3.1 binary, 3.2 structured, 3.3 batch mode). `time` is read
and checked and then plays no part: what happened when is `occurred_at` in the data, and the hub's own times come from
its clock. A batch is one document: what is not JSON refuses it whole; what is wrong with an event refuses that event.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from hub.clock import parse_micros
from hub.partnership import Limits
from services.gateway.personal_ids import looks_personal
from services.gateway.problems import INVALID, TOO_LARGE, UNSUPPORTED, Fault, ProblemError, invalid
from services.gateway.strict_json import check, digest, document, parse

STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
JSON: Final = "application/json"
_ATTRIBUTE: Final = re.compile(r"[a-z0-9]{1,40}")
_VISIBLE: Final = re.compile(
    r"[^\x00-\x20\x7f-\x9f\u2028\u2029](?:[^\x00-\x1f\x7f-\x9f\u2028\u2029]*[^\x00-\x20\x7f-\x9f])?"
)
_OWN: Final = frozenset(
    {"specversion", "id", "source", "type", "time", "subject", "datacontenttype", "dataschema"}
)
_EXAMPLES: Final = {
    "specversion": "1.0",
    "id": "3f0c1c52-7a1e-4c55-8b59-0d2f9c6f1a77",
    "source": "s2w/sft",
    "type": "wraparound.outcome.measure_recorded.v1",
    "time": "2026-04-14T10:30:00Z",
}


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """An event as published. `digest` is the SHA-256 of its canonical JSON without `time`."""

    id: str
    source: str
    type: str
    data: Any
    digest: bytes


def media_type(content_type: str) -> str:
    """The media type of a Content-Type, without its parameters. Raises `ProblemError` (415) for another charset."""
    kind, _, parameters = content_type.partition(";")
    charset = re.search(r"charset\s*=\s*\"?([^\s;\"]+)", parameters, re.IGNORECASE)
    if charset and charset[1].lower() not in {"utf-8", "us-ascii"}:
        raise ProblemError(UNSUPPORTED)
    return kind.strip().lower()


def read(headers: Iterable[tuple[str, str]], raw: bytes, limits: Limits) -> CloudEvent:
    """The event of a request. Raises `ProblemError`: 415 for another media type, 422 for what is not an event."""
    listed = [(name.lower(), value) for name, value in headers]
    kind = _kind(listed)
    if kind == STRUCTURED:
        return _structured(parse(raw, limits), limits)
    if kind == JSON and any(name == "ce-specversion" for name, _ in listed):
        return _binary(listed, raw, limits)
    raise ProblemError(UNSUPPORTED)


def is_batch(headers: Iterable[tuple[str, str]]) -> bool:
    """Whether a request is in batch mode. Raises `ProblemError` (415)."""
    return _kind([(name.lower(), value) for name, value in headers]) == BATCH


def read_batch(raw: bytes, limits: Limits) -> list[CloudEvent | ProblemError]:
    """The events of a batch, each, or what is wrong with it, in its place.

    Raises `ProblemError`: 413 for more events than the limit, 422 for what is no array of JSON.
    """
    found = document(raw, limits)
    if not isinstance(found, list):
        raise invalid("", "type", "a batch: an array of events", "another value", "[]")
    if len(found) > limits.batch_events:
        raise ProblemError(
            TOO_LARGE, [Fault("", "too-many", f"at most {limits.batch_events} events", f"{len(found)}")]
        )
    return [_one(value, limits) for value in found]


def _one(value: Any, limits: Limits) -> CloudEvent | ProblemError:
    try:
        check(value, limits, "")
        return _structured(value, limits)
    except ProblemError as problem:
        return problem


def _kind(headers: Sequence[tuple[str, str]]) -> str:
    """The media type of a request whose body is as it is sent. Raises `ProblemError` (415)."""
    if any(name == "content-encoding" and value.strip().lower() != "identity" for name, value in headers):
        raise ProblemError(UNSUPPORTED)
    types = [value for name, value in headers if name == "content-type"]
    return media_type(types[0]) if len(types) == 1 else ""


def _structured(value: Any, limits: Limits) -> CloudEvent:
    if not isinstance(value, dict):
        raise invalid("", "type", "one event: an object", "another value")
    if "data_base64" in value:
        raise invalid("/data_base64", "unknown-field", "JSON in `data`", "binary data")
    attributes = {name: each for name, each in value.items() if name != "data"}
    return event_of(attributes, value.get("data"), limits)


def _binary(headers: list[tuple[str, str]], raw: bytes, limits: Limits) -> CloudEvent:
    attributes: dict[str, Any] = {}
    for name, value in headers:
        if not name.startswith("ce-"):
            continue
        if name[3:] in attributes:
            raise invalid("", "json", "each ce- header once", "one that stands twice")
        attributes[name[3:]] = _unquoted(value)
    check(attributes, limits, "")
    return event_of(attributes, parse(raw, limits, "/data"), limits)


def _unquoted(value: str) -> str:
    """A header's value: percent-decoded; HTTP gave its bytes as Latin-1."""
    try:
        return unquote(value.encode("latin-1").decode("utf-8"), errors="strict")
    except (UnicodeDecodeError, UnicodeEncodeError):
        raise invalid("", "characters", "ce- headers in UTF-8, percent-encoded", "other bytes") from None


def event_of(attributes: Mapping[str, Any], data: Any, limits: Limits) -> CloudEvent:
    """The event of these attributes, whatever door they came by. Raises `ProblemError` (415, 422)."""
    faults: list[Fault] = []
    for name, value in attributes.items():
        _check_attribute(name, value, faults)
    faults += [
        Fault(f"/{name}", "required", "it to be there", "nothing", _EXAMPLES[name])
        for name in ("specversion", "id", "source", "type")
        if attributes.get(name) is None
    ]
    if faults:
        raise ProblemError(INVALID, faults[:50])
    kept = {name: value for name, value in attributes.items() if value is not None and name != "time"}
    _check_known(kept, attributes.get("time"), limits)
    kept.setdefault("datacontenttype", JSON)
    return CloudEvent(kept["id"], kept["source"], kept["type"], data, digest({**kept, "data": data}))


def _check_attribute(name: str, value: Any, faults: list[Fault]) -> None:
    if not _ATTRIBUTE.fullmatch(name):
        faults.append(Fault("", "unknown-field", "attribute names of a-z and 0-9", "another name"))
    elif (
        value is not None
        and not isinstance(value, str)
        and (name in _OWN or not isinstance(value, bool | int))
    ):
        faults.append(Fault(f"/{name}", "type", "a string", "another value", _EXAMPLES.get(name, "")))
    elif isinstance(value, str) and not _VISIBLE.fullmatch(value):
        faults.append(
            Fault(f"/{name}", "characters", "visible characters", "none or others", _EXAMPLES.get(name, ""))
        )


def _check_known(attributes: Mapping[str, Any], time: Any, limits: Limits) -> None:
    faults = []
    if attributes["specversion"] != "1.0":
        faults.append(Fault("/specversion", "codes", "1.0", "another version", "1.0"))
    for name in ("id", "source", "type", "subject", "dataschema"):
        value = attributes.get(name, "")
        if len(value) > limits.id_length:
            faults.append(Fault(f"/{name}", "length", f"at most {limits.id_length} characters", "more"))
        elif name != "type" and looks_personal(value):
            expected = "an id that says nothing about anybody"
            came = "what looks like an NHS number or UPN"
            faults.append(Fault(f"/{name}", "personal", expected, came, _EXAMPLES.get(name, "")))
    if time is not None:
        try:
            parse_micros(time)
        except ValueError:
            faults.append(Fault("/time", "format", "an RFC 3339 time", "another string", _EXAMPLES["time"]))
    if faults:
        raise ProblemError(INVALID, faults)
    if media_type(attributes.get("datacontenttype", JSON)) != JSON:
        raise ProblemError(UNSUPPORTED)
