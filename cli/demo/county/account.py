"""The county's year as facts that can be asked for: what was sent and what came of it, what desks received. Pure."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from cli.demo.account import kind_of
from simulation.county.letters import AGAIN, Letter

Line = Mapping[str, Any]
REJECTED: Final = "hub.event_rejected"
CHASED: Final = "wraparound.hub.chased.v1"
HUB_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
"""The hub's ids follow from its secret, which every stack makes anew."""


@dataclass(frozen=True)
class Account:
    """`letters`: what was to be sent, in order. `journals`: desk → its lines, in order."""

    letters: Sequence[Letter]
    journals: Mapping[str, Sequence[Line]]

    @cached_property
    def sent(self) -> Sequence[tuple[Letter, Line]]:
        """Each letter with the line of what came of it."""
        mine: dict[str, list[Letter]] = {}
        for letter in self.letters:
            mine.setdefault(letter.desk, []).append(letter)
        found: list[tuple[Letter, Line]] = []
        for desk, letters in mine.items():
            lines = [line for line in self.journals[desk] if "sent" in line]
            found += zip(letters, lines, strict=True)
        return found

    @cached_property
    def received(self) -> Mapping[str, Mapping[str, Any]]:
        """Desk → delivery id → the event as it first came."""
        found: dict[str, dict[str, Any]] = {}
        for desk, lines in self.journals.items():
            mine = found.setdefault(desk, {})
            for line in lines:
                if "received" in line:
                    mine.setdefault(line["received"]["id"], line["received"])
        return found

    def accepted(self) -> int:
        """Distinct events that were accepted."""
        return len({line["receipt"] for _, line in self.sent if "receipt" in line})

    def again(self) -> list[bool]:
        """For each letter that was sent again: whether it got the first one's receipt."""
        first: dict[tuple[str, str], str] = {}
        found = []
        for letter, line in self.sent:
            receipt = first.setdefault((letter.desk, letter.id), line.get("receipt", ""))
            if letter.expect == AGAIN:
                found.append(receipt == line.get("receipt"))
        return found

    def refused(self) -> Counter[tuple[int, str, str]]:
        """How often each status and rule was the answer, and at which pointer."""
        return Counter(
            (line["status"], line["rule"], line["pointer"]) for _, line in self.sent if "status" in line
        )

    def surprises(self) -> list[str]:
        """Letters of which the door made something else than was meant, as `desk id: status`."""
        return [
            f"{letter.desk} {letter.id}: {line.get('status', 'accepted')}"
            for letter, line in self.sent
            if str(line.get("status", "")) != (letter.expect if letter.expect.isdigit() else "")
        ]

    def rejections(self) -> Iterator[tuple[str, str, str]]:
        """Desk, receipt and reason of what a family's log rejected, as its publisher was told."""
        for desk, events in self.received.items():
            for event in events.values():
                if kind_of(event["type"]) == REJECTED:
                    yield desk, event["data"]["receipt"], event["data"]["reason"]

    def meant_to_be_rejected(self) -> set[tuple[str, str]]:
        """Desk and receipt of the letters that were out of order on purpose."""
        return {(letter.desk, line["receipt"]) for letter, line in self.sent if letter.expect == "rejected"}

    def repeated(self) -> list[str]:
        """Deliveries that came more than once by one door, and were not the very same each time."""
        found = []
        for desk, lines in self.journals.items():
            seen: dict[tuple[str, str], Any] = {}
            for line in lines:
                if "received" in line:
                    event = line["received"]
                    if seen.setdefault((line["door"], event["id"]), event) != event:
                        found.append(f"{desk} {event['id']}")
        return found

    def doors(self, desk: str) -> list[str]:
        """The doors by which something came."""
        return sorted({line["door"] for line in self.journals[desk] if "received" in line})

    def withheld(self, desk: str) -> Counter[str]:
        """Categories that the desk was told it may not have, and how often."""
        return Counter(
            each
            for event in self.received[desk].values()
            for each in (event.get("data") or {}).get("withheld") or ()
        )

    def kinds(self, desk: str) -> Counter[str]:
        """What came, by type."""
        return Counter(kind_of(event["type"]) for event in self.received[desk].values())

    def clients(self, desk: str) -> set[str]:
        """The hub's ids of the people referred to a desk."""
        return {
            event["data"]["person"]["value"]
            for event in self.received[desk].values()
            if kind_of(event["type"]) == "referral.requested" and event["data"].get("to") == desk
        }

    def told(self, desk: str) -> str:
        """What the desk got of each family, in order, as a digest: equal where another hub told it the same.

        Between families no order is promised, and the hub's ids are its own: they count by where they first stand.
        What the hub adds of its own accord is compared by itself and without its time: it adds later on a busier
        machine, and so behind more of what was published meanwhile. Chases are left out: what is overdue is looked for
        by the machine's time.
        """
        published = {letter.type for letter in self.letters}
        families: dict[tuple[str, bool], list[str]] = {}
        for event in self.received[desk].values():
            if event["type"] == CHASED:
                continue
            own = event["type"] not in published
            said = [event["type"], None if own else event["time"], event.get("data")]
            families.setdefault((event["subject"], own), []).append(json.dumps(said, sort_keys=True))
        told = sorted(_without_ids("\n".join(lines)) for lines in families.values())
        return hashlib.sha256("\n\n".join(told).encode()).hexdigest()


def _without_ids(text: str) -> str:
    numbers: dict[str, int] = {}
    return HUB_ID.sub(lambda found: f"#{numbers.setdefault(found[0], len(numbers))}", text)
