"""Scores as one table, wherever they come from: a checkpoint, or games of the library measured now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from chessgru.errors import LibraryError
from chessgru.library import Library
from chessgru.ui.jobs import Job, time_text

if TYPE_CHECKING:
    from chessgru.checkpoint import Checkpoint

MEASURED_GAMES: Final = 100
PAST_GAMES: Final = 3000
MEASURES: Final = ("top1", "top3", "top5", "nll", "ece")
COLUMNS: Final = ("games scored", "group", "forecaster", "games", "plies", *MEASURES)


def scores_table(scores: object, name: str = "") -> pd.DataFrame:
    """Returns one row a group and forecaster, with columns COLUMNS and NAME_low, NAME_high of intervals.

    `scores` is what a checkpoint holds: a list of scores as of `chessgru evaluate --json`, its output,
    or such by name of the games scored. What cannot be read is left out.
    """
    columns = [*COLUMNS, *(f"{measure}_{end}" for measure in MEASURES for end in ("low", "high"))]
    return pd.DataFrame(list(_rows(scores, name)), columns=columns)


def _rows(scores: object, name: str) -> Iterator[dict[str, object]]:
    if isinstance(scores, list):
        yield from (
            _row(score, name) for score in scores if isinstance(score, Mapping) and "group" in score
        )
    elif isinstance(scores, Mapping):
        if "scores" in scores:
            yield from _rows(scores["scores"], name or str(scores.get("file", "")))
            return
        for key, value in scores.items():
            yield from _rows(value, f"{name} {key}".strip())


def _row(score: Mapping[str, Any], name: str) -> dict[str, object]:
    row: dict[str, object] = {"games scored": name}
    row |= {key: score.get(key) for key in ("group", "forecaster", "games", "plies")}
    for measure in MEASURES:
        value, low, high = _estimate(score.get(measure))
        row |= {measure: value, f"{measure}_low": low, f"{measure}_high": high}
    return row


def _estimate(found: object) -> tuple[float, float, float]:
    """Returns value, low and high of an estimate as a mapping, a triple or a bare number."""
    missing = float("nan")
    if isinstance(found, Mapping):
        found = [found.get(name, missing) for name in ("value", "low", "high")]
    if isinstance(found, list | tuple) and len(found) == 3:
        return float(found[0]), float(found[1]), float(found[2])
    return (float(found), missing, missing) if isinstance(found, int | float) else (missing,) * 3


def calibration_table(found: object, name: str = "") -> pd.DataFrame:
    """Returns one row a bin of a calibration plot, of all sets of games that have one.

    `found` holds bins as of `scores.reliability` under "calibration" or "reliability", at any depth.
    """
    columns = ["games scored", "low", "high", "plies", "confidence", "accuracy"]
    return pd.DataFrame(list(_bins(found, name)), columns=columns)


def _bins(found: object, name: str) -> Iterator[dict[str, object]]:
    if isinstance(found, list):
        wanted = ("low", "high", "plies", "confidence", "accuracy")
        for each in found:
            if isinstance(each, Mapping) and set(wanted) <= set(each):
                yield {"games scored": name} | {key: each[key] for key in wanted}
    elif isinstance(found, Mapping):
        plain = ("calibration", "reliability", "scores")
        for key, value in found.items():
            yield from _bins(value, name if key in plain else f"{name} {key}".strip())


def measure_work(library: Library, base: Checkpoint) -> Callable[[Job], None]:
    """Returns the work of scoring the base model on the library's latest games.

    Beside it stand chance, and a count table of the games before them. The result is as in a checkpoint.
    """

    def work(job: Job) -> None:
        import numpy as np

        from chessgru.baselines import CountTable, Forecaster, Uniform
        from chessgru.evaluation import Network, forecast_games
        from chessgru.scores import reliability, score
        from chessgru.sequences import encode
        from chessgru.threads import half_the_cores, sharing

        job.tell(0.0, "reading the games")
        games = library.games(limit=PAST_GAMES + MEASURED_GAMES)
        if not games:
            raise LibraryError("the library has no games to measure on: add some on the Players page")
        latest, past = games[-MEASURED_GAMES:], games[:-MEASURED_GAMES]
        sequences = encode(latest)
        forecasters: list[Forecaster] = [Network(base.model), Uniform()]
        if past:
            forecasters.append(CountTable.learn(encode(past)))

        def tell(done: int) -> None:
            job.tell(done / len(sequences.tokens), f"{done:,} plies · {time_text(job.seconds_left)}")

        with sharing(half_the_cores()):
            table = forecast_games(sequences, forecasters, progress=tell)
        names = [forecaster.name for forecaster in forecasters]
        found = score(table, names, np.random.default_rng(0), draws=300)
        bins = [each._asdict() for each in reliability(table, "base")]
        title = f"the latest {len(latest)} games here"
        job.results.append(
            {title: {"scores": [_plain(asdict(each)) for each in found], "reliability": bins}}
        )

    return work


def _plain(score: dict[str, Any]) -> dict[str, Any]:
    """Returns a score with its estimates as triples."""
    return {key: tuple(value) if isinstance(value, tuple) else value for key, value in score.items()}
