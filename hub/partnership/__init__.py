"""One partnership as configuration: read from a folder, checked whole, given as values.

`load(folder, keys)` gives a `Partnership` or raises `ConfigurationError` with every finding; `check` gives
both, `look` also what the agreements can be checked against meanwhile.
"""

from hub.partnership.finding import ConfigurationError, Finding
from hub.partnership.loader import agreement_files, check, load, look
from hub.partnership.model import (
    IG_TEAM,
    Agency,
    AuthorityRule,
    Desk,
    Key,
    Limits,
    Partnership,
    Scheme,
    UnknownNameError,
)
from hub.partnership.work import Calendar, Criterion, Indicator, Named, Pathway, Post, Specialism, Stage

__all__ = [
    "IG_TEAM",
    "Agency",
    "AuthorityRule",
    "Calendar",
    "ConfigurationError",
    "Criterion",
    "Desk",
    "Finding",
    "Indicator",
    "Key",
    "Limits",
    "Named",
    "Partnership",
    "Pathway",
    "Post",
    "Scheme",
    "Specialism",
    "Stage",
    "UnknownNameError",
    "agreement_files",
    "check",
    "load",
    "look",
]
