"""Ciphers and the key ring in memory; its rows are tested with a real database."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import HubError
from hub.keys import Cipher, KeyNotLoadedError, KeyRing, SealError, _Subject

KEY = b"k" * 32


@given(st.binary(max_size=60), st.binary(max_size=300))
def test_plaintext_comes_back_when_it_is_opened_in_its_place(context: bytes, plaintext: bytes) -> None:
    cipher = Cipher(KEY)
    sealed = cipher.seal(context, plaintext)
    assert cipher.open(context, sealed) == plaintext
    assert sealed == Cipher(KEY).seal(context, plaintext)


@given(
    st.tuples(st.binary(max_size=8), st.binary(max_size=8)),
    st.tuples(st.binary(max_size=8), st.binary(max_size=8)),
)
def test_nonce_repeats_when_and_only_when_context_and_plaintext_do(
    one: tuple[bytes, bytes], other: tuple[bytes, bytes]
) -> None:
    cipher = Cipher(KEY)
    assert (cipher.seal(*one)[:12] == cipher.seal(*other)[:12]) == (one == other)


@given(st.binary(max_size=40), st.data())
def test_opening_is_refused_when_one_bit_was_changed(plaintext: bytes, data: st.DataObject) -> None:
    sealed = bytearray(Cipher(KEY).seal(b"place", plaintext))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SealError):
        Cipher(KEY).open(b"place", bytes(sealed))


@given(st.binary(max_size=80))
def test_opening_is_refused_when_the_bytes_are_hostile(sealed: bytes) -> None:
    with pytest.raises(SealError):
        Cipher(KEY).open(b"place", sealed)


def test_opening_is_refused_when_place_or_key_is_another() -> None:
    sealed = Cipher(KEY).seal(b"place", b"text")
    for cipher, context in ((Cipher(KEY), b"elsewhere"), (Cipher(b"o" * 32), b"place")):
        with pytest.raises(SealError):
            cipher.open(context, sealed)


def test_ring_is_refused_when_the_master_key_has_another_length() -> None:
    with pytest.raises(HubError, match="32 bytes"):
        KeyRing(b"short")


def test_use_is_refused_when_the_key_was_not_loaded() -> None:
    ring = KeyRing(KEY)
    with pytest.raises(KeyNotLoadedError):
        ring.seal("0", b"", b"")
    with pytest.raises(KeyNotLoadedError):
        ring.blind("0", "entry")


def subject(ring: KeyRing) -> str:
    """A subject whose key is at hand."""
    ring._kept["0"] = _Subject(b"", True, Cipher(KEY), KEY, KEY)
    return "0"


@given(st.binary(max_size=3_000) | st.text(max_size=3_000).map(str.encode))
def test_what_was_sealed_comes_back_and_is_sealed_alike_again_whatever_its_length(plaintext: bytes) -> None:
    ring = KeyRing(KEY)
    sealed = ring.seal(subject(ring), b"place", plaintext)
    assert ring.open("0", b"place", sealed) == plaintext
    assert ring.seal("0", b"place", plaintext) == sealed
