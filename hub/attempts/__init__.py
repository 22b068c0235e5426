"""Attempts: the only way in which a delivery leaves, over Kafka or through the inbox.

Source: STREAMING.md sections 4 and 5.

`rows` reads deliveries, `judge` says purely which of them may leave, `begin` compares, records and commits,
`mark` writes what became of it. `lines` is what the owner of a desk remembers, `inbox` the desk's own
reading.

Every desk has one line and one inbox. The relay sends each delivery to the desk's topic once; the inbox
shows every delivery that was released and is not acknowledged, and releases the next ones itself if it is
asked before the relay has come to them. Both are attempts of one delivery, with one id, each with its own
audit entry.
"""
