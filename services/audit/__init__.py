"""The tamper-evident log: tree, tiles, notes, the sealer, and the verifier that rebuilds all of it."""
