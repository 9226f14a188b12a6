"""The commands that learn people and recognise them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chessgru.cli.options import MOST_THREADS, AsJSON, LibraryFile, ModelFolder, given_path, open_library

if TYPE_CHECKING:
    from chessgru.checkpoint import Checkpoint
    from chessgru.game import Game, Side
    from chessgru.identification import Identification
    from chessgru.library import Library
    from chessgru.profiles import Profile
    from chessgru.seats import Person

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
)


@app.command()
def learn(
    player: Annotated[str, typer.Argument(help="Whom to learn, under any of his names.")],
    afresh: Annotated[bool, typer.Option("--afresh", help="Forget the last profile first.")] = False,
    threads: Annotated[
        int | None, typer.Option(min=1, max=MOST_THREADS, help="Processor cores to use; default: all.")
    ] = None,
    library: LibraryFile = None,
    model: ModelFolder = None,
    as_json: AsJSON = False,
) -> None:
    """Learns or refreshes a player's profile, and reports what it gained on his latest games."""
    import numpy as np

    from chessgru.seats import find_person

    with open_library(library) as games:
        person, home = find_person(player, games), games.path.parent
    from chessgru import learning
    from chessgru.checkpoint import load_checkpoint
    from chessgru.files import check_writable
    from chessgru.profiles import profile_path, save_profile

    path = profile_path(home, person.name)
    check_writable(path)  # before the learning, which takes minutes
    base = load_checkpoint(model)
    previous = None if afresh else _last_profile(path, base)
    with _bar(person.name) as tell:
        profile = learning.learn(
            base,
            person.games,
            person.names,
            name=person.name,
            previous=previous,
            progress=tell,
            threads=threads or os.cpu_count(),
        )
    save_profile(profile, path)
    known = previous.taken if previous else ()
    added = len(np.setdiff1d(profile.taken, known))
    typer.echo(json.dumps(_as_dict(profile, person, path)) if as_json else _text(profile, person, added))


def _last_profile(path: Path, base: Checkpoint) -> Profile | None:
    """Returns the profile to go on from; tells of one that cannot be used, and goes on without."""
    from chessgru.errors import ProfileError
    from chessgru.profiles import load_profile

    if not path.exists():
        return None
    try:
        return load_profile(path, base.digest, base.model)
    except ProfileError as error:
        typer.echo(f"chessgru: {error}; learning afresh", err=True)
        return None


@contextmanager
def _bar(name: str) -> Iterator[Callable[[float, str], None]]:
    """Shows how far something is, on a terminal."""
    from tqdm import tqdm

    with tqdm(total=100, desc=name, unit="%", file=sys.stderr, disable=None) as bar:

        def tell(share: float, what: str) -> None:
            bar.set_postfix_str(what, refresh=False)
            bar.update(round(100 * share) - bar.n)

        yield tell


def _colors(person: Person) -> tuple[int, int]:
    sides = [game.side_of(person.names) for game in person.games]
    return sides.count("white"), sides.count("black")


def _as_dict(profile: Profile, person: Person, path: Path) -> dict[str, Any]:
    white, black = _colors(person)
    return {
        "player": profile.name,
        "games": profile.games,
        "white": white,
        "black": black,
        "file": str(path),
        "k_own": profile.k_own,
        "k_h2h": profile.k_h2h,
        "report": asdict(profile.report),
    }


def _games(count: int) -> str:
    return f"{count} {'game' if count == 1 else 'games'}"


def _text(profile: Profile, person: Person, added: int) -> str:
    """Returns the report: what was learned from, what each part gained."""
    white, black = _colors(person)
    new = "nothing new" if not added else f"{added} of them new"
    lines = [f"{profile.name}: learned from {_games(profile.games)} ({white} White, {black} Black), {new}"]
    if not white or not black:
        missing = "White" if not white else "Black"
        learned = profile.style.any() or profile.adapters
        how = "from his style alone" if learned else "as those of people of his rating"
        lines.append(f"No game with {missing}: his moves there are predicted {how}.")
    both = len(person.games) - white - black
    if both:
        verbs = ("bears", "was") if both == 1 else ("bear", "were")
        lines.append(f"{_games(both)} {verbs[0]} his name on both sides and {verbs[1]} passed over.")
    report = profile.report
    if not report.gains:
        return "\n".join([*lines, "Too few games to keep any aside: memory only."])
    if len(profile.fitted) == profile.games:
        which = "his latest game" if report.games == 1 else f"his {report.games} latest games"
    else:
        which = f"the latest {report.games} of the {len(profile.fitted)} games that his style knows"
    lines.append(f"On {which}, kept aside while learning ({report.moves} moves):")
    base = report.gains[0]
    width = max(len(gain.parts) for gain in report.gains)
    for gain in report.gains:
        change = f" {gain.top1 - base.top1:+7.1%} {gain.nll - base.nll:+7.3f}" if gain is not base else ""
        unused = "" if gain.used else "  not used"
        lines.append(
            f"  {gain.parts:<{width}}  top-1 {gain.top1:6.1%}  nats {gain.nll:.3f}{change}{unused}"
        )
    return "\n".join(lines)


@app.command()
def identify(
    games: Annotated[
        Path,
        typer.Argument(metavar="GAMES.pgn", parser=given_path, help="Games of one unknown person."),
    ],
    color: Annotated[
        str | None, typer.Option(metavar="white|black", help="The unknown's color in all games.")
    ] = None,
    player: Annotated[
        str | None, typer.Option(metavar="NAME", help="Or the name under which he played.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many candidates to list.")] = 5,
    library: LibraryFile = None,
    model: ModelFolder = None,
    as_json: AsJSON = False,
) -> None:
    """Says which of the players you have learned made these moves, with odds."""
    if (color is None) == (player is None) or color not in (None, "white", "black"):
        raise typer.BadParameter("say who is meant, either --color white|black or --player NAME")
    from chessgru.cli.reading import read_games_of

    played, sides = _seats(read_games_of(str(games), player), color, player)
    from chessgru.checkpoint import load_checkpoint
    from chessgru.identification import identify as weigh

    base = load_checkpoint(model)
    with open_library(library) as opened:
        profiles = _profiles(opened, base)
    with _bar("identify") as tell:
        answer = weigh(base, played, sides, profiles, progress=tell)
    typer.echo(json.dumps(_answer(answer, top)) if as_json else _told(answer, top))


def _seats(
    games: Sequence[Game], color: str | None, player: str | None
) -> tuple[Sequence[Game], list[Side]]:
    """Returns the games and the side on which the unknown sat in each."""
    from chessgru.game import name_key, unknown_among

    if player is None:
        return games, ["white" if color == "white" else "black" for _ in games]
    pairs = [(game, side) for game in games if (side := game.side_of({name_key(player)})) is not None]
    if not pairs:
        raise unknown_among(games, player)
    return [game for game, _ in pairs], [side for _, side in pairs]


def _profiles(library: Library, base: Checkpoint) -> list[Profile]:
    """Returns the profiles of the library's and the sample players; tells of those that cannot be used.

    Files under names that were merged into others since are nobody's.
    """
    from chessgru.errors import ProfileError
    from chessgru.game import name_key
    from chessgru.samples import SAMPLE_PLAYERS
    from chessgru.seats import open_profile

    people = [(player.name, frozenset(map(name_key, player.aliases))) for player in library.players()]
    known = frozenset[str]().union(*(names for _, names in people))
    samples = ((name, frozenset({name_key(name)})) for name in SAMPLE_PLAYERS)
    found = []
    for name, names in (*people, *(sample for sample in samples if not sample[1] & known)):
        try:
            profile = open_profile(name, names, library, base)
        except ProfileError as error:
            typer.echo(f"chessgru: {error}; left out", err=True)
            continue
        if profile is not None:
            found.append(profile)
    return found


def _answer(answer: Identification, top: int) -> dict[str, Any]:
    rows = [asdict(candidate) | {"odds": candidate.odds} for candidate in answer.candidates[:top]]
    return {"games": answer.games, "moves": answer.moves, "candidates": rows}


def _told(answer: Identification, top: int) -> str:
    lines = [f"{_games(answer.games)}, {answer.moves} moves, {len(answer.candidates)} players learned"]
    for candidate in answer.candidates[:top]:
        known = candidate.learned_from
        note = f"  (learned from {known} of these very games)" if known else ""
        lines.append(
            f"  {candidate.probability:6.1%}  odds {_odds(candidate.odds)}  {candidate.name}{note}"
        )
    return "\n".join(lines)


def _odds(odds: float) -> str:
    if odds > 1e6:
        return "over a million to 1"
    return f"{odds:.0f} to 1" if odds >= 1 else f"1 to {min(1 / max(odds, 1e-9), 1e6):.0f}"
