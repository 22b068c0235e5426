"""A checkpoint that somebody kept, as `audit verify` is given it: what is none says nothing about the log."""

from pathlib import Path

import pytest

from cli.audit import kept_note
from cli.edge import explain
from cli.local import UsageError
from services.audit.note import Checkpoint, Signer, seal_note

ORIGIN = "hub.example/log"


def signed(origin: str, key: bytes = bytes(32)) -> bytes:
    text = Checkpoint(origin, 6, bytes(32)).text
    return seal_note(text, [Signer(origin, key).sign(text)])


def test_a_kept_checkpoint_is_held_to_the_log_when_it_names_it_whoever_signed_it(tmp_path: Path) -> None:
    for key in (bytes(32), b"k" * 32):
        (tmp_path / "kept").write_bytes(signed(ORIGIN, key))
        assert kept_note(tmp_path / "kept", ORIGIN) == signed(ORIGIN, key)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        (b"", "expected a checkpoint"),
        (b"\xff\x00", "expected a checkpoint"),
        (b'{"events": []}', "expected a checkpoint"),
        (signed(ORIGIN).replace(b"\n\n", b"\n"), "expected a checkpoint"),
        (signed(ORIGIN).replace(b"6", b"06", 1), "expected a checkpoint"),
        (signed("other.example/log"), "another log"),
    ],
)
def test_a_file_is_a_mistake_of_who_typed_it_when_it_is_no_checkpoint_of_the_log(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    file = tmp_path / "kept"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError) as refused:
        kept_note(file, ORIGIN)
    message, code = explain(refused.value) or ("", 0)
    assert (code, said in message, str(file) in message) == (2, True, True)
