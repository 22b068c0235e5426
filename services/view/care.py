"""What is known of the children and the adults' support: statuses, risk, referrals, goals, outcomes. Pure.

Each takes the events that stand, in the order of the log, and gives rows; what the reader may not know is not in them.
"""

from collections.abc import Sequence
from typing import Any, Final

from hub.clock import format_micros
from services.view.told import Told, chosen, cite, kept, ref, rows, text

Row = dict[str, Any]


def _row(each: Told, *fields: str) -> Row:
    at = {"recorded_at": format_micros(each.recorded)}
    return cite(kept(person=each.person, by=each.by) | chosen(each.data, *fields) | at, each)


_STATUS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "child.status_changed": ("child_status", ("status", "previous", "legal_status", "plan_category", "step", "since")),
    "child.section_47_started": ("section_47_started", ("led_by", "started_on", "reason")),
    "child.section_47_ended": ("section_47_ended", ("outcome", "ended_on")),
    "child.placement_started": ("placement_started", ("kind", "provider", "started_on")),
    "child.placement_ended": ("placement_ended", ("reason", "ended_on")),
    "child.proceedings_initiated": ("proceedings", ("kind", "court", "issued_on", "hearing_on")),
    "child.attendance_recorded": (
        "attendance", ("school", "from_date", "until_date", "sessions_possible", "sessions_attended"),
    ),
    "practice.joined": ("programme_joined", ("programme", "locality", "joined_on")),
    "practice.left": ("programme_left", ("programme", "reason", "left_on")),
    "practice.stage_of_change_assessed": ("stage_of_change", ("need", "stage", "previous", "assessed_on")),
    "person.told_recorded": ("told", ("told", "method", "reason_not_told", "told_on")),
    "person.capacity_assessed": ("capacity", ("has_capacity", "matter", "assessed_on")),
    "person.competence_assessed": ("competence", ("competent", "matter", "assessed_on")),
    "consent.given": ("consent_given", ()),
    "consent.changed": ("consent_changed", ()),
    "consent.refused": ("consent_refused", ()),
    "consent.withdrawn": ("consent_withdrawn", ()),
    "consent.objection_raised": ("objection_raised", ("categories", "ground")),
    "consent.objection_decided": ("objection_decided", ("outcome", "reason", "told_on")),
    "consent.service_agreed": ("service_agreed", ("desk", "service", "agreed_on")),
    "consent.service_ended": ("service_ended", ("desk", "service", "reason", "ended_on")),
}  # fmt: skip
_CELL: Final = ("purpose", "category", "desk", "act", "valid_from", "valid_until")


def statuses(told: Sequence[Told]) -> list[Row]:
    """Statuses of children and what is settled with adults, the latest last."""
    found = []
    for each in told:
        if each.kind in _STATUS:
            what, fields = _STATUS[each.kind]
            children = [ref(child) for child in rows(each.data, "children")]
            cells = [chosen(cell, *_CELL) for cell in rows(each.data, "cells")]
            found.append({"what": what} | _row(each, *fields) | kept(children=children, cells=cells))
    return found


def risk(told: Sequence[Told]) -> list[Row]:
    """The ratings of each child over time."""
    found = []
    for each in told:
        if each.kind == "practice.risk_rated":
            found.append(_row(each, "rating", "previous", "rated_on", "reason"))
        elif each.kind == "referral.requested":
            for child in rows(each.data, "children"):
                if child.get("rag"):
                    rated = {"person": ref(child.get("person")), "rating": child["rag"], "with": "referral"}
                    found.append(_row(each) | kept(**rated))
    return found


_STEPS: Final = {
    "requested": "requested", "returned": "returned", "waitlisted": "waiting", "offered": "offered",
    "accepted": "accepted", "declined": "declined", "allocated": "allocated", "support_started": "in support",
    "support_ended": "ended", "closed_before_support": "closed before support", "withdrawn": "withdrawn",
    "reopened": "reopened",
}  # fmt: skip
_OF_REFERRAL: Final = (
    "to", "specialism", "needs", "criteria", "previously_known", "reason", "intervention", "planned_sessions",
    "duration_days", "sessions_attended", "step_down", "unmet", "instead",
)  # fmt: skip
_WAIT: Final = ("position", "waiting", "expected_days", "band", "waitlisted_on")


def referrals(told: Sequence[Told]) -> list[Row]:
    """Each referral: its state, its wait while it waits, what was done, and its steps with their dates."""
    found: dict[str, Row] = {}
    for each in told:
        referral = ref(each.data.get("referral"))
        step = each.kind.removeprefix("referral.")
        if referral is None or not each.kind.startswith("referral."):
            continue
        row = found.setdefault(referral, {"referral": referral, "steps": []})
        cite(row, each).update(kept(person=each.person) | chosen(each.data, *_OF_REFERRAL))
        if step in _STEPS:
            row["state"] = _STEPS[step]
            row.pop("wait", None)
        if step == "waitlisted":
            row.update(kept(wait=chosen(each.data, *_WAIT)))
        dates = {name: value for name, value in each.data.items() if name.endswith("_on")}
        row["steps"].append(
            {"step": step} | kept(by=each.by) | dates | {"recorded_at": format_micros(each.recorded)}
        )
    return list(found.values())


def goals(told: Sequence[Told]) -> list[Row]:
    """Every goal: what it aims at, and how far it has come."""
    found: dict[tuple[str, str], Row] = {}
    for each in told:
        if each.kind in {"referral.support_started", "referral.goal_reviewed", "referral.support_ended"}:
            for goal in rows(each.data, "goals"):
                key = (ref(each.data.get("referral")) or "", str(goal.get("goal")))
                known = found.setdefault(
                    key, {"goal": goal.get("goal")} | kept(person=each.person, referral=key[0])
                )
                known.update(
                    chosen(goal, "need", "aim", "due_on", "progress", "reviewed_on", "result", "detail")
                )
                cite(known, each)["recorded_at"] = format_micros(each.recorded)
    return list(found.values())


_OUTCOME: Final[dict[str, tuple[str, ...]]] = {
    "outcome.measure_recorded": ("instrument", "score", "point", "taken_on"),
    "outcome.treatment_completed": ("treatment", "result", "completed_on"),
    "outcome.programme_completed": ("programme", "for_whom", "result", "completed_on", "sessions"),
    "outcome.re_presented": ("service", "re_presented_on"),
    "outcome.crisis_contact": ("service", "kind", "contact_on", "outcome", "note"),
    "outcome.mainstream_referral_made": ("service", "need", "made_on"),
    "outcome.note_recorded": ("domain", "note"),
    "outcome.incident_reported": (),
    "referral.support_ended": ("intervention", "reason", "ended_on", "step_down", "outcomes", "scores"),
}


def outcomes(told: Sequence[Told]) -> list[Row]:
    """What came of it: scores, completions, incidents, crisis contacts, the ends of support."""
    found = []
    for each in told:
        if each.kind in _OUTCOME:
            people = [
                kept(person=ref(row.get("person"))) | chosen(row, "role", "kind", "at", "injury", "account")
                for row in rows(each.data, "people")
            ]
            what = each.kind.partition(".")[2]
            found.append({"what": what} | _row(each, *_OUTCOME[each.kind]) | kept(people=people))
    return found


def actions(told: Sequence[Told]) -> list[Row]:
    """The actions of supervisions and plans; of one that is told again the latest state."""
    found: dict[tuple[Any, ...], Row] = {}
    for each in told:
        if each.kind in {"practice.supervision_held", "practice.plan_agreed"}:
            for row in rows(each.data, "actions"):
                action = chosen(row, "what", "owner", "due_on", "state")
                action |= kept(person=ref(row.get("person")), recorded_at=format_micros(each.recorded))
                if len(action) > 1:
                    found[text(row.get("what")), row.get("owner"), ref(row.get("person"))] = cite(
                        action, each
                    )
    return list(found.values())


def links(told: Sequence[Told]) -> list[Row]:
    """The families that have to do with this one; each has a view of its own."""
    return [
        cite(
            kept(family=ref(each.data.get("linked_family")), recorded_at=format_micros(each.recorded))
            | chosen(each.data, "relation"),
            each,
        )
        for each in told
        if each.kind == "family.linked" and each.data.get("linked_family")
    ]
