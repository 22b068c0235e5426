"""The text of an agreement, as `hub.agreement_activated` brings it: read, and what is wrong with it by line."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from hub.agreements import fingerprint
from hub.clock import format_micros
from hub.partnership import ConfigurationError, Finding, Partnership
from services.consent.agreement import Agreement
from services.consent.load import agreement_of
from services.gateway.problems import Fault

ACTIVATED: Final = "hub.agreement_activated"
TEXT: Final = "/data/content"
LONGEST: Final = 262_144
"""Characters of a text: it is read while others wait. The longest that we know has 40,000."""
_NAMED: Final = Path("agreement")


def read_agreement(partnership: Partnership, text: str) -> Agreement:
    """The agreement of a text that was found good. Raises `ConfigurationError` where it is not any more."""
    agreement, findings = agreement_of(text, _NAMED, partnership)
    if agreement is None:
        raise ConfigurationError(findings)
    return agreement


def unreadable(partnership: Partnership, datum: Mapping[str, Any]) -> Iterator[Fault]:
    """What is wrong with the text; with a good one, what the event says of it that it does not say itself."""
    pieces = datum["content"] or []
    if (length := sum(map(len, pieces))) > LONGEST:
        yield Fault(TEXT, "length", f"at most {LONGEST} characters", f"{length} characters")
        return
    agreement, findings = agreement_of("".join(pieces), _NAMED, partnership)
    yield from map(_fault, findings)
    if agreement is None:
        return
    for name, said in (
        ("agreement", agreement.id),
        ("version", agreement.version),
        ("starts_at", agreement.start),
        ("digest", fingerprint(pieces)),
        ("document", agreement.document),
    ):
        if datum[name] not in (said, None):
            shown = format_micros(agreement.start) if name == "starts_at" else str(said)
            yield Fault(f"/data/{name}", "agreement", f"{shown}, as the text says", "something else", shown)


def _fault(found: Finding) -> Fault:
    """A mistake at its line. What came is told by its kind; a word of the text is not repeated."""
    came = "another word" if found.came[:1] in ("'", '"') else found.came
    where = f"line {found.line}, column {found.column}"
    return Fault(TEXT, "agreement", f"at {where} {found.expected}", came, found.example)
