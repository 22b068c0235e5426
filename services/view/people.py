"""Who belongs to the family, how they are related, and who works with them, as one reader may know it. Pure."""

from collections.abc import Sequence
from typing import Any, Final

from hub.clock import format_micros
from services.view.told import Told, chosen, cite, kept, ref, rows

Row = dict[str, Any]

_ABOUT_MEMBER: Final = (
    "given_name", "family_name", "known_as", "kind", "relation", "dob", "sex", "phone", "email", "safe_times",
    "ethnicity", "first_language", "faith", "disabilities", "domestic_abuse_role", "identifiers",
)  # fmt: skip
_PLACE: Final = ("address_lines", "postcode", "dwelling", "moved_on")
_WORKER: Final = {"worker_name": "name", "worker_phone": "phone", "worker_email": "email"}


def members(told: Sequence[Told]) -> list[Row]:
    """Everybody whom the reader knows to be, or to have been, in the family; the latest of what is known of each."""
    found: dict[str, Row] = {}
    for each in told:
        if each.kind in {"family.member_added", "family.member_changed"}:
            for row in rows(each.data, "members") or [each.data]:
                _member(found, row, each)
        elif each.kind == "family.household_changed":
            for row in rows(each.data, "moves"):
                cite(_row(found, row), each).update(_moved(row))
        elif each.kind == "referral.requested":
            cite(_row(found, each.data), each).update(chosen(each.data, *_ABOUT_MEMBER, *_PLACE[:2]))
        elif each.kind == "person.died":
            cite(_row(found, each.data), each)["died_on"] = each.data.get("died_on") or True
        elif each.kind == "person.adopted":
            cite(_row(found, each.data), each)["state"] = "left"
    found.pop("", None)
    return [_named(row) for row in found.values()]


def _row(found: dict[str, Row], data: Any) -> Row:
    person = ref(data.get("person")) or ""
    return found.setdefault(person, {"person": person})


def _member(found: dict[str, Row], row: Any, each: Told) -> None:
    known = cite(_row(found, row), each)
    known.update(chosen(row, *_ABOUT_MEMBER))
    if each.kind == "family.member_added" or row.get("state") == "member":
        known.update(state="member")
    elif row.get("state") == "left":
        known.update(kept(state="left", left_on=row.get("left_on")))


def _moved(row: Any) -> Row:
    return kept(household=ref(row.get("household"))) | chosen(row, *_PLACE)


def _named(row: Row) -> Row:
    """With one name to call them by, where a name is known."""
    name = row.get("known_as") or row.get("given_name")
    full = " ".join(part for part in (name, row.get("family_name")) if part)
    return row | ({"name": full} if full else {})


def relationships(told: Sequence[Told]) -> list[Row]:
    """Who is what to whom: parental responsibility, representatives, pairs, who saw or suffered it."""
    found: list[Row] = []
    for each in told:
        data, at = each.data, cite({"recorded_at": format_micros(each.recorded)}, each)
        if each.kind == "person.parental_responsibility_recorded":
            holder = "council" if data.get("held_by_council") else ref(data.get("holder"))
            found.append(_relation("parental_responsibility", holder, each.person, data) | at)
        elif each.kind == "person.representative_recorded":
            kind = data.get("kind") or "representative"
            found.append(_relation(kind, ref(data.get("representative")), each.person, data) | at)
        elif each.kind == "safety.pair_recorded":
            pair = _relation(
                "alleged_perpetrator", ref(data.get("perpetrator")), ref(data.get("victim")), data
            )
            children = [ref(child) for child in rows(data, "exposed_children")]
            found.append(pair | kept(exposed_children=children) | at)
        elif each.kind == "safety.pair_ended":
            ended = {ref(data.get("perpetrator")), ref(data.get("victim"))}
            found = [row for row in found if {row.get("of"), row.get("person")} != ended]
    return found


def _relation(kind: str, who: str | None, of: str | None, data: Any) -> Row:
    return kept(relation=kind, person=who, of=of) | chosen(data, "basis", "from_date", "until_date", "since")


def involved(told: Sequence[Told]) -> list[Row]:
    """Which desks have what part, for whom, since when, and how to reach their worker; ended parts last."""
    parts: dict[tuple[str, str, str], Row] = {}
    for each in told:
        data = each.data
        if each.kind in {"family.opened", "family.lead_changed"} and data.get("lead"):
            _end(parts, each, role="lead")
            _begin(parts, each, data["lead"], "lead")
        elif each.kind == "family.closed":
            _end(parts, each, role="lead")
            _end(parts, each, role="core_group")
        elif each.kind in {"practice.plan_agreed", "practice.supervision_held"} and "core_group" in data:
            _core_group(parts, each)
        elif each.kind in {"person.registered", "person.probation_supervision_started"}:
            role = data.get("kind") or "supervising" if each.kind == "person.registered" else "supervising"
            _begin(parts, each, data.get("desk") or each.by, role)
        elif each.kind in {"person.deregistered", "person.probation_supervision_ended"}:
            _end(parts, each, desk=data.get("desk") or each.by, person=each.person)
        elif each.kind.startswith("referral."):
            _referral(parts, each)
        _worker(parts, each)
    return sorted(parts.values(), key=lambda row: "until" in row)


def _begin(parts: dict[tuple[str, str, str], Row], each: Told, desk: str | None, role: str) -> None:
    if desk is not None:
        person = each.person or ""
        row = kept(desk=desk, role=role, person=person or None, since=format_micros(each.recorded))
        known = parts.get((desk, role, person), {})
        parts[desk, role, person] = cite(row if "until" in known else row | known, each)


def _end(
    parts: dict[tuple[str, str, str], Row],
    each: Told,
    *,
    desk: str | None = None,
    role: str | None = None,
    person: str | None = None,
) -> None:
    for (its_desk, its_role, its_person), row in parts.items():
        if (desk in (None, its_desk)) and (role in (None, its_role)) and (person in (None, its_person)):
            row.setdefault("until", format_micros(each.recorded))


def _core_group(parts: dict[tuple[str, str, str], Row], each: Told) -> None:
    named = each.data["core_group"] or []
    for desk, role, _ in list(parts):
        if role == "core_group" and desk not in named:
            _end(parts, each, desk=desk, role=role)
    for desk in named:
        known = parts.get((desk, "core_group", ""))
        if known is None or "until" in known:
            row = kept(desk=desk, role="core_group", since=format_micros(each.recorded))
            parts[desk, "core_group", ""] = cite(row, each)


_OVER: Final = {"returned", "declined", "closed_before_support", "withdrawn", "support_ended"}


def _referral(parts: dict[tuple[str, str, str], Row], each: Told) -> None:
    step = each.kind.removeprefix("referral.")
    if step == "requested":
        _begin(parts, each, each.data.get("to"), "referred_to")
    elif step in {"allocated", "support_started"} and each.by is not None:
        _end(parts, each, desk=each.by, role="referred_to", person=each.person)
        _begin(parts, each, each.by, "supporting")
    elif step in _OVER and each.person is not None:
        desk = None if step == "withdrawn" else each.by
        _end(parts, each, desk=desk, role="referred_to", person=each.person)
        if step == "support_ended":
            _end(parts, each, desk=desk, role="supporting", person=each.person)


def _worker(parts: dict[tuple[str, str, str], Row], each: Told) -> None:
    worker = {said: each.data[field] for field, said in _WORKER.items() if each.data.get(field)}
    if not worker or each.by is None:
        return
    mine = [
        row for (desk, _, person), row in parts.items() if desk == each.by and person == (each.person or "")
    ]
    if not mine:
        _begin(parts, each, each.by, "worker")
        mine = [parts[each.by, "worker", each.person or ""]]
    mine[-1]["worker"] = worker
