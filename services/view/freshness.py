"""How fresh each desk's news is, by what the reader may know of it. Pure.

A desk's last news is the last of it that the reader was told: counting what is hidden would tell that there is
something. For a reader who opposes nobody `feeds` adds when the desk's system last sent anything at all, about
whomever: no news of a family from a system that sends nothing says nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from hub.clock import DAY, Micros, format_micros
from services.view.told import Told, kept

Overdue = Callable[[str, Micros], bool]
"""(desk, its last news): whether that is too long ago for a desk that supports somebody."""
_WORKING: Final = ("supporting", "supervising")


def freshness(
    told: Sequence[Told],
    involved: Sequence[Mapping[str, Any]],
    now: Micros,
    overdue: Overdue,
    feeds: Mapping[str, Micros],
) -> list[dict[str, Any]]:
    """A row for each desk that the reader knows to have said or to have a part in something."""
    last: dict[str, Micros] = {}
    for each in told:
        if each.by is not None:
            last[each.by] = max(each.recorded, last.get(each.by, each.recorded))
    working = {row["desk"] for row in involved if row["role"] in _WORKING and "until" not in row}
    rows = []
    for desk in sorted(last.keys() | working):
        said, fed = last.get(desk), feeds.get(desk)
        rows.append(
            {"desk": desk, "silent": desk in working and (said is None or overdue(desk, said))}
            | kept(last_news=_time(said), days=None if said is None else max(0, (now - said) // DAY))
            | kept(
                feed_last_sent=_time(fed),
                feed_silent=None if fed is None else desk in working and overdue(desk, fed),
            )
        )
    return rows


def _time(at: Micros | None) -> str | None:
    return None if at is None else format_micros(at)
