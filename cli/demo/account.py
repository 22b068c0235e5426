"""The year as facts that can be asked for: who published what, what became of it, who received it and why not. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

Line = Mapping[str, Any]
RATED: Final = "Wren"
"""The only child whose risk is rated in the year; no desk is sent her name."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
KIND_START: Final = len("wraparound.")
KIND_END: Final = -len(".v1")


def kind_of(event_type: str) -> str:
    """`wraparound.outcome.measure_recorded.v1` as `outcome.measure_recorded`."""
    return event_type[KIND_START:KIND_END]


def _micros(text: str) -> int:
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Published:
    """An event that the hub accepted. `again`: the receipt was that of an earlier one."""

    desk: str
    tag: str
    kind: str
    receipt: str
    again: bool

    @property
    def name(self) -> str:
        """`desk:tag`."""
        return f"{self.desk}:{self.tag}"


@dataclass(frozen=True, slots=True)
class Refused:
    """An event that the hub did not accept."""

    desk: str
    tag: str
    kind: str
    status: int
    title: str
    where: str
    rule: str


@dataclass(frozen=True, slots=True)
class Account:
    """Journals by desk, and decisions by `desk:tag` as `GET /v1/decisions/…` gives them."""

    journals: Mapping[str, Sequence[Line]]
    decisions: Mapping[str, Any]

    def published(self) -> list[Published]:
        """Everything that was accepted."""
        return [
            Published(desk, line["tag"], kind_of(line["type"]), line["receipt"], line["again"])
            for desk, line in self._lines("published")
        ]

    def refused(self) -> list[Refused]:
        """Everything that was not."""
        found = []
        for desk, line in self._lines("refused"):
            error = line["errors"][0] if line["errors"] else {}
            kind, where, rule = kind_of(line["type"]), error.get("pointer", ""), error.get("rule", "")
            found.append(Refused(desk, line["tag"], kind, line["status"], line["title"], where, rule))
        return found

    def rejected(self) -> dict[str, str]:
        """What was accepted and then broke a rule of its family's log: `desk:tag` → reason."""
        return {name: each["reason"] for name, each in self.fates().items() if each["kind"] == "rejected"}

    def fates(self) -> dict[str, Mapping[str, str]]:
        """`desk:tag` → what became of the event's first copy; nothing for what nobody has handled."""
        return {
            name: event["fate"]
            for name, found in self.decisions.items()
            for event in found["events"][:1]
            if event["fate"] is not None
        }

    def doors(self, desk: str) -> dict[str, list[str]]:
        """Door → the ids of the deliveries that came by it, in order; none for a desk that is not in the story."""
        found: dict[str, list[str]] = {}
        for line in self._of(desk, "received"):
            found.setdefault(line["door"], []).append(line["event"]["id"])
        return found

    def repeats(self, desk: str) -> list[tuple[str, bool]]:
        """For each delivery that came again by the same door: that door, and whether it was the very same."""
        first: dict[tuple[str, str], Any] = {}
        found = []
        for line in self._of(desk, "received"):
            key = line["door"], line["event"]["id"]
            if key in first:
                found.append((line["door"], line["event"] == first[key]))
            first.setdefault(key, line["event"])
        return found

    def received(self, desk: str) -> dict[str, Any]:
        """Delivery id → the event as it came, each once."""
        found: dict[str, Any] = {}
        for line in self._of(desk, "received"):
            found.setdefault(line["event"]["id"], line["event"])
        return found

    def data(self, name: str, desk: str) -> dict[str, Any] | None:
        """What a desk received of the event `desk:tag`; None if nothing."""
        came = self.received(desk)
        for event in self.decisions[name]["events"]:
            for delivery in event["deliveries"]:
                if delivery["desk"] == desk and delivery["delivery"] in came:
                    return dict(came[delivery["delivery"]].get("data") or {})
        return None

    def withheld(self, name: str, desk: str) -> tuple[str, ...]:
        """What the desk was told that it may not have of that event."""
        data = self.data(name, desk)
        return () if data is None else tuple(data.get("withheld") or ())

    def released_at(self, name: str, desk: str) -> str:
        """When the event was released to the desk (hub time); empty if never."""
        return next(
            (each["released_at"] or "" for each in self._deliveries(name) if each["desk"] == desk), ""
        )

    def recorded_at(self, name: str) -> str:
        """When the event entered its log (hub time)."""
        return str(self.decisions[name]["events"][0]["recorded_at"])

    def delays(self) -> list[int]:
        """Microseconds of the hub's time from each event to the releases that it brought, sorted."""
        return sorted(
            _micros(delivery["released_at"]) - _micros(event["recorded_at"])
            for found in self.decisions.values()
            for event in found["events"]
            for delivery in event["deliveries"]
            if delivery["released_at"] is not None
        )

    def why(self, name: str, desk: str) -> list[str]:
        """The reasons of the last decision on that event for a desk."""
        lines: list[str] = []
        for event in self.decisions[name]["events"]:
            for decision in event["decisions"]:
                if desk in decision.get("desks", {}):
                    lines = decision["desks"][desk]["why"]
        return lines

    def decided(self, name: str, desk: str) -> int:
        """How often it was decided what the desk may have of that event."""
        events = self.decisions[name]["events"]
        return sum(desk in each.get("desks", {}) for event in events for each in event["decisions"])

    def counts(self, desk: str) -> tuple[Counter[str], Counter[str]]:
        """What the desk received: deliveries by kind, and categories that it was told are withheld."""
        kinds: Counter[str] = Counter()
        withheld: Counter[str] = Counter()
        for event in self.received(desk).values():
            kinds[kind_of(event["type"])] += 1
            withheld.update((event.get("data") or {}).get("withheld") or ())
        return kinds, withheld

    def names(self) -> dict[str, str]:
        """Hub ids of people → their first names, from the requests and the ratings that desks received."""
        found: dict[str, str] = {}
        for desk in self.journals:
            for event in self.received(desk).values():
                data = event.get("data") or {}
                kind = kind_of(event["type"])
                if kind == "referral.requested" and "given_name" in data:
                    found[data["person"]["value"]] = data["given_name"]
                elif kind == "practice.risk_rated":
                    found[data["person"]["value"]] = RATED
        return found

    def _deliveries(self, name: str) -> Iterator[Mapping[str, Any]]:
        for event in self.decisions[name]["events"]:
            yield from event["deliveries"]

    def _lines(self, did: str) -> Iterator[tuple[str, Line]]:
        for desk in self.journals:
            for line in self._of(desk, did):
                yield desk, line

    def _of(self, desk: str, did: str) -> Iterator[Line]:
        return (line for line in self.journals.get(desk, ()) if line["did"] == did)
