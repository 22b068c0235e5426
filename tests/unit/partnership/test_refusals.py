"""Each mistake in a partnership's files is refused, at its line, with what was expected."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hub.partnership import ConfigurationError, check, load
from tests.unit.partnership.planting import HARBOUR, copied, plant

MISTAKES = {
    # id: (file, what stands there, what is planted, what the finding must expect, what must have come)
    "unknown-key": (
        "limits.yaml",
        "inbox_page: 100",
        "inbox_pages: 100",
        "key of batch_events",
        "'inbox_pages'",
    ),
    "missing-key": ("limits.yaml", "inbox_page: 100\n", "", "`inbox_page`", "nothing"),
    "limit-of-zero": ("limits.yaml", "nesting: 8", "nesting: 0", "from 1 to", "0"),
    "limit-as-text": ("limits.yaml", "nesting: 8", "nesting: '8'", "a whole number", "'8'"),
    "limit-as-flag": ("limits.yaml", "nesting: 8", "nesting: true", "a whole number", "true"),
    "agency-twice": ("agencies.yaml", "name: gp,", "name: beacon,", "a name used once", "'beacon'"),
    "agency-in-capitals": ("agencies.yaml", "name: gp,", "name: GP,", "lower-case", "'GP'"),
    "unknown-agency-state": (
        "agencies.yaml",
        "state: suspended",
        "state: asleep",
        "active, expected",
        "'asleep'",
    ),
    "empty-title": ("agencies.yaml", "title: The County", "title: ' '", "a text", "' '"),
    "desk-twice": (
        "desks.yaml",
        "name: lettings/office",
        "name: gp/surgery",
        "a name used once",
        "'gp/surgery'",
    ),
    "desk-of-no-agency": (
        "desks.yaml",
        "name: county/",
        "name: shire/",
        "a desk of an agency",
        "'shire/assurance'",
    ),
    "desk-without-team": ("desks.yaml", "name: county/assurance", "name: county", "lower-case", "'county'"),
    "desk-in-no-locality": ("desks.yaml", "locality: quay", "locality: moon", "one of quay", "'moon'"),
    "desk-of-no-specialism": (
        "desks.yaml",
        "specialism: safety",
        "specialism: magic",
        "one of change",
        "'magic'",
    ),
    "desk-on-no-side": ("desks.yaml", "side: victim", "side: both", "one of perpetrator, victim", "'both'"),
    "desk-by-pigeon": ("desks.yaml", "receives: [topic]", "receives: [pigeon]", "inbox, topic", "'pigeon'"),
    "charity-leading": (
        "desks.yaml",
        "may_refer: true",
        "may_lead: true",
        "a desk of a council",
        "'victim_support'",
    ),
    "flag-as-word": ("desks.yaml", "may_refer: true", "may_refer: yes", "true or false", "'yes'"),
    "scheme-without-owner": ("schemes.yaml", "owner: gp, ", "", "`owner`", "nothing"),
    "scheme-of-a-stranger": ("schemes.yaml", "owner: gp", "owner: bank", "one of beacon", "'bank'"),
    "scheme-used-by-stranger": (
        "schemes.yaml",
        "used_by: [gp,",
        "used_by: [bank,",
        "one of beacon",
        "'bank'",
    ),
    "scheme-names-a-car": (
        "schemes.yaml",
        "names: [person, family]",
        "names: [car]",
        "one of family",
        "'car'",
    ),
    "scheme-without-pattern": ("schemes.yaml", ', pattern: "T[0-9]{8}"', "", "`pattern`", "nothing"),
    "scheme-broken-pattern": (
        "schemes.yaml",
        '"T[0-9]{8}"',
        '"T[0-9"',
        "a regular expression",
        "unterminated",
    ),
    "scheme-ambiguous-pattern": (
        "schemes.yaml",
        '"T[0-9]{8}"',
        '"T[[0-9]{8}"',
        "a regular expression",
        "Possible nested set",
    ),
    "scheme-empty-pattern": ("schemes.yaml", '"T[0-9]{8}"', '".*"', "refuses an empty id", "'.*'"),
    "scheme-unknown-check": (
        "schemes.yaml",
        "check: modulus11",
        "check: luck",
        "modulus11, pattern",
        "'luck'",
    ),
    "unknown-event-type": (
        "authority.yaml",
        "[family.opened]",
        "[family.exploded]",
        "of capacity",
        "exploded",
    ),
    "event-type-in-two-rows": (
        "authority.yaml",
        "[practice.joined,",
        "[family.closed,",
        "in one row",
        "family.closed",
    ),
    "unknown-authority": ("authority.yaml", "who: [opens_family]", "who: [anybody]", "one of", "'anybody'"),
    "authority-of-no-kind": ("authority.yaml", '"kind:health"', '"kind:army"', "one of", "'kind:army'"),
    "authority-of-no-desk": (
        "authority.yaml",
        '"desk:county/assurance"',
        '"desk:county/spy"',
        "one of",
        "county/spy",
    ),
    "authority-of-nobody": ("authority.yaml", "who: [opens_family]", "who: []", "not empty", "a list of 0"),
    "indicator-of-no-type": ("indicators.yaml", "[family.opened,", "[family.vanished,", "one of", "vanished"),
    "indicator-number-zero": ("indicators.yaml", "number: 1", "number: 0", "from 1", "0"),
    "post-ends-before-it-starts": (
        "specialisms.yaml",
        "to: 2026-01-01",
        "to: 2024-01-01",
        "a day after",
        "2024",
    ),
    "post-on-no-day": (
        "specialisms.yaml",
        "since: 2025-01-01",
        "since: 2025-02-30",
        "a date",
        "'2025-02-30'",
    ),
    "post-of-too-many": ("specialisms.yaml", "fte: 0.5", "fte: 50", "a number from", "50"),
    "post-twice": ("specialisms.yaml", "name: change-1", "name: safe-1", "a name used once", "'safe-1'"),
    "specialism-at-another-agency": (
        "specialisms.yaml",
        "desk: beacon/safe",
        "desk: gp/surgery",
        "a desk of beacon",
        "gp/surgery",
    ),
    "specialism-at-another-desk": (
        "specialisms.yaml",
        "desk: beacon/safe",
        "desk: beacon/change",
        "is safety",
        "change",
    ),
    "pathway-of-no-specialism": (
        "pathways.yaml",
        "specialism: safety",
        "specialism: magic",
        "one of",
        "'magic'",
    ),
    "pathway-without-a-wait": ("pathways.yaml", "amber: 1, ", "", "`amber`", "nothing"),
    "pathway-without-stages": (
        "pathways.yaml",
        "[{name: support, title: Support}]",
        "[]",
        "not empty",
        "a list of 0",
    ),
    "unknown-time-zone": ("partnership.yaml", "Europe/London", "Europe/Atlantis", "a time zone", "Atlantis"),
    "unknown-weekday": ("partnership.yaml", "[monday,", "[moonday,", "one of friday", "'moonday'"),
    "holiday-on-no-day": (
        "partnership.yaml",
        "holidays: []",
        "holidays: [2025-13-01]",
        "a date",
        "'2025-13-01'",
    ),
    "holiday-twice": (
        "partnership.yaml",
        "days: []",
        "days: [2025-01-01, 2025-01-01]",
        "each day once",
        "2025-01-01",
    ),
    "list-for-a-mapping": (
        "partnership.yaml",
        "{name: quay, title: The Quay}",
        "[quay]",
        "a mapping",
        "a list of 1",
    ),
    "mapping-for-a-list": ("partnership.yaml", "holidays: []", "holidays: {}", "a list", "a mapping"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_finding_names_line_and_expectation_when_a_file_is_wrong(mistake: str, tmp_path: Path) -> None:
    file, old, new, expected, came = MISTAKES[mistake]
    folder = copied(HARBOUR, tmp_path)
    line = plant(folder, file, old, new)

    partnership, findings = check(folder)

    assert partnership is None
    fitting = [each for each in findings if expected in each.expected and came in each.came]
    assert fitting, [str(each) for each in findings]
    assert fitting[0].file == folder / file
    if mistake not in {"missing-key", "pathway-without-a-wait"}:
        assert fitting[0].line == line


def test_every_mistake_is_reported_when_several_files_are_wrong(tmp_path: Path) -> None:
    folder = copied(HARBOUR, tmp_path)
    for mistake in ("limit-of-zero", "unknown-agency-state", "scheme-unknown-check", "unknown-weekday"):
        plant(folder, *MISTAKES[mistake][:3])

    with pytest.raises(ConfigurationError, match="and 3 more") as refused:
        load(folder)

    files = [each.file.name for each in refused.value.findings]
    assert files == ["partnership.yaml", "agencies.yaml", "schemes.yaml", "limits.yaml"]
    assert refused.value.exit_code == 6


def test_topics_are_refused_when_two_desks_would_share_one(tmp_path: Path) -> None:
    folder = copied(HARBOUR, tmp_path)
    plant(folder, "agencies.yaml", "name: county,", "name: harbour,")
    plant(folder, "desks.yaml", "name: county/assurance", "name: harbour/council-families")

    _, findings = check(folder)

    assert [each.came for each in findings if each.expected == "topics of its own"] == [
        "to-harbour-council-families, another desk's"
    ]


def test_authority_is_refused_when_an_event_type_has_no_row(tmp_path: Path) -> None:
    folder = copied(HARBOUR, tmp_path)
    plant(folder, "authority.yaml", "  - {types: [family.opened], who: [opens_family]}\n", "")

    _, findings = check(folder)

    assert [each.expected for each in findings] == ["a row for each of family.opened"]


@pytest.mark.parametrize(
    ("file", "needle", "expected"),
    [
        ("agencies.yaml", "kind: council", "an agency of kind council"),
        ("agencies.yaml", "kind: hub", "the hub itself"),
        ("desks.yaml", "may_lead: true", "at least one active desk"),
        ("schemes.yaml", "name: hub", "the scheme of the hub's own ids"),
    ],
)
def test_partnership_is_refused_when_what_all_need_is_missing(
    file: str, needle: str, expected: str, tmp_path: Path
) -> None:
    folder = copied(HARBOUR, tmp_path)
    path = folder / file
    path.write_text("\n".join(line for line in path.read_text().splitlines() if needle not in line))

    _, findings = check(folder)

    assert any(expected in each.expected for each in findings)


def test_folder_is_refused_when_it_is_missing(tmp_path: Path) -> None:
    _, findings = check(tmp_path / "nowhere")
    assert [each.expected for each in findings] == ["the folder of a partnership"]


def test_file_is_named_when_it_is_missing_or_a_stranger(tmp_path: Path) -> None:
    folder = copied(HARBOUR, tmp_path)
    (folder / "limits.yaml").rename(folder / "limit.yaml")

    _, findings = check(folder)

    assert {each.file.name for each in findings} == {"limits.yaml", "limit.yaml"}


def test_folder_is_refused_when_it_has_no_agreement(tmp_path: Path) -> None:
    folder = copied(HARBOUR, tmp_path)
    for each in (folder / "agreements").iterdir():
        each.unlink()

    _, findings = check(folder)

    assert [each.expected for each in findings] == ["at least one agreement"]


def keys(desks: list[str]) -> list[dict[str, object]]:
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}
    return [
        {"kid": f"{desk.replace('/', '-')}-1", "desk": desk, "algorithm": "EdDSA", "jwk": jwk}
        for desk in desks
    ]


def active() -> list[str]:
    return [each.name for each in load(HARBOUR).active_desks]


def test_keys_are_read_when_a_file_beside_the_folder_has_one_for_each_desk(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"keys": keys(active())}))

    partnership = load(HARBOUR, file)

    assert partnership.key("gp-surgery-1").desk == "gp/surgery"
    assert partnership.key("gp-surgery-1").jwk["crv"] == "Ed25519"
    assert partnership.digest == load(HARBOUR).digest


def test_keys_are_refused_when_a_desk_has_none(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"keys": [each for each in keys(active()) if each["desk"] != "gp/surgery"]}))

    _, findings = check(HARBOUR, file)

    assert [each.expected for each in findings] == ["a public key for gp/surgery"]


@pytest.mark.parametrize(
    ("member", "value", "expected"),
    [
        ("kid", "harbour-council-families-1", "a name used once"),
        ("desk", "gp/nobody", "one of beacon"),
        ("algorithm", "HS256", "one of ES256, EdDSA"),
        ("jwk", {"kty": "oct", "k": "c2VjcmV0"}, "one of OKP"),
        ("jwk", {"kty": "OKP", "crv": "Ed25519", "x": "A" * 42}, "32 bytes"),
        ("jwk", {"kty": "OKP", "crv": "X25519", "x": "A" * 43}, "one of Ed25519"),
        ("to", "2020-01-01", "a day after `from`"),
    ],
)
def test_key_is_refused_when_it_cannot_verify_for_its_desk(
    member: str, value: object, expected: str, tmp_path: Path
) -> None:
    content = keys(active())
    content[-1] |= {"from": "2025-01-01", member: value}
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"keys": content}))

    _, findings = check(HARBOUR, file)

    assert any(expected in each.expected for each in findings), [str(each) for each in findings]


P256 = {
    "kty": "EC",
    "crv": "P-256",
    # The base point of the curve (SP 800-186): public, and nobody's key.
    "x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
    "y": "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
}


def test_key_of_the_other_algorithm_is_read_when_it_is_on_its_curve(tmp_path: Path) -> None:
    content = keys(active())
    content[0] |= {"algorithm": "ES256", "jwk": P256 | {"alg": "ES256", "use": "sig"}}
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"keys": content}))
    assert load(HARBOUR, file).keys[0].jwk["crv"] == "P-256"

    content[0]["jwk"] = P256 | {"y": P256["x"]}
    file.write_text(json.dumps({"keys": content}))
    assert [each.expected for each in check(HARBOUR, file)[1]] == ["a point of the curve P-256"]


def test_keys_of_the_folder_and_beside_it_are_one_list(tmp_path: Path) -> None:
    folder = copied(HARBOUR, tmp_path)
    content = keys(active())
    (folder / "keys.yaml").write_text(json.dumps({"keys": content[:3]}))
    beside = tmp_path / "more.json"
    beside.write_text(json.dumps({"keys": content[3:]}))
    assert len(load(folder, beside).keys) == len(content)

    beside.write_text(json.dumps({"keys": content[2:]}))
    assert [each.expected for each in check(folder, beside)[1]] == ["a name used once"]


def test_private_key_is_refused_and_not_shown_when_it_stands_among_the_public_ones(tmp_path: Path) -> None:
    content = keys(active())
    content[0]["jwk"] = {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43, "d": "this-is-private"}
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"keys": content}))

    _, findings = check(HARBOUR, file)

    assert [each.expected for each in findings] == ["a public key"]
    assert "this-is-private" not in str(findings)
