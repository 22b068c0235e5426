"""Some desks of the county in one process: `python -m simulation.county.office PROFILES FOLDER DESK…`.

Each desk is a client of its own, with its own profile, script and journal (scripts.py); they share nothing but the
process. A journal has a line for each event sent, with what came of it, and for each delivery received.

Standard input: `begin` once the hub is up, `post WEEK DESK…`, `look` into the inboxes, `close` to read what is left of
the topics and end. Standard output: `{"did": "posted" | "looked" | "closed", …}`. A topic is read as things come. An
inbox is read when told to: what it shows of what was objected to a moment ago follows from whether it was read before,
and so would follow from the speed of the machine.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from client.events import NewEvent
from client.http import HubClient, HubProblemError, Profile
from client.inbox import InboxReader
from client.topic import KafkaAccess, TopicReader
from simulation.answering import answer
from simulation.approving import approve
from simulation.county.letters import slug
from simulation.county.scripts import journal, mailbag, script_file
from simulation.pipes import OrphanedError, say, standard_input
from simulation.reading import Event, Keep, empty_inbox, read_topic

BY_INBOX: Final = frozenset({"council/west", "paragon/victim", "school/harbour-lane", "health/gp"})
"""Desks that read over HTTP; the others read their topics."""
SECOND_PERSON: Final = "council/chesil"
"""The desk that the hub asks to agree to what council/ig does; it sends after it, in the same week."""
PAGE: Final = 500


class Office:
    """One desk at work."""

    def __init__(self, profile: Path, folder: Path, desk: str) -> None:
        self.desk = desk
        self._profile = profile
        self._script: dict[int, list[Mapping[str, Any]]] = {}
        with script_file(folder, desk).open() as lines:
            for line in lines:
                letter = json.loads(line)
                self._script.setdefault(letter["week"], []).append(letter)
        self._bag = mailbag(folder, desk).open("ab")
        self._journal = journal(folder, desk).open("a")
        self.hub = HubClient(Profile.load(profile), watch=self._bag.write)
        self._inbox = InboxReader(self.hub, limit=PAGE) if desk in BY_INBOX else None

    async def listen(self, ending: asyncio.Event) -> None:
        """Read the desk's topic until told to end; a desk that reads its inbox looks there when it is told to."""
        if self._inbox is None:
            topic = TopicReader(KafkaAccess.load(self._profile), watch=self._bag.write)
            async with topic:
                await read_topic(topic, ending, self._take)

    async def look(self) -> None:
        """Read what the inbox has."""
        if self._inbox is not None:
            await empty_inbox(self._inbox, self._take)

    async def post(self, week: int) -> int:
        """Send the letters of a week, in order. Gives how many."""
        if self.desk == SECOND_PERSON:
            await approve(self.hub)
        letters = self._script.get(week, [])
        events = [NewEvent(each["id"], each["type"], each["data"]) for each in letters]
        for letter, result in zip(letters, await self.hub.publish_batch(events), strict=True):
            self._note({"sent": letter["id"], "type": letter["type"], "week": week, **_came(result)})
        return len(letters)

    async def close(self) -> None:
        """Nothing more is sent or written."""
        await self.hub.__aexit__(None, None, None)
        self._bag.close()
        self._journal.close()

    async def _take(self, door: str, events: list[Event], keep: Keep) -> None:
        for event in events:
            self._note({"received": event, "door": door})
        self._journal.flush()
        await keep(events)
        await answer(self.hub, events)

    def _note(self, line: Mapping[str, Any]) -> None:
        self._journal.write(json.dumps(line) + "\n")


def _came(result: str | HubProblemError) -> dict[str, Any]:
    if isinstance(result, str):
        return {"receipt": result}
    error = (result.problem.get("errors") or [{}])[0]
    return {"status": result.status, "rule": error.get("rule", ""), "pointer": error.get("pointer", "")}


async def run(profiles: Path, folder: Path, desks: list[str]) -> None:
    """Wait for the hub; then post and read when told."""
    lines = await standard_input()
    if (await lines.readline()).decode().strip() != "begin":
        raise OrphanedError
    offices = {desk: Office(profiles / f"{slug(desk)}.json", folder, desk) for desk in desks}
    ending = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as tasks:
            for office in offices.values():
                tasks.create_task(office.listen(ending))
            while (line := (await lines.readline()).decode().split()) != ["close"]:
                if not line:
                    raise OrphanedError
                if line == ["look"]:
                    await asyncio.gather(*(office.look() for office in offices.values()))
                    say({"did": "looked"})
                else:
                    _, week, *sending = line
                    counts = await asyncio.gather(*(offices[desk].post(int(week)) for desk in sending))
                    say({"did": "posted", "week": int(week), "count": sum(counts)})
            ending.set()
    finally:
        for office in offices.values():
            await office.close()
    say({"did": "closed"})


def main() -> None:
    """Entry point."""
    profiles, folder, *desks = sys.argv[1:]
    asyncio.run(run(Path(profiles), Path(folder), desks))


if __name__ == "__main__":
    main()
