"""Secrets of a stack: made once, kept in files that only their owner reads."""

import base64
import os
import secrets
from pathlib import Path


def write(file: Path, content: str | bytes, mode: int = 0o600) -> None:
    """Write a file that was never readable by others; whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    partial.unlink(missing_ok=True)
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as opened:
        opened.write(content.encode() if isinstance(content, str) else content)
        opened.flush()
        os.fsync(opened.fileno())
    partial.replace(file)


def once(file: Path, content: str | None = None, mode: int = 0o600) -> str:
    """What the file holds; first written if it is not there: `content`, or 64 random hexadecimal digits."""
    if not file.exists():
        write(file, (secrets.token_hex(32) if content is None else content) + "\n", mode)
    return file.read_text().removesuffix("\n")


def cluster_id() -> str:
    """16 random bytes as Kafka writes a cluster's id; never begins with a dash, which would be an option."""
    return base64.urlsafe_b64encode(b"W" + secrets.token_bytes(15)).decode().rstrip("=")
