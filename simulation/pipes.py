"""How a simulated desk talks with whoever started it: lines in, one JSON object a line out."""

import asyncio
import json
import sys
from collections.abc import Mapping
from typing import Any


class OrphanedError(Exception):
    """Whoever started the desk has gone."""


async def standard_input() -> asyncio.StreamReader:
    """The lines that come in."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


def say(told: Mapping[str, Any]) -> None:
    """Say it, at once."""
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
