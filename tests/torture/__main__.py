"""`python -m tests.torture`: every fault on real servers, a row of counts for each; exit 1 if any count is not 0.

python -m tests.torture --events 20000 --kills 200 --seed 1
python -m tests.torture --short
python -m tests.torture --only stops --only planted
"""

import argparse
import json
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.torture import faults
from tests.torture.planted import unprotect
from tests.torture.rig import STANDARD, Rig
from tests.torture.session import Session, progress
from tests.torture.table import Row, heading

Options = argparse.Namespace


@contextmanager
def session(
    options: Options, name: str, *, brokers: int = 1, plant: str = "", bare: bool = False
) -> Iterator[Session]:
    """A rig in a folder of its own, up; the folder goes when all went well. `bare`: no database keys (planted)."""
    folder = Path(tempfile.mkdtemp(prefix=f"torture-{name}-", dir=options.folder))
    began = time.monotonic()
    names = (*STANDARD, "router-3") if brokers == 3 else STANDARD
    with Rig(folder, brokers=brokers, plant=plant, names=names) as rig:
        if bare:
            unprotect(rig.stack.dsn)
        rig.up()
        rig.wait_ready()
        progress(f"{name}: up in {time.monotonic() - began:.0f} s, in {folder}")
        yield Session(rig, options.seed * 1000)
    if not options.keep:
        shutil.rmtree(folder, ignore_errors=True)


def points(options: Options) -> list[Row]:
    """Kill -9 at each named crash point."""
    with session(options, "points") as run:
        for name, breaks in faults.all_points():
            run.run(name, options.each, breaks, connections=6)
        return run.rows


def short(options: Options) -> list[Row]:
    """Kill -9 at every crash point, in one run."""
    with session(options, "short") as run:
        run.run("every crash point in one run", 40 * options.each, faults.every_point, connections=6)
        return run.rows


def kills(options: Options) -> list[Row]:
    """Kill -9 of anything at random moments, with two routers that come and go."""
    with session(options, "kills") as run:
        breaks = faults.random_kills(options.kills, options.seed)
        run.run(f"{options.kills} random kills", options.events, breaks, connections=24)
        return run.rows


def stops(options: Options) -> list[Row]:
    """SIGSTOP beyond the session, then SIGCONT."""
    with session(options, "stops") as run:
        for name, point in faults.STOPS:
            run.run(f"SIGSTOP of {name} at {point}", 4 * options.each, faults.stop_at(name, point))
        return run.rows


def servers(options: Options) -> list[Row]:
    """PostgreSQL and the broker killed and restarted; COMMIT cut; two relays and two sealers."""
    with session(options, "servers") as run:
        run.run("PostgreSQL killed and restarted, twice", 8 * options.each, faults.database_killed)
        run.run("broker killed and restarted", 8 * options.each, faults.broker_killed)
        run.run("two relays, two sealers", 8 * options.each, faults.two_of_each)
        with faults.behind_proxy(run) as proxy:
            run.run("connection cut after COMMIT", 8 * options.each, faults.commits_cut(proxy))
            run.rows[-1].notes.append(f"{proxy.cuts} connections cut")
        return run.rows


def leaders(options: Options) -> list[Row]:
    """Three brokers, each killed in turn."""
    with session(options, "leaders", brokers=3) as run:
        run.run("three brokers, each leader killed", 8 * options.each, faults.leaders_killed)
        return run.rows


def planted(options: Options) -> list[Row]:
    """The checker itself: each planted bug must be caught by the count that is there for it."""
    rows: list[Row] = []
    for plant, expected, breaks in faults.PLANTED:
        with session(options, f"planted-{plant}", plant=plant, bare=plant == "dedupe") as run:
            run.expected, run.longest = expected, 120.0
            run.run(f"planted: {plant} off", 20 * options.each, breaks)
            rows += run.rows
    return rows


PARTS: dict[str, Callable[[Options], list[Row]]] = {
    "points": points,
    "stops": stops,
    "servers": servers,
    "leaders": leaders,
    "planted": planted,
    "kills": kills,
}


def main() -> int:
    """Run the parts asked for; the table on stdout, progress on stderr."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--events", type=int, default=20_000, help="events during the random kills")
    parser.add_argument("--kills", type=int, default=200, help="random kills")
    parser.add_argument(
        "--each", type=int, default=100, help="events for each named fault (some take a multiple)"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", choices=PARTS, help="these parts alone")
    parser.add_argument("--short", action="store_true", help="every crash point in one run, counted once")
    parser.add_argument("--folder", type=Path, default=None, help="where the stacks are made")
    parser.add_argument("--keep", action="store_true", help="leave the stacks' folders")
    parser.add_argument("--json", type=Path, default=None, help="write the rows here as well")
    options = parser.parse_args()
    began = time.monotonic()
    print(heading(), flush=True)
    rows: list[Row] = []
    for part in [short] if options.short else [PARTS[name] for name in options.only or PARTS]:
        rows += part(options)
    bad = [row.name for row in rows if not row.ok]
    print(f"{len(rows)} rows in {time.monotonic() - began:.0f} s; {len(bad)} with findings", flush=True)
    if options.json is not None:
        about = {
            "command": " ".join(sys.argv),
            "machine": platform.platform(),
            "rows": [row.plain() for row in rows],
        }
        options.json.write_text(json.dumps(about, indent=1) + "\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
