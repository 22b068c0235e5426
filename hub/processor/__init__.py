"""The one mechanism by which the state of a family, person, pathway or outcome changes.

`feed` gives records of the partitions that this process owns, from the position that SQL holds; `batch` runs
a
pure handler over them and commits everything that follows in one transaction whose first statement is the
compare-and-set of the position; `loop` repeats that, retries, parks what our own faults stop, and never
skips.
"""
