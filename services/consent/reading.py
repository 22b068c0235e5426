"""Values of plain data as what an agreement expects there; each raises RuleError with the path of what is wrong.

`Faults` collects them, so that one reading finds all that is wrong and not the first of it alone.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Final, TypeVar

from services.consent.agreement import Micros, RuleError

Path = tuple[str | int, ...]
T = TypeVar("T")


_LISTED: Final = 12
"""Words that are all told, where none is like the one that came."""
_DAY: Final = 86_400_000_000
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class EnoughError(Exception):
    """So much is wrong that reading on serves nobody."""


class Faults:
    """What is wrong with an agreement, in the order of reading; `EnoughError` once that is as much as is wanted."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.found: list[RuleError] = []

    def note(self, error: RuleError) -> None:
        """One more; reading goes on with something harmless in its place."""
        self.found.append(error)
        if len(self.found) >= self._most:
            raise EnoughError

    def tried(self, harmless: T, read: Callable[..., T], *given: object) -> T:
        """What `read` gives; where it raises, that is noted and the harmless value stands for it."""
        try:
            return read(*given)
        except RuleError as error:
            self.note(error)
            return harmless

    def mapping(self, entry: object, path: Path) -> Mapping[str, object]:
        """A mapping whose keys are words; an empty one where it is none."""
        nothing: Mapping[str, object] = {}
        return self.tried(nothing, mapping, entry, path)

    def sequence(self, entry: object, path: Path) -> Sequence[object]:
        """A list; an empty one where it is none."""
        nothing: Sequence[object] = ()
        return self.tried(nothing, sequence, entry, path)

    def each(self, read: Callable[[object, Path], T], entry: object, path: Path) -> tuple[T, ...]:
        """What `read` gives of every member of a list, each once; those that are wrong are noted and left out."""
        found: dict[T, None] = {}
        for index, member in enumerate(self.sequence(entry, path)):
            try:
                found[read(member, (*path, index))] = None
            except RuleError as error:
                self.note(error)
        return tuple(found)

    def known(
        self,
        plain: Mapping[str, object],
        keys: frozenset[str],
        path: Path,
        taken: frozenset[str] = frozenset(),
    ) -> Mapping[str, object]:
        """The mapping, with a note of every key that is none of these. `taken`: those that were read before."""
        words = keys | taken
        for key in plain:
            if key not in keys:
                expected = f"one of {', '.join(sorted(words))}{like(key, words)}"
                self.note(RuleError((*path, key), expected, key))
        return plain


def micros(value: object, path: Path) -> Micros:
    """An instant from a date, a datetime or their ISO 8601 text; a date means its midnight UTC."""
    expected = "an ISO 8601 date or instant" + (f" for `{path[-1]}`" if path else "")
    expected += ", such as 2026-04-01 or 2026-04-01T00:00:00Z"
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
    match = re.fullmatch(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?", str(entry))
    if match is None or not any(match.groups()):
        raise RuleError(path, "an ISO 8601 duration: P90D is 90 days, P6M six months", entry)
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
        named = f"`{path[-1]}`, " if entry is None and path else ""
        raise RuleError(path, f"{named}a list, in square brackets such as [one, another]", entry)
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


def flag(entry: object, path: Path) -> bool:
    """True or false."""
    if not isinstance(entry, bool):
        raise RuleError(path, "true or false", entry)
    return entry


def one_of(entry: object, words: frozenset[str], path: Path) -> str:
    """One of these words."""
    if not isinstance(entry, str) or entry not in words:
        likely = like(entry, words) if isinstance(entry, str) else ""
        raise RuleError(path, f"one of {', '.join(sorted(words))}{likely}", entry)
    return str(entry)


def near(word: str, words: Collection[str]) -> str:
    """What to say beside what was expected: the words most like the one that came, or all if they are few."""
    listed = f" ({', '.join(sorted(words))})" if len(words) <= _LISTED else ""
    return like(word, words) or listed


def like(word: str, words: Collection[str]) -> str:
    """The same where all words are said anyway: those most like the one that came, or nothing."""
    spelt = {each.casefold(): each for each in words}
    found = [spelt[each] for each in difflib.get_close_matches(word.casefold(), spelt, 3, 0.55)]
    tail = [each for each in sorted(words) if each.rpartition(".")[2] == word.rpartition(".")[2]]
    likely = list(dict.fromkeys([*found, *tail]))[:3]
    return f" (like it: {', '.join(likely)})" if likely else ""


def some(entry: object, path: Path, expected: str) -> None:
    """Nothing, unless a list is there that is empty."""
    if isinstance(entry, Sequence) and not isinstance(entry, str) and not entry:
        raise RuleError(path, expected, entry)


def unique(names: Sequence[str], faults: Faults, path: Path) -> None:
    """Note each name that stood before; one that could not be read is empty, and like no other."""
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            faults.note(RuleError((*path, index, "id"), "an id used once", name))
        seen.update({name} if name else ())
