"""One desk, as a process of its own: `python -m simulation DESK PROFILE MAILBAG`.

Standard input: `begin start,speed,anchor` once the hub is up; `cue DESK:TAG` for what others publish or remark;
`close` to read what is left and end. Standard output: one JSON object a line for all that the desk does. MAILBAG gets
every byte that the hub sends here, as it came.
"""

import asyncio
import sys
from pathlib import Path

from client.http import HubClient, Profile
from client.topic import KafkaAccess, TopicReader
from simulation.desk import Desk
from simulation.pipes import OrphanedError, say, standard_input
from simulation.reading import INBOX, TOPIC
from simulation.scripts import SCRIPTS
from simulation.time import SandboxTime


async def run(name: str, profile: Path, mailbag: Path) -> None:
    """Work the script once told to begin; then stay until told to close."""
    script, doors = SCRIPTS[name]
    lines = await standard_input()
    word, _, numbers = (await lines.readline()).decode().strip().partition(" ")
    if word != "begin":
        raise OrphanedError
    time = SandboxTime.parse(numbers)
    with mailbag.open("ab") as bag:
        hub = HubClient(Profile.load(profile), watch=bag.write)
        async with hub:
            desk = Desk(hub, time, say)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_listen(lines, desk))
                if INBOX in doors:
                    tasks.create_task(desk.read_inbox())
                if TOPIC in doors:
                    tasks.create_task(
                        desk.read_topic(TopicReader(KafkaAccess.load(profile), watch=bag.write))
                    )
                await script(desk)
                desk.tell("done")
            await desk.tell_receipts()
    desk.tell("closed")


async def _listen(lines: asyncio.StreamReader, desk: Desk) -> None:
    while line := (await lines.readline()).decode().strip():
        word, _, rest = line.partition(" ")
        if word == "close":
            desk.ending.set()
            return
        await desk.cue(rest)
    raise OrphanedError


def main() -> None:
    """Entry point."""
    name, profile, mailbag = sys.argv[1:]
    asyncio.run(run(name, Path(profile), Path(mailbag)))


if __name__ == "__main__":
    main()
