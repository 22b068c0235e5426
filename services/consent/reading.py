"""Values of plain data as what an agreement expects there; each raises RuleError with the path of what is wrong."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Final

from services.consent.agreement import Micros, RuleError

Path = tuple[str | int, ...]


_DAY: Final = 86_400_000_000
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def micros(value: object, path: Path) -> Micros:
    """An instant from a date, a datetime or their ISO 8601 text; a date means its midnight UTC."""
    expected = f"an ISO 8601 date or instant for `{path[-1]}`" if path else "an ISO 8601 date or instant"
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise RuleError(path, expected, value) from error
    if isinstance(value, datetime):
        instant = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        since = instant - datetime(1970, 1, 1, tzinfo=UTC)
        return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    if isinstance(value, date):
        return (value - date(1970, 1, 1)).days * _DAY
    raise RuleError(path, expected, value)


def duration(entry: object, path: Path) -> Micros | None:
    """Microseconds of an ISO 8601 duration in whole days, months (30 days) or years (365 days); None for none."""
    if entry is None:
        return None
    match = re.fullmatch(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?", text_of(entry, path))
    if match is None or not any(match.groups()):
        raise RuleError(path, "an ISO 8601 duration such as P90D", entry)
    years, months, weeks, days = (int(part or 0) for part in match.groups())
    return (years * 365 + months * 30 + weeks * 7 + days) * _DAY


def mapping(entry: object, path: Path) -> Mapping[str, object]:
    """A mapping whose keys are words."""
    if not isinstance(entry, Mapping):
        raise RuleError(path, "a mapping", entry)
    for key in entry:
        if not isinstance(key, str):
            raise RuleError(path, "keys that are words", key)
    return entry


def sequence(entry: object, path: Path) -> Sequence[object]:
    """A list."""
    if isinstance(entry, str) or not isinstance(entry, Sequence):
        raise RuleError(path, "a list", entry)
    return entry


def text_of(entry: object, path: Path) -> str:
    """A text that is not empty."""
    if not isinstance(entry, str) or not entry.strip():
        raise RuleError(path, "a word or sentence", entry)
    return str(entry)


def plain_id(entry: object, path: Path) -> str:
    """An id in letters that look like no others: people compare what they sign by it."""
    text = text_of(entry, path)
    if _ID.fullmatch(text) is None:
        expected = (
            "an id of at most 64 characters, A-Z a-z 0-9 _ . - and first a letter or digit, such as DOR-SFT"
        )
        other = next(
            (each for each in text if not (each.isascii() and (each.isalnum() or each in "_.-"))), None
        )
        if other is not None:
            expected += f" (U+{ord(other):04X} {unicodedata.name(other, 'without a name')} is none of these)"
        raise RuleError(path, expected, entry)
    return text


def optional_text(entry: object, path: Path) -> str | None:
    """A text, or None for none."""
    return None if entry is None else text_of(entry, path)


def flag(entry: object, path: Path) -> bool:
    """True or false."""
    if not isinstance(entry, bool):
        raise RuleError(path, "true or false", entry)
    return entry


def one_of(entry: object, words: frozenset[str], path: Path) -> str:
    """One of these words."""
    if not isinstance(entry, str) or entry not in words:
        raise RuleError(path, f"one of {', '.join(sorted(words))}", entry)
    return str(entry)


def near(word: str, words: Collection[str]) -> str:
    """What to say beside what was expected: the words most like the one that came, or how many there are."""
    found = difflib.get_close_matches(word, words, 3, 0.5)
    tail = [each for each in sorted(words) if each.rpartition(".")[2] == word.rpartition(".")[2]]
    likely = list(dict.fromkeys([*found, *tail]))[:3]
    return f" (like it: {', '.join(likely)})" if likely else f" ({', '.join(sorted(words))})"


def words_of(entry: object, words: frozenset[str], path: Path) -> tuple[str, ...]:
    """At least one of these words, each once."""
    found = tuple(one_of(word, words, (*path, index)) for index, word in enumerate(sequence(entry, path)))
    if not found:
        raise RuleError(path, "at least one word", entry)
    return tuple(dict.fromkeys(found))


def only_keys(plain: Mapping[str, object], known: frozenset[str], path: Path) -> Mapping[str, object]:
    """The mapping, if it has no other keys than these."""
    for key in plain:
        if key not in known:
            raise RuleError((*path, key), f"one of {', '.join(sorted(known))}", key)
    return plain


def unique(names: list[str], path: Path) -> None:
    """Nothing, if each name stands once."""
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            raise RuleError((*path, index, "id"), "an id used once", name)
        seen.add(name)
