"""A log line is one JSON object, and holds no exception's text."""

import json
import logging

from hub.telemetry.logs import JsonFormatter


def record(message: str, *values: object) -> logging.LogRecord:
    return logging.LogRecord("wraparound.x", logging.WARNING, "file.py", 1, message, values, None)


def test_a_line_is_one_json_object_when_the_message_has_lines_of_its_own() -> None:
    line = JsonFormatter("router-1").format(record("two\nlines %s", "here"))
    found = json.loads(line)
    assert "\n" not in line
    assert (found["message"], found["process"], found["level"]) == ("two\nlines here", "router-1", "warning")
    assert found["time"].endswith("Z")


def test_only_the_kind_of_a_fault_is_logged_when_its_text_may_quote_data() -> None:
    item = record("failed")
    item.exc_info = (ValueError, ValueError("Mara Holt, 999 000 0018"), None)
    line = JsonFormatter("router-1").format(item)
    assert json.loads(line)["fault"] == "ValueError"
    assert "Mara" not in line
