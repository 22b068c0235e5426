"""JSON data ↔ Avro datum, compiled once per type.

Reading is strict and collects problems instead of raising: no unknown field, no conversion between types
(569.0 is not an integer), finite numbers, real characters, bounded lengths and lists. It recurses by the
schema, never by the data, so nesting in the data is refused where it starts. Times are RFC 3339 ↔
microseconds, dates ISO 8601 ↔ days since 1970. A null and an absent field are the same; writing leaves nulls
out.
"""

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, Final

from hub.clock import format_micros, parse_micros
from hub.schemas.check_digits import CHECKS, nhs_number_is_for_tests
from hub.schemas.compose import Json
from hub.schemas.fields import inner, record_name
from hub.schemas.formats import FORMATS
from hub.schemas.problems import MOST_PROBLEMS, Problem, escaped, type_of

Read = Callable[[Any, str, list[Problem]], Any]
Write = Callable[[Any], Any]

WRITTEN_AT: Final = "2026-04-14T10:30:00Z"
"""When the committed examples are set: each one's `occurred_at`. For a hub's clock elsewhere it is moved (dated.py)."""
WRITTEN_ON: Final = WRITTEN_AT[:10]
LONGEST_LIST: Final = 500
_BITS: Final = {"int": 31, "long": 63}
_EPOCH: Final = date(1970, 1, 1)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_FIRST_DAY: Final = (date(1850, 1, 1) - _EPOCH).days
_LAST_DAY: Final = (date(2200, 1, 1) - _EPOCH).days
_DAY: Final = 86_400_000_000


def reader(avro: Any, attributes: Json, *, sandbox: bool) -> Read:
    """A function (value, JSON Pointer, problems) → value of the datum, for a type and a field's attributes.

    Null never reaches it: the record around a field reads null and absence alike.
    """
    avro = inner(avro)
    if isinstance(avro, dict):
        if avro["type"] == "record":
            return _record_reader(avro, sandbox=sandbox)
        if avro["type"] == "array":
            return _array_reader(avro, attributes, sandbox=sandbox)
        avro = avro.get("logicalType", avro["type"])
    if avro == "string":
        return _string_reader(attributes)
    if avro in _BITS:
        bound: int = 2 ** _BITS[avro]
        return _integer_reader(attributes.get("min", -bound), attributes.get("max", bound - 1))
    if avro == "double":
        return _double_reader(attributes.get("min", -1e15), attributes.get("max", 1e15))
    return _READERS[avro]


def writer(avro: Any) -> Write:
    """The way back: a value of the datum → JSON."""
    avro = inner(avro)
    if isinstance(avro, dict):
        if avro["type"] == "record":
            return _record_writer(avro)
        if avro["type"] == "array":
            each = writer(avro["items"])
            return lambda value: [each(item) for item in value]
        return _WRITERS.get(avro.get("logicalType"), _same)
    return _same


def _wrong(problems: list[Problem], at: str, rule: str, expected: str, came: str, example: str = "") -> None:
    if len(problems) < MOST_PROBLEMS:
        problems.append(Problem(at, rule, expected, came, example))


def _record_reader(avro: Json, *, sandbox: bool) -> Read:
    fields = [
        (f["name"], reader(f["type"], f, sandbox=sandbox), _demanded(f), f.get("default"))
        for f in avro["fields"]
    ]
    known = frozenset(f["name"] for f in avro["fields"])
    has_scheme = record_name(avro) in {"wraparound.Ref", "wraparound.Identifier"}

    def read(value: Any, at: str, problems: list[Problem]) -> Any:
        if type(value) is not dict:
            return _wrong(problems, at, "type", "an object", type_of(value))
        if not known.issuperset(value):
            for name in value:
                if name not in known:
                    pointer = f"{at}/{escaped(str(name))}"
                    _wrong(problems, pointer, "unknown-field", _names(known), type_of(value[name]))
        result = {}
        for name, read_field, demanded, default in fields:
            if value.get(name) is not None:
                result[name] = read_field(value[name], f"{at}/{name}", problems)
            else:
                if demanded:
                    came = "null" if name in value else "nothing"
                    _wrong(problems, f"{at}/{name}", "required", "a value", came)
                result[name] = [] if default == [] else default
        if has_scheme:
            _check_digit(result, at, problems, sandbox=sandbox)
        return result

    return read


def _names(known: frozenset[str]) -> str:
    return f"one of {', '.join(sorted(known))}"


def _demanded(field: Json) -> bool:
    return field.get("publish") == "required" or (
        not isinstance(field["type"], list) and "default" not in field
    )


def _check_digit(found: Json, at: str, problems: list[Problem], *, sandbox: bool) -> None:
    scheme, value = found.get("scheme"), found.get("value")
    if scheme not in CHECKS or not isinstance(value, str):
        return
    is_valid, expected, example = CHECKS[scheme]
    if not is_valid(value):
        _wrong(problems, f"{at}/value", "check-digit", f"{expected}, such as {example}", "another string")
    elif sandbox and scheme == "nhs-number" and not nhs_number_is_for_tests(value):
        _wrong(
            problems, f"{at}/value", "test-number", "a number of the 999 series (sandbox)", "another number"
        )


def _array_reader(avro: Json, attributes: Json, *, sandbox: bool) -> Read:
    each = reader(avro["items"], attributes, sandbox=sandbox)
    demanded = _demanded(attributes)

    def read(value: Any, at: str, problems: list[Problem]) -> Any:
        if type(value) is not list:
            return _wrong(problems, at, "type", "an array", type_of(value))
        if demanded and not value:
            return _wrong(problems, at, "required", "at least one item", "an empty array")
        if len(value) > LONGEST_LIST:
            came = f"{len(value)} items"
            return _wrong(problems, at, "too-many", f"at most {LONGEST_LIST} items", came)
        return [each(item, f"{at}/{index}", problems) for index, item in enumerate(value)]

    return read


def _string_reader(attributes: Json) -> Read:
    codes = frozenset(attributes.get("codes", ()))
    form = FORMATS[attributes.get("format", "code")]
    listed = ", ".join(attributes.get("codes", ()))

    def read(value: Any, at: str, problems: list[Problem]) -> Any:
        if type(value) is not str:
            return _wrong(problems, at, "type", "a string", type_of(value))
        if codes:
            if value not in codes:
                _wrong(problems, at, "codes", f"one of {listed}", "another string")
        elif len(value) > form.longest:
            _wrong(problems, at, "length", f"at most {form.longest} characters", f"{len(value)} characters")
        elif form.pattern.fullmatch(value) is None:
            _wrong(problems, at, "format", form.expected, "another string" if value else "an empty string")
        return value

    return read


def _integer_reader(least: int, most: int) -> Read:
    def read(value: Any, at: str, problems: list[Problem]) -> Any:
        if type(value) is not int:
            return _wrong(problems, at, "type", "an integer, written without a decimal point", type_of(value))
        if not least <= value <= most:
            _wrong(problems, at, "range", f"an integer from {least} to {most}", "one outside")
        return value

    return read


def _double_reader(least: float, most: float) -> Read:
    def read(value: Any, at: str, problems: list[Problem]) -> Any:
        if type(value) is not float and type(value) is not int:
            return _wrong(problems, at, "type", "a number", type_of(value))
        if not least <= value <= most:
            _wrong(problems, at, "range", f"a number from {least} to {most}", "one outside, or not finite")
            return None
        return float(value)

    return read


def _read_boolean(value: Any, at: str, problems: list[Problem]) -> Any:
    if type(value) is not bool:
        return _wrong(problems, at, "type", "true or false", type_of(value))
    return value


def _read_time(value: Any, at: str, problems: list[Problem]) -> Any:
    expected = "an RFC 3339 time"
    if type(value) is not str:
        return _wrong(problems, at, "type", expected, type_of(value), WRITTEN_AT)
    try:
        micros = parse_micros(value[:64])
    except ValueError:
        return _wrong(problems, at, "format", expected, "another string", WRITTEN_AT)
    if not _FIRST_DAY * _DAY <= micros < _LAST_DAY * _DAY:
        _wrong(problems, at, "range", "a time from 1850 to 2199", "one outside")
    return micros


def _read_date(value: Any, at: str, problems: list[Problem]) -> Any:
    expected = "an ISO 8601 date"
    if type(value) is not str:
        return _wrong(problems, at, "type", expected, type_of(value), WRITTEN_ON)
    try:
        days = (date.fromisoformat(value) - _EPOCH).days if _DATE.fullmatch(value) else None
    except ValueError:
        days = None
    if days is None:
        return _wrong(problems, at, "format", expected, "another string", WRITTEN_ON)
    if not _FIRST_DAY <= days < _LAST_DAY:
        _wrong(problems, at, "range", "a date from 1850 to 2199", "one outside")
    return days


def _record_writer(avro: Json) -> Write:
    fields = [(f["name"], writer(f["type"])) for f in avro["fields"]]

    def write(value: Any) -> Any:
        result = {}
        for name, write_field in fields:
            found = value.get(name)
            if found is not None:
                result[name] = write_field(found)
        return result

    return write


def _same(value: Any) -> Any:
    return value


def _write_time(value: int) -> str | int:
    """A value that no calendar has (hostile Avro) stays a number, which reading then refuses."""
    try:
        text = format_micros(value)
    except OverflowError:
        return value
    return text.replace(".000000Z", "Z")


def _write_date(value: int) -> str | int:
    try:
        return (_EPOCH + timedelta(days=value)).isoformat()
    except OverflowError:
        return value


_READERS: Final[dict[str, Read]] = {
    "boolean": _read_boolean,
    "date": _read_date,
    "timestamp-micros": _read_time,
}
_WRITERS: Final[dict[str | None, Write]] = {"timestamp-micros": _write_time, "date": _write_date}
