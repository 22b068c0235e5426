"""The page of an agreement's words has every word that the hub reads, in its place, and no other."""

import re

import pytest

from hub.settings import ROOT
from services.consent import reader, vocabulary

PAGE = (ROOT / "docs" / "agreement-words.md").read_text()
WORDS = {
    "The agreement": reader.AGREEMENT_KEYS | reader.LOADERS_KEYS,
    "A clause": reader.CLAUSE_KEYS,
    "Effects": vocabulary.EFFECTS,
    "If it is denied": vocabulary.IF_DENIED,
    "Conditions": vocabulary.CONDITIONS,
    "Categories: what data there is": frozenset(vocabulary.CATEGORIES),
    "Roles: who a desk is to somebody": vocabulary.ROLES,
    "Other recipients": vocabulary.SPECIAL_RECIPIENTS,
    "Subjects: whom data is about": vocabulary.SUBJECTS,
    "Purposes": vocabulary.PURPOSES,
    "What a forbid keeps back": frozenset(vocabulary.FORBIDDEN),
    "The lawful basis": reader.BASIS_KEYS,
}


def rows(heading: str) -> dict[str, list[str]]:
    """The rows of a section's table: its first cell, and the others."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in section.splitlines()
        if line.startswith("| `")
    ]
    return {cells[0].strip("`"): cells[1:] for cells in found}


@pytest.mark.parametrize("heading", WORDS)
def test_a_section_has_each_word_once_and_no_other_when_an_agreement_may_say_it(heading: str) -> None:
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    assert sorted(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)) == sorted(WORDS[heading])


def test_no_section_lacks_its_words_when_the_page_grows() -> None:
    assert set(re.findall(r"^## (.*)$", PAGE, re.MULTILINE)) == set(WORDS)


@pytest.mark.parametrize("name", vocabulary.CATEGORIES)
def test_class_harm_and_persons_are_those_of_the_rules_when_a_category_is_explained(name: str) -> None:
    category = vocabulary.CATEGORIES[name]
    _, classes, harm, whose, text = rows("Categories: what data there is")[name]
    nothing = "\N{EN DASH}"
    assert set(classes.replace(nothing, "").split()) == category.classes
    assert int(harm) == category.level
    assert set(whose.replace(nothing, "").split()) == category.whose
    assert (text == "text") == category.free_text


def test_each_forbid_is_said_of_whom_it_concerns() -> None:
    said = {what: cells[0].strip("`") for what, cells in rows("What a forbid keeps back").items()}
    assert said == vocabulary.FORBIDDEN
