"""Which event types a desk may publish or receive, by authority table and agreements, whatever the facts are."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from hub.partnership import Desk, Partnership
from hub.schemas import Catalogue, EventType
from services.consent.authority import Allowed, may_publish
from services.consent.compiled import UNBUILT, CompiledRules, Permit
from services.consent.event import HUB, kind_of

TO_WHOM_THEY_NAME: Final = frozenset({"hub.event_rejected", "hub.notice_sent", "hub.chased"})
"""Kinds that no agreement shares: the hub sends them to the desk that they name."""


@dataclass(frozen=True)
class Offers:
    """Asked of a partnership, its rules in force and the catalogue; who may publish is no matter of agreements."""

    partnership: Partnership
    in_force: Callable[[], CompiledRules]
    catalogue: Catalogue

    @property
    def rules(self) -> CompiledRules:
        """The rule set in force now."""
        return self.in_force()

    @cached_property
    def _publishers(self) -> dict[str, tuple[str, ...]]:
        """For each type, the desks that may ever publish it, or the hub."""
        table = self.partnership.authority_plain
        names = [*(desk.name for desk in self.partnership.active_desks), HUB]
        return {
            each.type: tuple(
                name
                for name in names
                if isinstance(may_publish(table, self.rules, name, kind_of(each.type)), Allowed)
            )
            for each in self.catalogue
        }

    def publisher(self, event_type: EventType) -> str | None:
        """A desk that may publish the type; None where the hub alone does."""
        return next((name for name in self._publishers[event_type.type] if name != HUB), None)

    def may_publish(self, desk: Desk, event_type: EventType) -> bool:
        """Whether the desk may ever publish the type."""
        return desk.name in self._publishers[event_type.type]

    def may_receive(self, desk: Desk, event_type: EventType) -> bool:
        """Whether some permit could ever release the type's existence to the desk."""
        if not desk.receives:
            return False
        if kind_of(event_type.type) in TO_WHOM_THEY_NAME:
            return True
        publishers = self._publishers[event_type.type]
        # What the hub derives comes from the desk of the request that it answers (RULES.md 4.23).
        sources = [each.name for each in self.partnership.active_desks] if HUB in publishers else publishers
        return not self._is_forbidden(desk, event_type.gate) and any(
            self._could_hold(desk, permit)
            for source in sources
            if source != desk.name or HUB in publishers
            for permit in self.rules.permits(source, desk.name).get(event_type.gate, ())
        )

    def _is_forbidden(self, desk: Desk, category: str) -> bool:
        """Whether a forbid keeps the category from the desk whatever role it holds."""
        forbids = self.rules.forbids.get(category, ())
        return any(
            not each.but and ("any" in each.to or self.rules.matches(each.to, desk.name)) for each in forbids
        )

    def _could_hold(self, desk: Desk, permit: Permit) -> bool:
        """Whether the desk may ever hold a role that the permit asks for, in a delivery of an event."""
        if any(UNBUILT.issuperset(each) for each in permit.when):
            return False
        lacking = {*(() if desk.may_lead else ("lead",)), *(() if desk.may_refer else ("referrer",))}
        return permit.direct or bool(set(permit.roles) - lacking)

    def published(self, desk: Desk) -> list[EventType]:
        """The types that the desk may publish."""
        return [each for each in self.catalogue if self.may_publish(desk, each)]

    def received(self, desk: Desk) -> list[EventType]:
        """The types that the desk may receive."""
        return [each for each in self.catalogue if self.may_receive(desk, each)]
