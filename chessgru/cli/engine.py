"""The command that plays as a person in any chess program."""

from __future__ import annotations

import io
import os
import sys
from typing import Annotated

import typer

from chessgru.cli.options import LARGEST_SEED, LibraryFile, ModelFolder, check_model, open_library
from chessgru.cli.streams import standard_input, standard_output


def uci(
    player: Annotated[
        str, typer.Option(metavar="NAME", help="Who plays; default: anybody of the --rating.")
    ] = "",
    opponent: Annotated[str, typer.Option(metavar="NAME", help="Against whom; default: anybody.")] = "",
    rating: Annotated[int, typer.Option(min=0, max=4000, help="The player's; 0: the latest known.")] = 0,
    temperature: Annotated[
        int, typer.Option(min=0, max=300, help="In hundredths: 100 as he plays, 0 always the likeliest.")
    ] = 100,
    pacing: Annotated[
        bool, typer.Option("--pacing/--no-pacing", help="Pause before a move as people do.")
    ] = False,
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=LARGEST_SEED, help="Draw the same moves each time; default: others."),
    ] = None,
    library: LibraryFile = None,
    model: ModelFolder = None,
) -> None:
    """Plays as a person in any chess program that speaks UCI; add this command there as an engine.

    Every option can be changed in the program. The protocol is spoken on standard input and output.
    """
    standard_input(), standard_output()  # a chess program speaks through both
    import numpy as np

    from chessgru.uci import Conversation
    from chessgru.uci.people import LibraryPeople
    from chessgru.uci.words import Settings

    check_model(model)
    with open_library(library) as games:
        people = LibraryPeople(games, model)
        settings = Settings(
            player=people.find(player) if player else "",
            opponent=people.find(opponent) if opponent else "",
            rating=rating,
            temperature=temperature,
            pacing=pacing,
        )
        _in_utf8()
        Conversation(people, _say, np.random.default_rng(seed), settings=settings).run(sys.stdin)


def _in_utf8() -> None:
    for stream in (sys.stdin, sys.stdout):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")


def _say(line: str) -> None:
    """Writes a line at once; to nobody, once the chess program has gone."""
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for the rest of the process
