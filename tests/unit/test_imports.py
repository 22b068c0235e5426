"""Who may import whom (DESIGN.md section 3, STYLE.md): held for every module of the tree."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.settings import ROOT

TOP = ("hub", "services", "cli", "client", "simulation")

MAY_IMPORT = {
    # Who: what of ours it may import, as prefixes. Itself is always allowed.
    "hub": (),
    "services.consent": ("hub",),
    "services": ("hub", "services.consent"),
    "client": (),
    "simulation": ("client",),
    # The command line is a client, and the one place where processes are put together.
    "cli": ("hub", "client", "simulation", "services"),
}

PURE = (
    "hub.errors",
    "hub.effects",
    "hub.events",
    "hub.ids",
    "hub.schemas.check_digits",
    "services.audit.coverage",
    "services.audit.merkle",
    "services.audit.report",
    "services.audit.tiles",
    "services.consent",
    "services.view.build",
    "services.view.care",
    "services.view.chronology",
    "services.view.freshness",
    "services.view.people",
    "services.view.text",
    "services.view.told",
)
PURE_BUT = ("services.consent.load", "services.consent.in_force", "services.consent.proving")
"""Read the agreements' files, and what was signed, for the pure modules to work on; and have proofs run."""
TIME_TYPES = ("hub.clock",)
"""Has the type of an instant and its forms; whoever calls its clocks needs one handed over."""

HANDLERS = (
    "services.referral_router.deciding",
    "services.referral_router.handler",
    "services.referral_router.people",
    "services.view.rules",
    "services.view.simulate",
)

OUTSIDE = frozenset(
    {"asyncio", "concurrent", "ctypes", "http", "io", "logging", "multiprocessing", "os", "pathlib", "random"}
    | {"secrets", "select", "shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "tempfile"}
    | {"threading", "time", "urllib"}
)
"""Modules of the standard library by which the world gets in."""


def modules() -> list[tuple[str, Path]]:
    """Every module of ours and its file."""
    return [(_name(path), path) for top in TOP for path in sorted((ROOT / top).rglob("*.py"))]


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(source: str) -> Iterator[str]:
    """Every module that a source names in an import, `from a import b` as `a` and `a.b`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def within(name: str, prefixes: tuple[str, ...]) -> bool:
    """Whether a module is one of these, or inside one of these."""
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


def unit(name: str) -> str:
    """The part that a module belongs to: `hub`, `services.gateway`, `cli` …"""
    parts = name.split(".")
    return ".".join(parts[:2]) if parts[0] == "services" and len(parts) > 1 else parts[0]


def crossings(name: str, source: str) -> list[str]:
    """Imports of ours that this module may not have."""
    own = unit(name)
    allowed = (own, *MAY_IMPORT.get(own, MAY_IMPORT[own.partition(".")[0]]))
    ours = {found for found in imported(source) if found.split(".")[0] in TOP}
    # `from services import audit` names `services` too, which holds nothing.
    return sorted(found for found in ours - {"services"} if not within(found, allowed))


def impurities(source: str) -> list[str]:
    """Imports that a pure module may not have."""
    found = set()
    for module in imported(source):
        top = module.split(".")[0]
        if top in TOP:
            pure = within(module, (*PURE, *TIME_TYPES)) and not within(module, PURE_BUT)
            parent_is_named = any(allowed.startswith(f"{module}.") for allowed in PURE)
            if not pure and not parent_is_named:
                found.add(module)
        elif top in OUTSIDE or top not in sys.stdlib_module_names:
            found.add(module)
    return sorted(found)


def test_the_direction_of_imports_holds_when_every_module_is_read() -> None:
    assert {name: bad for name, path in modules() if (bad := crossings(name, path.read_text()))} == {}


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("hub.x", "from services.consent import engine"),
        ("hub.x", "import cli.main"),
        ("services.delivery.x", "from services.gateway import inbox"),
        ("services.consent.x", "import services.audit.merkle"),
        ("client.x", "from hub.clock import Micros"),
        ("simulation.x", "from hub.clock import Micros"),
        ("services.view.x", "import cli.main"),
    ],
)
def test_a_crossing_is_found_when_it_is_planted(name: str, source: str) -> None:
    assert crossings(name, source) != []


def test_pure_modules_import_nothing_of_the_world_when_every_one_is_read() -> None:
    pure = [(name, path) for name, path in modules() if within(name, PURE) and not within(name, PURE_BUT)]
    assert len(pure) > len(PURE)
    assert {name: bad for name, path in pure if (bad := impurities(path.read_text()))} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import time",
        "from random import random",
        "import orjson",
        "from hub.database import Database",
        "import os.path",
    ],
)
def test_an_impurity_is_found_when_it_is_planted(source: str) -> None:
    assert impurities(source) != []


def test_handlers_reach_nothing_outside_when_every_one_is_read() -> None:
    outside = ("hub.database", "hub.kafka", "hub.settings", "hub.stack", "hub.crash")
    bad = {
        name: sorted(found)
        for name, path in modules()
        if name in HANDLERS
        and (
            found := {
                m for m in imported(path.read_text()) if m.split(".")[0] in OUTSIDE or within(m, outside)
            }
        )
    }
    assert bad == {}
    assert {name for name, _ in modules()} >= set(HANDLERS)


FORBIDDEN_WORDS = re.compile(
    r"\bnoack\b|exactly_once|send_soon|\bconcurrency\s*=|\bgroup_by\(|take_events|GlobalTable"
)
"""What loses events in Faust (STREAMING.md section 2)."""


def test_nothing_of_faust_that_loses_events_is_used_when_every_module_is_read() -> None:
    used = [
        f"{name}: {match.group()}"
        for name, path in modules()
        if within(name, ("hub", "services"))
        for match in FORBIDDEN_WORDS.finditer(path.read_text())
    ]
    assert used == []
    assert FORBIDDEN_WORDS.search("stream.noack()")


READS_ENVIRONMENT = re.compile(r"\bos\.(environ|getenv)\b")
MAY_READ_ENVIRONMENT = ("hub.settings", "hub.crash", "hub.stack", "cli")
"""Settings; the crash points of tests; programs we start, which inherit it; the terminal."""


def test_the_environment_is_read_in_one_place_when_every_module_is_read() -> None:
    readers = [name for name, path in modules() if READS_ENVIRONMENT.search(path.read_text())]
    assert [name for name in readers if not within(name, MAY_READ_ENVIRONMENT)] == []
    assert "hub.settings" in readers
