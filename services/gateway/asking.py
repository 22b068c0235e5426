"""What a task still lacks a second person for: who asked, when and why, as that second person reads it.

A task's row holds ids and codes. Who the first person is and the words of their reason are sealed in it under that
person's own key, so that they go with it; they are opened for one task at a time and never in a list.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from hub.clock import format_micros
from hub.database import Connection
from hub.keys import KeyRing
from hub.looks import user_subject
from services.gateway import words
from services.gateway.doing import Doing, Task

ASKED: Final = "asked"
"""In a task's detail: action → who asked for it, when, why."""
_FIRST: Final = {"discard": "discard_asked_by", "place": "place_asked_by"}
HIDDEN: Final = frozenset({*_FIRST.values(), ASKED})
"""What of a task's detail is shown as `asked`, or not at all."""
_NOTE: Final = """
UPDATE task SET detail = detail || jsonb_build_object(
    %(first)s::text, %(me)s::text,
    'asked', coalesce(detail -> 'asked', '{}') || jsonb_build_object(%(action)s::text, %(asked)s::jsonb))
WHERE task_id = %(task)s
"""


async def is_first(doing: Doing, action: str = "discard") -> bool:
    """Whether nobody else of the desk has asked for it yet; notes who does, and why: once, whoever asks again."""
    me = user_subject(doing.parts.secret, doing.look.desk, doing.look.user)
    first = doing.task.detail.get(_FIRST[action])
    if first is not None:
        return bool(first == me)
    await doing.parts.ring.create(doing.conn, me, "user", doing.at)
    said = {
        "at": doing.at,
        "why": doing.given.get("why"),
        "sealed": words.sealed(doing.parts.ring, me, words.ASKED, doing.task.id, doing.look),
    }
    asked = orjson.dumps(said).decode()
    given = {"first": _FIRST[action], "me": me, "action": action, "asked": asked, "task": doing.task.id}
    await doing.conn.execute(_NOTE, given)
    return True


def awaits(task: Task) -> bool:
    """Whether one person has asked for something of it that takes two."""
    return not task.detail.keys().isdisjoint(_FIRST.values())


def asked(task: Task) -> Iterator[dict[str, Any]]:
    """What was asked for, by which desk, when, and why as a code."""
    if desk := task.detail.get("asked_by"):
        yield {
            "action": "approve",
            "by": desk,
            "at": format_micros(task.opened_at),
            "why": task.detail.get("why"),
        }
    noted = task.detail.get(ASKED, {})
    for action, first in _FIRST.items():
        if first in task.detail:
            at = noted.get(action, {}).get("at")
            yield {
                "action": action,
                "by": task.owner,
                "at": None if at is None else format_micros(at),
                "why": noted.get(action, {}).get("why"),
            }


async def asked_in_words(conn: Connection, ring: KeyRing, task: Task) -> list[dict[str, Any]]:
    """As `asked`, with who of the desk it was and their own words, unless they were erased."""
    firsts = {action: task.detail[first] for action, first in _FIRST.items() if first in task.detail}
    erased = await ring.load(conn, firsts.values())
    noted = task.detail.get(ASKED, {})
    return [
        each | _words(ring, firsts[each["action"]], task.id, noted.get(each["action"], {}))
        if each["action"] in firsts and firsts[each["action"]] not in erased
        else each
        for each in asked(task)
    ]


def _words(ring: KeyRing, user: str, task: str, noted: Mapping[str, Any]) -> dict[str, str]:
    if "sealed" not in noted:
        return {}
    return words.opened(ring, user, words.ASKED, task, noted["sealed"])
