"""The table of topics and rights: each principal has what it needs, literal, and no more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.stack.access import (
    DELIVERY,
    ENGINEER,
    GATEWAY,
    LOGS,
    OUTCOMES,
    ROUTER,
    SERVICES,
    Grant,
    check_desks,
    grants,
    principal,
    topic_from,
    topic_settings,
    topic_to,
    topics,
)

PART = st.from_regex(r"[a-z]{1,6}", fullmatch=True)
DESKS = st.lists(st.builds("{}/{}".format, PART, PART), unique=True, max_size=6).filter(
    lambda desks: not {principal(desk) for desk in desks} & set(SERVICES)
)


def of(rows: list[Grant], name: str) -> set[tuple[str, str, str]]:
    return {(row.operation, row.resource, row.name) for row in rows if row.principal == name}


@given(DESKS)
def test_a_desk_touches_its_own_two_topics_alone_when_rights_are_given(desks: list[str]) -> None:
    rows = grants(desks)
    for desk in desks:
        name = principal(desk)
        assert of(rows, name) == {
            ("write", "topic", topic_from(desk)),
            ("read", "topic", topic_to(desk)),
            ("read", "group", name),
            ("read", "group", f"{name}."),
        }


@given(DESKS)
def test_no_desk_reaches_anothers_group_when_names_begin_alike(desks: list[str]) -> None:
    groups = [row for row in grants(desks) if row.resource == "group"]
    for desk in desks:
        name = principal(desk)
        for group in (name, f"{name}.reports"):
            may = {
                row.principal
                for row in groups
                if group == row.name or (row.prefixed and group.startswith(row.name))
            }
            assert may == {name}


@given(DESKS)
def test_only_deliveries_are_written_by_the_relay_alone_when_rights_are_given(desks: list[str]) -> None:
    rows = grants(desks)
    for desk in desks:
        writers = {row.principal for row in rows if row.name == topic_to(desk) and row.operation == "write"}
        readers = {row.principal for row in rows if row.name == topic_from(desk) and row.operation == "read"}
        assert (writers, readers) == ({DELIVERY}, {GATEWAY})
    for log in LOGS:
        assert {row.principal for row in rows if row.name == log and row.operation == "write"} == {DELIVERY}
    assert {row.principal for row in rows if row.name == "people" and row.operation == "read"} == {ROUTER}


def test_an_engineer_sees_that_streams_move_and_nothing_in_them_when_rights_are_given() -> None:
    operations = {row.operation for row in grants(["a/b"]) if row.principal == ENGINEER}
    assert operations == {"describe", "describe_configs"}


def test_rights_are_literal_when_they_are_not_a_desks_own_groups() -> None:
    loose = [row for row in grants(["a/b"]) if row.prefixed or "*" in row.name]
    assert loose == [Grant("a-b", "read", "group", "a-b.", prefixed=True)]
    assert of(grants(["a/b"]), OUTCOMES) == {("read", "topic", "events"), ("read", "group", "outcomes")}


@pytest.mark.parametrize("desks", [["a/b-c", "a-b/c"], ["a/b", "a/b"], ["router"]])
def test_desks_are_refused_when_two_would_be_one_principal(desks: list[str]) -> None:
    with pytest.raises(ValueError, match="given twice"):
        check_desks(desks)


def test_every_topic_forgets_when_it_is_made() -> None:
    settings = topic_settings(7 * 86_400_000)
    assert settings["retention.ms"] == "604800000"
    assert int(settings["segment.ms"]) <= 86_400_000
    assert settings["cleanup.policy"] == "delete"
    assert topics(["a/b"], 6) == {"events": 6, "people": 6, "pathways": 6, "from-a-b": 4, "to-a-b": 4}
