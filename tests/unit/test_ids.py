"""Derived ids: repeatable, of their form, and unambiguous."""

from uuid import RFC_4122, UUID

from hypothesis import given
from hypothesis import strategies as st

from hub import ids

SECRET = b"s" * 32
Parts = st.lists(st.text(max_size=12), max_size=4)


@given(Parts)
def test_id_is_a_version_8_uuid_when_derived_from_any_parts(parts: list[str]) -> None:
    value = ids.derive(SECRET, *parts)
    assert str(UUID(value)) == value
    assert (UUID(value).version, UUID(value).variant) == (8, RFC_4122)


@given(Parts, Parts)
def test_ids_are_equal_when_and_only_when_their_parts_are(one: list[str], other: list[str]) -> None:
    assert (ids.derive(SECRET, *one) == ids.derive(SECRET, *other)) == (one == other)


def test_ids_differ_when_separators_stand_inside_the_parts() -> None:
    assert ids.derive(SECRET, "a|b") != ids.derive(SECRET, "a", "b")
    assert ids.derive(SECRET, "1:a", "b") != ids.derive(SECRET, "1:a|1:b")


def test_ids_differ_when_the_secret_does() -> None:
    assert ids.derive(SECRET, "a") != ids.derive(b"t" * 32, "a")


def test_id_stays_what_it_was_when_the_code_changes() -> None:
    assert ids.derive(SECRET, "family", "1") == "dcdd6d63-c2da-8851-838a-6f8ef202e539"
