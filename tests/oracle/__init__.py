"""A second reading of RULES.md, sections 2 to 4: one plain function for each sentence, slow and obvious.

It was written from the specification's words (and ADR 0012, which departs from them) without the engine's code: it
shares with `services.consent` the loaded agreement alone, and with the kernel the schema's items. It answers from
the log itself, reads everything anew for each question, and keeps no state: where the engine has registers, memos
and masks, this has the sentence.

`python -m tests.oracle --cases 1000000` asks both the same and prints every difference.
"""
