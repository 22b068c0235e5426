"""Reads what a partnership does and who may say so: specialisms, pathways, indicators, authority, limits.

Calendar.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from hub.partnership.form import CODE, Form, as_day, one_of
from hub.partnership.model import Agency, AuthorityRule, Desk, Limits
from hub.partnership.parties import claim
from hub.partnership.vocabulary import (
    AUTHORITY_WORDS,
    BETTER,
    CLOCKS,
    HUB,
    RATINGS,
    WEEKDAYS,
    WORDS_OF_A_KIND,
)
from hub.partnership.work import Calendar, Criterion, Indicator, Named, Pathway, Post, Specialism, Stage

_RULE: Final = "{types: [family.closed], who: [lead]}"
_POST: Final = "{name: nurse_1, title: Nurse, fte: 0.5, cases: 10, from: 2026-04-01}"
_SPECIALISM: Final = (
    "{name: mental_health, title: Mental health, agency: trust, desk: trust/team, since: 2026-04-01, "
    "interventions: [{name: cbt, title: Cognitive behavioural therapy}], posts: [" + _POST + "]}"
)
_PATHWAY: Final = "{name: mental_health, title: Mental health, specialism: mental_health, …}"
_INDICATOR: Final = (
    "{number: 1, name: open_cases, title: Fewer open cases, better: fewer, counts: [family.opened]}"
)
_NAMED: Final = "{name: north, title: North}"
_HIGHEST_LIMIT: Final = 1_000_000_000


def read_named(root: Form, key: str) -> tuple[Named, ...]:
    """A list of codes with what people call them."""
    seen: set[str] = set()
    return tuple(
        Named(claim(form, form.name("name", "north", CODE), seen), form.text("title", "North"))
        for form in root.forms(key, _NAMED)
    )


def read_calendar(root: Form) -> Calendar:
    """Time zone, working weekdays and bank holidays."""
    timezone = root.text("timezone", "Europe/London")
    try:
        ZoneInfo(timezone)
    except (LookupError, ValueError, OSError):
        if timezone:
            root.refuse("timezone", "a time zone of the IANA list", timezone, "timezone: Europe/London")
    days = root.words("working_days", WEEKDAYS, "[monday, tuesday]")
    holidays: set[date] = set()
    for node in root.items("bank_holidays", "[2026-12-25]", empty=True):
        day = as_day(node.value)
        if day is None or day in holidays:
            expected = "a date, year-month-day" if day is None else "each day once"
            root.note(node, expected, "bank_holidays: [2026-12-25]")
        else:
            holidays.add(day)
    return Calendar(timezone, frozenset(WEEKDAYS.index(each) for each in days), frozenset(holidays))


def read_specialisms(
    root: Form, desks: tuple[Desk, ...], agencies: tuple[Agency, ...]
) -> tuple[Specialism, ...]:
    """The specialisms, whose desks must be of the agency named; post names are unique in the partnership."""
    by_name = {each.name: each for each in desks}
    seen: set[str] = set()
    posts: set[str] = set()
    found: list[Specialism] = []
    for form in root.forms("specialisms", _SPECIALISM):
        name = claim(form, form.name("name", "mental_health", CODE), seen)
        agency = form.word("agency", {each.name for each in agencies})
        desk = form.word("desk", by_name)
        if desk and by_name[desk].agency != agency:
            form.refuse("desk", f"a desk of {agency}", desk, f"desk: {agency}/team")
        if desk and by_name[desk].specialism != name:
            form.refuse(
                "desk", f"a desk whose specialism is {name}", by_name[desk].specialism, "desk: trust/team"
            )
        found.append(
            Specialism(
                name=name,
                title=form.text("title", "Mental health"),
                agency=agency,
                desk=desk,
                since=form.day("since"),
                interventions=read_named(form, "interventions"),
                posts=tuple(_post(each, posts) for each in form.forms("posts", _POST)),
            )
        )
    return tuple(found)


def _post(form: Form, seen: set[str]) -> Post:
    start, end = form.day("from"), form.optional_day("to")
    if end is not None and end <= start:
        form.refuse("to", "a day after `from`", str(end), "to: 2027-04-01")
    return Post(
        name=claim(form, form.name("name", "nurse_1", CODE), seen),
        title=form.text("title", "Nurse"),
        fte=form.number("fte", 0.05, 10),
        cases=form.integer("cases", 0, 1000),
        start=start,
        end=end,
        counted=form.flag("counted", default=True),
    )


def read_pathways(
    root: Form, specialisms: tuple[Specialism, ...], localities: tuple[Named, ...]
) -> tuple[Pathway, ...]:
    """The pathways, each of a specialism that exists."""
    seen: set[str] = set()
    found: list[Pathway] = []
    for form in root.forms("pathways", _PATHWAY):
        waits = form.form("target_waits", "{red: 5, amber: 10, green: 20}")
        clocks = form.form("clocks", "{offer_unanswered: 5, accepted_not_started: 10, no_news: 20}")
        criteria: set[str] = set()
        stages: set[str] = set()
        found.append(
            Pathway(
                name=claim(form, form.name("name", "mental_health", CODE), seen),
                title=form.text("title", "Mental health"),
                specialism=form.word("specialism", {each.name for each in specialisms}),
                localities=form.words("localities", {each.name for each in localities}, "[north]"),
                criteria=tuple(
                    Criterion(
                        name=claim(each, each.name("name", "present_need", CODE), criteria),
                        question=each.text("question", "Is it present now?"),
                        needed=each.flag("needed"),
                        reason=each.text("reason", "Past difficulty only"),
                        instead=each.text("instead", "The person's general practice"),
                    )
                    for each in form.forms("criteria", "{name: present_need, …}", empty=True)
                ),
                stages=tuple(
                    Stage(
                        name=claim(each, each.name("name", "assessment", CODE), stages),
                        title=each.text("title", "Assessment"),
                        optional=each.flag("optional", default=False),
                    )
                    for each in form.forms("stages", "{name: assessment, title: Assessment}")
                ),
                target_waits={each: waits.integer(each, 0, 400) for each in RATINGS},
                clocks={each: clocks.integer(each, 1, 400) for each in CLOCKS},
            )
        )
        waits.close()
        clocks.close()
    return tuple(found)


def read_indicators(root: Form, types: frozenset[str]) -> tuple[Indicator, ...]:
    """The indicators, each made of event types that exist."""
    seen: set[str] = set()
    numbers: set[str] = set()
    found: list[Indicator] = []
    for form in root.forms("indicators", _INDICATOR):
        number = form.integer("number", 1, 1000)
        claim(form, str(number), numbers, "number")
        found.append(
            Indicator(
                number=number,
                name=claim(form, form.name("name", "open_cases", CODE), seen),
                title=form.text("title", "Fewer open cases"),
                better=form.word("better", BETTER),
                counts=form.words("counts", types, "[family.opened]"),
            )
        )
    return tuple(found)


def read_authority(
    root: Form, desks: tuple[Desk, ...], agencies: tuple[Agency, ...], types: frozenset[str]
) -> tuple[AuthorityRule, ...]:
    """Who may publish what; every event type that has a schema stands in exactly one row."""
    words = set(AUTHORITY_WORDS - WORDS_OF_A_KIND)
    of_a_kind = {"kind", *WORDS_OF_A_KIND}
    words |= {f"{word}:{each.kind}" for word in of_a_kind for each in agencies if each.kind != HUB}
    words |= {f"agency:{each.name}" for each in agencies}
    words |= {f"desk:{each.name}" for each in desks}
    seen: set[str] = set()
    found: list[AuthorityRule] = []
    for form in root.forms("authority", _RULE):
        rule = AuthorityRule(
            form.words("types", types, "[family.closed]"), form.words("who", words, "[lead]")
        )
        for each in rule.types:
            if each in seen:
                form.refuse("types", "each event type in one row", each, _RULE)
        seen.update(rule.types)
        found.append(rule)
    missing = types - seen
    if missing:
        root.refuse("authority", f"a row for {one_of(missing, 'each')}", None, _RULE)
    return tuple(found)


def read_limits(root: Form) -> Limits:
    """The named limits, all of them."""
    return Limits(**{each.name: root.integer(each.name, 1, _HIGHEST_LIMIT) for each in fields(Limits)})
