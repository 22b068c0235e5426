"""The short form of `make torture`: every process dies at each of its crash points while events come."""

from pathlib import Path

import pytest

from tests.torture import faults
from tests.torture.rig import Rig
from tests.torture.session import Session


@pytest.mark.timeout(900)  # on a quiet machine it takes less than one
def test_nothing_is_lost_doubled_or_leaked_when_every_process_dies_at_each_crash_point(
    tmp_path: Path,
) -> None:
    with Rig(tmp_path) as rig:
        rig.up()
        rig.wait_ready()
        row = Session(rig, seed=1).run("every crash point", 4000, faults.every_point, connections=6)
    assert row.ok, row.plain()
    assert row.deliveries
    assert row.kills >= len(faults.POINTS)
