"""What a person does about a task, in the transaction that does it; the look at it is recorded with who and why.

| kind | `redrive` | `discard` | `confirm` | `approve`, `refuse` | `note` |
|--|--|--|--|--|--|
| `parked` | the key's events run again, in order | | | | |
| `dead_letter` | a stored event enters its log anew | two people: it is let go | | | |
| `undelivered` | it stands at the end of its desk's line | | | | |
| `unidentified` | | two people, and `why`: it never enters | an unknown id of it is this person's | | |
| `held` | | | the id is this person's; the two are one | | of an enquiry: the desk was telephoned |
| `approval` | | | | the second person's word | |
| `rejected` | | | | | it was seen |
| `both_sides` | | | | | it was seen to: a wall, or another service |
| `left_between` | | | | | it was seen to |
| `acknowledgement` | | | | | of somebody else's notice: it was seen |
| `renewal` | | | | | it was seen to, or the consent is let end |
| `decision` | | | | | of holders who disagree: it was seen to |

`decide`, of an objection, `why`: `upheld`, `overruled`, `ended`; to overrule it takes `ground`, a code, and `told_on`.
`answer`, of a desk's own notice: what it did with what it holds, `why`: `deleted`, `kept_with_reason`, `never_used`.
`place`, of what is `unidentified`: it enters for those who are known; two people, if a row of somebody is left out.

What is a statement enters through acceptance as any event of the desk whose task it is; nothing here is a second way
to change what a log says.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final

import orjson

from hub.database import Connection
from hub.ids import derive
from hub.looks import Recorder
from hub.outbox import LogEvent, put
from hub.processor import stored
from services.consent.due import DECISION, OBJECTION, RENEWAL
from services.consent.notified import ACKNOWLEDGED
from services.gateway import activating, directory, doubts, left, unknown, waiting
from services.gateway.acceptance import accept_batch, register_alone
from services.gateway.asking import is_first
from services.gateway.claims import Accepted
from services.gateway.cloudevents import CloudEvent
from services.gateway.doing import Doing, Task, end
from services.gateway.given_back import give_back
from services.gateway.placing import Placing
from services.gateway.problems import NOT_FOUND, ProblemError, invalid

REDRIVE: Final = "wraparound.hub.redrive_requested.v1"
LINKED: Final = "wraparound.hub.identity_linked.v1"
PERHAPS_ONE: Final = "perhaps_one"
"""The reason of a task about two who may be one human."""
APPROVAL: Final = "wraparound.hub.approval_given.v1"
ANSWERED: Final = f"wraparound.{ACKNOWLEDGED}.v1"
ANSWER: Final = "acknowledgement"
DEALT_WITH: Final = ("deleted", "kept_with_reason", "never_used")
"""What a desk did with what it held by a consent that ended."""
DECIDED: Final = "wraparound.consent.objection_decided.v1"
OUTCOMES: Final = ("upheld", "overruled", "ended")
"""What becomes of an objection."""
DONE: Final = "done"
ASKED: Final = "asked"
WHY: Final = ("mistyped", "nobody_of_ours", "sent_twice", "taken_back_by_its_desk")
"""Why an event that waits is let go."""
_OF_AN_AGENCY: Final = frozenset({"agency", "agreement"})
"""In the detail of a task whose answer belongs to no family."""
AWAITED: Final = "awaits a second person"


def actions(task: Task) -> list[str]:
    """What may be done about a task that is open: of a dead letter that is no event of the hub's, no redriving.

    One about an event that waits was `unknown.told` before: where nobody in it is unknown, there is nobody to confirm.
    """
    if task.done_at is not None:
        return []
    return sorted(action for kind, action in ACTIONS if kind == task.kind and _is_open(task, action))


def _is_open(task: Task, action: str) -> bool:
    """Whether this very task allows what its kind does: whoever was told answers, and who hears of that notes it."""
    if task.kind == ANSWER:
        return bool((action == "answer") == (task.detail["to"] == task.owner))
    if task.kind == DECISION:
        return (action == "decide") == (task.reason == OBJECTION)
    if task.kind == doubts.KIND:
        return (action == "confirm") == (task.reason in {doubts.REASON, PERHAPS_ONE})
    if (task.kind, action) == (unknown.KIND, "confirm"):
        return unknown.may_confirm(task)
    return task.is_stored or action != "redrive"


async def prepare(conn: Connection, action: str) -> None:
    """Take what an action needs before its task is taken: acceptance takes them in this order."""
    if action in _REGISTERING:
        await register_alone(conn)


async def act(doing: Doing) -> str:
    """Do it, and record it; gives how it stands now. Raises `ProblemError`, `UnrecordedError`."""
    action = doing.action
    do = ACTIONS.get((doing.task.kind, action))
    if do is None or (doing.task.kind in _BY_REASON and not _is_open(doing.task, action)):
        raise ProblemError(NOT_FOUND)
    state = await do(doing)
    if state == ASKED and await _is_closed(doing):
        state = DONE
    parts = doing.parts
    recorder = Recorder(parts.ring, parts.secret, parts.rules, parts.code)
    detail = {
        "task": doing.task.id,
        "kind": doing.task.kind,
        "key": doing.task.key,
        "action": action,
        "state": state,
        **({"why": why} if (why := doing.given.get("why")) else {}),
        **doing.said,
    }
    await recorder.record(doing.conn, "task.done", doing.look, doing.at, {}, detail)
    return state


async def _is_closed(doing: Doing) -> bool:
    """Whether what was published has closed the task with its acceptance: nobody waits for its log then."""
    found = await doing.conn.execute(
        "SELECT done_at IS NOT NULL FROM task WHERE task_id = %s", (doing.task.id,)
    )
    row = await found.fetchone()
    return row is not None and bool(row[0])


async def _redrive_parked(doing: Doing) -> str:
    data = {"processor": doing.task.detail["processor"], "key": doing.task.key}
    return await _publish(doing, REDRIVE, data)


async def _confirm_held(doing: Doing) -> str:
    """Say whose an id is; or of two who may be one that they are: the second person is asked, and their log ends it."""
    task = doing.task
    if task.reason != PERHAPS_ONE:
        return await _confirm(doing)
    family, person, other = (
        {"scheme": "hub", "value": task.detail[name]} for name in ("family", "person", "other")
    )
    said = {"family": family, "person": person, "same_as": other, "degree": "confirmed", "task": task.id}
    return await _publish(doing, LINKED, said)


async def _confirm(doing: Doing) -> str:
    person, identifier = doing.given.get("person"), doing.given.get("identifier")
    for name, value in (("person", person), ("identifier", identifier)):
        if value is None:
            raise invalid(
                f"/{name}", "required", "{scheme, value}", "none", '{"scheme": "liquidlogic", "value": "P-1"}'
            )
    await _check_named(doing, identifier)
    data = {"person": person, "identifier": identifier, "degree": "confirmed", "task": doing.task.id}
    return await _publish(doing, LINKED, data)


async def _check_named(doing: Doing, identifier: Any) -> None:
    """A link is for good: an id is confirmed only where it is one that the task is about. Raises `ProblemError`."""
    conn, parts, task = doing.conn, doing.parts, doing.task
    scheme, value = identifier["scheme"], identifier["value"]
    if task.kind == doubts.KIND:
        token = directory.token(parts.secret, scheme, value)
        if task.reason == doubts.REASON and task.id != doubts.task_id(parts.secret, token):
            raise invalid("/identifier", "codes", "the id that this task is about", "another")
        return
    named = await unknown.of_event(conn, parts, task.key)
    if named is None:
        raise ProblemError(NOT_FOUND)
    open_ids = unknown.confirmable(named)
    if not open_ids:
        expected = "an event that names somebody unknown: whom this one names is known"
        raise invalid("/identifier", "codes", expected, "another", "place")
    if (scheme, value) not in {(ref.scheme, ref.value) for ref in open_ids}:
        schemes = sorted({ref.scheme for ref in open_ids})
        example = orjson.dumps({"scheme": schemes[0], "value": "as its desk tells it"}).decode()
        expected = f"the id of a person whom the event names and nobody knows, of {', '.join(schemes)}"
        raise invalid("/identifier", "codes", expected, "another", example)


async def _approve(doing: Doing) -> str:
    return await _answer(doing, "approved")


async def _refuse(doing: Doing) -> str:
    return await _answer(doing, "refused")


async def _answer(doing: Doing, decision: str) -> str:
    data: dict[str, Any] = {"task": doing.task.id, "request": doing.task.key, "decision": decision}
    if family := doing.task.detail.get("family"):
        data["family"] = {"scheme": "hub", "value": family}
    state = await _publish(doing, APPROVAL, data)
    if "agreement" in doing.task.detail and decision == "approved":
        await activating.check_signed(doing.conn, doing.task.key)
        state = DONE
    await end(doing)
    return state


async def _publish(doing: Doing, type_: str, data: Mapping[str, Any]) -> str:
    """Publish an event of the desk whose task it is. The same again within one opening of the task is one event."""
    task, parts = doing.task, doing.parts
    content = orjson.dumps([type_, data], option=orjson.OPT_SORT_KEYS)
    name = f"task-{task.id}-{task.opened_at}-{sha256(content).hexdigest()[:12]}"
    desk = parts.partnership.desk(task.owner)
    event = CloudEvent(name, desk.name, type_, dict(data), sha256(content).digest())
    checked = parts.checker.check(desk, event, of_agency=not _OF_AN_AGENCY.isdisjoint(task.detail))
    (result,) = await accept_batch(doing.conn, parts, [checked])
    if not isinstance(result, Accepted):
        raise result
    return ASKED


async def _redrive_dead(doing: Doing) -> str:
    """A record that could not be read, of an event that is stored: as a new event of its log, recorded now."""
    conn, parts, event_id = doing.conn, doing.parts, doing.task.key
    found = await conn.execute(
        f"SELECT topic, {stored.STORED} FROM event WHERE event_id = %s::uuid", (event_id,), binary=True
    )
    row = await found.fetchone()
    if row is None:
        raise invalid(
            "", "not-stored", "an event that the hub has accepted", "bytes of somebody else", "discard"
        )
    if row[11] is not None:
        await parts.ring.load(conn, [str(row[11])])
    envelope, body = stored.stored_body(row[1:], parts.ring)
    again = replace(envelope, id=derive(parts.secret, "event", event_id, "redriven"), recorded_at=doing.at)
    await put(
        conn, parts.ring, [LogEvent(again, row[0], body, str(row[11]) if row[11] is not None else None)]
    )
    await conn.execute(
        "UPDATE fate SET kind = 'redriven' WHERE event_id = %s AND kind = 'rejected'", (event_id,)
    )
    await end(doing)
    return DONE


async def _redrive_undelivered(doing: Doing) -> str:
    """A delivery that was given up, at the end of its desk's line: what it rests on is compared as ever."""
    await doing.conn.execute(
        "UPDATE delivery SET status = 'failed', tries = 0, next_mono = 0, seq = nextval('delivery_seq')"
        " WHERE delivery_id = %s AND status = 'dead'",
        (doing.task.key,),
    )
    await end(doing)
    return DONE


async def _discard(doing: Doing) -> str:
    """Let a record go: a second person of the desk must say so too."""
    if await is_first(doing):
        return AWAITED
    conn, event_id = doing.conn, doing.task.key
    found = await conn.execute(
        "UPDATE fate SET kind = 'discarded' FROM event e WHERE fate.event_id = e.event_id"
        " AND e.event_id = %s::uuid AND fate.kind = 'rejected' RETURNING e.raises::text[]",
        (event_id,),
    )
    row = await found.fetchone()
    if row is not None:
        await give_back(conn, doing.parts, event_id, row[0] or (), doing.at)
    await conn.execute("DELETE FROM dead_letter WHERE task_id = %s", (doing.task.id,))
    await end(doing)
    return DONE


async def _discard_waiting(doing: Doing) -> str:
    """Let an event go that waits for somebody whom nobody will ever know: for a reason, as a code, and by two people.

    Whom its acceptance protected is protected by it no longer; what is for their families leaves again.
    """
    if doing.given.get("why") not in WHY:
        raise invalid("/why", "required", ", ".join(WHY), "none of them", f'"{WHY[0]}"')
    if await is_first(doing):
        return AWAITED
    gone = await waiting.let_go(doing.conn, doing.parts.ring, doing.task.key, doing.at)
    if gone is None:
        raise ProblemError(NOT_FOUND)
    await give_back(doing.conn, doing.parts, doing.task.key, gone.raised, doing.at)
    await end(doing)
    return DONE


async def _place(doing: Doing) -> str:
    """An event enters for those whom it names and who are known; two people say so if it says less of somebody then."""
    placing = await Placing.begin(doing.conn, doing.parts, doing.task.key)
    if placing is None:
        raise ProblemError(NOT_FOUND)
    if placing.left_out:
        doing.said["left_out"] = list(placing.left_out)
    if not placing.is_complete and await is_first(doing, "place"):
        return AWAITED
    await placing.enter(doing.at)
    await end(doing)
    return DONE


async def _answer_notice(doing: Doing) -> str:
    """Say what the desk did with what it holds; its log ends the task."""
    done = doing.given.get("why")
    if done not in DEALT_WITH:
        raise invalid("/why", "required", ", ".join(DEALT_WITH), "none of them", f'"{DEALT_WITH[0]}"')
    family = {"scheme": "hub", "value": doing.task.detail["family"]}
    return await _publish(doing, ANSWERED, {"family": family, "notice": doing.task.key, "done": done})


async def _decide(doing: Doing) -> str:
    """Say what becomes of an objection; its log ends the task."""
    outcome, detail = doing.given.get("why"), doing.task.detail
    if outcome not in OUTCOMES:
        raise invalid("/why", "required", ", ".join(OUTCOMES), "none of them", f'"{OUTCOMES[0]}"')
    ground, told_on = doing.given.get("ground"), doing.given.get("told_on")
    if outcome == "overruled":
        for name, value, expected, example in (
            ("ground", ground, "why it is overruled, as a code", '"compelling_grounds"'),
            ("told_on", told_on, "the day on which its person was told", '"2026-04-14"'),
        ):
            if value is None:
                raise invalid(f"/{name}", "required", expected, "none", example)
    family, person = ({"scheme": "hub", "value": detail[name]} for name in ("family", "person"))
    data = {"family": family, "person": person, "objection": doing.task.key, "outcome": outcome}
    data |= {name: value for name, value in (("reason", ground), ("told_on", told_on)) if value is not None}
    return await _publish(doing, DECIDED, data)


async def _note(doing: Doing) -> str:
    """Seen, and taken up with whom it concerns: there is nothing that the hub could do."""
    await end(doing)
    return DONE


ACTIONS: Final[Mapping[tuple[str, str], Callable[[Doing], Awaitable[str]]]] = {
    ("parked", "redrive"): _redrive_parked,
    ("dead_letter", "redrive"): _redrive_dead,
    ("dead_letter", "discard"): _discard,
    ("undelivered", "redrive"): _redrive_undelivered,
    ("unidentified", "confirm"): _confirm,
    ("unidentified", "discard"): _discard_waiting,
    ("unidentified", "place"): _place,
    (doubts.KIND, "confirm"): _confirm_held,
    (doubts.KIND, "note"): _note,
    ("approval", "approve"): _approve,
    ("approval", "refuse"): _refuse,
    ("rejected", "note"): _note,
    ("both_sides", "note"): _note,
    (left.KIND, "note"): _note,
    (ANSWER, "answer"): _answer_notice,
    (ANSWER, "note"): _note,
    (RENEWAL, "note"): _note,
    (DECISION, "decide"): _decide,
    (DECISION, "note"): _note,
}
"""(kind, action) → what it does."""

_BY_REASON: Final = frozenset({ANSWER, DECISION, doubts.KIND})
"""Kinds of which the very task says what may be done about it."""

_REGISTERING: Final = frozenset({"confirm", "place"})
"""Actions that may change who is who, or what waits for that."""
