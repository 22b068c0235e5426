"""The rules in force, as a process knows them: what the hub was founded with, and every version signed since.

`catch_up` reads what is new in the caller's transaction. Whoever decides does so first, so that nothing is decided at
or after the start of a version without it (docs/adr/0029): a processor once its positions have moved, an attempt or a
view before it compares.
"""

from collections.abc import Sequence
from pathlib import Path

from hub.agreements import FOUNDING, Signed, found, signed_after
from hub.clock import Micros
from hub.database import Connection
from hub.errors import HubError
from hub.partnership import ConfigurationError, Partnership, agreement_files
from services.consent.agreement import Agreement
from services.consent.book import Book
from services.consent.compiled import CompiledRules
from services.consent.load import agreement_of, load_rules
from services.consent.ruleset import with_agreements


class OtherRulesError(HubError):
    """The folder says otherwise than what was signed: this process may not decide."""


class InForce:
    """What is known of the rules in force; of the folder's agreements alone, until the database was read."""

    def __init__(self, folder: Path, partnership: Partnership) -> None:
        self._folder, self._partnership = folder, partnership
        self.place = FOUNDING - 1
        """How many signatures are known; before the founding ones were read, one less than none."""
        rules = load_rules(folder, partnership)
        self._here = {(each.id, each.version): each for each in rules.agreements}
        self.book = Book(rules)

    def at(self, instant: Micros) -> CompiledRules:
        """The rule set in force at an instant."""
        return self.book.at(instant)

    def digest(self, instant: Micros) -> str:
        """The name of the rule set in force at an instant."""
        return self.book.at(instant).digest

    async def found(self, conn: Connection, secret: bytes, at: Micros) -> None:
        """Found the hub with the folder's agreements, if nobody has yet."""
        texts = {}
        for path in agreement_files(self._folder):
            text = path.read_bytes().decode()
            each = self._read(text, path)
            texts[each.id, each.version] = text, each.start
        await found(conn, secret, texts, at)

    async def catch_up(self, conn: Connection) -> None:
        """Know all that is signed by now.

        Raises `OtherRulesError`; `ConfigurationError` where this partnership's words do not fit a version.
        """
        rows = await signed_after(conn, self.place)
        # Somebody else of this process may have taken them meanwhile.
        fresh = [each for each in rows if each.place > self.place]
        if fresh:
            self._take(fresh)

    def _take(self, rows: Sequence[Signed]) -> None:
        read = [(each.place, self._read(each.text, _named(each))) for each in rows]
        founding = tuple(each for place, each in read if place == FOUNDING)
        if founding:
            self._agree(founding)
            rules = with_agreements(self.book.rules, founding)
            self.book = Book(rules, self.book)
        signed = [each for place, each in read if place > FOUNDING]
        if signed:
            self.book = self.book.after(*signed)
            self._agree(signed)
        self.place = rows[-1].place

    def _agree(self, signed: Sequence[Agreement]) -> None:
        """What the folder says of a version is what was signed, or it says nothing of it."""
        for each in signed:
            if self._here.get((each.id, each.version), each) != each:
                raise OtherRulesError(
                    f"{self._folder}: agreement {each.id} version {each.version} is not the one that was signed: put"
                    " its file back as it was; a new version comes by `wraparound rules activate`"
                )

    def _read(self, text: str, name: Path) -> Agreement:
        agreement, findings = agreement_of(text, name, self._partnership)
        if agreement is None:
            raise ConfigurationError(findings)
        return agreement


def _named(row: Signed) -> Path:
    return Path(f"{row.agreement} version {row.version}, as signed")
