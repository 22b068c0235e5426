"""Holds signed checkpoints to the tree that the entries give. Pure but for the report that it fills.

Checkpoints from outside are a line of their own: who stole the signing key can sign the stored ones anew, so how
far those are good says nothing about where the entries leave what others kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from services.audit.note import NoteError, Verifier, open_note, parse_checkpoint
from services.audit.report import Report


class Signed(NamedTuple):
    """A checkpoint: its size, its note, and whether others kept it."""

    size: int
    note: bytes
    outside: bool


@dataclass(slots=True)
class _Line:
    size: int = 0
    good: int = 0
    good_below: int = 0
    broken: bool = False

    def reach(self, size: int) -> int:
        """Go on to a checkpoint's size; gives the last smaller size whose checkpoint was good."""
        if size > self.size:
            self.size, self.good_below = size, self.good
        return self.good_below


@dataclass(slots=True)
class Judge:
    """Judges the checkpoints of one log, in order of size."""

    report: Report
    verifiers: Sequence[Verifier]
    origin: str
    _own: _Line = field(default_factory=_Line)
    _outside: _Line = field(default_factory=_Line)

    @property
    def covered(self) -> int:
        """The size of the largest stored checkpoint with a good signature."""
        return self._own.size

    def read_outside(self, notes: Sequence[bytes]) -> list[Signed]:
        """Checkpoints from outside, in order of size; what is none is a finding."""
        found = []
        for number, note in enumerate(notes, 1):
            try:
                size = parse_checkpoint(open_note(note, self.verifiers).text).size
                found.append(Signed(size, note, True))
            except NoteError as error:
                text = "it was altered, or is another log's of this name, or this log or its key was replaced"
                which = "the checkpoint" if len(notes) == 1 else f"number {number} of the checkpoints"
                self.report.found("note", None, f"{which} from outside: {error}; {text}")
        return sorted(found)

    def judge(self, signed: Signed, root: bytes) -> None:
        """Compare a checkpoint with the root that the entries have at its size."""
        report, size = self.report, signed.size
        report.checkpoints += 1
        try:
            checkpoint = parse_checkpoint(open_note(signed.note, self.verifiers).text)
        except NoteError as error:
            report.found("note", None, f"the stored checkpoint at size {size}: {error}")
            return
        if checkpoint.origin != self.origin or checkpoint.size != size:
            report.found("checkpoint", None, f"the checkpoint at size {size} is of another log or size")
            return
        line = self._outside if signed.outside else self._own
        good_until = line.reach(size)
        if checkpoint.root == root:
            line.good = size
        elif line.broken:
            # One finding says where the entries leave what was signed; what follows from it is counted.
            report.more += 1
        else:
            line.broken = True
            text = (
                f"the entries from {good_until} to {size - 1} are not those that were signed at size {size}"
            )
            report.found("checkpoint", good_until, text, size)
