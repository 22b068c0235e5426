"""A canary for every personal field that can hold one: words and numbers that stand nowhere else."""

import re
from typing import Any, Final

from hub.schemas import Catalogue
from hub.schemas.formats import FORMATS

WORD: Final = "Zqcanary"
MAIL, PHONE, POSTCODE, UPRN = f"{WORD}.x@example.org", "01999 1234567", "ZQ9 9ZQ", "199912345678"
CANARIES: Final = (WORD, PHONE, POSTCODE, UPRN)
OF_FORM: Final = {
    "name": WORD,
    "line": WORD,
    "email": MAIL,
    "phone": PHONE,
    "postcode": POSTCODE,
    "uprn": UPRN,
}
"""The forms of a string that hold what somebody is called, can be reached by, or lives at."""
NOT_PERSONAL: Final = {"agency", "category", "code", "desk", "hex", "id", "json", "key", "path", "scheme"}
assert {*OF_FORM, *NOT_PERSONAL, "text"} == set(FORMATS)


def fields(catalogue: Catalogue) -> dict[str, str]:
    """Name of every field that can hold a canary, in any type → its canary."""
    found = {"text": WORD}
    for event_type in catalogue:
        for field in event_type.fields:
            canary = OF_FORM.get(field.attributes.get("format", ""))
            if canary is not None:
                found[field.name] = canary
    return found


def planted(value: Any, names: dict[str, str], name: str = "") -> Any:
    """The data of an event with a canary in each such field."""
    if isinstance(value, dict):
        is_ref = "scheme" in value
        return value if is_ref else {key: planted(each, names, key) for key, each in value.items()}
    if isinstance(value, list):
        return [planted(each, names, name) for each in value]
    return names.get(name, value) if isinstance(value, str) else value


def pattern(*more: str) -> re.Pattern[str]:
    """Finds any canary, and what these expressions say."""
    return re.compile("|".join([*map(re.escape, CANARIES), *more]))
