"""A simulated county: partner agencies that use the public interfaces and nothing else."""
