"""A life lived through, and what its own record of decisions says of it: who opposes whom, and what is shielded.

Nothing here is a list made by hand. A desk *opposes* when the facts of a decision say so. An event is *wholly shielded*
from it when every decision on every copy of it gave that desk nothing, held nothing and told it of nothing withheld,
part of it being forbidden for the sake of somebody who is shielded from that desk, and when the desk's own roles and
whom it opposes are the same before and after: I05 speaks of pairs as they are, and of its roles a desk may hear.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hub import ledger
from hub.stack.stack import Stack
from tests.integration.noninterference.county import FAMILIES, Told, without
from tests.integration.noninterference.watched import Seen, Watched

SHIELDED: Final = frozenset({"F01", "F02", "F09"})
"""The forbids that shield somebody: from who opposes them; by a restriction; by a court's order."""
EVERYTHING_EVERY: Final = 12
"""Every so many events each surface is asked; after the others those on which a difference shows first."""


@dataclass
class Record:
    """One decision on one copy of an event. `opposing`: the desks that oppose somebody in that family by then.

    `turned`: the desks whose roles, or whom they oppose, are others after it than before, over all families.
    """

    event: str
    desks: Mapping[str, Any]
    opposing: frozenset[str]
    turned: frozenset[str]


@dataclass
class Run:
    """One life: what each watched desk saw after each event, how publishers were answered, what was decided."""

    seen: list[dict[str, Seen]] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)
    """The copies of events in the logs → which event of the life."""

    @property
    def opposing(self) -> set[str]:
        """The desks that oppose somebody at any time."""
        return {desk for each in self.records for desk in each.opposing}


async def live(
    stack: Stack,
    dsn: str,
    life: Sequence[Told],
    gone: Collection[int] = (),
    watched: Sequence[Collection[str]] | None = None,
) -> Run:
    """Live through it without what is `gone`, at the same instants.

    `watched`: who is watched after each event; None: whoever opposes somebody by then.
    """
    hub = Watched(stack, dsn)
    with hub.apart:
        await hub.start()
        try:
            reading, run = _Reading(hub), Run()
            for each in life:
                hub.clock.at = each.at
                answered = b""
                if each.number not in gone:
                    answered = await hub.say(each)
                await hub.come_to_rest()
                run.records += await reading.on()
                who = run.opposing if watched is None else watched[each.number]
                families = [reading.families.get(name, "") for name in FAMILIES]
                everything = each.number % EVERYTHING_EVERY == 0 or each is life[-1]
                seen = {}
                for desk in sorted(who):
                    seen[desk] = await hub.see(desk, life[: each.number + 1], families, everything=everything)
                    if each.desk == desk:
                        seen[desk]["answer"] = answered
                run.seen.append(seen)
                await hub.come_to_rest()
            run.records += await reading.on()
            run.numbers = await reading.numbers(life)
            return run
        finally:
            await hub.close()


class _Reading:
    """Reads the record of decisions on from where it was."""

    def __init__(self, hub: Watched) -> None:
        self.hub = hub
        self.families: dict[str, str] = {}
        self._last = 0
        self._stands: dict[str, dict[str, Any]] = defaultdict(dict)

    async def on(self) -> list[Record]:
        """What was decided since."""
        opened = await self.hub.ask("SELECT family_id::text FROM family ORDER BY opened_at")
        self.families = dict(zip(FAMILIES, [row[0] for row in opened], strict=False))
        rows = await self.hub.ask(
            "SELECT seq, entry_id::text FROM audit_entry JOIN audit_pending USING (entry_id)"
            " WHERE kind = 'decision.made' AND seq > %s ORDER BY seq",
            self._last,
        )
        found = []
        async with self.hub.database.transaction() as conn:
            for seq, entry in rows:
                self._last = seq
                plain = (await ledger.read_details(conn, self.hub.ring, entry))[0]
                where = await conn.execute(
                    "SELECT key::text FROM event WHERE event_id = %s", (plain["event"],)
                )
                ((family,),) = await where.fetchall()
                stands = plain["facts"]["desks"]
                before = {desk: self._standing(desk) for desk in stands}
                self._stands[family] |= stands
                turned = frozenset(desk for desk, how in before.items() if how != self._standing(desk))
                opposing = frozenset(desk for desk, how in stands.items() if any(how["opposes"].values()))
                found.append(Record(plain["event"], plain["desks"], opposing, turned))
        return found

    def _standing(self, desk: str) -> tuple[Any, ...]:
        """A desk's roles and whom it opposes, in all families together."""
        here = {family: each[desk] for family, each in self._stands.items() if desk in each}
        in_families = sorted((family, role) for family, how in here.items() for role in how["family"])
        roles = {
            (who, role) for how in here.values() for who, each in how["persons"].items() for role in each
        }
        opposed = {who for how in here.values() for who, tri in how["opposes"].items() if tri}
        return in_families, roles, opposed

    async def numbers(self, life: Sequence[Told]) -> dict[str, int]:
        """The copies of the events of a life."""
        by_receipt = {self.hub.receipt(each).rpartition("/")[2]: each.number for each in life}
        rows = await self.hub.ask(
            "SELECT event_id::text, receipt_id::text FROM event WHERE receipt_id IS NOT NULL"
        )
        return {event: by_receipt[receipt] for event, receipt in rows if receipt in by_receipt}


def shielded(life: Sequence[Told], run: Run, desk: str) -> set[int]:
    """The events of a life that are wholly shielded from a desk."""
    records = defaultdict(list)
    for each in run.records:
        if each.event in run.numbers:
            records[run.numbers[each.event]].append(each)
    return {
        number
        for number, found in records.items()
        if life[number].desk != desk
        and all(_is_nothing(each, desk) and desk not in each.turned for each in found)
        and any(_is_forbidden(each, desk) for each in found)
    }


def alone(life: Sequence[Told], hidden: Collection[int], number: int) -> set[int]:
    """What is left out with an event: nothing at all if something that needs it is not shielded itself."""
    gone = without(life, {number})
    return gone if gone <= set(hidden) else set()


def _is_nothing(record: Record, desk: str) -> bool:
    """Whether a decision gave a desk nothing, without a word."""
    if desk not in record.desks:
        return True
    verdict = record.desks[desk]
    silent = {cell[2] for cell in verdict["cells"]} <= {"silent"}
    return verdict["result"] == "nothing" and not verdict["withheld"] and silent


def _is_forbidden(record: Record, desk: str) -> bool:
    """Whether it is nothing for the sake of somebody who is shielded from the desk."""
    if desk not in record.opposing:
        return False
    return any(cell[3] in SHIELDED for cell in record.desks.get(desk, {"cells": []})["cells"])


@dataclass(frozen=True, slots=True)
class Difference:
    """What a desk sees otherwise when something is left out."""

    desk: str
    after: Told
    surface: str
    left_out: tuple[str, ...]
    with_it: bytes | None
    without_it: bytes | None

    def __str__(self) -> str:
        return (
            f"{self.desk} sees in {self.surface}, after event {self.after.number} ({self.after.kind}),"
            f" that left out was {', '.join(self.left_out)}\n with:    {self.with_it!r}\n without: {self.without_it!r}"
        )


def differences(
    life: Sequence[Told], gone: Collection[int], desk: str, with_it: Run, without_it: Run
) -> list[Difference]:
    """Everything that a desk sees otherwise, in order."""
    left_out = tuple(f"{each} {life[each].kind}" for each in sorted(gone))
    found = []
    for told, here, there in zip(life, with_it.seen, without_it.seen, strict=True):
        one, other = here.get(desk, {}), there.get(desk, {})
        for surface in sorted(one.keys() | other.keys()):
            if one.get(surface) != other.get(surface):
                difference = Difference(desk, told, surface, left_out, one.get(surface), other.get(surface))
                found.append(difference)
    return found
