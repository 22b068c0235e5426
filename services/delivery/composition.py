"""What the delivery process is made of: configuration and schemas, read once."""

from dataclasses import dataclass

from hub.attempts.rows import make_kit
from hub.keys import KeyRing
from hub.ledger import code_digest
from hub.partnership import load as load_partnership
from hub.producer import Producer
from hub.schemas import Catalogue
from hub.settings import ROOT, Settings, read_key
from services.consent.in_force import InForce
from services.delivery.outbox import OutboxProducer
from services.delivery.relay import Relay


@dataclass(frozen=True, slots=True)
class Parts:
    """The two halves of the process."""

    relay: Relay
    outbox: OutboxProducer


def assemble(settings: Settings) -> Parts:
    """Read everything that the process needs.

    Raises `ConfigurationError`, `SettingError`, `KeyFileError`, `SchemaError`.
    """
    secret = read_key(settings.hub_secret_file, "hub_secret_file")
    master = read_key(settings.master_key_file, "master_key_file")
    partnership = load_partnership(settings.partnership, settings.sandbox_keys)
    in_force = InForce(settings.partnership, partnership)
    kit = make_kit(
        secret,
        KeyRing(master),
        Catalogue.load(ROOT / "schemas"),
        code=code_digest(settings.partnership),
        rules=in_force.digest,
        catch_up=in_force.catch_up,
    )
    topics = {desk.name: desk.topic_out for desk in partnership.active_desks if "topic" in desk.receives}
    name = f"relay-{settings.instance}"
    relay = Relay(
        settings.postgres, kit, Producer(settings, name=name), topics, clock=settings.clock(), name=name
    )
    name = f"outbox-{settings.instance}"
    outbox = OutboxProducer(settings.postgres, KeyRing(master), Producer(settings, name=name), name=name)
    return Parts(relay, outbox)
