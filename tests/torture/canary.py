"""Canaries: strings that stand for personal data, one for each event and field, so that any leak can be traced.

A canary is `qz` and 16 characters of base 32; nothing else that the hub writes looks like one.
"""

import base64
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass

FORM = re.compile(rb"qz[a-z2-7]{16}")


@dataclass(frozen=True, slots=True)
class Canary:
    """What a canary stands for: a field of an event, its category, and the role of the person whom it is about."""

    text: str
    event_id: str
    family: str
    field: str
    category: str
    about: str

    @property
    def shielded(self) -> bool:
        """Whether a desk that works for the alleged perpetrator must never see it (RULES.md section 2).

        Of the victim all but the name; of the child, who lives with her, where they are and every text.
        """
        if self.about == "V":
            return self.category != "identity.name"
        return self.about == "K" and self.category.startswith(("contact.", "supervision."))


def make(seed: int, event_id: str, field: str) -> str:
    """The canary of a field."""
    raw = hmac.digest(b"canary", f"{seed}|{event_id}|{field}".encode(), "sha256")[:10]
    return "qz" + base64.b32encode(raw).decode().lower()


def found(raw: bytes) -> Iterator[str]:
    """The canaries in some bytes."""
    for match in FORM.finditer(raw):
        yield match[0].decode()
