"""The command `wraparound`: noun, verb (INTERFACES.md section 4).

Every module or package in here that has an `app` is a noun of its own name (`cli/partnership.py` is `wraparound
partnership …`), imported when it is used. The stack's own verbs stand in `cli/local.py`.
"""

import importlib
import re
import sys
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from cli import edge, local

HERE = Path(__file__).parent
DEFINES_APP = re.compile(r"^app\b.*=|^from \S+ import .*\bapp\b", re.MULTILINE)


def nouns() -> list[str]:
    """Modules and packages in here that define an `app`, by name; none is imported."""
    files = {path.stem: path for path in HERE.glob("*.py")}
    files |= {path.parent.name: path for path in HERE.glob("*/__init__.py")}
    return sorted(
        name for name, path in files.items() if name != "main" and DEFINES_APP.search(path.read_text())
    )


class Nouns(TyperGroup):
    """The commands of `cli/local.py`, and a noun for each other module of the package."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All names, the stack's verbs first."""
        return [*super().list_commands(ctx), *nouns()]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name; a noun's module is imported now."""
        known = super().get_command(ctx, cmd_name)
        if known is not None or cmd_name not in nouns():
            return known
        command = typer.main.get_command(importlib.import_module(f"cli.{cmd_name}").app)
        command.name = cmd_name
        return command


app = typer.Typer(
    name="wraparound", cls=Nouns, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=True
)


@app.callback()
def root() -> None:
    """Share what may be shared, with those who may have it, and prove it.

    Examples: `wraparound up`, `wraparound status --json`.
    """


local.register(app)


def main() -> None:
    """Entry point of the installed command. With `--json` refusals are JSON too, also those of the parser."""
    as_json = "--json" in sys.argv[1:]
    try:
        code = app(standalone_mode=not as_json)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the edge: explained, or raised again
        sys.exit(edge.fail(error, as_json=as_json))
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
