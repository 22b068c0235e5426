"""`/asyncapi.json`: every topic and message on Kafka (AsyncAPI 3), made from the partnership and catalogue that run.

Seen from the hub: it receives from `from-…` and sends to `to-…`. The logs between its own processes stand here too, for
engineers; no desk has an account for them.
"""

from collections.abc import Iterable
from typing import Any, Final

from hub.clock import Micros
from hub.partnership import Desk, Partnership
from hub.schemas import EventType
from hub.schemas.dated import dated
from hub.stack import access
from services.consent.event import HUB, kind_of
from services.gateway.offers import Offers

VERSION: Final = "3.0.0"
AVRO: Final = "application/vnd.apache.avro;version=1.9.0"
CONTENT_TYPE: Final = "application/avro"
_SENT_BY_HUB: Final = ("subject", "receipt", "acceptedtime", "raises", "primary", "cause")
_LOGS: Final = {
    access.EVENTS: "Every event of every family's log, in its order. Key: the family's id, or the agency's.",
    access.PEOPLE: "Facts of persons, from the families' logs. Key: the person's id.",
    access.PATHWAYS: "Places and their order. Key: the pathway's id.",
}


def document(partnership: Partnership, offers: Offers, url: str, kafka: str, now: Micros) -> dict[str, Any]:
    """The whole document; its examples are of now, by the hub's clock."""
    desks = [desk for desk in partnership.active_desks if desk.receives]
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for desk in desks:
        incoming, outgoing = access.topic_from(desk.name), access.topic_to(desk.name)
        channels[incoming] = _channel(incoming, _said(desk, "publishes"), offers.published(desk))
        channels[outgoing] = _channel(
            outgoing, _said(desk, "receives; key: the family"), offers.received(desk)
        )
        operations[f"accept-{incoming}"] = _operation("receive", incoming, "Accepted, as over HTTP")
        operations[f"deliver-{outgoing}"] = _operation("send", outgoing, "Decided, recorded, and sent")
    for topic, said in _LOGS.items():
        channels[topic] = _channel(topic, said, [] if topic == access.PATHWAYS else list(offers.catalogue))
        operations[f"log-{topic}"] = _operation("send", topic, "Kept in the order of its log")
    return {
        "asyncapi": VERSION,
        "id": "urn:wraparound:hub",
        "info": {
            "title": "Wraparound on Kafka",
            "version": "1",
            "description": (
                "CloudEvents in Kafka's binary mode: attributes are `ce_` headers, values are Avro behind a schema id"
                f" (Confluent's wire format); the registry is {url}/registry. What is rejected comes back as"
                " `wraparound.hub.event_rejected.v1`."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": _servers(url, kafka),
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": {
                each.type: _message(each, offers.publisher(each) or HUB, now) for each in offers.catalogue
            },
            "messageTraits": {"cloudevent": {"headers": _headers()}},
            "securitySchemes": {
                "account": {
                    "type": "scramSha512",
                    "description": "one account for each desk: its name with `-` for `/`",
                }
            },
        },
    }


def _said(desk: Desk, does: str) -> str:
    return f"What {desk.name} {does}."


def _servers(url: str, kafka: str) -> dict[str, Any]:
    hosts = kafka.split(",") if kafka else ["localhost:9092"]
    return {
        f"broker-{number}": {
            "host": host,
            "protocol": "kafka-secure",
            "security": [{"$ref": "#/components/securitySchemes/account"}],
            "bindings": {
                "kafka": {"schemaRegistryUrl": f"{url}/registry", "schemaRegistryVendor": "confluent"}
            },
        }
        for number, host in enumerate(hosts, 1)
    }


def _channel(topic: str, said: str, types: Iterable[EventType]) -> dict[str, Any]:
    return {
        "address": topic,
        "description": said,
        "messages": {each.type: {"$ref": f"#/components/messages/{each.type}"} for each in types},
        "bindings": {"kafka": {"topic": topic}},
    }


def _operation(action: str, topic: str, summary: str) -> dict[str, Any]:
    return {"action": action, "channel": {"$ref": f"#/channels/{topic}"}, "summary": summary}


def _message(event_type: EventType, source: str, now: Micros) -> dict[str, Any]:
    kind = kind_of(event_type.type)
    return {
        "name": event_type.type,
        "title": kind,
        "summary": event_type.schema.get("doc", kind),
        "contentType": CONTENT_TYPE,
        "traits": [{"$ref": "#/components/messageTraits/cloudevent"}],
        "payload": {"schemaFormat": AVRO, "schema": event_type.schema},
        "bindings": {
            "kafka": {"schemaIdLocation": "payload", "schemaIdPayloadEncoding": "confluent"},
        },
        "examples": [
            {
                "name": kind,
                "headers": _example(event_type.type, source, number),
                "payload": dated(event_type, data, now),
            }
            for number, data in enumerate(event_type.examples)
        ],
    }


def _example(type_: str, source: str, number: int) -> dict[str, str]:
    return {
        "ce_specversion": "1.0",
        "ce_id": f"example-{kind_of(type_)}-{number}",
        "ce_source": source,
        "ce_type": type_,
        "content-type": CONTENT_TYPE,
    }


def _headers() -> dict[str, Any]:
    text = {"type": "string"}
    shown = {
        "ce_specversion": text | {"const": "1.0"},
        "ce_id": text | {"description": "the publisher's own; in a delivery the hub's"},
        "ce_source": text | {"description": "the desk; `hub` for what the hub derives"},
        "ce_type": text | {"description": "the type of the body's schema"},
        "ce_time": text | {"format": "date-time"},
        "content-type": text | {"const": CONTENT_TYPE},
        "traceparent": text | {"description": "W3C trace context"},
    }
    shown |= {f"ce_{name}": text | {"description": "from the hub alone"} for name in _SENT_BY_HUB}
    return {
        "type": "object",
        "properties": shown,
        "required": ["ce_specversion", "ce_id", "ce_source", "ce_type"],
    }
