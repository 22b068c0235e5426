"""Peers: other ways to do a part of the hub's work, on the same servers and the same records, in the same run.

What each does for a record: decode it, decide with a light rule for four recipients, keep a state a key, store two
deliveries and an audit row, produce both to Kafka, mark them. No sharing rules, no encryption, no tamper-evident log,
no guards. So the hub is expected to cost more; the ratio says how much more all of that costs.
"""
