"""Ids that follow from what caused them, so that a repeat gives the same id and an id says nothing by itself.

`derive` is HMAC-SHA256 under the hub's secret, cut to 16 bytes, as an RFC 9562 UUID of version 8. Each part
goes in with its length before it, so no two lists of parts can give the same bytes.
"""

import hmac
import re
from typing import Final

_VARIANT = {f"{digit:x}": "89ab"[digit & 3] for digit in range(16)}


def derive(secret: bytes, *parts: str) -> str:
    """The id that belongs to these parts, as 36 characters of lower-case UUID text."""
    message = "|".join([f"{len(part)}:{part}" for part in parts])
    text = hmac.digest(secret, message.encode(), "sha256").hex()
    return f"{text[:8]}-{text[8:12]}-8{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:32]}"


_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)


def is_id(text: str) -> bool:
    """Whether this is an id as the hub writes it, which the database takes."""
    return _ID.fullmatch(text) is not None


def hub_subject(secret: bytes) -> str:
    """The hub's own subject: details that name nobody (offsets, counts) are sealed under its key."""
    return derive(secret, "subject", "hub")
