"""The torture harness: a seeded workload, faults at every seam, and a checker that counts what went wrong.

`workload` makes the events and their canaries, `publisher` sends them until they are accepted, `rig` runs the hub's
processes and breaks them, `faults` says how, `book` reads what is in PostgreSQL and Kafka, `checker` counts, `planted`
breaks the hub's own protections so that the checker can be seen to fail.
"""
