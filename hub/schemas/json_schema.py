"""The JSON form of an event type as JSON Schema (draft 2020-12): what a publisher may send, for documents and tools.

Made from the same composed schema as the reader (json_form.py), and never stricter: what the reader refuses beyond it
(check digits, control characters, what one field demands of another) is said in words.
"""

from typing import Any, Final

from hub.schemas.compose import Json, expanded
from hub.schemas.event_type import EventType
from hub.schemas.fields import inner, record_name
from hub.schemas.formats import FORMATS
from hub.schemas.json_form import LONGEST_LIST

_PLAIN: Final[dict[str, Json]] = {
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "timestamp-micros": {"type": "string", "format": "date-time"},
}
_BITS: Final = {"int": 31, "long": 53}
HUB_ONLY: Final = frozenset({"withheld"})


def json_schema(event_type: EventType, *, delivered: bool = False) -> Json:
    """The schema of the data of a type. `delivered`: as a desk receives it, reduced to what it may know."""
    whole: Json = expanded(event_type.schema)
    return _of(whole, whole, delivered=delivered) | {"description": whole.get("doc", event_type.type)}


def _of(avro: Any, attributes: Json, *, delivered: bool) -> Json:
    avro = inner(avro)
    if isinstance(avro, dict):
        if avro["type"] == "record":
            return _record(avro, delivered=delivered)
        if avro["type"] == "array":
            return {
                "type": "array",
                "items": _of(avro["items"], attributes, delivered=delivered),
                "maxItems": LONGEST_LIST,
            }
        avro = avro.get("logicalType", avro["type"])
    if avro == "string":
        return _string(attributes)
    if avro in _BITS or avro == "double":
        return _number(avro, attributes)
    return dict(_PLAIN[avro])


def _record(avro: Json, *, delivered: bool) -> Json:
    shown: Json = {"type": "object", "properties": {}, "additionalProperties": delivered}
    if record_name(avro) == "wraparound.Ref":
        shown["description"] = "A person, family, referral or household by an id of the publisher's own."
    required = []
    for field in avro["fields"]:
        name = field["name"]
        if name in HUB_ONLY and not delivered:
            continue
        found: Json = _of(field["type"], field, delivered=delivered)
        said = [each for each in (field.get("doc"), found.get("description")) if each]
        if said:
            found["description"] = "; ".join(said)
        if "category" in field:
            found["x-category"] = field["category"]
        optional = isinstance(field["type"], list)
        demanded = not optional and "default" not in field
        if demanded or (field.get("publish") == "required" and not delivered):
            required.append(name)
        elif not delivered:
            # A null and a field that is not there are the same.
            found = {"anyOf": [found, {"type": "null"}]}
        shown["properties"][name] = found
    if required:
        shown["required"] = required
    return shown


def _string(attributes: Json) -> Json:
    if "codes" in attributes:
        return {"type": "string", "enum": list(attributes["codes"])}
    form = FORMATS[attributes.get("format", "code")]
    least = 0 if form.pattern.fullmatch("") else 1
    return {
        "type": "string",
        "minLength": least,
        "maxLength": form.longest,
        "description": form.expected,
    }


def _number(avro: str, attributes: Json) -> Json:
    if avro == "double":
        return {
            "type": "number",
            "minimum": attributes.get("min", -1e15),
            "maximum": attributes.get("max", 1e15),
        }
    bound = 2 ** _BITS[avro]
    return {
        "type": "integer",
        "description": "written without a decimal point",
        "minimum": attributes.get("min", -bound),
        "maximum": attributes.get("max", bound - 1),
    }
