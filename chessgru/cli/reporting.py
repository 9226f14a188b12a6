"""The command that reports on a player."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chessgru.cli.options import AsJSON, LibraryFile, ModelFolder, given_path, open_library

if TYPE_CHECKING:
    from chessgru.game import Game
    from chessgru.habits import Deviation, Predictability, Tendencies
    from chessgru.repertoire import Branch, Reaction, Repertoire, Tally
    from chessgru.report import PlayerReport


def report(
    player: Annotated[str, typer.Argument(metavar="PLAYER", help="On whom, under any of his names.")],
    pgn: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", parser=given_path, help="Take his games from this file, not the library."
        ),
    ] = None,
    alias: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Another name of his in the file; repeatable.")
    ] = None,
    read: Annotated[int, typer.Option(min=1, help="The latest games that the network reads.")] = 60,
    depth: Annotated[int, typer.Option(min=1, max=40, help="Plies of the repertoire's tree.")] = 12,
    fewest: Annotated[
        int | None, typer.Option(min=1, help="Games a move needs to be in the tree; default: 2 %.")
    ] = None,
    visits: Annotated[int, typer.Option(min=1, help="Visits a position needs to be a deviation.")] = 5,
    top: Annotated[int, typer.Option(min=1, help="How many deviations and reactions.")] = 10,
    library: LibraryFile = None,
    model: ModelFolder = None,
    as_json: AsJSON = False,
) -> None:
    """Reports what a player plays, how predictable he is, where he differs from people of his rating."""
    if alias and pgn is None:
        raise typer.BadParameter(
            "needs --pgn; merge names in the library with `chessgru players merge`", param_hint="--alias"
        )
    from chessgru.report import ReportConfig, report_on

    name, names, games = _from_file(pgn, player, alias or []) if pgn else _from_library(library, player)
    from chessgru.checkpoint import load_checkpoint

    config = ReportConfig(read=read, plies=depth, fewest=fewest, visits=visits, most=top)
    found = report_on(name, games, names, load_checkpoint(model), config, progress=_tell)
    _tell("")
    typer.echo(json.dumps(asdict(found)) if as_json else "\n".join(_text(found)))


def _tell(what: str) -> None:
    if sys.stderr.isatty():
        typer.echo(f"\r\033[K{what}", nl=False, err=True)


def _from_library(library: Path | None, player: str) -> tuple[str, frozenset[str], Sequence[Game]]:
    from chessgru.seats import find_person

    with open_library(library) as games:
        person = find_person(player, games)
    return person.name, person.names, person.games


def _from_file(
    path: Path, player: str, aliases: Sequence[str]
) -> tuple[str, frozenset[str], Sequence[Game]]:
    """Returns the player's games of a file. Raises UnknownPlayerError, with the nearest names."""
    from chessgru.cli.reading import read_games_of
    from chessgru.game import name_key

    names = frozenset(map(name_key, (player, *aliases)))
    return player, names, read_games_of(str(path), player, *aliases)


# Text --------------------


def _text(found: PlayerReport) -> Iterator[str]:
    dates = " to ".join(date for date in dict.fromkeys((found.first_date, found.last_date)) if date)
    facts = [
        f"{found.games} {'game' if found.games == 1 else 'games'}",
        dates,
        f"rated {found.rating}" if found.rating else "",
    ]
    yield f"{found.name}: {', '.join(fact for fact in facts if fact)}"
    yield from (f"  note: {note}" for note in found.notes)
    for tree in found.repertoires:
        yield from _tree(tree)
    for side, answers in found.reactions.items():
        yield from _reactions(side, answers)
    yield from _predictability(found)
    yield from _deviations(found.deviations)
    for each in found.tendencies:
        yield from _tendencies(each)


def _results(tally: Tally) -> str:
    score = "" if tally.score is None else f"  {100 * tally.score:.0f} %"
    return f"+{tally.wins} ={tally.draws} -{tally.losses}{score}"


def _tree(tree: Repertoire) -> Iterator[str]:
    yield f"\nRepertoire with {tree.side}: {tree.tally.games} games  {_results(tree.tally)}"
    yield "  move, games, wins draws losses, score; his moves are marked with a star"
    yield from _branches(tree.branches, 0)


def _branches(branches: Sequence[Branch], ply: int) -> Iterator[str]:
    for branch in branches:
        number = f"{ply // 2 + 1}." if ply % 2 == 0 else f"{ply // 2 + 1}..."
        move = f"{'  ' * ply}{number}{branch.san}{'*' if branch.own else ''}"
        other = branch.here - branch.tally.games
        extra = f"  (+{other} by transposition)" if other else ""
        name = f"  {branch.opening}" if branch.opening else ""
        yield f"  {move:34}{branch.tally.games:5}  {_results(branch.tally)}{extra}{name}"
        yield from _branches(branch.branches, ply + 1)


def _reactions(side: str, answers: Sequence[Reaction]) -> Iterator[str]:
    if not answers:
        return
    yield f"\nAnswers to the opponents' main tries, with {side}"
    for reaction in answers:
        told = ", ".join(
            f"{answer.san} {100 * answer.tally.games / reaction.tally.games:.0f} %"
            for answer in reaction.answers[:4]
        )
        yield f"  {reaction.line:34}{reaction.tally.games:5}  {_results(reaction.tally)}  {told}"


def _predictability(found: PlayerReport) -> Iterator[str]:
    yield f"\nPredictability in his latest {found.read} games (bits a move; share of moves foreseen)"
    for part in found.predictability:
        yield f"  {part.phase:12}{part.moves:6} moves  {_foreseen(part)}"


def _foreseen(part: Predictability) -> str:
    known = ""
    if part.known_bits is not None and part.known_top1 is not None:
        known = f"; knowing his earlier games {part.known_bits:.2f} bits, {100 * part.known_top1:.1f} %"
    return f"by his rating {part.bits:.2f} bits, {100 * part.top1:.1f} %{known}"


def _deviations(found: Sequence[Deviation]) -> Iterator[str]:
    yield "\nWhere he differs most from people of his rating"
    for each in found:
        his = f"{each.san} {each.times} of {each.visits}, expected {100 * each.expected:.0f} %"
        base = f"; they play {each.base_san} ({100 * each.base_expected:.0f} %)"
        yield f"  {each.line or 'the first move'}: {his}{base if each.base_san != each.san else ''}"
    if not found:
        yield "  no position with enough visits"


def _tendencies(found: Tendencies) -> Iterator[str]:
    yield f"\nPieces and squares with {found.side}, in {found.moves} moves (expected of his rating)"
    yield "  " + ", ".join(f"{p.name} {100 * p.share:.0f} % ({100 * p.expected:.0f})" for p in found.pieces)
    favourites = ", ".join(
        f"{s.name} {100 * s.share:.1f} % ({100 * s.expected:.1f})" for s in found.favourites()
    )
    yield f"  favourite squares: {favourites or 'none'}"
