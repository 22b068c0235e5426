"""How often Python looks for reference cycles in a process that lives long and holds much.

A processor keeps thousands of states and makes some hundred objects an event; almost none of them form cycles. With
Python's own thresholds the collector walks all of it again and again: measured, 40% of a router's CPU.
"""

import gc
from typing import Final

THRESHOLDS: Final = (50_000, 20, 100)


def rarely() -> None:
    """Look rarely from now on, and never again at what was made up to here. Call it when everything is loaded."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
