"""The command line: one thin Typer command per verb, grouped in the modules of this package."""

from __future__ import annotations

from typing import Annotated

import typer


def _tell_version(wanted: bool) -> None:
    if wanted:
        from chessgru import __version__

        typer.echo(f"chessgru {__version__}")
        raise typer.Exit


def assemble() -> typer.Typer:
    """Returns the whole command line as one Typer app; imports neither torch nor SQLAlchemy."""
    from chessgru.cli import games, people, scoring
    from chessgru.cli.app import app_command
    from chessgru.cli.engine import uci
    from chessgru.cli.reporting import report

    app = typer.Typer(
        help="Shows what two people who know each other are likely to play next.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_version_option)
    app.command("app")(app_command)
    app.command("report")(report)
    app.command("uci")(uci)
    for part in (games.app, people.app, scoring.app):
        app.registered_commands += part.registered_commands
        app.registered_groups += part.registered_groups
    return app


def _version_option(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_tell_version, help="Tell the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Runs `chessgru`, as installed, and exits with its code: 0, 1 for a mistake, 2 for a wrong call."""
    from chessgru.cli.running import run

    raise SystemExit(run(assemble()))
