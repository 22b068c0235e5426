"""What the gateway's process works with: made once, passed on."""

from dataclasses import dataclass

from hub.clock import Clock
from hub.database import Database
from hub.keys import KeyRing
from hub.partnership import Partnership
from hub.schemas import Catalogue
from services.consent.compiled import CompiledRules
from services.gateway.checking import Checker


@dataclass(frozen=True, slots=True)
class Parts:
    """What acceptance works with. `rules` and `code` are the digests that its audit entries name."""

    database: Database
    ring: KeyRing
    partnership: Partnership
    catalogue: Catalogue
    checker: Checker
    secret: bytes
    clock: Clock
    compiled: CompiledRules
    rules: str
    code: str
