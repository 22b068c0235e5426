"""`rules prove`: the engine itself, run over every combination of facts that it can be told apart by (ADR 0015)."""
