"""Outcome measures and indicators."""
