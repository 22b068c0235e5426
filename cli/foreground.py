"""The supervisor that `up` leaves behind, or that `up --foreground` is: starts, reports, supervises."""

import json
import os
import sys
from collections.abc import Callable

from cli import edge
from cli.background import Options
from hub import settings as hub_settings
from hub.errors import WraparoundError
from hub.stack.folder import known_time
from hub.stack.prepare import make_stack
from hub.stack.supervisor import DEFAULT_SERVICES, Supervisor


def stay(options: Options, report: int) -> None:
    """Start, report and supervise in this process until SIGTERM or Ctrl-C."""
    tell = _teller(report)
    try:
        wanted = () if options.servers_only else DEFAULT_SERVICES
        stack = make_stack(
            hub_settings.load(),
            folder=options.folder,
            brokers=options.brokers,
            http_port=options.port,
            time=options.time or known_time(options.folder),
        )
        supervisor = Supervisor(stack, routers=options.routers, wanted=wanted)
        supervisor.start(lambda line: tell({"say": line}))
    except (WraparoundError, OSError, KeyboardInterrupt) as error:
        message, code = edge.explain(error) or (type(error).__name__, edge.FAILED)
        tell({"error": message, "exit_code": code})
        sys.exit(code)
    tell(
        {
            "ready": {
                "url": supervisor.stack.url,
                "kafka": supervisor.stack.bootstrap,
                "folder": str(options.folder),
            }
        }
    )
    if report >= 0:
        os.close(report)
    supervisor.run()


def _teller(report: int) -> Callable[[dict[str, object]], None]:
    def tell(said: dict[str, object]) -> None:
        line = json.dumps(said) + "\n"
        if report < 0:
            sys.stderr.write(str(next(iter(said.values()))) + "\n")
            return
        try:
            os.write(report, line.encode())
        except BrokenPipeError:
            # `up` was ended while it waited; what it started goes on.
            return

    return tell
