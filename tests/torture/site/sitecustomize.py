"""Python runs this first where PYTHONPATH begins here: tests.torture.planted changes what it is told to."""

from tests.torture import planted

planted.plant()
