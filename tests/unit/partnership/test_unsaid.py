"""Who checks an agreement is told what its text leaves out: the forbids hold all the same, the permits do not."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from hub.partnership import ConfigurationError, load
from services.consent.compiled import compile_rules
from services.consent.load import load_rules, remarks
from tests.unit.partnership.planting import DORSET, copied, plant

FILE = "agreements/dor-sft.yaml"
FORBIDS = {
    "F01": "to: [opposing], what: shielded_set}",
    "F02": "to: [restricted], what: restricted_set}",
    "F03": "to: [any], except: [lead], categories: [third_party.detail]}",
    "F04": "to: [any], what: text_held_back}",
    "F05": "to: [any], categories: [identity.protected_history]}",
    "F06": "to: [any], what: unconfirmed}",
    "F07": "to: [suspended], what: anything}",
    "F08": "to: [in_conflict], what: conflicted_family}",
    "F09": "to: [not_on_order], except: [lead, council/performance], what: ordered}",
    "F10": "to: [other_family], what: adopted_child}",
    "F11": "to: [subject], what: others_secrets}",
}


def left_out(folder: Path) -> list[str]:
    """What the remarks on a folder expect of what its texts leave out."""
    found = remarks(folder, load(folder))
    return [each.expected for each in found if each.came == "none in this text"]


def test_nothing_is_left_out_of_dorsets_agreement() -> None:
    assert left_out(DORSET) == []


@pytest.mark.parametrize("forbid", FORBIDS)
def test_forbid_is_named_when_a_text_leaves_it_out(forbid: str, tmp_path: Path) -> None:
    folder = copied(DORSET, tmp_path)
    plant(folder, FILE, f"  - {{id: {forbid}, effect: forbid, {FORBIDS[forbid]}\n", "")
    (expected,) = left_out(folder)
    assert expected.startswith(f"a clause for each of what is withheld all the same, {forbid} (")


@pytest.mark.parametrize(
    ("invariant", "old", "new", "category"),
    [
        (
            "I18",
            "categories: [identity, contact, family,",
            "categories: [identity, family,",
            "contact.address",
        ),
        ("I19", "when: [override]", "when: [override, open]", "support.summary"),
    ],
)
def test_permit_is_named_when_an_invariant_needs_it(
    invariant: str, old: str, new: str, category: str, tmp_path: Path
) -> None:
    folder = copied(DORSET, tmp_path)
    plant(folder, FILE, old, new)
    (expected,) = left_out(folder)
    assert expected.startswith(f"a permit that {invariant} needs, for ")
    assert category in expected


def test_check_remarks_on_what_is_left_out_and_finds_nothing_wrong(tmp_path: Path) -> None:
    folder = copied(DORSET, tmp_path)
    plant(folder, FILE, f"  - {{id: F08, effect: forbid, {FORBIDS['F08']}\n", "")
    shown = CliRunner().invoke(app, ["rules", "check", str(folder), "--json"])
    assert shown.exit_code == 0
    said = json.loads(shown.stdout)
    assert said["valid"]
    assert any("F08 (what: conflicted_family)" in each for each in said["remarks"])
    plain = CliRunner().invoke(app, ["rules", "check", str(folder)])
    assert plain.exit_code == 0
    assert "F08 (what: conflicted_family)" in plain.stderr
    # The file of one agreement is read in the words of the partnership of the settings.
    alone = CliRunner().invoke(app, ["rules", "check", str(folder / FILE)])
    assert (alone.exit_code, alone.stdout, alone.stderr) == (0, plain.stdout, plain.stderr)
    plant(folder, FILE, "when: [same, told]", "when: [same, nice]")
    wrong = CliRunner().invoke(app, ["rules", "check", str(folder / FILE)])
    assert (wrong.exit_code, "came 'nice'" in wrong.stderr) == (6, True)


@pytest.mark.parametrize(
    "said", ["to: [police], categories", "to: [any], except: [lead, police], categories"]
)
def test_forbid_of_a_category_is_whole_when_a_text_says_less(said: str, tmp_path: Path) -> None:
    """A narrower clause stood in the place of the one that holds without any."""
    folder = copied(DORSET, tmp_path)
    plant(folder, FILE, "to: [any], except: [lead], categories", said)
    found = compile_rules(load_rules(folder, load(folder))).forbids["third_party.detail"]
    assert (("any",), ("lead",)) in [(each.to, each.but) for each in found]
    (expected,) = left_out(folder)
    assert "F03 (categories: [third_party.detail])" in expected


WHERE = "P99, a permit without"


def exposed(folder: Path) -> list[str]:
    """What the remarks on a folder say of clauses that tell the other side where somebody is."""
    return [str(each.expected) for each in remarks(folder, load(folder)) if each.came == WHERE]


def test_a_permit_that_tells_the_perpetrators_side_where_somebody_is_is_remarked(tmp_path: Path) -> None:
    folder = copied(DORSET, tmp_path)
    clause = (
        "clauses:\n  - {id: P99, effect: permit, from: [council], to: [probation/perp], subjects: [victim],"
        " purpose: supervise, categories: [contact.whereabouts_protected], when: [consent], basis: B3, with_gate: true}"
    )
    plant(folder, FILE, "clauses:", clause)
    assert exposed(folder) == []
    plant(folder, FILE, "when: [consent], basis: B3, with_gate: true}", "basis: B4, with_gate: true}")
    (said,) = exposed(folder)
    assert "probation/perp works with those alleged" in said
    assert "contact.whereabouts_protected" in said
    assert exposed(DORSET) == []


def test_a_permit_that_gives_her_whereabouts_whatever_she_says_is_remarked(tmp_path: Path) -> None:
    folder = copied(DORSET, tmp_path)
    clause = (
        "clauses:\n  - {id: P99, effect: permit, from: [council], to: [supporting], subjects: [victim],"
        " purpose: safeguard, categories: [contact.whereabouts_protected],"
        " when: [same, consent], basis: B3, with_gate: true}"
    )
    plant(folder, FILE, "clauses:", clause)
    assert exposed(folder) == []
    plant(
        folder,
        FILE,
        "when: [same, consent], basis: B3, with_gate: true}",
        "when: [same], basis: B1, with_gate: true}",
    )
    (said,) = exposed(folder)
    assert "it gives contact.whereabouts_protected whatever she says" in said


@pytest.mark.parametrize(
    ("line", "said"),
    [("  reach: 2024-05-17", "the signature of reach by the start"), ("", "the signature of reach, ")],
)
def test_each_clause_that_names_a_party_that_has_not_signed_is_remarked(
    line: str, said: str, tmp_path: Path
) -> None:
    folder = copied(DORSET, tmp_path)
    plant(folder, FILE, "  reach: 2022-11-17", line)
    found = [each for each in remarks(folder, load(folder)) if each.came.endswith("a clause without")]
    assert {each.came.partition(",")[0] for each in found} == {"P04", "P13"}
    assert all(said in each.expected for each in found)


def test_a_signature_after_the_end_is_refused(tmp_path: Path) -> None:
    folder = copied(DORSET, tmp_path)
    line = plant(folder, FILE, "reach: 2022-11-17", "reach: 2031-11-17")
    with pytest.raises(ConfigurationError) as error:
        load_rules(folder, load(folder))
    assert [(each.line, each.expected) for each in error.value.findings] == [
        (line, "the day of a signature before the end")
    ]
