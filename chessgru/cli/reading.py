"""Reading a file of games whole, and telling of those that were rejected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import typer

from chessgru.cli.progress import reading
from chessgru.errors import ChessgruError, PGNError, UnknownPlayerError
from chessgru.game import Game, name_key, unknown_among


def read_file(path: str) -> tuple[list[Game], dict[str, int]]:
    """Returns the games of a PGN file, and how many were rejected by reason."""
    games: list[Game] = []
    rejected: Counter[str] = Counter()
    with reading(path) as outcomes:
        for outcome in outcomes:
            if isinstance(outcome, Game):
                games.append(outcome)
            else:
                rejected[outcome.reason] += 1
    return games, dict(rejected)


def read_games_of(path: str, player: str | None, *aliases: str) -> list[Game]:
    """Returns the games of a file in which somebody plays; how many were rejected is told.

    `player` None is anybody. Raises PGNError if no game is left, UnknownPlayerError, with the nearest
    names, if none is the player's.
    """
    games, rejected = read_file(path)
    told = _left_out(rejected)
    if not games:
        because = f", {told}" if told else ""
        raise PGNError(f"{path}: no game that can be read{because}; choose another file")
    names = {name_key(name) for name in (player, *aliases) if name is not None}
    if names and not any(name_key(side) in names for game in games for side in (game.white, game.black)):
        raise _unknown(games, path, player or "", told)
    if told:
        typer.echo(f"{path}: {told}", err=True)
    return games


def _unknown(games: list[Game], path: str, player: str, told: str) -> ChessgruError:
    error: UnknownPlayerError = unknown_among(games, player)
    return PGNError(f"{error} ({path}: {told})") if told else error


def _left_out(rejected: Mapping[str, int]) -> str:
    """Returns how many games were rejected, by reason; "" if none was."""
    reasons = ", ".join(f"{count} as {reason!r}" for reason, count in rejected.items())
    count = sum(rejected.values())
    return f"{count} {'game' if count == 1 else 'games'} left out: {reasons}" if reasons else ""
