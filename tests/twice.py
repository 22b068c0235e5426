"""The county twice, each time on a new hub: `python -m tests.twice [options of wraparound demo]`.

From the same seed come the same published bytes and, for every desk and family, the same deliveries in the same
order, however the services raced each other. Exit 1: something differs, and of which desks.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def lived(options: Sequence[str]) -> Mapping[str, Any]:
    """One run; what it says."""
    program = Path(sys.executable).with_name("wraparound")
    done = subprocess.run([program, "demo", "--json", *options], stdout=subprocess.PIPE, check=False)
    said: Mapping[str, Any] = json.loads(done.stdout)
    return said


def differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """What differs between two runs: `published`, or names of desks."""
    first, second = one["digests"], other["digests"]
    found = ["published"] if first["published"] != second["published"] else []
    desks = first["received"].keys() | second["received"].keys()
    return found + sorted(
        desk for desk in desks if first["received"].get(desk) != second["received"].get(desk)
    )


def main() -> int:
    """Entry point."""
    runs = [lived(sys.argv[1:]) for _ in range(2)]
    wrong = differing(*runs)
    for each in runs:
        deliveries = sum(desk["deliveries"] for desk in each["received"].values())
        sys.stdout.write(
            f"{each['published']['accepted']} published, {deliveries} delivered: {each['digests']}\n"
        )
    sys.stdout.write(
        f"different: {', '.join(wrong)}\n" if wrong else "the same, desk by desk and family by family\n"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
