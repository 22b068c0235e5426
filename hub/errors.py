"""Every error of the hub: one base, three families by who is at fault.

A message is one line: what was expected, what was found, what to do. It may name ids, files and settings;
never a value of a field, because errors are logged, printed and answered. An edge translates by two class
attributes: `status` (HTTP's, INTERFACES.md section 1) and `exit_code` (the command line's, section 4).
"""


class WraparoundError(Exception):
    """The base. Caught at edges only."""

    status: int = 500
    exit_code: int = 1


class SenderError(WraparoundError):
    """Whoever sent this is at fault: a malformed event, an unknown option, a file that does not parse."""

    status = 422
    exit_code = 6


class PeerError(WraparoundError):
    """Somebody we depend on is away or misbehaves: a broker, a database, a partner's endpoint. Try again."""

    status = 503
    exit_code = 75


class HubError(WraparoundError):
    """We are at fault, or this machine is: our bug, our configuration, our disk."""
