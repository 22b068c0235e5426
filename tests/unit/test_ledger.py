"""Entries as values: their leaf, their commitments, what they do not say."""

from hashlib import sha256
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import ids, ledger
from hub.keys import Cipher, KeyErasedError, KeyRing, _Subject
from hub.ledger import Entry, EntryError

FAMILY, USER, ERASED = (ids.derive(b"s", name) for name in ("family", "user", "erased"))
ENTRY = ids.derive(b"s", "entry")
AT = 1_767_225_600_000_000
WORDS = st.text(max_size=20)


def ring() -> KeyRing:
    keys = KeyRing(b"m" * 32)
    for key_id in (FAMILY, USER):
        key = sha256(key_id.encode()).digest()
        keys._kept[key_id] = _Subject(b"", True, Cipher(key), key, key)
    keys._kept[ERASED] = None
    return keys


def made(**detail: object) -> Entry:
    return ledger.entry(
        ring(), "family.viewed", ENTRY, AT, rules="r" * 64, code="c" * 64, subjects=[FAMILY, USER],
        details=[(FAMILY, detail), (USER, {"reason": "supervision"})],
    )  # fmt: skip


def test_leaf_has_the_header_and_nothing_else_when_an_entry_is_built() -> None:
    leaf = orjson.loads(made(user="invented").leaf)
    assert leaf == {
        "v": 1,
        "id": ENTRY,
        "kind": "family.viewed",
        "recorded_at": "2026-01-01T00:00:00.000000Z",
        "rules": "r" * 64,
        "code": "c" * 64,
        "subjects": [ring().blind(key, ENTRY).hex() for key in (FAMILY, USER)],
        "details": leaf["details"],
    }
    assert all(len(bytes.fromhex(subject)) == 16 for subject in leaf["subjects"])


@given(
    st.dictionaries(WORDS, WORDS | st.integers(-(2**53), 2**53) | st.booleans() | st.lists(WORDS), max_size=5)
)
def test_leaf_is_canonical_and_commits_to_its_details_when_built(detail: dict[str, object]) -> None:
    keys = ring()
    entry = ledger.entry(keys, "search.run", ENTRY, AT, rules="", code="", details=[(USER, detail)])
    leaf = orjson.loads(entry.leaf)
    assert entry.leaf == orjson.dumps(leaf, option=orjson.OPT_SORT_KEYS)
    row = entry.details[0]
    plain = keys.open(USER, ledger.detail_context(ENTRY, 0), row.ciphertext)
    assert orjson.loads(plain) == detail
    assert leaf["details"] == [sha256(b"\x02" + keys.salt(USER, ENTRY, 0) + plain).hexdigest()]
    again = ledger.entry(
        keys, "search.run", ENTRY, AT, rules="", code="", details=[(USER, dict(reversed(detail.items())))]
    )
    assert again == entry


def test_subject_cannot_be_followed_when_it_stands_in_two_entries() -> None:
    other = ids.derive(b"s", "other entry")
    assert ring().blind(FAMILY, ENTRY) != ring().blind(FAMILY, other)
    assert ring().blind(FAMILY, ENTRY) != ring().blind(USER, ENTRY)


def test_salts_differ_when_entry_part_or_subject_does() -> None:
    keys = ring()
    salts = {
        keys.salt(key, entry, part) for key in (FAMILY, USER) for entry in (ENTRY, FAMILY) for part in (0, 1)
    }
    assert len(salts) == 8


def test_nothing_said_stands_in_the_clear_when_an_entry_is_stored() -> None:
    entry = made(user="canary@example.org", nhs="9990000018")
    stored = entry.leaf + b"".join(row.ciphertext for row in entry.details)
    for canary in (b"canary", b"9990000018", b"supervision", FAMILY.encode()):
        assert canary not in stored


def test_detail_does_not_open_when_it_stands_in_another_part_or_entry() -> None:
    keys, row = ring(), made(a=1).details[0]
    for context in (ledger.detail_context(ENTRY, 1), ledger.detail_context(FAMILY, 0)):
        with pytest.raises(Exception, match="another place"):
            keys.open(FAMILY, context, row.ciphertext)


def test_entry_is_refused_when_its_kind_is_unknown() -> None:
    with pytest.raises(EntryError, match="kind"):
        ledger.entry(ring(), "family.seen", ENTRY, AT, rules="", code="")


def test_entry_is_refused_when_its_leaf_does_not_fit_a_bundle() -> None:
    fits = 65_535 - len(ledger.leaf_bytes("coverage", ENTRY, AT, rules="", code=""))
    assert len(ledger.leaf_bytes("coverage", ENTRY, AT, rules="r" * fits, code="")) == 65_535
    with pytest.raises(EntryError, match="65535 bytes"):
        ledger.leaf_bytes("coverage", ENTRY, AT, rules="r" * (fits + 1), code="")


def test_entry_is_refused_when_a_subject_was_erased() -> None:
    with pytest.raises(KeyErasedError):
        ledger.entry(ring(), "search.run", ENTRY, AT, rules="", code="", subjects=[ERASED])
    with pytest.raises(KeyErasedError):
        ledger.entry(ring(), "search.run", ENTRY, AT, rules="", code="", details=[(ERASED, {})])


def test_every_kind_says_what_happened_when_the_list_is_read() -> None:
    assert len(ledger.KINDS) == 33
    assert all(text.endswith(".") and len(text) > 12 for text in ledger.KINDS.values())


def test_code_digest_changes_when_and_only_when_a_file_of_the_configuration_does(tmp_path: Path) -> None:
    first, second, third = (tmp_path / name / "rules" for name in ("first", "second", "third"))
    for folder, text in ((first, "a: 1"), (second, "a: 1"), (third, "a: 2")):
        folder.mkdir(parents=True)
        (folder / "agreement.yaml").write_text(text)
    assert ledger.code_digest(first) == ledger.code_digest(second) != ledger.code_digest(third)
    assert ledger.code_digest() != ledger.code_digest(first)
    assert len(ledger.code_digest()) == 64
