"""JSON with more than one meaning is refused; the canonical form is RFC 8785's."""

import hashlib
import json
import math
import struct
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.partnership import load
from hub.settings import ROOT
from services.gateway.problems import ProblemError
from services.gateway.strict_json import digest, number, parse

LIMITS = load(ROOT / "partnerships" / "dorset").limits


def rule(raw: bytes) -> str:
    with pytest.raises(ProblemError) as caught:
        parse(raw, LIMITS)
    assert caught.value.status == 422
    return caught.value.faults[0].rule


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", "json"),
        (b"{", "json"),
        (b'{"a":1} x', "json"),
        (b'{"a":1,"a":1}', "json"),
        (b'{"b":{"a":1,"\\u0061":2}}', "json"),
        (b'{"a":NaN}', "json"),
        (b'{"a":Infinity}', "json"),
        (b'{"a":-Infinity}', "json"),
        (b'{"a":1e999}', "json"),
        (b'{"a":"\\ud800"}', "json"),
        (b'{"a":"\\udc00\\ud800"}', "json"),
        (b'{"\\ud800":1}', "json"),
        (b'{"a":"\xff"}', "json"),
        (b'{"a":"\xc0\x80"}', "json"),
        (b'{"a":"\xed\xa0\x80"}', "json"),
        (b"\xef\xbb\xbf{}", "json"),
        (b"\xff\xfe{\x00}\x00", "json"),
        (b'{"a":"\x01"}', "json"),
        (b"{'a':1}", "json"),
        (b'{"a":01}', "json"),
        (b'{"a":1,}', "json"),
        (b'{"a":"\\u0000"}', "characters"),
        (b'{"\\u0000":1}', "characters"),
        (b'{"a":9007199254740993}', "range"),
        (b'{"a":' + b"1" * 5000 + b"}", "json"),
        (b'{"a":' + b"1" * 300 + b"}", "range"),
        (b"[" * 17 + b"]" * 17, "nesting"),
        (b"[" * 200_000 + b"]" * 200_000, "nesting"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "nesting"),
        (b'["' + b"x" * 20_001 + b'"]', "length"),
        (b"[" + b",".join([b"1"] * 1001) + b"]", "length"),
    ],
)
def test_document_is_refused_when_it_is_not_strict_json(raw: bytes, expected: str) -> None:
    assert rule(raw) == expected


@pytest.mark.parametrize(
    "raw", [b"[" * 16 + b"]" * 16, b'{"a":9007199254740991}', b'["\\ud83d\\ude00"]', b'"x"', b"null"]
)
def test_document_is_read_when_it_is_just_within_the_limits(raw: bytes) -> None:
    assert parse(raw, LIMITS) == json.loads(raw)


@given(st.binary(max_size=200))
def test_bytes_are_read_or_refused_and_never_a_fault(raw: bytes) -> None:
    with suppress(ProblemError):
        parse(raw, LIMITS)


def test_value_is_never_quoted_when_it_is_refused() -> None:
    with pytest.raises(ProblemError) as caught:
        parse(b'{"Quillfeather":"Quillfeather",}', LIMITS)
    assert "Quillfeather" not in str(caught.value.faults)


@pytest.mark.parametrize(
    ("bits", "expected"),
    [
        ("0000000000000000", "0"),
        ("8000000000000000", "0"),
        ("0000000000000001", "5e-324"),
        ("8000000000000001", "-5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("ffefffffffffffff", "-1.7976931348623157e+308"),
        ("4340000000000000", "9007199254740992"),
        ("4430000000000000", "295147905179352830000"),
        ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("44b52d02c7e14af6", "1e+23"),
        ("44b52d02c7e14af7", "1.0000000000000001e+23"),
        ("444b1ae4d6e2ef4e", "999999999999999700000"),
        ("444b1ae4d6e2ef4f", "999999999999999900000"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("41b3de4355555553", "333333333.3333332"),
        ("41b3de4355555554", "333333333.33333325"),
        ("41b3de4355555555", "333333333.3333333"),
        ("becbf647612f3696", "-0.0000033333333333333333"),
        ("43143ff3c1cb0959", "1424953923781206.2"),
    ],
)
def test_number_is_written_as_rfc_8785_lists_it(bits: str, expected: str) -> None:
    (value,) = struct.unpack(">d", bytes.fromhex(bits))
    assert number(value) == expected


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_number_reads_back_as_the_same_double(value: float) -> None:
    assert float(number(value)) == value
    assert not math.copysign(1, float(number(value))) < 0 or value < 0


def test_digest_is_of_the_canonical_form_when_names_and_spaces_are_moved() -> None:
    one = parse(b'{"b":[1,2.50,"\xc3\xa9"],"a":{"y":null,"x":1e2}}', LIMITS)
    other = parse(b' { "a" : {"x":100.0, "y":null}, "b":[1.0,2.5,"\\u00e9"] } ', LIMITS)
    assert digest(one) == digest(other)
    assert digest(one) == hashlib.sha256('{"a":{"x":100,"y":null},"b":[1,2.5,"é"]}'.encode()).digest()
    assert digest(one) != digest(parse(b'{"b":[1,2.50,"\xc3\xa9"],"a":{"y":null,"x":101}}', LIMITS))


def test_limit_is_the_partnerships_when_it_is_smaller() -> None:
    with pytest.raises(ProblemError):
        parse(b'["four"]', replace(LIMITS, string_length=3))
