"""Notes, keys and checkpoints against the public examples of their formats."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.audit import note
from services.audit.note import Checkpoint, NoteError, Signature

# Keys, text and signatures of the note tests in golang/mod (BSD licence).
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_SECRET = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETER_SIG = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNX"
    "gKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
ENOCH_SIG = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG"
    "01oOTGwnWLox33WWd1RvMc+QQ=\n"
)
# The key of Go's checksum database, and the signature that C2SP tlog-checkpoint shows in its example.
GO_SUM = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
GO_SUM_NOTE = (
    "go.sum database tree\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— sum.golang.org Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q"
    "1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
)

ROOT = "A" * 43 + "="

peter, enoch = note.parse_vkey(PETER), note.parse_vkey(ENOCH)


@pytest.mark.parametrize("vkey", [PETER, ENOCH, GO_SUM])
def test_verifier_key_reads_back_when_it_is_a_published_one(vkey: str) -> None:
    assert note.parse_vkey(vkey).vkey == vkey


@pytest.mark.parametrize(
    ("key", "parse"), [(PETER, note.parse_vkey), (PETER_SECRET, note.parse_skey)], ids=["verifier", "signer"]
)
def test_key_is_refused_when_it_is_mangled_in_any_way(key: str, parse: Callable[[str], object]) -> None:
    parse(key)
    cuts = [(i, j) for i in range(len(key) + 1) for j in range(i + 1, len(key) + 1)]
    mangled = [key[i:j] for i, j in cuts if key[i:j] != key]
    mangled += [key[:i] + chr(ord(c) + 1) + key[i + 1 :] for i, c in enumerate(key)]
    for text in mangled:
        with pytest.raises(NoteError):
            parse(text)


@pytest.mark.parametrize(
    "vkey",
    [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        PETER.replace("c74f20a3", "C74F20A3"),
    ],
    ids=["length", "algorithm", "capitals"],
)
def test_verifier_key_is_refused_when_its_hash_fits_but_its_form_does_not(vkey: str) -> None:
    with pytest.raises(NoteError):
        note.parse_vkey(vkey)


def test_signature_has_the_published_bytes_when_the_published_key_signs() -> None:
    signer = note.parse_skey(PETER_SECRET)
    assert signer.verifier == peter
    assert note.seal_note(TEXT, [signer.sign(TEXT)]).decode() == TEXT + "\n" + PETER_SIG


def test_note_opens_when_a_real_log_has_signed_it() -> None:
    opened = note.open_note(GO_SUM_NOTE.encode(), [note.parse_vkey(GO_SUM)])
    assert note.parse_checkpoint(opened.text).size == 20_852_163


def test_unknown_signer_is_ignored_when_a_known_one_has_signed() -> None:
    opened = note.open_note((TEXT + "\n" + PETER_SIG + ENOCH_SIG).encode(), [peter])
    assert opened.text == TEXT
    assert [s.line for s in opened.verified] == [PETER_SIG]
    assert [s.line for s in opened.unknown] == [ENOCH_SIG]


def test_both_signatures_are_verified_when_both_keys_are_known() -> None:
    opened = note.open_note((TEXT + "\n" + PETER_SIG + ENOCH_SIG).encode(), [peter, enoch])
    assert [s.line for s in opened.verified] == [PETER_SIG, ENOCH_SIG]
    assert opened.unknown == ()


def test_note_is_refused_when_no_known_key_has_signed() -> None:
    with pytest.raises(NoteError, match="no signature of a known key"):
        note.open_note((TEXT + "\n" + PETER_SIG).encode(), [])


def test_note_is_refused_when_a_used_key_is_ambiguous_alone() -> None:
    with pytest.raises(NoteError, match="ambiguous key"):
        note.open_note((TEXT + "\n" + ENOCH_SIG).encode(), [enoch, peter, enoch])
    note.open_note((TEXT + "\n" + PETER_SIG).encode(), [enoch, peter, enoch])


def test_note_is_refused_when_a_known_signature_fails() -> None:
    broken = PETER_SIG[:60] + "ABCD" + PETER_SIG[60:]
    good = note.parse_skey(PETER_SECRET).sign(TEXT)
    flipped = Signature(good.name, good.key_id, bytes([good.raw[0] ^ 1]) + good.raw[1:])
    for line in (broken, flipped.line):
        with pytest.raises(NoteError, match="invalid signature"):
            note.open_note((TEXT + "\n" + line + ENOCH_SIG).encode(), [peter, enoch])


def test_repeated_signatures_count_once_when_a_note_is_opened() -> None:
    broken = ENOCH_SIG[:60] + "ABCD" + ENOCH_SIG[60:]
    lines = PETER_SIG + PETER_SIG + ENOCH_SIG + ENOCH_SIG + broken
    opened = note.open_note((TEXT + "\n" + lines).encode(), [peter])
    assert [s.line for s in opened.verified] == [PETER_SIG]
    assert [s.line for s in opened.unknown] == [ENOCH_SIG, broken]


@pytest.mark.parametrize(
    "data",
    [
        TEXT, TEXT + "\n", TEXT + "\n" + PETER_SIG[:-1], "\x01" + TEXT + "\n" + PETER_SIG,
        TEXT + "\n— Bad Name " + PETER_SIG.split(" ")[2], TEXT + "\n" + PETER_SIG + "Unexpected line.\n",
        TEXT + "\n" + PETER_SIG * 101, TEXT + "\n" + PETER_SIG.replace("\n", "\r\n"),
        TEXT + "\n— PeterNeumann x08=\n",
        TEXT + "\n" + PETER_SIG.replace("AM=", "AN="), "x" * 1_000_001, "",
    ],
)  # fmt: skip
def test_note_is_refused_when_it_is_malformed(data: str) -> None:
    with pytest.raises(NoteError):
        note.open_note(data.encode(), [peter])


def test_note_is_refused_when_it_is_not_utf_8() -> None:
    with pytest.raises(NoteError):
        note.open_note(b"\xff" + (TEXT + "\n" + PETER_SIG).encode(), [peter])


@given(st.binary(max_size=200) | st.text(alphabet="— ab+=\n1", max_size=60).map(str.encode))
def test_hostile_note_is_refused_or_read_when_parsed(data: bytes) -> None:
    try:
        text, signatures = note.parse_note(data)
    except NoteError:
        return
    assert note.seal_note(text, signatures) == data


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u2003b", "a\nb"])
def test_signer_is_refused_when_its_name_cannot_stand_in_a_note(name: str) -> None:
    with pytest.raises(NoteError):
        note.Signer(name, bytes(32))


def test_note_is_refused_when_its_text_does_not_end_in_a_newline() -> None:
    with pytest.raises(NoteError):
        note.seal_note("abc", [note.parse_skey(PETER_SECRET).sign("abc")])


def test_cosignature_verifies_over_time_and_whole_text_when_a_witness_signs() -> None:
    text = Checkpoint("hub.example/log", 7, bytes(32)).text
    witness = note.Signer("witness.example/w1", bytes(31) + b"w", note.COSIGNATURE_V1)
    assert note.parse_vkey(witness.verifier.vkey) == witness.verifier
    signed = witness.sign(text, 1_679_315_147)
    assert note.cosigned_at(signed.raw) == 1_679_315_147
    assert note.cosigned_message(text, 5).startswith(b"cosignature/v1\ntime 5\nhub.example/log\n7\n")
    opened = note.open_note(note.seal_note(text, [signed]), [witness.verifier])
    assert opened.verified == (signed,)
    later = Signature(signed.name, signed.key_id, (1_679_315_148).to_bytes(8, "big") + signed.raw[8:])
    with pytest.raises(NoteError, match="invalid signature"):
        note.open_note(note.seal_note(text, [later]), [witness.verifier])
    assert witness.verifier.id != note.Signer("witness.example/w1", bytes(31) + b"w").verifier.id


@pytest.mark.parametrize("time", [None, -1, 1 << 63])
def test_cosignature_is_refused_when_it_states_no_time_of_its_form(time: int | None) -> None:
    witness = note.Signer("w", bytes(32), note.COSIGNATURE_V1)
    with pytest.raises(NoteError):
        witness.sign("x\n", time)


@given(st.integers(0, 1 << 62), st.binary(min_size=32, max_size=32))
def test_checkpoint_reads_back_when_it_is_parsed(size: int, root: bytes) -> None:
    checkpoint = Checkpoint("hub.example/log", size, root)
    assert note.parse_checkpoint(checkpoint.text) == checkpoint


@pytest.mark.parametrize(
    "text",
    [
        f"o\n01\n{ROOT}\n", f"o\n-1\n{ROOT}\n", f"o\n\u0663\n{ROOT}\n", f"\n1\n{ROOT}\n", "o\n1\nAAAA\n",
        f"o\n1\n{ROOT}", f"o\n1\n{ROOT}\nmore\n", "o\n1\n" + "A" * 42 + "B=\n", f"o\n{'9' * 5000}\n{ROOT}\n",
        "o\n1\n", "",
    ],
)  # fmt: skip
def test_checkpoint_is_refused_when_it_is_not_in_its_form(text: str) -> None:
    with pytest.raises(NoteError):
        note.parse_checkpoint(text)
