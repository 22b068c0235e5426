"""What a delivery holds: the event as a desk may have it, encoded."""

from collections.abc import Callable

from hub.events import Event
from hub.schemas import EventType, Items, wire
from services.consent.decision import Verdict

DeliveryId = Callable[[str, str], str]


class Bodies:
    """The encoded deliveries of one event: desks with the same view share one encoding.

    Of a correction each desk is told which of its own deliveries it corrects.
    """

    def __init__(self, event_type: EventType, event: Event, items: Items, delivery_id: DeliveryId) -> None:
        self._type = event_type
        self._event = event
        self._items = items
        self._delivery_id = delivery_id
        self._made: dict[tuple[int, tuple[str, ...], str | None], bytes] = {}
        # What publishers alone may read never leaves; without it the bytes can go as they came.
        self._whole = (
            bool(event.raw) and event.data["addressed_to"] is None and event.data["corrects"] is None
        )

    def of(self, verdict: Verdict) -> bytes:
        """The complete Kafka value of what this verdict releases."""
        earlier = self._event.data["corrects"]
        corrects = self._delivery_id(earlier, verdict.desk) if earlier else None
        key = (verdict.mask, verdict.withheld, corrects)
        body = self._made.get(key)
        if body is None and self._whole and verdict.mask == self._items.everything and not verdict.withheld:
            body = self._made[key] = self._event.raw
        if body is None:
            reduced = self._type.reduce(
                self._event.data,
                self._items,
                verdict.mask,
                withheld=verdict.withheld,
                corrects=corrects,
            )
            body = self._made[key] = wire.encode(self._type, reduced)
        return body
