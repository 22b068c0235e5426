"""JSON from outside, read strictly: one meaning, bounded in depth, length and number.

Beyond RFC 8259 this refuses what two readers may read differently (I-JSON, RFC 7493): a name that stands twice in an
object, a lone surrogate, invalid UTF-8, a byte order mark, a number that is not finite, an integer that a double does
not hold. NUL is refused because no database text can hold it.
"""

import hashlib
import json
import math
from typing import Any, Final

import orjson

from hub.partnership import Limits
from services.gateway.problems import ProblemError, invalid

LARGEST_INTEGER: Final = 2**53 - 1
_EXPECTED: Final = "JSON in UTF-8 (RFC 8259), each name once in its object"


class _TwiceError(ValueError):
    """A name stands twice in an object."""


def parse(raw: bytes, limits: Limits, at: str = "") -> Any:
    """The value. Raises `ProblemError` (422), which says where without quoting; `at` is where the document stands."""
    value = document(raw, limits, at)
    check(value, limits, at)
    return value


def document(raw: bytes, limits: Limits, at: str = "") -> Any:
    """The value, well formed and not held to the limits yet: for what is checked part by part."""
    try:
        orjson.loads(raw)
        return json.loads(raw, object_pairs_hook=_once)
    except _TwiceError:
        raise invalid(at, "json", _EXPECTED, "a name that stands twice") from None
    except RecursionError:
        raise _too_deep(at, limits) from None
    except orjson.JSONDecodeError as error:
        if "depth" in error.msg:
            raise _too_deep(at, limits) from None
        raise invalid(at, "json", _EXPECTED, f"something else at character {error.pos}") from None
    except ValueError:
        raise invalid(at, "json", _EXPECTED, "something else") from None


def check(value: Any, limits: Limits, at: str) -> None:
    """Hold a parsed value to the limits. Raises `ProblemError` (422)."""
    stack: list[tuple[Any, int]] = [(value, 1)]
    while stack:
        each, depth = stack.pop()
        if isinstance(each, str):
            _check_text(each, limits, at)
        elif isinstance(each, list | dict):
            if depth > limits.nesting:
                raise _too_deep(at, limits)
            if len(each) > limits.list_length:
                raise invalid(at, "length", f"at most {limits.list_length} items", "more")
            if isinstance(each, dict):
                for name in each:
                    _check_text(name, limits, at)
                stack.extend((inner, depth + 1) for inner in each.values())
            else:
                stack.extend((inner, depth + 1) for inner in each)
        elif isinstance(each, int) and abs(each) > LARGEST_INTEGER:
            raise invalid(at, "range", f"integers up to {LARGEST_INTEGER}", "a larger one")


def digest(value: Any) -> bytes:
    """SHA-256 of the canonical form (RFC 8785) of a value that `parse` gave; names are ASCII once it is validated.

    RFC 8785 sorts names by UTF-16 code units and we by code points: the same for all below U+10000.
    """
    return hashlib.sha256(orjson.dumps(_canonical(value), option=orjson.OPT_SORT_KEYS)).digest()


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _canonical(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_canonical(each) for each in value]
    if isinstance(value, float):
        return orjson.Fragment(number(value).encode())
    return value


def number(value: float) -> str:
    """A finite double as ECMAScript writes it (ECMA-262, Number::toString), which is what RFC 8785 asks for."""
    if value == 0:
        return "0"
    mantissa, _, exponent = f"{abs(value)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    sign = "-" if math.copysign(1, value) < 0 else ""
    count = len(digits)
    if count <= point <= 21:
        return sign + digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    power = point - 1
    rest = f".{digits[1:]}" if count > 1 else ""
    return f"{sign}{digits[0]}{rest}e{'+' if power > 0 else '-'}{abs(power)}"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _TwiceError
    return found


def _check_text(text: str, limits: Limits, at: str) -> None:
    if len(text) > limits.string_length:
        raise invalid(at, "length", f"strings of at most {limits.string_length} characters", "a longer one")
    if "\0" in text:
        raise invalid(at, "characters", "text without NUL", "NUL")


def _too_deep(at: str, limits: Limits) -> ProblemError:
    return invalid(at, "nesting", f"at most {limits.nesting} levels", "more")
