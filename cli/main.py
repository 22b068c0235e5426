"""The command `wraparound`."""

import typer

app = typer.Typer(name="wraparound", no_args_is_help=True, help=__doc__)


@app.callback()
def root() -> None:
    """Share what may be shared, with those who may have it, and prove it."""


def main() -> None:
    """Entry point of the installed command."""
    app()


if __name__ == "__main__":
    main()
