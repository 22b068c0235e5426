"""The view in words, for a terminal or a page of paper. Pure; people by name where the reader has one."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

View = Mapping[str, Any]
Row = Mapping[str, Any]

_SKIP: Final = frozenset(
    {"person", "recorded_at", "by", "what", "of", "in", "name", "goal", "referral", "family", "clauses"}
)
_MEMBER: Final = ("name", "given_name", "family_name", "known_as", "identifiers", "household")

_PLAIN: Final = frozenset({"told", "status", "rating", "state"})
"""Fields whose value says what it is."""
_WITHHELD: Final = "Withheld: "
_MARKS: Final = ("corrected_by", "retracted_by", "corrects", "retracts")


def text(view: View) -> str:
    """The whole view, section by section; a section without rows is left out."""
    names = _names(view["members"])
    lines = [*_head(view)]
    for title, rows in _sections(view, names):
        found = list(rows)
        if found:
            lines += ["", title.upper(), *(f"  {line}" for line in found)]
    return "\n".join(lines) + "\n"


def _head(view: View) -> Iterator[str]:
    yield f"Family {view['family']}, as {view['for']} may know it on {_day(view['at'])}"
    if view["as_it_was_on"]:
        yield f"As it was on {_day(view['as_it_was_on'])}: what was recorded by then, by the rules of today"
    case = view["case"]
    if case:
        lead = f", lead {view['desks'].get(case.get('lead'), case.get('lead'))}" if case.get("lead") else ""
        locality = f", {case['locality']}" if case.get("locality") else ""
        yield f"{case['state'].capitalize()}{lead}{locality}"
    for each in view["held"]:
        yield each["says"]
    if not view["chronology"] and not view["held"]:
        yield f"Nothing: for {view['for']} there is no such family."


def _sections(view: View, names: Mapping[str, str]) -> Iterator[tuple[str, Iterable[str]]]:
    desks = view["desks"]
    yield "Members", (_member(row, names) for row in view["members"])
    yield "Without a name", (_nameless(row, view["for"], names) for row in view["unnamed"])
    yield "Relationships", (_relation(row, names) for row in view["relationships"])
    yield "Who is involved", (_involved(row, names, desks) for row in view["involved"])
    yield "Statuses", (_line(row["what"], row, names) for row in view["statuses"])
    yield "Risk", (_line("risk", row, names) for row in view["risk"])
    yield "Referrals and waits", (line for row in view["referrals"] for line in _referral(row, names))
    yield "Goals", (_line(str(row["goal"]), row, names) for row in view["goals"])
    yield "Outcomes", (_outcome(row, names) for row in view["outcomes"])
    yield "Actions", (_line(row.get("state", "open"), row, names) for row in view["actions"])
    yield "Linked families", (_line(row["family"], row, names) for row in view["linked_families"])
    yield "How fresh this is", (_fresh(row) for row in view["freshness"])
    yield (
        "Withheld",
        (line for row in view["withheld"] for line in _withheld(row, names)),
    )
    yield "Chronology", (_event(row, names) for row in view["chronology"])


def _names(members: Sequence[Row]) -> dict[str, str]:
    return {
        row["person"]: row.get("name") or f"{row.get('kind', 'person')} {row['person'][:8]}"
        for row in members
    }


def _who(person: object, names: Mapping[str, str]) -> str:
    return names.get(str(person), f"person {str(person)[:8]}")


def _member(row: Row, names: Mapping[str, str]) -> str:
    rest = {key: value for key, value in row.items() if key not in _MEMBER}
    said = _values(rest, names)
    return f"{names[row['person']]}{f': {said}' if said else ''}{_cited(row)}"


def _withheld(row: Row, names: Mapping[str, str]) -> Iterator[str]:
    yield f"{row['category']}: in {len(row['in'])} of the events below{_cited(row)}"
    yield from (f"  {called(line.removeprefix(_WITHHELD), names)}" for line in row.get("why", ()))


def called(line: str, names: Mapping[str, str]) -> str:
    """A line with people as the reader calls them."""
    for person, name in names.items():
        line = line.replace(person, name)
    return line


def _nameless(row: Row, desk: str, names: Mapping[str, str]) -> str:
    """Said of everybody without a name alike: whether there is one is not for every reader to learn."""
    why = f": {row['why'].rstrip('.')}" if row.get("why") else ""
    return f"{_who(row['person'], names)}: no name that {desk} may read by the rules of today{why}"


def _cited(row: Row) -> str:
    """By which clauses, for whoever is told them."""
    return f" [{', '.join(row['clauses'])}]" if row.get("clauses") else ""


def _relation(row: Row, names: Mapping[str, str]) -> str:
    who = "the council" if row.get("person") == "council" else _who(row.get("person"), names)
    return f"{who}: {_word(row['relation'])} of {_who(row.get('of'), names)}{_cited(row)}"


def _involved(row: Row, names: Mapping[str, str], desks: Mapping[str, str]) -> str:
    whom = f" for {_who(row['person'], names)}" if row.get("person") else ""
    until = f" until {_day(row['until'])}" if row.get("until") else ""
    worker = row.get("worker")
    reach = f"; reach {', '.join(worker.values())}" if worker else ""
    name = desks.get(row["desk"], row["desk"])
    return f"{name} ({row['desk']}): {_word(row['role'])}{whom} since {_day(row['since'])}{until}{reach}{_cited(row)}"


def _referral(row: Row, names: Mapping[str, str]) -> Iterator[str]:
    to = f" to {row['to']}" if row.get("to") else ""
    yield f"{_who(row.get('person'), names)}{to}: {row.get('state', 'under way')}{_cited(row)}"
    rest = {key: value for key, value in row.items() if key not in {"to", "state", "steps", "referral"}}
    if said := _values(rest, names):
        yield f"  {said}"
    yield "  " + ", ".join(f"{_word(step['step'])} {_day(step['recorded_at'])}" for step in row["steps"])


def _outcome(row: Row, names: Mapping[str, str]) -> str:
    people = "; ".join(
        f"{_who(each.get('person'), names)} {_values(each, names)}" for each in row.get("people", ())
    )
    rest = {key: value for key, value in row.items() if key != "people"}
    return _line(row["what"], rest, names) + (f": {people}" if people else "")


def _fresh(row: Row) -> str:
    last = (
        f"last news {_day(row['last_news'])}, {row['days']} days ago" if row.get("last_news") else "no news"
    )
    feed = (
        f"; its system last sent anything {_day(row['feed_last_sent'])}" if row.get("feed_last_sent") else ""
    )
    silent = "  SILENT" if row["silent"] or row.get("feed_silent") else ""
    return f"{row['desk']}: {last}{feed}{silent}"


def _event(row: Row, names: Mapping[str, str]) -> str:
    when = _day(row.get("happened") or row["recorded_at"])
    about = ", ".join(_who(person, names) for person in row.get("about", ()))
    late = "" if when == _day(row["recorded_at"]) else f", recorded {_day(row['recorded_at'])}"
    by = f" by {row['by']}" if row.get("by") else ""
    mark = "".join(f" [{_word(each)}]" for each in _MARKS if row.get(each))
    lacked = row.get("lacked", {})
    kept_back = (
        f"{each} by {lacked[each]}" if lacked.get(each) else each for each in row.get("withheld", ())
    )
    withheld = f" (withheld: {', '.join(kept_back)})" if row.get("withheld") else ""
    said = _values(row.get("data", {}), names)
    of, told = f" of {about}" if about else "", f": {said}" if said else ""
    return f"{when}  {row['what']}{of}{by}{late}{mark}{told}{withheld}{_cited(row)}"


def _line(what: str, row: Row, names: Mapping[str, str]) -> str:
    who = f"{_who(row['person'], names)}: " if row.get("person") else ""
    by = f", by {row['by']}" if row.get("by") else ""
    said = _values(row, names)
    return f"{_day(row['recorded_at'])}  {who}{_word(what)}{f' {said}' if said else ''}{by}{_cited(row)}"


def _values(row: Row, names: Mapping[str, str]) -> str:
    said = ((key, _value(value, names)) for key, value in row.items() if key not in _SKIP)
    return ", ".join(f"{_word(key)} {value}" if key not in _PLAIN else value for key, value in said if value)


def _value(value: object, names: Mapping[str, str]) -> str:
    """A value in words: people by name; other things by what they hold; ids of things say nothing here."""
    if isinstance(value, Mapping):
        if value.keys() >= {"scheme", "value"}:
            return names.get(str(value["value"]), "")
        if "text" in value:
            return f"“{value['text']}”"
        said = (f"{_word(key)} {found}" for key, each in value.items() if (found := _value(each, names)))
        return f"({', '.join(said)})" if value else ""
    if isinstance(value, list):
        return ", ".join(found for each in value if (found := _value(each, names)))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return names.get(str(value), _word(str(value)) if isinstance(value, str) else str(value))


def _word(code: str) -> str:
    """A code as people say it; whatever has a space in it was written by somebody and stays."""
    return code if " " in code or "@" in code else code.replace("_", " ")


def _day(at: object) -> str:
    return str(at)[:10]
