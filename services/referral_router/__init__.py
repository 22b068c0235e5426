"""The router and the people processor: the state of families and persons, and every decision."""
