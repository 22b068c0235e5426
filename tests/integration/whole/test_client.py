"""The client's own page runs as it stands; and what Kafka's door rejects comes back by inbox and topic."""

import asyncio
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from client.events import NewEvent
from client.http import HubClient, Profile
from client.topic import KafkaAccess, TopicPublisher, TopicReader
from hub.settings import ROOT
from tests.integration.whole.hub import Whole

REJECTED = "wraparound.hub.event_rejected.v1"
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "client" / "README.md").read_text(), re.DOTALL)


@pytest.fixture
def place(whole: Whole, tmp_path: Path) -> Path:
    """A folder in which a sandbox stands, as the page assumes."""
    (tmp_path / ".wraparound").symlink_to(whole.stack.folder)
    return tmp_path


@pytest.mark.timeout(300)
def test_the_clients_page_publishes_and_receives_when_its_blocks_are_run(place: Path) -> None:
    said = []
    for block in BLOCKS:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", block],
            cwd=place,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
    assert len(said) == 3
    assert re.fullmatch(r"(received|in effect)\n(received|in effect)\n", said[0])


@pytest.mark.timeout(300)
async def test_event_comes_back_to_its_desk_by_inbox_and_topic_when_kafkas_door_rejects_it(
    whole: Whole,
) -> None:
    file = whole.stack.identities.profile("reach/sft")
    access = KafkaAccess.load(file)
    wrong = NewEvent(
        f"wrong-{time.time_ns()}",
        "wraparound.outcome.note_recorded.v1",
        {"person": {"scheme": "crn", "value": "X1"}},
    )
    async with TopicPublisher(access) as publisher:
        await publisher.publish([wrong])
    async with HubClient(Profile.load(file)) as hub:
        for _ in range(60):
            page = await hub.inbox(limit=500, wait=2)
            back = [each["data"] for each in page["events"] if each["type"] == REJECTED and "data" in each]
            if any(data["event"] == wrong.id for data in back):
                break
        assert [data["problems"][0]["pointer"] for data in back if data["event"] == wrong.id] == [
            "/data/person/scheme"
        ]
    async with TopicReader(access) as reader:
        found: list[str] = []
        for _ in range(60):
            found += [each["data"]["event"] for each in await reader.read(1) if each["type"] == REJECTED]
            if wrong.id in found:
                break
            await asyncio.sleep(0)
        assert found.count(wrong.id) == 1
    # Nothing was committed: the topic holds it once more for who looks now and then, and then nothing is left.
    async with TopicReader(access) as reader:
        all_there_is = [each async for events in reader.read_all() for each in events]
        assert [each["data"]["event"] for each in all_there_is if each["type"] == REJECTED].count(
            wrong.id
        ) == 1
        await reader.commit()
        assert [events async for events in reader.read_all()] == []
