"""The command that scores a model, or one player's profile, on real games."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from chessgru.cli.options import AsJSON, ModelFolder, given_path
from chessgru.cli.predicting import predict
from chessgru.cli.training import train
from chessgru.files import check_writable

if TYPE_CHECKING:
    import pandas as pd

    from chessgru.baselines import Forecaster
    from chessgru.checkpoint import Checkpoint
    from chessgru.game import Game
    from chessgru.profiles import Profile
    from chessgru.scores import Comparison, Reliability, Score

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
)
app.command()(predict)
app.command()(train)
_SEED: Final = 2026


@app.command()
def evaluate(
    games: Annotated[
        Path,
        typer.Argument(metavar="GAMES.pgn", parser=given_path, help="Games to score; may be compressed."),
    ],
    player: Annotated[
        str | None, typer.Option(metavar="NAME", help="Score this player's moves, with his profile.")
    ] = None,
    alias: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Another name of the player; repeatable.")
    ] = None,
    history: Annotated[
        Path | None,
        typer.Option(
            metavar="PAST.pgn",
            parser=given_path,
            help="Games to learn the player, or the count table, from.",
        ),
    ] = None,
    plies: Annotated[
        Path | None,
        typer.Option(metavar="OUT.parquet", parser=given_path, help="Write one row a scored ply."),
    ] = None,
    without_ratings: Annotated[
        bool, typer.Option("--without-ratings", help="Do not tell the model the ratings.")
    ] = False,
    model: ModelFolder = None,
    as_json: AsJSON = False,
) -> None:
    """Scores how well people's moves are predicted, on games the model has not seen.

    With --player and --history, the profile is learned from the history and that player's own moves are
    scored, beside the base model and the count table alone. Intervals hold 95 %, by a bootstrap over games.
    """
    _check(player, alias, history, plies)
    os.environ.setdefault(
        "OMP_WAIT_POLICY", "PASSIVE"
    )  # before torch: busy cores are not waited for busily
    from chessgru.checkpoint import load_checkpoint

    base = load_checkpoint(model)
    read, rejected = _read(games)
    past = _read(history)[0] if history is not None else []
    if player is not None:
        names = (player, alias or [])
        run = _score_player(base, read, past, *names, history=history, with_ratings=not without_ratings)
    else:
        run = _score_everybody(base, read, past, with_ratings=not without_ratings)
    run.about |= {"file": str(games), "games": len(read), "rejected": rejected, "model": base.digest}
    run.about["with_ratings"] = not without_ratings
    if plies is not None:
        _write_plies(run, plies)
    _tell(run, as_json)


class _Run:
    """What was scored: the table of plies, who forecast, and what to say about it."""

    def __init__(self, table: pd.DataFrame, names: Sequence[str], about: dict[str, Any]) -> None:
        self.table, self.names, self.about = table, names, about

    def comparisons(self) -> list[Comparison]:
        """Compares the first forecaster with each other one, ply by ply."""
        import numpy as np

        from chessgru.scores import compare

        first, *others = self.names
        return [compare(self.table, first, other, np.random.default_rng(_SEED)) for other in others]

    def calibration(self) -> list[Reliability]:
        """Returns how often the first forecaster's likeliest move was played, by its probability."""
        from chessgru.scores import reliability

        return reliability(self.table, self.names[0])

    def scores(self) -> list[Score]:
        import numpy as np

        from chessgru.scores import score

        return score(self.table, self.names, np.random.default_rng(_SEED))


def _check(player: str | None, alias: list[str] | None, history: Path | None, plies: Path | None) -> None:
    if player is None and alias:
        raise typer.BadParameter("needs --player, whose other name it is", param_hint="--alias")
    if player is not None and history is None:
        raise typer.BadParameter("needs --history, the past games to learn from", param_hint="--player")
    if plies is not None and not plies.resolve().parent.is_dir():
        raise typer.BadParameter(f"no folder {str(plies.parent)!r} to write to", param_hint="--plies")
    if plies is not None:
        check_writable(plies)


def _read(path: Path) -> tuple[list[Game], dict[str, int]]:
    """Returns a file's games and the number of rejected ones by reason; PGNError if no game is left."""
    from chessgru.cli.reading import read_file
    from chessgru.errors import PGNError

    games, rejected = read_file(str(path))
    if not games:
        reasons = ", ".join(f"{count} {reason}" for reason, count in rejected.items())
        raise PGNError(f"{path}: no game that can be scored ({reasons or 'empty'}); check the file")
    return games, rejected


@contextmanager
def _bar(total: int, what: str) -> Iterator[Any]:
    """Shows a bar of plies on standard error and yields what moves it."""
    from tqdm import tqdm

    with tqdm(total=total, unit=" plies", unit_scale=True, desc=what, file=sys.stderr, disable=None) as bar:
        yield lambda done: bar.update(done - bar.n)


def _score_everybody(base: Checkpoint, games: list[Game], past: list[Game], *, with_ratings: bool) -> _Run:
    import numpy as np

    from chessgru.baselines import CountTable, NGram, Uniform
    from chessgru.evaluation import Network, forecast_games
    from chessgru.sequences import encode

    forecasters: list[Forecaster] = [Network(base.model, with_ratings=with_ratings), Uniform()]
    counts = None
    if past:
        table = CountTable.learn(encode(past))
        forecasters += [table, NGram.learn(encode(past))]
        counts = table.counts
    sequences = encode(games)
    index = np.array([game.index for game in games], np.int64)
    with _bar(len(sequences.tokens), "scoring") as advance:
        found = forecast_games(sequences, forecasters, index=index, memory=counts, progress=advance)
    return _Run(found, [each.name for each in forecasters], {"history": len(past)} if past else {})


def _score_player(
    base: Checkpoint,
    games: list[Game],
    past: list[Game],
    player: str,
    aliases: list[str],
    *,
    history: Path | None,
    with_ratings: bool,
) -> _Run:
    from chessgru.errors import PGNError
    from chessgru.game import name_key
    from chessgru.player_evaluation import forecast_player, memory_alone, own_games, past_games

    names = {name_key(name) for name in (player, *aliases)}
    scored = own_games(games, names, player)
    kept, dropped = past_games(past, games, names)
    if not kept:
        scored_too = f" but the {dropped} that are scored, which are left out" if dropped else ""
        raise PGNError(f"{history}: no game of {player!r} there{scored_too}; give his earlier games")
    profile = _learn(base, kept, names, player)
    table = memory_alone(profile, kept)
    with _bar(len(scored.sequences.tokens), "scoring") as advance:
        found = forecast_player(base, profile, scored, table, with_ratings=with_ratings, progress=advance)
    about = {"player": player, "scored_games": len(scored.index), "history": len(kept), "repeated": dropped}
    return _Run(found, ["personal", "base", "memory", "uniform"], about)


def _learn(base: Checkpoint, past: list[Game], names: set[str], player: str) -> Profile:
    from tqdm import tqdm

    from chessgru.learning import learn

    with tqdm(total=100, unit=" %", desc=f"learning {player}", file=sys.stderr, disable=None) as bar:

        def listen(share: float, what: str) -> None:
            bar.update(round(100 * share) - bar.n)
            bar.set_postfix_str(what)

        return learn(base, past, names, name=player, progress=listen)


def _write_plies(run: _Run, path: Path) -> None:
    """Writes the contract's columns, in one file that appears whole or not at all."""
    import io

    from chessgru.evaluation import plies_table
    from chessgru.files import write_atomically

    buffer = io.BytesIO()
    others = ["base", "memory"] if "player" in run.about else []
    plies_table(run.table, run.names[0], others).to_parquet(buffer, index=False)
    write_atomically(path, buffer.getvalue())


def _tell(run: _Run, as_json: bool) -> None:
    scores, comparisons = run.scores(), run.comparisons()
    if as_json:
        found: dict[str, Any] = {
            "scores": list(map(_as_dict, scores)),
            "comparisons": list(map(_as_dict, comparisons)),
        }
        found["calibration"] = [each._asdict() for each in run.calibration()]
        typer.echo(json.dumps(run.about | {"plies": len(run.table)} | found))
        return
    about = run.about
    lost = sum(about["rejected"].values())
    whose = f", {about['player']}'s moves in {about['scored_games']}" if "player" in about else ""
    typer.echo(f"{about['file']}: {about['games']} games{whose}, {lost} rejected; model {about['model']}")
    if "player" in about:
        again = f" ({about['repeated']} left out: they are scored)" if about["repeated"] else ""
        typer.echo(f"learned from {about['history']} past games{again}")
    typer.echo(_text(scores))
    typer.echo("\n".join(map(_difference, comparisons)))


def _difference(found: Comparison) -> str:
    """Returns one line that says how much better one forecaster is than another."""
    top1, nll = found.top1.times(100), found.nll
    return (
        f"{found.first} less {found.second}: "
        f"top-1 {top1.value:+.1f} points ({top1.low:+.1f} to {top1.high:+.1f}), "
        f"NLL {nll.value:+.3f} ({nll.low:+.3f} to {nll.high:+.3f})"
    )


def _as_dict(result: Score | Comparison) -> dict[str, Any]:
    """Returns scores as JSON values; a number that is not defined is null."""
    from dataclasses import fields

    found: dict[str, Any] = {}
    for field in fields(result):
        value = getattr(result, field.name)
        found[field.name] = (
            {name: x if math.isfinite(x) else None for name, x in value._asdict().items()}
            if hasattr(value, "_asdict")
            else value
        )
    return found


def _text(scores: Sequence[Score]) -> str:
    """Returns the scores as a table, one line a group and forecaster."""
    header = f"{'':20}{'':12}{'plies':>8}  {'top-1 %':18}{'top-3':>6}{'top-5':>7}  {'NLL':22}{'ECE':>6}"
    lines, before = [header], ""
    for score in scores:
        top1, nll = score.top1, score.nll
        accuracy = f"{100 * top1.value:.1f} ({100 * top1.low:.1f}–{100 * top1.high:.1f})"
        surprise = f"{nll.value:.3f} ({nll.low:.3f}–{nll.high:.3f})"
        group = "" if score.group == before else score.group
        lines.append(
            f"{group:20}{score.forecaster:12}{score.plies:8}  {accuracy:18}{100 * score.top3.value:6.1f}"
            f"{100 * score.top5.value:7.1f}  {surprise:22}{score.ece.value:6.3f}"
        )
        before = score.group
    return "\n".join(lines)
