"""Words that must not stand in the hub's code, each with what it would cost (STREAMING.md section 2)."""

import re
from pathlib import Path

import pytest

from hub.settings import ROOT

CODE = [
    path
    for folder in ("hub", "services", "cli", "client", "simulation")
    for path in sorted((ROOT / folder).rglob("*.py"))
]

LOSES_EVENTS = {
    r"\bnoack\b": "a gap of one is tolerated and skipped",
    r"\bexactly_once\b": "sends to topics that the app does not consume are outside the transaction",
    r"\bsend_soon\b": "may be unsent when the input is committed",
    r"\bconcurrency\s*=": "offsets are committed past an event in flight",
    r"\.take\([^)]*within": "an exception acknowledges the whole batch",
    r"\bgroup_by\(": "repartitions through Faust's own consumers",
    r"\.Table\(": "a Faust table's changelog may be unsent when the input is committed",
    r"@app\.agent\b": "an exception that leaves its body acknowledges the event",
}

PURE = [
    *sorted((ROOT / "services" / "consent").glob("*.py")),
    ROOT / "services" / "referral_router" / "handler.py",
    ROOT / "services" / "referral_router" / "deciding.py",
    ROOT / "services" / "referral_router" / "people.py",
    ROOT / "services" / "audit" / "merkle.py",
    ROOT / "services" / "audit" / "tiles.py",
]
LOADERS = {"load.py", "in_force.py", "proving.py"}

IMPURE = {
    r"\btime\.(time|time_ns|monotonic|perf_counter)\(": "rules read times that they are given, not the clock",
    r"\.now\(|\.utcnow\(|\.today\(": "as above",
    r"\bimport random\b|\bimport secrets\b|\buuid4\b|\burandom\b": "the same in gives the same out",
    r"\bawait\b|\basync def\b": "no input, no output",
    r"\blogging\b|\bopen\(": "as above",
}


def found(paths: list[Path], words: dict[str, str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {why}"
        for path in paths
        for number, line in enumerate(path.read_text().splitlines(), 1)
        for pattern, why in words.items()
        if re.search(pattern, line)
    ]


def test_nothing_that_loses_events_is_used_when_faust_hosts_us() -> None:
    assert CODE
    assert found(CODE, LOSES_EVENTS) == []


def test_pure_modules_read_no_clock_and_no_world_when_they_decide() -> None:
    pure = [path for path in PURE if path.name not in LOADERS]
    assert len(pure) > 20
    assert found(pure, IMPURE) == []


def test_the_wall_clock_is_read_in_the_clock_module_alone_when_the_hub_needs_time() -> None:
    # The stack is machinery on this machine: it makes certificates and waits for servers.
    stack = ROOT / "hub" / "stack"
    kernel = [
        path
        for path in CODE
        if path.is_relative_to(ROOT / "hub") and not path.is_relative_to(stack) and path.name != "clock.py"
    ]
    assert found(kernel, {r"\btime\.time\(|\btime\.time_ns\(|datetime\.(now|utcnow)\(": "hub.clock"}) == []


@pytest.mark.parametrize("line", ["stream.noack()", "@app.agent(topic)", "processing = exactly_once"])
def test_a_planted_word_is_found_when_somebody_uses_it(tmp_path: Path, line: str) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text(line)
    assert any(re.search(pattern, planted.read_text()) for pattern in LOSES_EVENTS)
