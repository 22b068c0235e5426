"""What a verification found: counts, what could not be checked, and findings with the index they begin at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from services.audit.coverage import Covered

MOST_FINDINGS = 100
"""Findings that are told one by one; further ones are counted."""

FINDINGS: Mapping[str, str] = {
    "gap": "an index has no leaf",
    "missing": "the entry of a leaf is gone",
    "changed": "an entry's bytes are not those that were sealed",
    "header": "an entry's columns or its leaf's form contradict its leaf",
    "detail": "a detail is not the one that its leaf commits to",
    "tile": "a stored tile is not that of the entries",
    "head": "the stored head is not that of the entries",
    "checkpoint": "a checkpoint is not that of the entries",
    "note": "a checkpoint's form or signature fails: it was altered, or the log or its key replaced",
    "unqueued": "an entry is neither in the log nor queued for it",
    "unrecorded": "a receipt, an attempt or a release names an entry that is not there",
    "pending": "a queued entry cannot be sealed",
    "coverage": "coverage does not add up",
}
"""Every kind of finding."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: at one entry (`index`), or somewhere from there up to, not including, `end`.

    `index` is None where it belongs to no entry.
    """

    kind: str
    index: int | None
    text: str
    end: int | None = None


@dataclass(slots=True)
class Report:
    """The result of a verification, filled while it runs."""

    size: int = 0
    root: bytes = b""
    entries: int = 0
    checkpoints: int = 0
    pending: int = 0
    details: int = 0
    """Details that were opened and are those that their leaves commit to."""
    erased: int = 0
    """Details whose row or key is gone: their entries stand, what they said cannot be read."""
    unread: int = 0
    """Details that were not checked, because no keys were given."""
    covered: list[Covered] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    more: int = 0
    """Findings that are counted, not told."""
    _first_exact: int | None = None
    _spans: list[tuple[int, int]] = field(default_factory=list)

    def found(self, kind: str, index: int | None, text: str, end: int | None = None) -> None:
        """Take a finding in."""
        assert kind in FINDINGS
        if index is not None and end is not None and end > index + 1:
            self._spans.append((index, end))
        elif index is not None and (self._first_exact is None or index < self._first_exact):
            self._first_exact = index
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(Finding(kind, index, text, end))
        else:
            self.more += 1

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    @property
    def first_bad(self) -> int | None:
        """The lowest index that is named, or the beginning of a span in which none is."""
        exact = self._first_exact
        unexplained = [start for start, end in self._spans if exact is None or not start <= exact < end]
        return min(unexplained if exact is None else [exact, *unexplained], default=None)

    def as_json(self) -> dict[str, Any]:
        """All of it as JSON values."""
        covered = [
            {"processor": line.place[0], "topic": line.place[1], "partition": line.place[2]}
            | {"from": line.first, "to": line.to, "counts": dict(line.counts)}
            for line in self.covered
        ]
        findings = [{"kind": f.kind, "index": f.index, "end": f.end, "text": f.text} for f in self.findings]
        return {
            "ok": self.ok,
            "size": self.size,
            "root": self.root.hex(),
            "first_bad": self.first_bad,
            "entries": self.entries,
            "checkpoints": self.checkpoints,
            "pending": self.pending,
            "details": {"checked": self.details, "erased": self.erased, "unread": self.unread},
            "coverage": covered,
            "findings": findings,
            "more_findings": self.more,
        }

    def _verdict(self) -> str:
        """Which is not good: the log, or nothing but checkpoints that were altered."""
        count = len(self.findings) + self.more
        if all(each.kind == "note" for each in self.findings) and not self.more:
            which = "A CHECKPOINT IS" if count == 1 else f"{count} CHECKPOINTS ARE"
            # Not that the log is good: whoever replaced it whole signed it whole.
            why = "altered, or the log and its key were replaced"
            rest = f"the log agrees with itself and all others: {self.size} entries, root {self.root.hex()}"
            return f"{which} NOT GOOD: {why}; {rest}"
        first = "" if self.first_bad is None else f"; the first bad index is {self.first_bad}"
        return f"THE LOG IS NOT GOOD: {count} findings{first}"

    def lines(self) -> list[str]:
        """All of it in words, the verdict first."""
        words = [
            f"The log is good: {self.size} entries, root {self.root.hex()}" if self.ok else self._verdict(),
            f"{self.entries} of {self.size} entries are those that were sealed; {self.pending} wait to be sealed",
            f"{self.checkpoints} checkpoints were compared with the entries",
            f"{self.details} details are those committed to; {self.erased} are erased; {self.unread} were not checked",
        ]
        for line in self.covered:
            processor, topic, partition = line.place
            counts = ", ".join(f"{fate} {number}" for fate, number in sorted(line.counts.items()))
            words.append(f"{processor} {topic}/{partition}: offsets {line.first} to {line.to - 1}: {counts}")
        words += [
            f"{'' if f.index is None else f'entry {f.index}: '}{f.text} [{f.kind}]" for f in self.findings
        ]
        return words + ([f"and {self.more} findings more"] if self.more else [])
