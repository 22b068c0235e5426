"""Reads who belongs to a partnership: agencies, desks, the schemes of their ids, and their public keys."""

from __future__ import annotations

import base64
import binascii
import re
import warnings
from collections.abc import Mapping
from typing import Final

from hub.partnership.finding import Phrase
from hub.partnership.form import CODE, NAME, Form, one_of
from hub.partnership.model import Agency, Desk, Key, Scheme
from hub.partnership.vocabulary import (
    AGENCY_STATES,
    ALGORITHMS,
    CHANNELS,
    CHECKS,
    DESK_STATES,
    HUB,
    NAMEABLE,
    SIDES,
)
from hub.partnership.work import Named

_KIND: Final = re.compile(r"[a-z]+(?:_[a-z]+)*")
_DESK: Final = re.compile(rf"{NAME.pattern}(?:/{NAME.pattern}){{1,2}}")
_KID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_AGENCY: Final = "{name: council, title: A Council, kind: council, state: active}"
_DESK_EXAMPLE: Final = (
    "{name: council/north, title: Social work North, receives: [topic, inbox], state: active}"
)
_SCHEME: Final = (
    "{name: case, title: Case system, names: [person], owner: council, used_by: any, check: pattern, "
    "pattern: '[0-9]{6}'}"
)
_HUB_SCHEME: Final = (
    "{name: hub, title: Ids of the hub, names: [person], owner: hub, used_by: any, check: uuid}"
)
KEY_EXAMPLE: Final = (
    "{kid: council-north-1, desk: council/north, algorithm: EdDSA, jwk: {kty: OKP, crv: Ed25519, x: …}}"
)
_CURVES: Final[dict[str, tuple[str, str, tuple[str, ...]]]] = {
    "EdDSA": ("OKP", "Ed25519", ("x",)),
    "ES256": ("EC", "P-256", ("x", "y")),
}
_P: Final = 2**256 - 2**224 + 2**192 + 2**96 - 1
_B: Final = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B


def claim(form: Form, value: str, seen: set[str], key: str = "name") -> str:
    """The value, noted as taken; one that is already taken is refused."""
    if value and value in seen:
        form.refuse(key, "a name used once", value)
    seen.add(value)
    return value


def read_agencies(root: Form) -> tuple[Agency, ...]:
    """The agencies; one must be of kind council, one must be the hub itself."""
    seen: set[str] = set()
    found = tuple(
        Agency(
            name=claim(form, form.name("name", "council"), seen),
            title=form.text("title", "A Council"),
            kind=form.name("kind", "victim_support", _KIND),
            state=form.word("state", AGENCY_STATES),
        )
        for form in root.forms("agencies", _AGENCY)
    )
    kinds = {each.kind for each in found}
    if "council" not in kinds:
        root.refuse("agencies", "an agency of kind council", Phrase(one_of(kinds, "kinds")), _AGENCY)
    if not any(each.name == HUB and each.kind == HUB for each in found):
        root.refuse(
            "agencies", "the hub itself", None, "{name: hub, title: Operations, kind: hub, state: active}"
        )
    return found


def read_desks(root: Form, agencies: tuple[Agency, ...], localities: tuple[Named, ...]) -> tuple[Desk, ...]:
    """The desks; each of an agency that exists, and none with the topic of another."""
    by_name = {each.name: each for each in agencies}
    seen: set[str] = set()
    principals: set[str] = set()
    found: list[Desk] = []
    for form in root.forms("desks", _DESK_EXAMPLE):
        name = claim(form, form.name("name", "council/north", _DESK), seen)
        agency = by_name.get(name.partition("/")[0])
        if agency is None:
            form.refuse("name", f"a desk of an agency, {one_of(by_name)}", name, "name: council/north")
            agency = Agency("", "", "", "")
        desk = Desk(
            name=name,
            title=form.text("title", "Social work North"),
            agency=agency.name,
            kind=agency.kind,
            locality=form.optional_word("locality", {each.name for each in localities}),
            specialism=form.name("specialism", "mental_health", CODE) if form.has("specialism") else None,
            side=form.optional_word("side", SIDES),
            receives=form.words("receives", CHANNELS, "[topic, inbox]", empty=True),
            may_lead=form.flag("may_lead", default=False),
            may_refer=form.flag("may_refer", default=False),
            active=form.word("state", DESK_STATES) == "active" and agency.state != "expected",
        )
        if desk.principal in principals:
            form.refuse(
                "name",
                "topics of its own",
                Phrase(f"to-{desk.principal}, another desk's"),
                "name: council/north",
            )
        principals.add(desk.principal)
        if desk.may_lead and desk.kind != "council":
            form.refuse("may_lead", "a desk of a council, which alone leads", desk.kind, "may_lead: false")
        found.append(desk)
    if not any(each.may_lead and each.active for each in found):
        root.refuse("desks", "at least one active desk with `may_lead: true`", None, _DESK_EXAMPLE)
    return tuple(found)


def read_schemes(root: Form, agencies: tuple[Agency, ...]) -> tuple[Scheme, ...]:
    """The id schemes; each with the agency that is the authority for it."""
    names = frozenset(each.name for each in agencies)
    seen: set[str] = set()
    found: list[Scheme] = []
    for form in root.forms("schemes", _SCHEME):
        name = claim(form, form.name("name", "case"), seen)
        title = form.text("title", "Case system")
        check = form.word("check", CHECKS)
        pattern = _pattern(form, "pattern") if check == "pattern" or form.has("pattern") else None
        if pattern is not None and check != "pattern":
            form.refuse("pattern", f"no pattern, the check is {check}", pattern, "check: pattern")
        found.append(
            Scheme(
                name=name,
                title=title,
                names=frozenset(form.words("names", NAMEABLE, "[person]")),
                owner=form.word("owner", names),
                used_by=_used_by(form, names),
                check=check,
                pattern=pattern,
                sandbox=_pattern(form, "sandbox") if form.has("sandbox") else None,
                public=form.flag("public", default=False),
            )
        )
    if not any(each.name == HUB and each.owner == HUB for each in found):
        root.refuse("schemes", "the scheme of the hub's own ids", None, _HUB_SCHEME)
    return tuple(found)


def read_keys(root: Form, desks: tuple[Desk, ...], seen: set[str]) -> tuple[Key, ...]:
    """The public keys of one file (RFC 7517, RFC 8037); `seen` holds the ids that other files have taken."""
    known = {each.name for each in desks}
    found: list[Key] = []
    for form in root.forms("keys", KEY_EXAMPLE):
        kid = claim(form, form.name("kid", "council-north-1", _KID), seen, "kid")
        desk = form.word("desk", known)
        algorithm = form.word("algorithm", ALGORITHMS)
        holder = form.text("holder", "a.worker") if form.has("holder") else None
        start, end = form.optional_day("from"), form.optional_day("to")
        if start is not None and end is not None and end <= start:
            form.refuse("to", "a day after `from`", str(end), "to: 2027-03-20")
        jwk = _jwk(form.form("jwk", "{kty: OKP, crv: Ed25519, x: …}"), algorithm)
        found.append(Key(kid, desk, algorithm, jwk, holder, start, end))
    return tuple(found)


def _used_by(form: Form, names: frozenset[str]) -> frozenset[str] | None:
    if form.is_word("used_by", "any"):
        return None
    return frozenset(form.words("used_by", names, "any"))


def _pattern(form: Form, key: str) -> str:
    text = form.text(key, "'[0-9]{6}'")
    try:
        with warnings.catch_warnings():
            # What Python may read differently one day is not a pattern to sign.
            warnings.simplefilter("error", FutureWarning)
            compiled = re.compile(text)
    except (re.error, FutureWarning, OverflowError, RecursionError) as error:
        form.refuse(key, "a regular expression", Phrase(error), f"{key}: '[0-9]{{6}}'")
        return text
    if text and compiled.fullmatch(""):
        form.refuse(key, "a pattern that refuses an empty id", text, f"{key}: '[0-9]{{6}}'")
    return text


def _jwk(form: Form, algorithm: str) -> Mapping[str, str]:
    """A public JWK's members; a private one is refused, and nothing of it is shown."""
    kty, curve, points = _CURVES.get(algorithm, ("", "", ()))
    if form.has("d"):
        form.refuse("d", "a public key", Phrase("a private one; it is known now: make another"), KEY_EXAMPLE)
    if not kty:
        return {}
    found = {"kty": form.word("kty", {kty}), "crv": form.word("crv", {curve})}
    for point in points:
        found[point] = form.text(point, "43 characters of base64url")
        if found[point] and not _is_32_bytes(found[point]):
            form.refuse(
                point,
                "32 bytes in base64url without padding",
                Phrase(f"{len(found[point])} characters"),
                KEY_EXAMPLE,
            )
    for said in ("alg", "kid", "use"):  # written by common tools; ours say it beside the key
        form.has(said)
    form.close()
    if kty == "EC" and all(_is_32_bytes(found[point]) for point in points) and not _is_on_p256(found):
        form.refuse("y", "a point of the curve P-256", Phrase("one beside it"), KEY_EXAMPLE)
    return found


def _is_on_p256(jwk: Mapping[str, str]) -> bool:
    """True if y² = x³ - 3x + b (SP 800-186 section 3.2.1.3)."""
    x, y = (int.from_bytes(base64.urlsafe_b64decode(jwk[each] + "="), "big") for each in ("x", "y"))
    return x < _P and y < _P and (y * y - (x * x * x - 3 * x + _B)) % _P == 0


def _is_32_bytes(text: str) -> bool:
    if not re.fullmatch(r"[A-Za-z0-9_-]{43}", text):
        return False
    try:
        return len(base64.urlsafe_b64decode(text + "=")) == 32
    except (ValueError, binascii.Error):
        return False
