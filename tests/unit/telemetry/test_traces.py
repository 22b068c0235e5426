"""An event's trace is its receipt: every stage finds it, and nothing of anybody stands in it."""

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from hub.settings import load
from hub.telemetry import traces

RECEIPT = "5b1e8d3c-0000-8000-8000-0000000000aa"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    traces.begin(SimpleSpanProcessor(exporter), "test-1")
    yield exporter
    traces.end()


def ids(span: ReadableSpan) -> tuple[int, int]:
    context = span.get_span_context()
    assert context is not None
    return context.trace_id, context.span_id


def test_nothing_is_made_when_no_setting_names_a_collector() -> None:
    traces.set_up(load({}), "gateway-1")
    assert not traces.on()
    traces.accepted(RECEIPT, desk="s2w/sft", kind="family.opened", began=1)
    traces.stage("handle", [RECEIPT], 1)


def test_every_stage_is_in_the_trace_of_the_receipt_when_an_event_goes_through(
    spans: InMemorySpanExporter,
) -> None:
    traces.accepted(RECEIPT, desk="s2w/sft", kind="outcome.measure_recorded", began=1)
    traces.stage("handle", traces.receipts_of([[("ce_receipt", RECEIPT.encode())], [("ce_id", b"x")]]), 2)
    first, second = spans.get_finished_spans()
    assert ids(first) == (traces.trace_id(RECEIPT), traces.span_id(RECEIPT))
    assert first.parent is None
    assert second.parent is not None
    assert (ids(second)[0], second.parent.span_id) == ids(first)
    assert dict(first.attributes or {}) == {"desk": "s2w/sft", "type": "outcome.measure_recorded"}


def test_publishers_own_trace_is_linked_when_it_sends_one(spans: InMemorySpanExporter) -> None:
    held = traces.incoming.set("00-" + "ab" * 16 + "-" + "cd" * 8 + "-01")
    traces.accepted(RECEIPT, desk="s2w/sft", kind="family.opened", began=1)
    traces.incoming.reset(held)
    (span,) = spans.get_finished_spans()
    assert [link.context.trace_id for link in span.links] == [int("ab" * 16, 16)]
    assert ids(span)[0] == traces.trace_id(RECEIPT)


@pytest.mark.parametrize("sent", ["", "nonsense", "00-" + "0" * 32 + "-" + "0" * 16 + "-01"])
def test_nothing_is_linked_when_what_came_is_no_trace(spans: InMemorySpanExporter, sent: str) -> None:
    held = traces.incoming.set(sent)
    traces.accepted(RECEIPT, desk="s2w/sft", kind="family.opened", began=1)
    traces.incoming.reset(held)
    (span,) = spans.get_finished_spans()
    assert list(span.links) == []


def test_header_has_the_w3c_form_when_others_go_on_with_the_trace() -> None:
    name, value = traces.traceparent(RECEIPT)
    assert name == "traceparent"
    assert value.decode() == f"00-{RECEIPT.replace('-', '')}-{traces.span_id(RECEIPT):016x}-01"
