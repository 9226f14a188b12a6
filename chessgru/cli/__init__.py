"""The command line: one thin Typer command per verb, grouped in the modules of this package."""

from __future__ import annotations

import typer


def assemble() -> typer.Typer:
    """Returns the whole command line as one Typer app; imports neither torch nor SQLAlchemy."""
    from chessgru.cli.app import app_command
    from chessgru.cli.games import app

    app.command("app")(app_command)
    return app


def main() -> None:
    """Runs `chessgru`, as installed, and exits with its code: 0, 1 for a mistake, 2 for a wrong call."""
    from chessgru.cli.running import run

    raise SystemExit(run(assemble()))
