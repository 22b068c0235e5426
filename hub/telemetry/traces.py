"""Traces from the door to the delivery (OpenTelemetry), off unless a setting names where they go.

The trace of an event is its receipt: 16 bytes that follow from its source and id, so that every stage knows it and
nothing is carried along or stored; its first span, the acceptance, has an id that follows from the receipt too. A
trace that a publisher sends along (`traceparent`) is linked to it. Spans name types, desks, processors and outcomes,
never a family, a person or a field.
"""

import hashlib
import logging
from collections.abc import Iterable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final
from uuid import UUID

from opentelemetry import trace
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, TraceFlags, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from hub.clock import SystemClock
from hub.ids import is_id
from hub.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor

SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)
incoming: ContextVar[str] = ContextVar("incoming", default="")
"""The `traceparent` that came with the request in hand."""
_first: ContextVar[str] = ContextVar("first", default="")
_tracer: Tracer | None = None


def set_up(settings: Settings, process: str) -> None:
    """Send spans to the collector that the settings name; without one nothing is made."""
    if settings.traces:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - as in `begin`
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        # It logs each failed export with a traceback, which tells nobody more than that the collector is away.
        logging.getLogger("opentelemetry.exporter.otlp.proto.http.trace_exporter").setLevel(logging.CRITICAL)
        begin(BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.traces)), process)


def begin(processor: "SpanProcessor", process: str) -> None:
    """Make spans from now on, for this processor of spans."""
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - whoever makes no traces loads none of it
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator  # noqa: PLC0415

    class Ids(RandomIdGenerator):
        """Random ids, but for the first span of an event: the receipt's."""

        def generate_trace_id(self) -> int:
            receipt = _first.get()
            return trace_id(receipt) if receipt else super().generate_trace_id()

        def generate_span_id(self) -> int:
            receipt = _first.get()
            return span_id(receipt) if receipt else super().generate_span_id()

    global _tracer  # noqa: PLW0603 - one process, one tracer, set once at its start
    resource = Resource({"service.name": "wraparound", "service.instance.id": process})
    provider = TracerProvider(id_generator=Ids(), resource=resource)
    provider.add_span_processor(processor)
    _tracer = provider.get_tracer("wraparound")


def end() -> None:
    """Make no more."""
    global _tracer  # noqa: PLW0603 - as above
    _tracer = None


def on() -> bool:
    """Whether spans are made: what they need is only worked out then."""
    return _tracer is not None


def now() -> int:
    """The machine's time in nanoseconds, as spans have it."""
    return SystemClock().now() * 1000


def trace_id(receipt: str) -> int:
    """The trace of an event."""
    return UUID(receipt).int


def span_id(receipt: str) -> int:
    """Its first span."""
    return int.from_bytes(hashlib.sha256(receipt.encode()).digest()[:8], "big") or 1


def traceparent(receipt: str) -> tuple[str, bytes]:
    """The header (W3C Trace Context) by which others go on with an event's trace."""
    return "traceparent", f"00-{trace_id(receipt):032x}-{span_id(receipt):016x}-01".encode()


def accepted(receipt: str, *, desk: str, kind: str, began: int) -> None:
    """The first span: the event became durable, just now. `began` in nanoseconds."""
    if _tracer is None:
        return
    carried = TraceContextTextMapPropagator().extract({"traceparent": incoming.get()})
    theirs = trace.get_current_span(carried).get_span_context()
    links = [Link(theirs)] if theirs.is_valid else []
    attributes = {"desk": desk, "type": kind}
    held = _first.set(receipt)
    try:
        span = _tracer.start_span(
            "accept", context=trace.set_span_in_context(trace.INVALID_SPAN), kind=SpanKind.SERVER,
            attributes=attributes, links=links, start_time=began,
        )  # fmt: skip
    finally:
        _first.reset(held)
    span.end(now())


def stage(name: str, receipts: Iterable[str], began: int, **attributes: str) -> None:
    """A later span in the trace of each of these events, which ends now."""
    if _tracer is None:
        return
    ended = now()
    for receipt in receipts:
        context = SpanContext(trace_id(receipt), span_id(receipt), is_remote=True, trace_flags=SAMPLED)
        parent = trace.set_span_in_context(NonRecordingSpan(context))
        span = _tracer.start_span(name, context=parent, attributes=attributes, start_time=began)
        span.end(ended)


def receipts_of(headers: Iterable[Iterable[tuple[str, bytes]]]) -> list[str]:
    """The receipts that records carry in their headers; what the hub derived by itself has none."""
    found = []
    for each in headers:
        found += [value.decode("ascii", "replace") for name, value in each if name == "ce_receipt"]
    return [each for each in found if is_id(each)]
