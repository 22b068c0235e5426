"""`wraparound decision explain`: why something was shared or withheld, in words.

To information governance every decision on an event; to any other desk why it has what it has of a delivery of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import typer

from cli.caller import As, AsJson, Folder, Purpose, Reason, UnsaidError, User, caller, show
from client import calls

NOTHING = "nothing to decide: it is the publisher's own"
NAMED = "nothing to decide: it goes to {to} alone, whom it names, in ids and codes: {kind}"
ERASED = "nothing to decide: it goes to the one desk that it names; to whom and of what was erased"
NEVER_HAD = "never_had"
UNDECIDED = "not decided for everybody yet: facts of somebody are on their way"
app = typer.Typer(no_args_is_help=True, help="Decisions, in words. Each look is recorded.")


@app.callback()
def root() -> None:
    """Keep `explain` a verb of its own while it is the only one."""


@app.command("explain")
def explain_command(
    about: Annotated[str, typer.Argument(help="The id of a receipt, an event or a delivery.")],
    desk: As = "",
    to: Annotated[str, typer.Option("--to", help="Only what this desk got, and why not the rest.")] = "",
    reason: Reason = "",
    purpose: Purpose = "rights",
    user: User = "",
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Every decision on an event, for each desk: what it got, by which clause, what not, and why.

    That is for information governance. Another desk names a delivery of its own, by the id that its inbox and its view
    of the family give, and is told why it has what it has of it today. Exit 3: there is no such thing for this desk.

    Examples: `wraparound decision explain 5b1e… --as council/ig --reason "subject access"`,
    `wraparound decision explain 5b1e… --to probation/perp --as council/ig --reason "complaint 12" --json`,
    `wraparound decision explain 9c1e… --as council/chesil --reason "core group on Thursday"`.
    """
    me = caller(folder, desk)
    signed = me.signed(purpose, reason, user)
    found = me.run(calls.decisions(about, me.desk, user=signed["subject"], purpose=purpose, reason=reason))
    if "events" not in found:
        if to:
            raise UnsaidError(
                f"--to: expected an information-governance desk in --as; {me.desk} asks for itself"
            )
        show(found, as_json=as_json, words=own)
        return
    if to:
        only(found, to)
    show(found, as_json=as_json, words=said)


def own(found: dict[str, Any]) -> str:
    """What a desk is told of a delivery of its own."""
    by = f" from {found['by']}" if found.get("by") else ""
    lines = [
        f"{found['type']}{by}, recorded {found['recorded_at'][:19]}; as {found['for']} may know it today:"
    ]
    return _called("\n".join([*lines, *(f"  {line}" for line in found["why"])]), found["people"])


def only(found: dict[str, Any], desk: str) -> None:
    """Leave what concerns one desk alone. Raises `UnsaidError` for what is no desk of the hub's."""
    decisions = [each for event in found["events"] for each in event["decisions"] if "desks" in each]
    concerned = {name for each in decisions for name in each["desks"]}
    without = {name for each in decisions for name in each.get("no_role_and_no_clause", ())}
    known = concerned | without | {event["source"] for event in found["events"]}
    if decisions and desk not in known:
        raise UnsaidError(f"--to: expected a desk that receives: {', '.join(sorted(known))}")
    for each in decisions:
        each["desks"] = {name: verdict for name, verdict in each["desks"].items() if name == desk}
        if "no_role_and_no_clause" in each:
            each["no_role_and_no_clause"] = [name for name in each["no_role_and_no_clause"] if name == desk]
    for event in found["events"]:
        event["decisions"] = [each for each in event["decisions"] if _concerns(each)]
        event["deliveries"] = [each for each in event["deliveries"] if each["desk"] == desk]


def _concerns(decision: dict[str, Any]) -> bool:
    return bool(decision.get("erased") or decision["desks"] or decision.get("no_role_and_no_clause"))


def said(found: dict[str, Any]) -> str:
    """The answer in words; people are called what the reader may call them, and who that is stands at the end."""
    lines: list[str] = []
    for event in found["events"]:
        lines.append(
            f"{event['type']} from {event['source']}, recorded {event['recorded_at'][:19]}, event {event['event']}"
        )
        fate = event.get("fate") or {}
        rejected = f"rejected: {fate.get('reason')}" if fate.get("kind") == "rejected" else ""
        notice = event.get("notice")
        named = _named(notice, event["deliveries"]) if notice else [NOTHING]
        waits = event.get("undecided", False)
        lines += list(_decided(event)) or (
            [] if waits else [f"  {each}" for each in ([rejected] if rejected else named)]
        )
        lines += [f"  {UNDECIDED}"] if waits else []
        lines += [f"  {_left(each)}" for each in event["deliveries"]]
    return _called("\n".join(lines), found["people"])


def _called(text: str, called: Mapping[str, str]) -> str:
    """The text with people as the reader calls them, and at its end who that is."""
    people = {person: name for person, name in called.items() if person in text}
    for person, name in people.items():
        text = text.replace(person, name)
    return "\n".join([text, *(f"{name} is {person}" for person, name in people.items())])


def _left(each: dict[str, Any]) -> str:
    """What became of a delivery: whether and when it left."""
    when = f", first released {each['released_at'][:19]}" if each.get("released_at") else ", never released"
    return f"{each['desk']}: {each['status']}{when}, delivery {each['delivery']}"


def _named(notice: dict[str, Any], deliveries: list[dict[str, Any]]) -> Iterator[str]:
    """To whom it goes, why that is nobody's decision, and of a notice whether it was answered."""
    if notice.get("erased"):
        yield ERASED
        return
    yield NAMED.format(**notice)
    if notice["answered_at"]:
        yield f"answered {notice['answered_at'][:19]}: {notice['how']}"
    elif notice["answer_by"]:
        yield f"not answered: an answer is due by {notice['answer_by'][:19]}"
    elif any(each["reason"] == NEVER_HAD for each in deliveries):
        yield "no answer is asked: the desk never had what this is about, and is told nothing"


def _decided(event: dict[str, Any]) -> Iterator[str]:
    """Each decision; those that say of each desk what the one before said are one line, with the last one's time."""
    before: dict[str, list[str]] = {}
    again: list[tuple[str, str, str, str]] = []
    for decision in event["decisions"]:
        because, rules = decision["because_of"]["type"], decision.get("rules", "-")[:12]
        by = [f"{each['agreement']} version {each['version']}" for each in decision.get("agreements", ())]
        verdicts = {name: each["why"] for name, each in decision.get("desks", {}).items()}
        same = bool(verdicts) and all(before.get(name) == why for name, why in verdicts.items())
        named = f"by {' and '.join(by) or 'no agreement'}, rules {rules}"
        this = (", ".join(verdicts), named, decision["at"][:19], because)
        if again and (not same or again[0][:2] != this[:2]):
            yield _again(again)
            again = []
        if same:
            again.append(this)
            continue
        yield f"  decided {decision['at'][:19]} because of {because}, {named}"
        if decision.get("erased"):
            yield "    what was decided was erased"
        for why in verdicts.values():
            yield from (f"    {line}" for line in why)
        for name in decision.get("no_role_and_no_clause", ()) if not verdicts else ():
            yield f"    {name} got nothing: it has no role in this family, and no clause names it."
        before |= verdicts
    if again:
        yield _again(again)


def _again(those: Sequence[tuple[str, str, str, str]]) -> str:
    """Decisions that changed nothing: for whom, by what, how often, and when and why the last time."""
    desks, named, at, because = those[-1]
    often = "" if len(those) == 1 else f" {len(those)} times"
    last = "" if len(those) == 1 else "last "
    return (
        f"  decided again{often}, with the same result for {desks}, {last}{at} because of {because}, {named}"
    )
