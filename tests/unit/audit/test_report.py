"""What a verification says, in words and as JSON."""

import json

import pytest

from services.audit.coverage import Covered
from services.audit.report import MOST_FINDINGS, Report


def test_verdict_comes_first_when_the_log_is_good() -> None:
    report = Report(size=3, root=b"\x01" * 32, entries=3, checkpoints=2, details=4, erased=1)
    report.covered.append(Covered(("router", "events", 0), 0, 7, {"done": 6, "absent": 1}))
    lines = report.lines()
    assert lines[0] == f"The log is good: 3 entries, root {'01' * 32}"
    assert "4 details are those committed to; 1 are erased; 0 were not checked" in lines
    assert lines[-1] == "router events/0: offsets 0 to 6: absent 1, done 6"


def test_first_bad_index_is_named_when_something_is_wrong() -> None:
    report = Report(size=9)
    report.found("changed", 5, "the entry e is not the one that was sealed")
    report.found("tile", 0, "tile/1/000.p/1 is not that of the entries", 256)
    assert report.lines()[0] == "THE LOG IS NOT GOOD: 2 findings; the first bad index is 5"
    assert "entry 5: the entry e is not the one that was sealed [changed]" in report.lines()
    read = json.loads(json.dumps(report.as_json()))
    assert (read["ok"], read["first_bad"], len(read["findings"])) == (False, 5, 2)


def test_beginning_of_a_span_is_named_when_nothing_in_it_is() -> None:
    report = Report()
    report.found("checkpoint", 10, "…", 20)
    assert report.first_bad == 10
    report.found("changed", 25, "…")
    assert report.first_bad == 10
    report.found("changed", 15, "…")
    assert report.first_bad == 15


def test_further_findings_are_counted_when_there_are_very_many() -> None:
    report = Report()
    for index in range(MOST_FINDINGS + 7, 0, -1):
        report.found("gap", index, "…")
    assert (len(report.findings), report.more, report.first_bad) == (MOST_FINDINGS, 7, 1)
    assert report.lines()[-1] == "and 7 findings more"


@pytest.mark.parametrize(
    ("count", "said"), [(1, "A CHECKPOINT IS NOT GOOD: "), (2, "2 CHECKPOINTS ARE NOT GOOD: ")]
)
def test_the_verdict_names_the_checkpoint_when_nothing_else_is_wrong(count: int, said: str) -> None:
    report = Report(size=7)
    for _ in range(count):
        report.found("note", None, "the checkpoint from outside: no signature")
    assert not report.ok
    assert report.lines()[0].startswith(said)
    assert "or the log and its key were replaced; the log agrees with itself" in report.lines()[0]
    report.found("head", None, "the log has no head")
    assert report.lines()[0] == f"THE LOG IS NOT GOOD: {count + 1} findings"


def test_no_index_is_named_when_no_finding_has_one() -> None:
    report = Report()
    report.found("head", None, "the log has no head")
    assert not report.ok
    assert report.first_bad is None
    assert report.lines()[0] == "THE LOG IS NOT GOOD: 1 findings"
