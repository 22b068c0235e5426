"""The demo's main story: the simulated county lives its year on a hub of its own, and what came of it."""
