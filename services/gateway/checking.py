"""What is checked of an event before anything is asked of the database: form, schema, authority, ids.

None of it depends on any person or family, so an answer here tells nothing about anybody; `dry_run` ends here. In this
order: the source is the desk that calls; the type is one that this desk may publish (else the 404 of a type that does
not exist); the data fits the schema; each reference uses a scheme that the agency may use, for what that scheme names,
in its form; something says which log the event belongs to.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from hub.clock import Clock
from hub.ids import derive, is_id
from hub.partnership import Desk, Partnership, Scheme, UnknownNameError
from hub.schemas import Catalogue
from hub.schemas.check_digits import nhs_number_is_valid, upn_is_valid
from hub.schemas.dated import problems_at
from hub.schemas.event_type import EventType
from hub.schemas.refs import HUB_SCHEME, Datum, IdentifierUse, RefKey, RefUse
from services.consent.event import kind_of
from services.gateway.agreements import ACTIVATED, unreadable
from services.gateway.cloudevents import CloudEvent
from services.gateway.problems import INVALID, NOT_FOUND, Fault, ProblemError, in_data, invalid

LEADING: Final = frozenset({"family.opened", "family.lead_changed"})
"""Kinds that say which desk leads a family."""

HOUSEHOLD: Final = "household"
"""Households have no scheme of their own: whoever names a family's people names them."""

REGISTERING: Final = frozenset(
    {
        "family.opened",
        "family.member_added",
        "family.member_changed",
        "referral.requested",
        "hub.identity_linked",
        "hub.identity_unlinked",
        "hub.agency_resumed",
    }
)
"""Kinds after which an event that waits may find its place: one such transaction at a time."""

MayPublish = Callable[[str, Desk], bool]
"""Whether a desk may ever publish a kind (`referral.requested`), whatever the facts are."""


@dataclass(frozen=True, slots=True)
class Published:
    """An event that is well formed, from a desk that may publish its type. `kind` is the type without its frame."""

    desk: Desk
    receipt_id: str
    source_id: str
    digest: bytes
    type: EventType
    kind: str
    datum: Datum
    refs: tuple[RefUse, ...]
    identifiers: tuple[IdentifierUse, ...]
    of_agency: bool = False
    """Whether it is about an agency, although others of its kind are about a family."""

    @property
    def keys(self) -> frozenset[RefKey]:
        """Every id that the event names or registers, as what `Directory` is asked for."""
        own = {ref.key for ref in self.refs}
        return frozenset(own | {("person", each.scheme, each.value) for each in self.identifiers})

    @property
    def is_about_a_family(self) -> bool:
        """False for what concerns an agency or the hub as such: it has a log of its own."""
        return self.type.family_field is not None and not self.of_agency

    @property
    def names_its_log(self) -> bool:
        """Whether it names a family or a referral: else it goes where its persons are."""
        fields = (self.type.family_field, self.type.referral_field)
        return any(field is not None and self.datum[field] is not None for field in fields)


def receipt_id(secret: bytes, desk: str, source_id: str) -> str:
    """The receipt of a desk's event: the same whenever it is sent."""
    return derive(secret, "receipt", desk, source_id)


class Checker:
    """Checks events against the partnership and the catalogue."""

    def __init__(
        self,
        partnership: Partnership,
        catalogue: Catalogue,
        may_publish: MayPublish,
        *,
        secret: bytes,
        clock: Clock,
        sandbox: bool,
    ) -> None:
        self._partnership = partnership
        self._catalogue = catalogue
        self._may_publish = may_publish
        self._secret = secret
        self._clock = clock
        self._sandbox = sandbox
        self._patterns = {
            scheme.name: (_compiled(scheme.pattern), _compiled(scheme.sandbox))
            for scheme in partnership.schemes
        }

    def check(self, desk: Desk, event: CloudEvent, *, of_agency: bool = False) -> Published:
        """The event, checked. Raises `ProblemError` (404, 422)."""
        if event.source != desk.name:
            raise invalid("/source", "source", "the desk that signed the token", "another", desk.name)
        if event.type not in self._catalogue:
            raise ProblemError(NOT_FOUND)
        event_type = self._catalogue.type(event.type)
        kind = kind_of(event.type)
        if not self._may_publish(kind, desk):
            raise ProblemError(NOT_FOUND)
        datum, problems = event_type.read_json(event.data)
        if datum is None:
            raise ProblemError(INVALID, in_data(problems_at(event_type, problems, self._clock.now())))
        receipt = receipt_id(self._secret, desk.name, event.id)
        return self.published(desk, receipt, event.id, event.digest, datum, event_type, of_agency=of_agency)

    def published(
        self,
        desk: Desk,
        receipt: str,
        source_id: str,
        digest: bytes,
        datum: Datum,
        event_type: EventType,
        *,
        of_agency: bool = False,
    ) -> Published:
        """An event whose data fits its schema, its ids checked. Raises `ProblemError` (422)."""
        kind = kind_of(event_type.type)
        refs = tuple(event_type.refs(datum))
        identifiers = (*event_type.identifiers(datum), *_single(datum))
        faults = [
            *self._check_refs(desk, refs),
            *self._check_identifiers(desk, identifiers),
            *self._check_agency(datum),
            *self._check_desks(desk, kind, datum),
            *self._check_agreement(kind, datum),
        ]
        found = Published(
            desk, receipt, source_id, digest, event_type, kind, datum, refs, identifiers, of_agency
        )
        if found.is_about_a_family and not _says_which_log(found):
            pointer = f"/data/{event_type.family_field}"
            faults.append(Fault(pointer, "required", "a family, a referral or a person", "none of them"))
        if faults:
            raise ProblemError(INVALID, faults[:50])
        return found

    def _check_refs(self, desk: Desk, refs: Iterable[RefUse]) -> Iterable[Fault]:
        for ref in refs:
            yield from self._check_id(desk, f"/data{ref.path}", ref.kind, ref.scheme, ref.value)

    def _check_identifiers(self, desk: Desk, identifiers: Iterable[IdentifierUse]) -> Iterable[Fault]:
        for each in identifiers:
            yield from self._check_id(desk, f"/data{each.path}", "person", each.scheme, each.value)
            if each.scheme == HUB_SCHEME:
                yield Fault(
                    f"/data{each.path}/scheme", "codes", "an id of yours or of the person", "the hub's own"
                )

    def _check_agency(self, datum: Datum) -> Iterable[Fault]:
        """Who belongs to the partnership is no fact about anybody: an agency that does not is a slip, said at once."""
        try:
            if datum.get("agency") is not None:
                self._partnership.agency(datum["agency"])
        except UnknownNameError:
            yield Fault("/data/agency", "codes", "an agency of the partnership", "another")

    def _check_desks(self, desk: Desk, kind: str, datum: Datum) -> Iterable[Fault]:
        """Who is to lead or to take a referral must be somebody: else a child's family is with nobody, in silence."""
        served = self._partnership.served
        if kind in LEADING and datum["lead"] not in {
            each for each in served if each.startswith(f"{desk.agency}/")
        }:
            yield Fault("/data/lead", "codes", f"a desk of {desk.agency} that receives", "another", desk.name)
        if kind == "referral.requested" and datum["to"] not in served:
            yield Fault(
                "/data/to", "codes", "a desk of the partnership that receives", "another", min(served)
            )

    def _check_agreement(self, kind: str, datum: Datum) -> Iterable[Fault]:
        """An agreement is read before anything else is asked: each mistake at its line."""
        return unreadable(self._partnership, datum) if kind == ACTIVATED else ()

    def _check_id(self, desk: Desk, at: str, kind: str, name: str, value: str) -> Iterable[Fault]:
        try:
            scheme = self._partnership.scheme(name)
        except UnknownNameError:
            yield Fault(f"{at}/scheme", "codes", "a scheme of the partnership", "another")
            return
        usable = scheme.used_by is None or desk.agency in scheme.used_by
        if not usable or (kind not in scheme.names and kind != HOUSEHOLD):
            yield Fault(f"{at}/scheme", "codes", f"a scheme that {desk.agency} uses for a {kind}", "another")
        elif len(value) > self._partnership.limits.id_length:
            yield Fault(
                f"{at}/value", "length", f"at most {self._partnership.limits.id_length} characters", "more"
            )
        elif not self._has_form(scheme, value):
            yield Fault(f"{at}/value", "check-digit", f"an id of the scheme {name}", "another string")

    def _has_form(self, scheme: Scheme, value: str) -> bool:
        pattern, sandbox = self._patterns[scheme.name]
        if self._sandbox and sandbox is not None and sandbox.fullmatch(value) is None:
            return False
        match scheme.check:
            case "modulus11":
                return nhs_number_is_valid(value)
            case "upn":
                return upn_is_valid(value)
            case "uuid":
                return is_id(value)
            case _:
                return pattern is None or pattern.fullmatch(value) is not None


def _says_which_log(event: Published) -> bool:
    """An event that names no family or referral needs a person whom it is about."""
    return event.names_its_log or bool(event.type.persons(event.datum))


def _single(datum: Datum) -> Iterable[IdentifierUse]:
    """The one id that a link or its undoing is about."""
    each = datum.get("identifier")
    if each is not None:
        person = (datum["person"]["scheme"], datum["person"]["value"])
        yield IdentifierUse("/identifier", person, each["scheme"], each["value"])


def _compiled(pattern: str | None) -> re.Pattern[str] | None:
    return None if pattern is None else re.compile(pattern)
