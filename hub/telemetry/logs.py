"""Logs: one line an event, as text or as JSON, in UTC. What is logged is ours: names, codes, counts, ids of requests.

A message never quotes what an event holds, nor an exception's text (its kind is named); this module adds the frame.
"""

import json
import logging
import time
from pathlib import Path
from typing import Final

from hub.settings import Settings

_TEXT: Final = "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s %(message)s"
_DATE: Final = "%Y-%m-%dT%H:%M:%S"


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `time`, `level`, `logger`, `process`, `message`, and `fault` for an exception's kind."""

    converter = staticmethod(time.gmtime)

    def __init__(self, process: str) -> None:
        super().__init__(datefmt=_DATE)
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = {
            "time": f"{self.formatTime(record, _DATE)}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": self._process,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["fault"] = record.exc_info[0].__name__
        return json.dumps(line, ensure_ascii=False)


def set_up(settings: Settings, process: str) -> None:
    """Log to stderr in the form that the settings name."""
    handler = logging.StreamHandler()
    handler.setFormatter(_formatter(settings, process))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler])
    # What a migration does is in its file; at each start it would only say that there is none.
    logging.getLogger("alembic").setLevel(logging.WARNING)


def to_file(settings: Settings, process: str, file: Path) -> logging.Handler:
    """What writes to the end of a file, in the form that the settings name."""
    file.parent.mkdir(exist_ok=True)
    handler = logging.FileHandler(file, encoding="utf-8")
    handler.setFormatter(_formatter(settings, process))
    return handler


def _formatter(settings: Settings, process: str) -> logging.Formatter:
    if settings.log_format == "json":
        return JsonFormatter(f"{process}-{settings.instance}")
    formatter = logging.Formatter(_TEXT, _DATE)
    formatter.converter = time.gmtime
    return formatter
