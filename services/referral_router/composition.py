"""What the router's process is made of: configuration read, schemas and rules compiled; nothing connects yet."""

from dataclasses import dataclass
from functools import partial

from hub.database import Database
from hub.ids import hub_subject
from hub.keys import KeyRing
from hub.partnership import Calendar
from hub.partnership import load as load_partnership
from hub.processor.machine import Machine
from hub.processor.writer import delivery_id
from hub.schemas import Catalogue
from hub.settings import ROOT, Settings, read_key
from services.consent.in_force import InForce
from services.referral_router.deciding import Deciding
from services.referral_router.handler import Router, rows_by_kind
from services.referral_router.people import People


@dataclass(frozen=True, slots=True)
class Parts:
    """What the processors of this process share, and their machines."""

    database: Database
    ring: KeyRing
    catalogue: Catalogue
    secret: bytes
    hub_key: str
    in_force: InForce
    machines: tuple[Machine, ...]
    calendar: Calendar


def assemble(settings: Settings) -> Parts:
    """Read everything that a processor needs.

    Raises `ConfigurationError`, `SettingError`, `KeyFileError`, `SchemaError`.
    """
    secret = read_key(settings.hub_secret_file, "hub_secret_file")
    partnership = load_partnership(settings.partnership, settings.sandbox_keys)
    in_force = InForce(settings.partnership, partnership)
    catalogue = Catalogue.load(ROOT / "schemas")
    name = partial(delivery_id, secret)
    deciding = Deciding(in_force.at, catalogue, partnership.served, name)
    return Parts(
        database=Database(settings.postgres, size=settings.database_pool, name="router"),
        ring=KeyRing(read_key(settings.master_key_file, "master_key_file")),
        catalogue=catalogue,
        secret=secret,
        hub_key=hub_subject(secret),
        in_force=in_force,
        machines=(
            Router(deciding, rows_by_kind(partnership.authority_plain), partnership.calendar),
            People(),
        ),
        calendar=partnership.calendar,
    )
