"""How fast the hot path is, by part, in one run on one machine: `make bench`."""
