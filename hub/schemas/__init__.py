"""The event types: loading, checking, encoding, and the per-person items that the sharing rules decide on.

`Catalogue.load(folder)` reads the committed schemas; `catalogue.type(name)` gives an `EventType`; `wire` is
the form on Kafka; items.py says how the sharing rules see an event; `python -m hub.schemas.build` checks the
folder.
"""

from hub.schemas import wire
from hub.schemas.catalogue import Catalogue, UnknownSchemaError, UnknownTypeError
from hub.schemas.event_type import EventType, GateDeniedError
from hub.schemas.fields import FieldInfo
from hub.schemas.items import FAMILY, Cell, Items, TextItem
from hub.schemas.problems import InvalidDataError, Problem
from hub.schemas.refs import HUB_SCHEME, IdentifierUse, RefUse

__all__ = [
    "FAMILY",
    "HUB_SCHEME",
    "Catalogue",
    "Cell",
    "EventType",
    "FieldInfo",
    "GateDeniedError",
    "IdentifierUse",
    "InvalidDataError",
    "Items",
    "Problem",
    "RefUse",
    "TextItem",
    "UnknownSchemaError",
    "UnknownTypeError",
    "wire",
]
