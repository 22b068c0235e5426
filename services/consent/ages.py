"""Whether a member is an adult or a child at an instant, by the kind and the birth date stated (rule 4.18)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.consent.agreement import Micros


def is_adult(member: Mapping[str, Any], at: Micros) -> bool | None:
    """True for an adult, False for a child; None where that is not known, or kind and birth date contradict each other.

    They do where somebody stated as an adult is not 18, and where one stated as a child was 18 when that was stated.
    """
    kind, grown = member.get("kind"), member.get("adult_from")
    if not isinstance(grown, int):
        return {"adult": True, "child": False}.get(kind or "")
    if grown > at:
        return None if kind == "adult" else False
    stated = member.get("kind_at")
    return None if kind == "child" and stated is not None and grown <= stated else True
