"""A simulated county: partner agencies that use `client/` and nothing else."""
