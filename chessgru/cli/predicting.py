"""The command that predicts both players' next moves."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chessgru.cli.options import AsJSON, LibraryFile, ModelFolder, open_library
from chessgru.game import TIME_CLASSES, Side

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chessgru.checkpoint import Checkpoint
    from chessgru.library import Library
    from chessgru.predictor import Prediction, Predictions, Seat, Suggestion
    from chessgru.seats import Person

_Rating = Annotated[int | None, typer.Option(min=100, max=4000, help="Rating; default: the latest known.")]


def predict(
    white: Annotated[str, typer.Option(metavar="NAME", help="Who plays White; default: anybody.")] = "",
    black: Annotated[str, typer.Option(metavar="NAME", help="Who plays Black; default: anybody.")] = "",
    moves: Annotated[
        str, typer.Option(metavar="MOVES", help='The game so far, UCI or SAN: "e4 c7c5".')
    ] = "",
    white_rating: _Rating = None,
    black_rating: _Rating = None,
    speed: Annotated[str | None, typer.Option(metavar="SPEED", help=", ".join(TIME_CLASSES))] = None,
    top: Annotated[int, typer.Option(min=0, help="How many moves a side, 0 for all.")] = 5,
    library: LibraryFile = None,
    model: ModelFolder = None,
    as_json: AsJSON = False,
) -> None:
    """Says what both players are likely to do next: the one to move, and how the other will answer.

    A name that the library does not know is served too if a rating is given: as somebody of that rating.
    """
    if speed is not None and speed not in TIME_CLASSES:
        raise typer.BadParameter(f"{speed!r} is none of {', '.join(TIME_CLASSES)}", param_hint="--speed")
    from chessgru.session import LiveGame

    game = LiveGame.from_moves(_words(moves))
    import torch

    from chessgru.checkpoint import load_checkpoint
    from chessgru.predictor import Predictor

    torch.set_num_threads(1)
    base = load_checkpoint(model)
    with ExitStack() as stack:
        games = stack.enter_context(open_library(library)) if white or black or library else None
        people = [
            _person(name, rating, games) for name, rating in ((white, white_rating), (black, black_rating))
        ]
        seats = [
            _seat(person, other, name, rating, base, games)
            for person, other, name, rating in (
                (people[0], people[1], white, white_rating),
                (people[1], people[0], black, black_rating),
            )
        ]
    predictor = Predictor(base.model, *seats, time_class=speed)
    found = predictor.predict(game.tokens)
    names = {"white": white or "White", "black": black or "Black"}
    typer.echo(json.dumps(_as_dict(found, top)) if as_json else _text(found, names, top))


def _words(moves: str) -> list[str]:
    """Returns the moves of a text, move numbers and a result left out."""
    words = re.sub(r"\b\d+\.+", " ", moves.replace(",", " ")).split()
    return [word for word in words if word not in ("1-0", "0-1", "1/2-1/2", "*")]


def _person(name: str, rating: int | None, library: Library | None) -> Person | None:
    """Returns who bears a name; None for anybody, and for unknown people of a known rating."""
    if not name:
        return None
    from chessgru.errors import UnknownPlayerError
    from chessgru.seats import find_person

    try:
        return find_person(name, library)
    except UnknownPlayerError as error:
        if rating is None:
            raise
        typer.echo(f"chessgru: {error}; taken for anybody rated {rating}", err=True)
        return None


def _seat(
    person: Person | None,
    opponent: Person | None,
    name: str,
    rating: int | None,
    base: Checkpoint,
    library: Library | None,
) -> Seat:
    from chessgru.predictor import Seat
    from chessgru.seats import seat

    if person is None:
        return Seat(name=name, rating=rating)
    found, trouble = seat(person, base, library=library, rating=rating, opponent=opponent)
    if trouble:
        typer.echo(f"chessgru: {trouble}", err=True)
    return found


def _shown(prediction: Prediction, top: int) -> Sequence[Suggestion]:
    return prediction.suggestions[:top] if top else prediction.suggestions


def _as_dict(found: Predictions, top: int) -> dict[str, Any]:
    white, black = ([_move(move) for move in _shown(side, top)] for side in (found.white, found.black))
    return {"to_move": found.to_move, "white": white, "black": black}


def _move(move: Suggestion) -> dict[str, Any]:
    return {
        "uci": move.uci,
        "san": move.san,
        "probability": move.probability,
        "sources": {"network": move.network, "own": move.own, "head_to_head": move.head_to_head},
        "seen": move.seen,
        "of": move.of,
    }


def _text(found: Predictions, names: dict[str, str], top: int) -> str:
    waiting: Side = "black" if found.to_move == "white" else "white"
    lines = []
    for side, title in ((found.to_move, "to move"), (waiting, "answers")):
        lines.append(f"{names[side]} ({side}, {title})")
        lines += [_line(move) for move in _shown(found.of(side), top)] or ["  no move: the game is over"]
    lines += [
        f"  if {reply.if_san}: "
        + ", ".join(f"{s.san} {100 * s.probability:.0f} %" for s in reply.suggestions)
        for reply in found.of(waiting).replies[: top or None]
        if reply.suggestions
    ]
    return "\n".join(lines)


def _line(move: Suggestion) -> str:
    evidence = f"  {move.seen} of {move.of} times" if move.of else ""
    if move.h2h_of:
        evidence += f", {move.h2h_seen} of {move.h2h_of} against this opponent"
    return f"  {move.san:8}{100 * move.probability:5.1f} %{evidence}"
