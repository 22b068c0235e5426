"""Whether the lawful basis of a clause fits what it shares (UK GDPR Arts 6, 9, 10; DPA 2018 Schedule 1).

- Personal data: a condition of Article 6.
- Special category (class H): one of Article 9 as well; 9(2)(b), (g), (h), (i), (j) only with a condition of
  Schedule 1 (DPA 2018 s10).
- Criminal offence (class X): Article 10, or a condition of Schedule 1.
- A condition of Schedule 1 Part 2 (paragraphs 5 to 28): an appropriate policy document.
- Consent as the only condition of Article 6 or of Article 9: shared on `consent` alone, by no alternative to it.

Figures that concern nobody need no basis. The law itself is not verified here, only that the clause names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from services.consent.agreement import Agreement, Basis, Clause
from services.consent.vocabulary import CATEGORIES

_NEEDS_SCHEDULE: Final = frozenset({"2(b)", "2(g)", "2(h)", "2(i)", "2(j)"})
_PARAGRAPH: Final = re.compile(r"1/(\d{1,2})")
_PART_2: Final = range(5, 29)


def unfit(agreement: Agreement) -> Iterator[tuple[int, str, str]]:
    """The clauses whose basis does not fit: position in the agreement, which word, and what that must name."""
    for index, clause in enumerate(agreement.clauses):
        if clause.effect == "permit":
            for missing in _missing(clause, agreement.policy_document):
                yield index, "basis", missing
            is_consent = clause.basis.art6 == ("a",) or clause.basis.art9 == ("2(a)",)
            if is_consent and ("consent",) not in clause.when:
                yield index, "when", "`consent`, the basis of this clause, among its conditions"


def _missing(clause: Clause, policy_document: str | None) -> Iterator[str]:
    classes = frozenset().union(*(CATEGORIES[each].classes for each in clause.categories))
    basis = clause.basis
    if classes and basis == Basis():
        yield "a lawful basis, by its name under `bases` or in full"
        return
    if classes and not basis.art6:
        yield "a condition of UK GDPR Article 6 (`art6`)"
    if "H" in classes and not basis.art9:
        yield "a condition of UK GDPR Article 9 (`art9`) for special-category data"
    if _NEEDS_SCHEDULE.intersection(basis.art9) and not basis.schedule:
        yield "a condition of DPA 2018 Schedule 1 (`schedule`) beside Article 9(2)(b), (g), (h), (i), (j)"
    if "X" in classes and not (basis.art10 or basis.schedule):
        yield "Article 10 (`art10`) or a condition of DPA 2018 Schedule 1 (`schedule`) for offence data"
    if policy_document is None and any(paragraph in _PART_2 for paragraph in _paragraphs(basis)):
        yield "a `policy_document` of the agreement, for DPA 2018 Schedule 1 Part 2"


def _paragraphs(basis: Basis) -> Iterator[int]:
    for each in basis.schedule:
        if match := _PARAGRAPH.fullmatch(each):
            yield int(match[1])
