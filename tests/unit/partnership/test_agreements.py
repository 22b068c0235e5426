"""The agreements' loader: one rule set, every mistake at its line, in force from its start to its end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hub.clock import parse_micros
from hub.partnership import ConfigurationError, load
from services.consent.book import Book
from services.consent.load import agreement_of, check_folder, check_rules, load_rules
from tests.unit.partnership.planting import DORSET, HARBOUR, copied, plant

FILE = "agreements/dor-sft.yaml"
MISTAKES = {
    # id: (what stands there, what is planted, what the finding must expect, what must have come)
    "unsigned-party": ("  police: 2022-11-22", "  police:", "an ISO 8601 date", "nothing"),
    "wrong-signature-date": (
        "  police: 2022-11-22",
        "  police: 2022-11-31",
        "an ISO 8601 date",
        "'2022-11-31'",
    ),
    "party-unknown": ("  police: 2022-11-22", "  army: 2022-11-22", "an agency of the partnership", "'army'"),
    "signed-by-author": (
        "signer: Caldicott Guardian, Dorset Council",
        "signer: information  governance officer,\u00a0Dorset Council",
        "another signer",
        "the author",
    ),
    "no-author": ("author: Information Governance Officer, Dorset Council\n", "", "`author`", "nothing"),
    "no-document": ("document: ISA-2022-014", "document:", "a word or sentence", "nothing"),
    "ends-before-it-starts": (
        "end: 2024-12-01",
        "end: 2022-12-01",
        "after the start",
        "'2022-12-01T00:00:00Z'",
    ),
    "starts-on-no-day": (
        "start: 2022-12-01",
        "start: 2022-12-32",
        "an ISO 8601 date",
        "'2022-12-32T00:00:00Z'",
    ),
    "id-with-a-letter-of-another-script": (
        "id: DOR-SFT",
        "id: DOR-SF\u0422",
        "such as DOR-SFT (U+0422 CYRILLIC CAPITAL LETTER TE is none of these)",
        "DOR-SF",
    ),
    "id-of-another-width": ("id: DOR-SFT", "id: \uff24OR-SFT", "U+FF24 FULLWIDTH LATIN", "OR-SFT"),
    "id-with-an-invisible-character": (
        "id: DOR-SFT",
        'id: "DOR-\\u200bSFT"',
        "U+200B ZERO WIDTH SPACE is none of these",
        "DOR-",
    ),
    "id-with-a-combining-mark": ("id: DOR-SFT", "id: DOR-SFT\u0301", "U+0301 COMBINING ACUTE ACCENT", "DOR"),
    "id-with-a-space": ("id: DOR-SFT", "id: DOR SFT", "U+0020 SPACE", "'DOR SFT'"),
    "id-that-begins-with-a-sign": ("id: DOR-SFT", "id: -SFT", "first a letter or digit", "'-SFT'"),
    "id-too-long": ("id: DOR-SFT", f"id: {'D' * 65}", "at most 64 characters", "DDD"),
    "clause-id-with-a-letter-of-another-script": ("- id: P02", "- id: \u042002", "U+0420 CYRILLIC", "02"),
    "version-zero": ("version: 1", "version: 0", "a number from 1", "0"),
    "unknown-key": ("review: 2024-06-01", "renew: 2024-06-01", "one of", "'renew'"),
    "clause-twice": ("- id: P02", "- id: P01", "an id used once", "'P01'"),
    "unknown-effect": ("    effect: permit", "    effect: allow", "forbid, permit", "'allow'"),
    "unknown-category": (
        "categories: [risk.reason,",
        "categories: [risk.feeling,",
        "a category",
        "risk.feeling",
    ),
    "category-like-another": (
        "categories: [risk.reason,",
        "categories: [risk.reasons,",
        "(like it: risk.reason",
        "risk.reasons",
    ),
    "role-like-another": ("to: [lead, referrer]", "to: [lead, refer]", "(like it: referrer", "'refer'"),
    "agency-like-another": ("  paragon:", "  paragone:", "(like it: paragon", "'paragone'"),
    "basis-of-consent-without-asking-for-it": (
        "    when: [same, consent]\n    basis: B3\n    if_denied: existence",
        "    when: [same]\n    basis: B3\n    if_denied: existence",
        "`consent`, the basis of this clause",
        "none in P13",
    ),
    "unknown-role": ("to: [lead, referrer]", "to: [lead, friend]", "a role", "'friend'"),
    "unknown-sender": ("from: [paragon]", "from: [beacon]", "one of", "'beacon'"),
    "unknown-condition": ("when: [same, told]", "when: [same, nice]", "one of", "'nice'"),
    "unknown-purpose": ("purpose: treatment", "purpose: marketing", "one of", "'marketing'"),
    "unknown-subject": ("subjects: [victim, child]", "subjects: [pet]", "one of", "'pet'"),
    "unknown-basis": ("    basis: B6", "    basis: B7", "a basis, one of B1", "'B7'"),
    "unknown-denial": ("if_denied: existence\n", "if_denied: loudly\n", "existence, silent", "'loudly'"),
    "odd-retention": ("retention: P90D", "retention: 90", "P90D is 90 days", "90"),
    "forbid-without-what": (
        "to: [opposing], what: shielded_set",
        "to: [opposing]",
        "at least one category",
        "nothing",
    ),
    "basis-for-no-special-category": ("B3: {art6: a, art9: 2(a)}", "B3: {art6: a}", "Article 9", "none"),
    "basis-without-schedule": (
        "art9: 2(h), art10: DPA 2018 s10(5), schedule: 1/2",
        "art9: 2(h)",
        "Schedule 1",
        "none",
    ),
    "article-9-in-another-form": ("art9: 2(g), art10", "art9: 9(2)(g), art10", "such as 2(g)", "'9(2)(g)'"),
    "no-such-condition-of-article-9": (
        "B3: {art6: a, art9: 2(a)}",
        "B3: {art6: a, art9: 2(k)}",
        "2(j)",
        "2(k)",
    ),
    "no-such-condition-of-article-6": ("B3: {art6: a,", "B3: {art6: consent,", "a to f", "'consent'"),
    "schedule-in-another-form": (
        "schedule: 1/2}",
        "schedule: Sch 1 para 2}",
        "such as 1/18",
        "'Sch 1 para 2'",
    ),
    "document-of-nothing-but-space": ("document: ISA-2022-014", 'document: " "', "a word or sentence", "' '"),
    "no-policy-document": ("policy_document: APD-2022-02", "policy_document:", "`policy_document`", "none"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_finding_names_line_and_expectation_when_an_agreement_is_wrong(mistake: str, tmp_path: Path) -> None:
    old, new, expected, came = MISTAKES[mistake]
    partnership = load(DORSET)
    folder = copied(DORSET, tmp_path)
    line = plant(folder, FILE, old, new)

    rules, findings = check_rules(folder, partnership)

    assert rules is None
    fitting = [each for each in findings if expected in each.expected and came in each.came]
    assert fitting, [str(each) for each in findings]
    assert fitting[0].file == folder / FILE
    if mistake not in {"no-author", "no-policy-document"}:
        assert fitting[0].line == line


def test_a_hundred_mistakes_are_told_and_no_more_when_nearly_everything_is_wrong() -> None:
    """Each takes a search for words that are like it: nobody waits for twenty thousand."""
    text = (DORSET / FILE).read_text()
    parties = "".join(f"  army-{number}: 2022-11-22\n" for number in range(300))
    _, findings = agreement_of(
        text.replace("  council:", f"{parties}  council:", 1), Path(FILE), load(DORSET)
    )
    assert [each.line for each in findings] == list(range(19, 119))


def test_every_clause_is_read_when_earlier_ones_are_wrong(tmp_path: Path) -> None:
    partnership = load(DORSET)
    folder = copied(DORSET, tmp_path)
    chosen = ["unknown-role", "unknown-sender", "unknown-condition", "unknown-purpose", "unsigned-party"]
    lines = sorted(plant(folder, FILE, *MISTAKES[each][:2]) for each in chosen)

    with pytest.raises(ConfigurationError, match="and 4 more") as refused:
        load_rules(folder, partnership)

    assert [each.line for each in refused.value.findings] == lines


def test_every_mistake_of_one_clause_is_told_at_once(tmp_path: Path) -> None:
    folder = copied(DORSET, tmp_path)
    clause = """  - id: P02
    effect: permit
    from: any
    to: [lead, referrer]
    subjects: [adult, child]
    purpose: support
"""
    wrong = """  - id: P02
    effect: permitted
    form: any
    to: [led, referer]
    subjects: [adlut]
    purpose: suport
"""
    first = plant(folder, FILE, clause, wrong)
    found = [each.line - first for each in check_rules(folder, load(DORSET))[1]]
    assert found == [1, 2, 3, 3, 4, 5]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("version: 1", "version: one"),
        ("owner: Head", "owner:\nrole: Head"),
        ("start: 2022-12-01", "start: soon"),
        ("end: 2024-12-01", "end: never"),
        ("id: DOR-SFT", "id: DOR SFT"),
    ],
)
def test_a_clause_is_read_when_what_every_agreement_needs_is_wrong(
    old: str, new: str, tmp_path: Path
) -> None:
    folder = copied(DORSET, tmp_path)
    plant(folder, FILE, old, new)
    line = plant(folder, FILE, "when: [same, told]", "when: [same, nice]")
    assert [each.came for each in check_rules(folder, load(DORSET))[1] if each.line == line] == ["'nice'"]


def test_one_message_at_the_clause_says_the_likely_word_when_a_basis_is_unknown(tmp_path: Path) -> None:
    folder = copied(DORSET, tmp_path)
    line = plant(folder, FILE, "    basis: B6", "    basis: B66")
    (found,) = check_rules(folder, load(DORSET))[1]
    assert (found.line, found.came) == (line, "'B66'")
    assert "one of B1, B2, B3, B4, B5, B6 (like it: B6)" in found.expected


def test_one_message_is_given_when_a_clause_has_no_basis_at_all(tmp_path: Path) -> None:
    folder = copied(DORSET, tmp_path)
    line = plant(folder, FILE, "when: [s47, clear]\n    basis: B2", "when: [s47, clear]") - 7
    (found,) = check_rules(folder, load(DORSET))[1]
    assert (found.line, found.came) == (line, "none in P17")


def test_a_basis_that_is_wrong_is_told_once_when_many_clauses_name_it(tmp_path: Path) -> None:
    folder = copied(DORSET, tmp_path)
    line = plant(folder, FILE, "B1: {art6: e, art9: 2(g)", "B1: {art6: e, art9: 2g")
    (found,) = check_rules(folder, load(DORSET))[1]
    assert (found.line, found.came) == (line, "'2g'")


def test_no_likely_offence_is_told_when_the_word_that_would_settle_it_is_wrong(tmp_path: Path) -> None:
    """A condition that cannot be read may have been the consent that its basis asks for."""
    folder = copied(DORSET, tmp_path)
    plant(folder, FILE, "when: [same, consent]\n    basis: B3", "when: [same, concent]\n    basis: B3")
    (found,) = check_rules(folder, load(DORSET))[1]
    assert found.came == "'concent'"


@pytest.mark.parametrize(
    ("key", "written", "found"),
    [
        ("bases:", "base:", {"`bases`, by name", "one of author"}),
        ("clauses:", "clause:", {"`clauses`, a list", "one of author"}),
        ("    basis: B2", "    bases: B2", {"one of basis"}),
        ("    purpose: treatment", "    purpos: treatment", {"one of basis"}),
    ],
)
def test_nothing_that_follows_is_told_when_a_key_is_mistyped(
    key: str, written: str, found: set[str], tmp_path: Path
) -> None:
    folder = copied(DORSET, tmp_path)
    plant(folder, FILE, key, written)
    findings = check_rules(folder, load(DORSET))[1]
    assert len(findings) == len(found)
    for each in found:
        assert any(one.expected.startswith(each) for one in findings), (each, [str(one) for one in findings])


def test_mistakes_of_every_kind_are_told_in_one_run_when_the_files_hold_them(tmp_path: Path) -> None:
    folder = copied(DORSET, tmp_path)
    lines = {
        (file, plant(folder, file, old, new) + more)
        for file, old, new, more in (
            ("limits.yaml", "nesting: 16", "nesting: 0", 0),
            (FILE, "owner: Head", "owner: A\nowner: Head", 1),
            (FILE, "when: [same, told]", "when: [same, nice]", 0),
            (FILE, "retention: P90D", "retention: long", 0),
        )
    }
    partnership, rules, findings = check_folder(folder)
    assert (partnership, rules) == (None, None)
    assert {(str(each.file.relative_to(folder)), each.line) for each in findings} == lines
    assert len(findings) == len(lines)


def test_agreements_wait_when_the_desks_that_they_name_are_not_certain(tmp_path: Path) -> None:
    folder = copied(DORSET, tmp_path)
    plant(folder, "desks.yaml", "receives: [topic, inbox]", "receives: [pigeon]")
    plant(folder, FILE, "when: [same, told]", "when: [same, nice]")
    _, _, findings = check_folder(folder)
    assert {each.file.name for each in findings} == {"desks.yaml"}


def test_a_higher_version_is_refused_when_it_would_not_begin_later(tmp_path: Path) -> None:
    partnership = load(HARBOUR)
    folder = copied(HARBOUR, tmp_path)
    line = plant(folder, "agreements/harbour.yaml", "start: 2025-01-01", "start: 2024-01-01")

    _, findings = check_rules(folder, partnership)

    assert [(each.file.name, each.line, each.came) for each in findings] == [
        ("harbour.yaml", line, "an earlier one")
    ]


def test_versions_follow_each_other_when_one_ends_as_the_next_starts() -> None:
    book = Book(load_rules(HARBOUR, load(HARBOUR)))
    change = parse_micros("2025-01-01T00:00:00Z")

    before, after = book.at(change - 1), book.at(change)

    assert [each.version for each in before.rules.agreements] == [1]
    assert [each.version for each in after.rules.agreements] == [2]
    assert len({before.digest, after.digest, book.rules.digest}) == 3
    assert change in book.starts
    assert book.since(change - 1) == (before, after)
    assert book.named(after.digest) == (("HARBOUR", 2),)


def test_a_version_takes_the_place_of_one_that_has_not_ended_when_it_begins() -> None:
    book = Book(load_rules(DORSET, load(DORSET)))
    (first,) = book.rules.agreements
    change, now = first.start + 86_400_000_000, book.at(first.start)
    later = book.after(replace(first, version=2, start=change))

    assert later.at(change - 1) is now
    assert now.rules.agreements == (first,)
    assert [each.version for each in later.at(change).rules.agreements] == [2]


def test_the_highest_version_begun_holds_when_a_lower_one_was_signed_to_begin_far_ahead() -> None:
    book = Book(load_rules(DORSET, load(DORSET)))
    (first,) = book.rules.agreements
    day, far = 86_400_000_000, parse_micros("2199-01-01T00:00:00Z")
    locked = book.after(replace(first, version=2, start=far, end=far + day))
    mended = locked.after(replace(first, version=3, start=first.start + day))

    def begun(instant: int) -> list[int]:
        return [each.version for each in mended.at(instant).rules.agreements]

    assert (begun(first.start), begun(first.start + day), begun(far)) == ([1], [3], [3])
    assert [each.rules.agreements[0].version for each in mended.since(first.start + day)] == [3]


def test_nothing_exists_of_an_agreement_when_it_has_not_begun() -> None:
    book = Book(load_rules(DORSET, load(DORSET)))
    before = book.at(book.starts[0] - 1)
    assert before.rules.agreements == ()
    assert not before.permits("s2w/sft", "council/chesil")


def test_an_agreement_permits_nothing_and_still_forbids_when_it_has_ended() -> None:
    book = Book(load_rules(DORSET, load(DORSET)))
    (agreement,) = book.rules.agreements
    over = book.at(agreement.end)
    permits = over.permits("s2w/sft", "council/chesil")
    assert {each.end for group in permits.values() for each in group} == {agreement.end}
    assert over.forbids == book.at(agreement.start).forbids


def test_digest_is_the_loaded_one_when_all_agreements_are_in_force() -> None:
    rules = load_rules(DORSET, load(DORSET))
    assert Book(rules).at(rules.agreements[0].start).digest == rules.digest


def test_digest_changes_when_a_word_of_a_clause_does(tmp_path: Path) -> None:
    partnership = load(DORSET)
    folder = copied(DORSET, tmp_path)
    plant(folder, FILE, "when: [same, told]", "when: [same]")

    assert load_rules(folder, partnership).digest != load_rules(DORSET, partnership).digest
