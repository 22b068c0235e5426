"""The two families of the demo. Everybody is invented; NHS numbers are of the series 999, which nobody has."""

from typing import Any, Final

Ref = dict[str, str]


def nhs(number: str) -> Ref:
    """A person by NHS number."""
    return {"scheme": "nhs-number", "value": number}


def case(number: str) -> Ref:
    """A family, household, person or referral by the council's own number."""
    return {"scheme": "liquidlogic", "value": number}


def crn(number: str) -> Ref:
    """A person by the Probation Service's number."""
    return {"scheme": "crn", "value": number}


def about(text: str, *people: Ref) -> dict[str, Any]:
    """Free text, and whom it is about."""
    return {"text": text, "about": list(people)}


QUILLFEATHER: Final = case("F-204117")
MARA: Final = nhs("9990000018")
DORAN: Final = nhs("9990000026")
WREN: Final = nhs("9990000034")
DORAN_CRN: Final = crn("X123456")

FENNIMORE: Final = case("F-204390")
TAMSIN: Final = nhs("9990000069")
JORY: Final = nhs("9990000077")

SAFETY_PLAN: Final = "code word 'marigold' with the neighbour at number six"
"""A sentence of Mara's safety plan. Probation's desk must never hold a byte of it."""
REFUGE: Final = "17 Lantern Court"
"""Where Mara and Wren found refuge: for the council alone."""
