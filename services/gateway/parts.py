"""What the gateway's process works with: made once, passed on."""

from dataclasses import dataclass, field

from hub.clock import Clock, Stamps
from hub.database import Database
from hub.keys import KeyRing
from hub.partnership import Partnership
from hub.schemas import Catalogue
from services.consent.compiled import CompiledRules
from services.consent.in_force import InForce
from services.gateway.checking import Checker


@dataclass(frozen=True, slots=True)
class Parts:
    """What acceptance works with. `rules` and `code` are the digests that its audit entries name.

    The rules in force are known as of the last look into the database, seconds ago.
    """

    database: Database
    ring: KeyRing
    partnership: Partnership
    catalogue: Catalogue
    checker: Checker
    secret: bytes
    clock: Clock
    in_force: InForce
    code: str
    stamps: Stamps = field(default_factory=Stamps)
    """When each event was accepted: what is set of a person is in force by the last (services.consent.registers)."""

    @property
    def compiled(self) -> CompiledRules:
        """The rule set in force now."""
        return self.in_force.at(self.clock.now())

    @property
    def rules(self) -> str:
        """Its digest."""
        return self.compiled.digest
