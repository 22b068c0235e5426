"""What is asked of the hub once the county's year is over: what it counts, and one family as two desks see it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from client import calls
from client.calls import Profile
from client.sync import SyncHubClient
from hub.stack.stack import Stack
from services.view.text import text
from simulation.county.letters import Letter
from simulation.county.lives import Life
from simulation.county.people import Family

DELIVERIES: Final = "SELECT desk, status, count(*) FROM delivery GROUP BY desk, status"
FATES: Final = """
SELECT coalesce(f.kind, 'none'), count(*) FROM event e LEFT JOIN fate f
ON f.event_id = e.event_id AND f.processor IN ('router', 'people')
WHERE e.receipt_id IS NOT NULL GROUP BY 1
"""
RELEASED: Final = "SELECT desk, count(*) FROM delivery WHERE released_at IS NOT NULL GROUP BY desk"
"""What was read from an inbox counts, also if it was recalled before the topic had it."""
WAITING: Final = "SELECT reason, count(*) FROM waiting GROUP BY reason"
ASKED: Final = "referral.requested"
BEGUN: Final = "referral.support_started"
VICTIM: Final = "paragon/victim"
USER: Final = "team manager"
REASON: Final = "to see in the demo what each desk sees"


@dataclass(frozen=True, slots=True)
class Facts:
    """The hub's own counts.

    `deliveries`: desk → status → rows; `released`: desk → rows; `fates` of what was published, by kind.
    """

    deliveries: Mapping[str, Mapping[str, int]]
    released: Mapping[str, int]
    fates: Mapping[str, int]
    waiting: Mapping[str, int]
    derived: int


@dataclass(frozen=True, slots=True)
class Seen:
    """A family as one desk sees it: its name for the family, the view, and the view in words."""

    desk: str
    family: Family
    view: Mapping[str, Any]
    words: str


def facts(dsn: str) -> Facts:
    """Count."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        deliveries: dict[str, dict[str, int]] = {}
        for desk, status, rows in connection.execute(DELIVERIES):
            deliveries.setdefault(desk, {})[status] = rows
        derived = connection.execute("SELECT count(*) FROM event WHERE receipt_id IS NULL").fetchone()
        return Facts(
            deliveries,
            dict(connection.execute(RELEASED).fetchall()),
            dict(connection.execute(FATES).fetchall()),
            dict(connection.execute(WAITING).fetchall()),
            derived[0] if derived else 0,
        )


def views(stack: Stack, lives: Sequence[Life], letters: Iterable[Letter]) -> list[Seen]:
    """One family as its lead sees it, and as another desk does."""
    life = divided(lives, letters)
    family, other = life.referral.family, life.referral.to
    found = []
    for desk in (family.lead, other):
        profile = Profile.load(stack.identities.profile(desk))
        signed = calls.looking(desk, user=USER, purpose="safeguard", reason=REASON)
        with SyncHubClient(profile) as hub:
            (of,) = hub.run(calls.find_families("liquidlogic", family.ref["value"], signed=signed))
            view = hub.run(calls.family(of["family"], signed=signed))
        found.append(Seen(desk, family, view, text(view)))
    return found


def divided(lives: Sequence[Life], letters: Iterable[Letter]) -> Life:
    """Of what was sent: the support of an alleged perpetrator whose victim is supported, too; else any referral."""
    sent = {(each.kind, each.data["referral"]["value"]) for each in letters if each.kind in (ASKED, BEGUN)}
    begun = [each for each in lives if (BEGUN, each.referral.ref["value"]) in sent]
    asked = [each for each in lives if (ASKED, each.referral.ref["value"]) in sent]
    helped = {each.referral.family.key for each in begun if each.referral.to == VICTIM}
    of_him = [
        each
        for each in begun
        if each.referral.person == each.referral.family.perpetrator and each.referral.family.key in helped
    ]
    return next(iter((*of_him, *begun, *asked)))
