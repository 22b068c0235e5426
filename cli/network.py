"""What `doctor` looks at on the network: names, TLS, the hub's answer, its clock, and whether it takes a desk's key.

Asked of what the settings name, and of the stack that runs in the folder.
"""

import socket
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx

from client import calls
from client.calls import HubProblemError, Profile
from client.sync import SyncHubClient
from hub.clock import SECOND, SystemClock
from hub.settings import Settings

SKEW_SECONDS: Final = 30
"""A token is good for a minute as our clients sign it, and for five at most."""
LEAST_DAYS: Final = 14
"""A certificate that ends sooner is to be renewed now."""
_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Check:
    """One finding."""

    name: str
    ok: bool
    said: str

    def plain(self) -> dict[str, object]:
        """For JSON."""
        return {"name": self.name, "ok": self.ok, "said": self.said}


@dataclass(frozen=True, slots=True)
class Address:
    """A server by its setting. `tls`: it is spoken to over TLS; `ca_file`: the authority to trust, if one is named."""

    setting: str
    host: str
    port: int
    tls: bool = False
    ca_file: Path | None = None


def addresses(settings: Settings) -> Iterator[Address]:
    """Every server that the settings name."""
    for each in filter(None, settings.kafka.split(",")):
        host, _, place = each.rpartition(":")
        over_tls = settings.kafka_security == "SASL_SSL"
        yield Address("WRAPAROUND_KAFKA", host.strip("[]"), int(place), over_tls, settings.kafka_ca_file)
    for name, url in (
        ("WRAPAROUND_POSTGRES", settings.postgres),
        ("WRAPAROUND_PUBLIC_URL", settings.public_url),
    ):
        parts = urlsplit(url)
        if parts.hostname:
            port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 5432)
            yield Address(name, parts.hostname, port, parts.scheme == "https")


def names(found: Sequence[Address]) -> Check:
    """Whether each host has an address."""
    for each in found:
        try:
            socket.getaddrinfo(each.host, each.port, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            said = f"{each.host} of {each.setting} has no address ({error.strerror}): mend the setting, or the DNS"
            return Check("dns", False, said)
    return Check("dns", True, f"{', '.join(sorted({each.host for each in found}))} have addresses")


def tls(found: Sequence[Address]) -> Check:
    """Whether each server that is spoken to over TLS shows a certificate of its name, trusted and not at its end."""
    ends = []
    for each in found:
        try:
            ends.append((_ends(each), each))
        except ssl.SSLCertVerificationError as error:
            trusted = f"the authority in {each.ca_file}" if each.ca_file else "this machine's authorities"
            said = f"{each.host}:{each.port} of {each.setting}: {error.verify_message}; trusted are {trusted}"
            return Check("tls", False, said)
        except OSError as error:
            said = f"{each.host}:{each.port} of {each.setting} does not speak TLS: {error.strerror or error}"
            return Check("tls", False, said)
    days, first = min(((end - _now()).days, each.host) for end, each in ends)
    what = "" if days >= LEAST_DAYS else ": renew it"
    return Check(
        "tls", days >= LEAST_DAYS, f"{len(ends)} certificates hold; {first}'s ends in {days} days{what}"
    )


def _ends(address: Address) -> datetime:
    context = ssl.create_default_context(cafile=None if address.ca_file is None else str(address.ca_file))
    with (
        socket.create_connection((address.host, address.port), _SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=address.host) as spoken,
    ):
        shown = spoken.getpeercert()
    assert shown is not None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown["notAfter"])), UTC)


def hub(url: str) -> Check:
    """Whether the hub answers, and its machine's clock: tokens that come from the future, or too late, are refused."""
    try:
        answer = httpx.get(f"{url}/livez", timeout=_SECONDS)
    except httpx.TransportError as error:
        said = f"{url} does not answer ({type(error).__name__}): `wraparound status` says what runs"
        return Check("hub", False, said)
    if not answer.is_success or "date" not in answer.headers:
        return Check("hub", False, f"{url} answers {answer.status_code}: that is no hub; look at the address")
    skew = abs((_now() - parsedate_to_datetime(answer.headers["date"])).total_seconds())
    if skew > SKEW_SECONDS:
        said = f"{url} has a clock {skew:.0f} s from ours: tokens are refused; set both by NTP"
        return Check("hub", False, said)
    return Check("hub", True, f"{url} answers, its machine's clock within {SKEW_SECONDS} s of ours")


def credentials(profiles: Sequence[Path]) -> Check:
    """Whether the hub takes the key of each desk whose profile is here."""
    for file in profiles:
        profile = Profile.load(file)
        try:
            with SyncHubClient(profile, tries=1) as desk:
                desk.run(calls.catalogue())
        except HubProblemError as error:
            said = f"{file}: {profile.key.desk} is answered {error.status}; is its public key in the partnership?"
            return Check("credentials", False, said)
        except httpx.TransportError as error:
            return Check("credentials", False, f"{profile.url} does not answer: {type(error).__name__}")
    return Check("credentials", True, f"the hub takes the keys of {len(profiles)} desks")


def _now() -> datetime:
    return datetime.fromtimestamp(SystemClock().now() / SECOND, UTC)
