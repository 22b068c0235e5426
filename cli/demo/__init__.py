"""`wraparound demo`: a hub of its own, two families and five desks, a year of their life, and what became of it."""

from cli.demo.command import app

__all__ = ["app"]
