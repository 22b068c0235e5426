"""From a year to what the page shows."""

from cli.demo.account import Account
from cli.demo.expectations import Seen
from cli.demo.page import Shown
from cli.demo.proof import head_as_plain, searched
from cli.demo.year import SPEED, Year
from simulation.people import REFUGE, SAFETY_PLAN

NOBODY = "no such id"


def gather(year: Year) -> Shown:
    """Search what the desks were sent, and put everything together."""
    account = Account({name: desk.lines for name, desk in year.desks.items()}, year.decisions)
    victim = next((hub_id for hub_id, name in account.names().items() if name == "Mara"), NOBODY)
    found = {name: searched(desk.mailbag, [SAFETY_PLAN, REFUGE, victim]) for name, desk in year.desks.items()}
    report = year.head.report
    seen = Seen(
        account=account,
        searched={name: counts for name, (_, counts) in found.items()},
        tasks=year.status["tasks"],
        restarts=year.restarts,
        log_is_good=report.ok and not report.pending and not report.unread,
        plan=SAFETY_PLAN,
        refuge=REFUGE,
        victim=victim,
    )
    head = head_as_plain(year.head)
    return Shown(
        seen,
        {name: size for name, (size, _) in found.items()},
        head,
        year.seconds,
        SPEED,
        year.status["memory_mb"],
    )
