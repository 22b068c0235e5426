"""An invented partnership of another shape loads without a line of code of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.partnership import Partnership, load
from services.consent.load import load_rules
from tests.unit.partnership.planting import HARBOUR, ROOT, copied, plant


@pytest.fixture(scope="module")
def harbour() -> Partnership:
    return load(HARBOUR)


def test_agency_serving_both_sides_is_divided_by_team_and_by_worker(harbour: Partnership) -> None:
    sides = {each.name: each.side for each in harbour.desks if each.agency == "beacon"}
    assert sides == {
        "beacon/safe": "victim",
        "beacon/change": "perpetrator",
        "beacon/court/worker-1": "victim",
        "beacon/court/worker-2": "perpetrator",
    }
    assert harbour.desk("beacon/court/worker-1").topic_in == "from-beacon-court-worker-1"


def test_topics_out_exist_only_for_desks_that_read_them(harbour: Partnership) -> None:
    out = [each for each in harbour.topic_names() if each.startswith("to-")]
    assert out == ["to-beacon-change", "to-beacon-safe"]


def test_suspended_agency_stays_active_for_its_keys_and_topics(harbour: Partnership) -> None:
    assert harbour.agency("lettings").state == "suspended"
    assert harbour.desk("lettings/office").active


def test_clauses_are_its_own(harbour: Partnership) -> None:
    rules = load_rules(HARBOUR, harbour)
    clauses = {each.id: each for agreement in rules.agreements for each in agreement.clauses}
    assert set(clauses) == {"never-1", "never-2", "never-3", "surgery"}


def test_digest_follows_the_content_and_not_the_comments(harbour: Partnership, tmp_path: Path) -> None:
    folder = copied(HARBOUR, tmp_path)
    plant(folder, "partnership.yaml", "name: harbour\n", "name: harbour  # the port\n")
    assert load(folder).digest == harbour.digest
    plant(folder, "partnership.yaml", "title: Harbour Families", "title: Harbour Family")
    assert load(folder).digest != harbour.digest


def test_digest_follows_the_agreements_too(harbour: Partnership, tmp_path: Path) -> None:
    folder = copied(HARBOUR, tmp_path)
    plant(folder, "agreements/harbour.yaml", "document: H-2", "document: H-3")
    assert load(folder).digest != harbour.digest


def test_code_names_nobody_of_any_partnership() -> None:
    words = ("dorset", "chesil", "s2w", "steps2wellbeing", "paragon", "humankind", "liquidlogic")
    code = [*(ROOT / "hub" / "partnership").glob("*.py"), ROOT / "services" / "consent" / "load.py"]
    for path in code:
        lines = [
            line
            for line in path.read_text().lower().splitlines()
            if any(word in line for word in words)
            and "example" not in line
            and "partnerships/dorset" not in line
        ]
        assert not lines, (path.name, lines)
