"""The commands of the games library: import, players, export, delete."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from chessgru.cli.importing import import_games
from chessgru.cli.options import AsJSON, LibraryFile, Since, Until, given_path, open_library

if TYPE_CHECKING:
    from chessgru.game import Side
    from chessgru.library import Player

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
)
players_app = typer.Typer(invoke_without_command=True, help="Who is in the library, and under which names.")
app.add_typer(players_app, name="players")


app.command("import")(import_games)


@players_app.callback()
def list_players(
    context: typer.Context,
    library: LibraryFile = None,
    as_json: AsJSON = False,
    limit: Annotated[int, typer.Option(min=0, help="How many to list, 0 for all.")] = 50,
    find: Annotated[str, typer.Option(metavar="TEXT", help="Only names that contain this.")] = "",
) -> None:
    """Lists the players, those with the most games first."""
    context.obj = library
    if context.invoked_subcommand is not None:
        return
    with open_library(library) as games:
        found = games.players(find=find, limit=limit + 1 if limit else None)
    shown = found[:limit] if limit else found
    if as_json:
        typer.echo(json.dumps([asdict(player) | {"games": player.games} for player in shown]))
        return
    rows = [
        (
            *(p.name, str(p.games), str(p.white_games), str(p.black_games), p.first_date, p.last_date),
            *(str(p.rating or ""), "; ".join(name for name in p.aliases if name != p.name)),
        )
        for p in shown
    ]
    typer.echo(
        _table(("name", "games", "white", "black", "first", "last", "rating", "also known as"), rows)
    )
    if len(shown) < len(found):
        typer.echo("… and more: --limit 0 lists all")


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Returns rows in columns, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]

    def line(cells: tuple[str, ...]) -> str:
        padded = (
            cell.rjust(width) if cell.isdecimal() else cell.ljust(width)
            for cell, width in zip(cells, widths, strict=True)
        )
        return "  ".join(padded).rstrip()

    return "\n".join(map(line, (header, *rows)))


def _tell_player(player: Player, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"name": player.name, "aliases": player.aliases}))
        return
    others = [name for name in player.aliases if name != player.name]
    typer.echo(f"{player.name}: also {'; '.join(others)}" if others else f"{player.name}: no other name")


@players_app.command()
def merge(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The name to show; may be a new one.")],
    aliases: Annotated[list[str], typer.Argument(metavar="ALIAS…", help="Other names of that person.")],
    library: LibraryFile = None,
    as_json: AsJSON = False,
) -> None:
    """Makes one person of several names; `unmerge` undoes it."""
    with open_library(library or context.obj) as games:
        _tell_player(games.merge(name, aliases), as_json)


@players_app.command()
def unmerge(
    context: typer.Context,
    aliases: Annotated[list[str], typer.Argument(metavar="ALIAS…", help="Names to take apart again.")],
    library: LibraryFile = None,
    as_json: AsJSON = False,
) -> None:
    """Makes a name a player of its own again."""
    with open_library(library or context.obj) as games:
        for alias in aliases:
            _tell_player(games.unmerge(alias), as_json)


@players_app.command()
def suggest(context: typer.Context, library: LibraryFile = None, as_json: AsJSON = False) -> None:
    """Suggests names that are likely one person, the surest first."""
    with open_library(library or context.obj) as games:
        found = games.suggest_merges()
    if as_json:
        typer.echo(json.dumps([asdict(suggestion) for suggestion in found]))
        return
    rows = [(s.name, s.alias, f"{s.score:.2f}", s.reason) for s in found]
    typer.echo(
        _table(("name", "alias", "score", "why"), rows) if rows else "No two names look like one person."
    )
    if rows:
        typer.echo("Confirm with: chessgru players merge NAME ALIAS")


@app.command()
def export(
    output: Annotated[
        Path,
        typer.Option(
            *("--output", "-o"),
            metavar="FILE",
            parser=given_path,
            help="PGN; .gz, .bz2, .zst are packed; - prints.",
        ),
    ],
    player: Annotated[str | None, typer.Option(metavar="NAME", help="Games of this player.")] = None,
    opponent: Annotated[str | None, typer.Option(metavar="NAME", help="Games against this player.")] = None,
    color: Annotated[str | None, typer.Option(metavar="white|black", help="The player's color.")] = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the latest games.")] = None,
    library: LibraryFile = None,
    as_json: AsJSON = False,
) -> None:
    """Writes games to a PGN file, oldest first."""
    from chessgru.cli.exporting import write_file

    if color not in (None, "white", "black"):
        raise typer.BadParameter(f"{color!r} is neither white nor black", param_hint="--color")
    if color is not None and player is None:
        raise typer.BadParameter("needs --player, whose color it is", param_hint="--color")
    with open_library(library) as games:
        chosen = games.stream(
            player,
            opponent=opponent,
            color=cast("Side | None", color),
            since=since,
            until=until,
            limit=limit,
        )
        written = write_file(chosen, output)
    if as_json:
        typer.echo(json.dumps({"games": written, "file": str(output)}), err=str(output) == "-")
    else:
        typer.echo(f"{output}: {written} games", err=str(output) == "-")


@app.command()
def delete(
    player: Annotated[str, typer.Argument(help="Whom to forget, under any of his names.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    library: LibraryFile = None,
    as_json: AsJSON = False,
) -> None:
    """Forgets a player: all games, names, download marks and what was learned."""
    with open_library(library) as games:
        found = games.player(player)
        count = games.count(found.name)
        if not yes:
            names = "; ".join(found.aliases)
            if sys.stdin is None or not sys.stdin.isatty():
                raise typer.BadParameter(f"would delete {count} games of {names}: confirm with --yes")
            typer.confirm(f"Delete {count} games of {names}? This cannot be undone", abort=True)
        from chessgru.seats import delete_player

        deleted = delete_player(games, found)
    if as_json:
        typer.echo(json.dumps({"player": found.name, "games": deleted}))
    else:
        typer.echo(f"{found.name}: {deleted} games deleted")


if __name__ == "__main__":
    from chessgru.cli.running import run

    sys.exit(run(app))
