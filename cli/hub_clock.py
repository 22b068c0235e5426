"""What the hub's clock says, for commands that need no hub and do better with one."""

from pathlib import Path

import httpx

from cli.caller import NoProfileError, caller
from client import calls
from client.calls import HubProblemError
from hub.clock import Micros, parse_micros

TRIES = 1


def asked(folder: Path | None, desk: str) -> tuple[Micros | None, str]:
    """The time of the hub that a desk's profile names; or None, and why it could not be asked."""
    try:
        return parse_micros(caller(folder, desk).run(calls.hub_time(), tries=TRIES)), ""
    except NoProfileError:
        return None, "no profile of this desk is here"
    except (httpx.TransportError, HubProblemError):
        return None, "no hub answers"
