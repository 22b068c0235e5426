"""What the build refuses: each fault is planted in a copy of the real schemas."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub.schemas import build
from hub.schemas.catalogue import Catalogue
from hub.schemas.compose import SchemaError
from hub.schemas.vocabulary import CATEGORIES, CONDITIONS, ROLES, TEXT_CATEGORIES
from services.consent import vocabulary as rules

SCHEMAS = Path(__file__).parents[3] / "schemas"
SCORE = "outcome.measure_recorded.v1"
REQUEST = "referral.requested.v1"
PAIR = "safety.pair_recorded.v1"

Json = dict[str, Any]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SCHEMAS, tmp_path / "schemas"))


def change(root: Path, name: str, edit: Callable[[Json], None]) -> None:
    path = root / f"{name}.avsc"
    schema = json.loads(path.read_text())
    edit(schema)
    path.write_text(json.dumps(schema))


def field(schema: Json, name: str) -> Json:
    return next(each for each in schema["fields"] if each["name"] == name)


def row(schema: Json, name: str, inside: str) -> Json:
    avro = field(schema, name)["type"]
    return field((avro[1] if isinstance(avro, list) else avro)["items"], inside)


def required(nullable: Json) -> None:
    nullable["type"] = nullable["type"][1]
    del nullable["default"]


def added(**attributes: Any) -> Callable[[Json], None]:
    new = {"name": "extra", "type": ["null", "string"], "default": None, **attributes}
    return lambda schema: schema["fields"].append(new)


def test_the_committed_schemas_may_be_served_when_checked() -> None:
    assert build.check(SCHEMAS) == []


FAULTS: dict[str, tuple[str, Callable[[Json], None], str]] = {
    "uncategorised": (
        SCORE,
        lambda s: field(s, "score").pop("category"),
        f"{SCORE}.avsc: field score: expected a category, came none",
    ),
    "uncategorised in a row": (
        SCORE,
        lambda s: row(s, "answers", "value").pop("category"),
        f"{SCORE}.avsc: field answers.value: expected a category, came none",
    ),
    "unknown category": (
        SCORE,
        lambda s: field(s, "score").update(category="outcome.guess"),
        "field score: expected a category of the sharing rules, came outcome.guess",
    ),
    "derived category": (
        SCORE,
        lambda s: field(s, "score").update(category="contact.whereabouts_protected"),
        "field score: expected a category of the sharing rules, came contact.whereabouts_protected",
    ),
    "no person": (
        SCORE,
        lambda s: field(s, "score").pop("person"),
        "field score: expected person: a person Ref in its row or at the root, or family, or nobody, came",
    ),
    "person pointer to nothing": (
        SCORE,
        lambda s: field(s, "score").update(person="referral"),
        "field score: expected person: a person Ref in its row or at the root, or family, or nobody",
    ),
    "required sensitive": (
        SCORE,
        lambda s: required(field(s, "score")),
        "field score: expected a field that may be null and left out",
    ),
    "required sensitive to publish": (
        SCORE,
        lambda s: field(s, "score").update(publish="required"),
        "field score: expected a field that may be null and left out",
    ),
    "required sensitive in a row": (
        REQUEST,
        lambda s: required(row(s, "needs", "need")),
        "field needs.need: expected a field that may be null and left out",
    ),
    "required code of the gate in a row": (
        "family.member_added.v1",
        lambda s: required(row(s, "members", "kind")),
        'field members.kind: expected a field that may be null ("publish": "required" asks publishers for it)',
    ),
    "required text": (
        "practice.risk_rated.v1",
        lambda s: required(field(s, "reason")),
        "field reason: expected a field that may be null and left out",
    ),
    "one of two subjects required": (
        PAIR,
        lambda s: required(field(s, "victim")),
        "field victim: expected a Ref that may be null: the event has several subjects",
    ),
    "free text without about": (
        SCORE,
        added(category="outcome.score", person="person"),
        "field extra: expected codes, or a format (free text is the record Text, with about), came None",
    ),
    "free text in a list": (
        SCORE,
        added(type=["null", {"type": "array", "items": "string"}], category="outcome.score", person="person"),
        "field extra: expected codes, or a format",
    ),
    "text in a category of codes": (
        SCORE,
        added(type=["null", "Text"], category="outcome.score", person="person"),
        "field extra: expected a category that may be free text, came outcome.score",
    ),
    "another person as an id": (
        SCORE,
        added(type=["null", "Ref"], category="id", ref="person"),
        "field extra: expected a category and itself as person",
    ),
    "another person about somebody else": (
        SCORE,
        added(type=["null", "Ref"], category="outcome.score", person="person", ref="person"),
        "field extra: expected person: itself (extra), came person",
    ),
    "a ref of no kind": (
        SCORE,
        added(type=["null", "Ref"], category="id"),
        "field extra: expected ref: one of family, household, person, referral, came None",
    ),
    "rows in no category": (
        SCORE,
        lambda s: field(s, "answers").update(category="id"),
        "field answers: expected the category rows on a list of rows, and there alone, came id",
    ),
    "unknown gate": (SCORE, lambda s: s.update(gate="support"), "gate: expected a category or internal"),
    "no subject": (SCORE, lambda s: s.pop("subject"), "subject: expected the fields that name"),
    "subject of no person": (
        SCORE,
        lambda s: s.update(subject="referral"),
        "subject: expected a person Ref, a list of them, or rows of persons, came referral",
    ),
    "wrong name": (
        SCORE,
        lambda s: s.update(namespace="wraparound.outcome"),
        "expected the record wraparound.outcome.measure_recorded.v1, came wraparound.outcome.v1",
    ),
    "no Avro": (
        SCORE,
        lambda s: field(s, "score").update(type=["null", "number"]),
        "expected Avro, came UnknownType",
    ),
    "no fields": (SCORE, lambda s: s.pop("fields"), f"{SCORE}.avsc: expected a record with named fields"),
    "no doc": (SCORE, lambda s: s.pop("doc"), "expected a doc, came none"),
    "no family": (SCORE, lambda s: s.update(family="person"), "family: expected the name of a family Ref"),
    "unknown word": (
        SCORE,
        lambda s: s.update(sets=["indicator:10", "indicator:16"]),
        "sets: expected a role, condition, forbid or indicator, came indicator:16",
    ),
    "a word that nothing sets": (
        SCORE,
        lambda s: s.pop("sets"),
        "sets: expected a type that sets indicator:10, came none",
    ),
    "a removed field without default": (
        SCORE,
        lambda s: s["fields"].remove(field(s, "person")),
        f"{SCORE}.avsc: field person: expected a default, because it is only in one schema; came none",
    ),
    "a changed type": (
        SCORE,
        lambda s: field(s, "score").update(type=["null", "double"]),
        "field score: expected the type int, came double",
    ),
    "a changed time": (
        SCORE,
        lambda s: field(s, "taken_on").update(type=["null", "int"]),
        "field taken_on: expected the type date, came int",
    ),
    "a field that loses its null": (
        "family.lead_changed.v1",
        lambda s: field(s, "locality").update(type="string"),
        "field locality: expected null to be readable, came a field that cannot be null",
    ),
    "a required field added": (
        SCORE,
        lambda s: s["fields"].append({"name": "extra", "type": "string", "category": "id", "format": "id"}),
        "field extra: expected a default, because it is only in one schema",
    ),
    "a renamed row": (
        SCORE,
        lambda s: field(s, "answers")["type"][1]["items"].update(name="Reply"),
        "field answers: expected the type Answer, came Reply",
    ),
    "a code taken away": (
        "practice.risk_rated.v1",
        lambda s: field(s, "previous").update(codes=["red", "green"]),
        "field previous: expected the codes of before, came a list without amber",
    ),
    "codes where any was allowed": (
        SCORE,
        lambda s: field(s, "instrument").update(codes=["phq9"]),
        "field instrument: expected any code, as before; came a list of codes",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_build_refuses_the_schema_when_a_fault_is_planted(root: Path, fault: str) -> None:
    name, edit, expected = FAULTS[fault]
    change(root, name, edit)
    for found in (build.check(root), build.write(root)):
        assert any(expected in line for line in found), found
    assert json.loads((root / "ids.json").read_text()) == json.loads((SCHEMAS / "ids.json").read_text())


def test_the_build_refuses_an_example_when_it_has_no_schema(root: Path) -> None:
    shutil.copy(root / "examples" / f"{SCORE}.json", root / "examples" / "outcome.guessed.v1.json")
    assert build.check(root) == [
        "examples/outcome.guessed.v1.json: expected a schema of that name, came none"
    ]


def test_the_build_refuses_a_type_when_it_has_no_example(root: Path) -> None:
    (root / "examples" / f"{SCORE}.json").unlink()
    assert build.check(root) == [f"{SCORE}.avsc: expected an example, came none"]


def test_the_build_refuses_an_example_when_it_is_not_valid(root: Path) -> None:
    path = root / "examples" / f"{SCORE}.json"
    example = json.loads(path.read_text())
    path.write_text(json.dumps({**example, "score": 14.0}))
    (line,) = build.check(root)
    assert line.startswith(f"examples/{SCORE}.json: field /score: expected an integer")


def test_the_build_refuses_the_folder_when_a_registered_type_is_gone(root: Path) -> None:
    (root / "outcome.note_recorded.v1.avsc").unlink()
    (root / "examples" / "outcome.note_recorded.v1.json").unlink()
    assert any("expected the registered type" in line for line in build.check(root))


@pytest.mark.parametrize("file", ["outcome.measure_recorded.v1.avsc", "ids.json", "registered.ndjson"])
def test_the_build_names_the_file_when_it_is_not_json(root: Path, file: str) -> None:
    (root / file).write_text("{")
    (line,) = build.check(root)
    assert line.startswith(f"{file}: ")
    assert "expected JSON" in line


def test_the_build_refuses_a_registered_text_when_it_was_changed_afterwards(root: Path) -> None:
    path = root / "registered.ndjson"
    path.write_text(path.read_text().replace("PHQ-9", "PHQ-2", 1))
    (line,) = build.check(root)
    assert line.endswith("came another text")


def test_the_build_refuses_the_ids_when_one_stands_twice(root: Path) -> None:
    path = root / "ids.json"
    ids = json.loads(path.read_text())
    names = list(ids)
    ids[names[1]][0]["id"] = ids[names[0]][0]["id"]
    path.write_text(json.dumps(ids))
    (line,) = build.check(root)
    assert line.startswith("ids.json: ")


def test_a_compatible_change_gets_the_next_id_when_written(root: Path) -> None:
    change(root, SCORE, added(category="outcome.score", person="person", format="code"))
    last = max(Catalogue.load(SCHEMAS).registered)
    assert build.check(root) == [
        f"{SCORE}.avsc: expected a registered text, came a new one; run with --write"
    ]
    with pytest.raises(SchemaError, match=r"outcome\.measure_recorded.*--write"):
        Catalogue.load(root)
    assert build.main(["--write", "--root", str(root)]) == 0
    assert build.check(root) == []
    after = Catalogue.load(root)
    assert after.type(f"wraparound.{SCORE}").schema_id == last + 1
    assert [each.version for each in after.registered.values() if each.type == f"wraparound.{SCORE}"] == [
        1,
        2,
    ]


def test_writing_changes_nothing_when_everything_is_registered(root: Path) -> None:
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    assert build.write(root) == []
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_the_command_says_what_is_wrong_and_exits_6_when_it_refuses(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "examples" / f"{SCORE}.json").unlink()
    assert build.main(["--check", "--root", str(root)]) == 6
    assert capsys.readouterr().err == f"{SCORE}.avsc: expected an example, came none\n"


def test_schemas_and_rules_use_the_same_words_when_compared() -> None:
    assert set(rules.CATEGORIES) == CATEGORIES
    assert rules.ROLES == ROLES
    assert rules.CONDITIONS == CONDITIONS
    starred = {name for name, category in rules.CATEGORIES.items() if category.free_text}
    assert TEXT_CATEGORIES - {"third_party.detail"} == starred


def test_every_category_but_the_derived_is_carried_by_a_field_when_all_types_are_read() -> None:
    carried = {field.category for each in Catalogue.load(SCHEMAS) for field in each.fields}
    assert CATEGORIES - carried == {"contact.whereabouts_protected"}
