"""The agencies of the county: one module for each, with its habits, and the list of them."""

from collections.abc import Callable
from typing import Final

from simulation.county.agencies import (
    council,
    governance,
    health,
    minutes,
    paragon,
    police,
    probation,
    reach,
    s2w,
    schools,
)
from simulation.county.county import County
from simulation.county.letters import Letter

WRITERS: Final[tuple[Callable[[County], list[Letter]], ...]] = (
    governance.letters,
    council.letters,
    minutes.letters,
    police.letters,
    s2w.letters,
    reach.letters,
    paragon.letters,
    probation.letters,
    schools.letters,
    health.letters,
)
"""Each writes what its desks send in the year."""
