"""`python -m tests.oracle --cases 1000000`: the engine against the oracle; exit code 1 if they ever differ."""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import count

from tests.oracle.compare import Case, Difference, _unreadable, cases, differences, shortened, tell

_CHUNK = 50
"""Families a task: short enough to stop soon, long enough to be worth a process."""


def main() -> int:
    """Compare so many decisions, each for every desk."""
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000, help="events decided, each for all desks")
    parser.add_argument("--seed", type=int, default=1, help="the first family")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--stop", type=int, default=5, help="after so many differences")
    given = parser.parse_args()
    done = found = 0
    with ProcessPoolExecutor(given.processes) as pool:
        for start in count(given.seed, _CHUNK * given.processes * 4):
            chunks = [start + index * _CHUNK for index in range(given.processes * 4)]
            for decided, failures in pool.map(compare, chunks):
                done += decided
                found += len(failures)
                print("\n\n".join(failures), end="\n\n" if failures else "")
            print(f"{done} cases, {found} differences", file=sys.stderr)
            if done >= given.cases or found >= given.stop:
                break
    print(f"{done} cases from seed {given.seed}, {found} differences")
    return 1 if found else 0


def compare(first: int) -> tuple[int, list[str]]:
    """The decisions of some families: how many, and each difference told."""
    decided, failures = 0, []
    for seed in range(first, first + _CHUNK):
        for case in cases(seed):
            found = differences(case)
            decided += found is not None
            if found:
                failures.append(told(shortened(case)))
                break
    return decided, failures


def told(case: Case) -> str:
    """A difference in words."""
    found = differences(case)
    assert found
    lines = [
        f"seed {case.seed}, rules {case.rules}, {case.later / 86_400_000_000:g} days later, {_extra(case)}"
    ]
    for index, step in enumerate(case.steps):
        if step.data.get("request") != "-":
            mark = ">" if index == case.asked else " "
            data = _brief({key: value for key, value in step.data.items() if key != "family"})
            lines.append(f"{mark} e{index} +{step.wait / 3_600_000_000:g}h {step.kind} {step.source} {data}")
    lines += [line for each in found for line in _sides(each)]
    return "\n".join(lines)


def _brief(value: object) -> object:
    if isinstance(value, dict):
        if set(value) == {"scheme", "value"}:
            return value["value"]
        return {key: _brief(each) for key, each in value.items() if each not in (None, [], "code", 1)}
    return [_brief(each) for each in value] if isinstance(value, list) else value


def _extra(case: Case) -> str:
    parts = {
        "suspended": case.suspended,
        "probable": case.probable,
        "strangers": case.strangers,
        "unread": set(_unreadable(tell(case.steps).state, case)[1]),
    }
    return ", ".join(f"{name} {value}" for name, value in parts.items() if value) or "plain"


def _sides(each: Difference) -> list[str]:
    rows = [f"    {outcome}" for outcome in each.engine.outcomes]
    verdict = each.engine
    head = f"  {each.desk}: {each.what}: engine {verdict.mask:b} {verdict.withheld} held {verdict.held};"
    return [f"{head} oracle {each.oracle.mask:b} {each.oracle.withheld} held {each.oracle.held}", *rows]


if __name__ == "__main__":
    sys.exit(main())
