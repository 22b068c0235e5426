"""The relay: attempts to release what was decided, their retries and their ends."""
