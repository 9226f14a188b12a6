r"""Finishes a trained model for shipping: temperature, opening book, scores, card.

    python benchmarks/model_card.py runs/base runs/data/training.parquet --maia maia.parquet \
        --out chessgru/base_model masters=masters.pgn.zst amateurs=amateurs.pgn.zst

The temperature and the book's weights are fitted on the games that training validated on; the book counts the
others. Scores are those of `chessgru evaluate`,
with and without ratings, on each set of games; Maia's come ply by ply from a table as `compare_maia.py` reads it.
"""

# ruff: noqa: E501 - rows of Markdown tables are long

from __future__ import annotations

import argparse
import subprocess
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from chessgru.baselines import Uniform
from chessgru.book import LEAST, PLIES, count_openings
from chessgru.checkpoint import load_checkpoint, save_checkpoint
from chessgru.evaluation import Network, fit_book, fit_temperature, forecast_games, without_book
from chessgru.game import TIME_CLASSES
from chessgru.model import RATING_FEATURES, MoveGRU
from chessgru.pgn import read_all
from chessgru.scores import Estimate, Score, compare, reliability, score
from chessgru.sequences import Sequences, encode
from chessgru.training import hold_out

SEED = 2026
PEERS = {"maia": "Maia-1", "maia2200": "Maia-2200"}
BANDS = {
    0: "unknown",
    1: "below 1200",
    1200: "1200–1599",
    1600: "1600–1999",
    2000: "2000–2399",
    2400: "2400 and above",
}


def shown(value: Estimate, factor: float, digits: int, sign: str = "") -> str:
    """Returns an estimate with its interval as text."""
    number, low, high = value.times(factor)
    return f"{number:{sign}.{digits}f} ({low:{sign}.{digits}f} to {high:{sign}.{digits}f})"


def forecasts(model: MoveGRU, path: Path) -> pd.DataFrame:
    """Returns the forecasts of one set of games, one row a ply."""
    games = read_all(path)[0]
    forecasters = [
        Network(model, "base"),
        Network(model, "unrated", with_ratings=False),
        Network(without_book(model), "network"),
        Uniform(),
    ]
    return forecast_games(encode(games), forecasters, index=np.array([game.index for game in games]))


def score_rows(scores: list[Score], groups: str) -> list[str]:
    """Returns Markdown rows of the groups that begin with `groups`."""
    rows = []
    for found in scores:
        if not found.group.startswith(groups):
            continue
        cells = [
            found.group,
            found.forecaster,
            f"{found.games:,}",
            f"{found.plies:,}",
            shown(found.top1, 100, 1),
        ]
        cells += [f"{100 * found.top3.value:.1f}", f"{100 * found.top5.value:.1f}", shown(found.nll, 1, 3)]
        rows.append("| " + " | ".join([*cells, f"{found.ece.value:.3f}"]) + " |")
    return rows


HEADER = """| plies | model | games | n | top-1 % (95 % interval) | top-3 % | top-5 % | NLL, nats (95 % interval) | ECE |
|---|---|---|---|---|---|---|---|---|"""


def set_section(
    name: str, table: pd.DataFrame, peers: pd.DataFrame | None
) -> tuple[list[str], dict[str, Any]]:
    """Returns the card's lines on one set of games, and what the checkpoint keeps of it."""
    rng = np.random.default_rng
    scores = score(table, ["base", "unrated", "network", "uniform"], rng(SEED))
    rows = [row for group in ("all", "plies") for row in score_rows(scores, group)]
    lines = [f"### {name}", "", HEADER, *rows, ""]
    if peers is not None:
        both = table.merge(peers[peers["set"] == name], on=["game", "ply", "uci"], validate="one_to_one")
        theirs = score(both.assign(**{f"{peer}_top1": 0.0 for peer in PEERS}), list(PEERS), rng(SEED))
        lines += ["Beside Maia on the same plies (differences are ours less theirs):", ""]
        lines += ["| peer | its top-1 % | its NLL | top-1, points | NLL, nats |", "|---|---|---|---|---|"]
        for found in theirs:
            if found.group == "all":
                apart = compare(both, "base", found.forecaster, rng(SEED))
                cells = [PEERS[found.forecaster], f"{100 * found.top1.value:.1f}", f"{found.nll.value:.3f}"]
                cells += [shown(apart.top1, 100, 1, "+"), shown(apart.nll, 1, 3, "+")]
                lines.append("| " + " | ".join(cells) + " |")
        lines.append("")
    lines += ["By rating of the mover, phase, speed and color:", "", HEADER]
    rated = [found for found in scores if found.forecaster == "base"]
    for group in ("rating", "phase", "speed", "color"):
        lines += score_rows(rated, group)
    bins = reliability(table, "base")
    lines += [
        "",
        "Calibration of the likeliest move:",
        "",
        "| said | n | mean | came true |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {100 * b.low:.0f}–{100 * b.high:.0f} % | {b.plies:,} | {100 * b.confidence:.1f} % | {100 * b.accuracy:.1f} % |"
        for b in bins
    ]
    kept = [
        asdict(found) for found in scores if found.forecaster in ("base", "uniform") or found.group == "all"
    ]
    return [*lines, ""], {"scores": kept, "reliability": [b._asdict() for b in bins]}


def data_section(training: Sequences) -> list[str]:
    """Returns the card's lines on the training data."""
    rating, lengths = training.ratings.max(1), training.lengths
    starts = list(BANDS)
    band = np.digitize(rating, starts[1:])
    lines = ["| the stronger side's rating | games | plies |", "|---|---|---|"]
    lines += [
        f"| {name} | {(band == number).sum():,} | {lengths[band == number].sum():,} |"
        for number, name in enumerate(BANDS.values())
    ]
    lines += ["", "| speed | games |", "|---|---|"]
    lines += [
        f"| {name} | {(training.speed == n).sum():,} |" for n, name in enumerate(("unknown", *TIME_CLASSES))
    ]
    return lines


def rating_section(model: MoveGRU, path: Path) -> list[str]:
    """Returns the card's lines on how the forecast of a master's moves depends on the rating it is told."""
    games = read_all(path)[0][:100]
    sequences = encode(games)
    lines = ["| told rating | NLL of the masters' moves | top-1 % |", "|---|---|---|"]
    for told in (800, 1200, 1600, 2000, 2400, 2800):
        ratings = np.full_like(sequences.ratings, told)
        retold = Sequences(**{**vars(sequences), "ratings": ratings})
        found = score(
            forecast_games(retold, [Network(model, "base")]), ["base"], np.random.default_rng(SEED), 50
        )
        lines.append(f"| {told} | {found[0].nll.value:.3f} | {100 * found[0].top1.value:.1f} |")
    return lines


def repeated(games: Sequences, others: Sequences) -> np.ndarray:
    """Returns (G,) bool: which games have the moves of one of the others."""
    known = {others.tokens[start:end].tobytes() for start, end in pairwise(others.offsets)}
    return np.array([games.tokens[start:end].tobytes() in known for start, end in pairwise(games.offsets)])


def main() -> None:
    """Writes the model folder with its card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("training", type=Path, help="the token file that was trained on")
    parser.add_argument("sets", nargs="+", metavar="SET=GAMES.pgn")
    parser.add_argument(
        "--validation", type=Path, help="token file; default: the games held out of training"
    )
    parser.add_argument("--maia", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=4)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    trained = load_checkpoint(options.run)
    training, validation = hold_out(Sequences.load(options.training), 800, seed=1)
    if options.validation:
        training, validation = Sequences.load(options.training), Sequences.load(options.validation)
        training = training.select(~repeated(training, validation))
    temperature = fit_temperature(trained.model, validation)
    trained.model.temperature.fill_(temperature)
    book = count_openings(training, RATING_FEATURES)
    trained.model.book = fit_book(trained.model, book, validation)
    save_checkpoint(options.out, trained.model, trained.about)
    trained = load_checkpoint(options.out)  # what is scored is what others will load, rounded as on disk
    peers = pd.read_parquet(options.maia) if options.maia else None
    sections, kept = [], {}
    for text in options.sets:
        name, path = text.split("=", 1)
        table = forecasts(trained.model, Path(path))
        lines, kept[name] = set_section(name, table, peers)
        sections += lines
    first = Path(options.sets[0].split("=", 1)[1])
    about = {**trained.about, "temperature": temperature, "scores": kept}
    save_checkpoint(options.out, trained.model, about)
    count = sum(parameter.numel() for parameter in trained.model.parameters())
    card = TEMPLATE.format(
        parameters=f"{count:,}",
        config=trained.model.config,
        training=about["training"],
        step=about["step"],
        history=f" {about['history']}" if "history" in about else "",
        curve=about.get("curve", ""),
        commit=subprocess.check_output(["git", "rev-parse", "--short", "HEAD"], text=True).strip(),
        sets=", ".join(map(_set_told, options.sets)),
        seen=f"{about['step'] * about['training']['plies_per_batch'] / 1e6:.1f}",
        games=f"{len(training):,}",
        plies=f"{len(training.tokens):,}",
        temperature=f"{temperature:.3f}",
        positions=f"{len(book):,}",
        averaged=MIXED.format(share=about["averaged"]) if "averaged" in about else "",
        master_share=about["training"]["master_share"],
        deep=PLIES,
        least=LEAST,
        validation=about["validation"],
        data="\n".join(data_section(training)),
        scores="\n".join(sections),
        ratings="\n".join(rating_section(trained.model, first)),
        digest=load_checkpoint(options.out).digest,
    )
    (options.out / "README.md").write_text(card)


def _set_told(text: str) -> str:
    name, path = text.split("=", 1)
    return f"{name} are {Path(path).name}"


MIXED = """ Of the weights, {share:.0%} are those at the end
  of the leg before (`benchmarks/base_model.py average`)."""

TEMPLATE = """# Model card: the base model

A `MoveGRU` of {parameters} parameters (weights {digest}): given a game so far, both ratings (or "unknown") and
the speed (or "unknown"), a distribution over the legal moves of the side to move. It knows people in general and is
the prior of everything that chessgru says about one person. It holds no names and no player's style vector.

- Shape: `{config}`
- Training: `{training}`, about {seen} million plies read in {step} steps.{history}{averaged}
- Opening book: what the training games (not the validation games) played in the {positions} positions of their first {deep}
  plies that occurred at least {least} times. It speaks over the network as the mean of a Dirichlet posterior, its weight by the
  mover's rating fitted on the validation games (`chessgru/book.py`). It holds positions, moves and counts, nothing else.
- Temperature {temperature}, fitted on the 800 games that training validated on (last scores there: {validation}).

## Data

{games} games with {plies} plies, real games of people from public collections: masters over the board and online
(1749 to 2023), amateurs of all ratings on Lichess and chess.com, several single accounts (capped, so that nobody
becomes the average person). Ratings are FIDE's for masters and the site's otherwise: two scales. Left out entirely:
every game of 26 players (20 masters and 6 amateurs, drawn by a seeded rule) on whom learning a person is measured,
and the games of the test sets below. Of the games with a side of 2400 or more, and of those without ratings (mostly older masters), a
pass uses {master_share:.0%}.

{data}

## Scores

By `chessgru evaluate`, on games the model was never trained on; all plies, softmax over the legal moves. "base" is told
the ratings, "unrated" is not, "network" is "base" without the opening book, "uniform" gives every legal move the same chance. Intervals hold 95 %, by a bootstrap over
games. ECE has 15 bins. Code of commit {commit}; {sets}.

![How often the likeliest move came true](../../docs/model/calibration.png)

{scores}
## What more would bring

NLL on the 800 validation games against the plies read. {curve}
And networks of several sizes after the same short training, without tactics (`benchmarks/ablations.py`).

![NLL against plies read](../../docs/model/learning_curve.png)

![NLL against the size of the network](../../docs/model/sizes.png)

## Told another rating

The first 100 games of the first set again, with both ratings replaced: a model that knows what strength means expects
masters' moves more from masters.

{ratings}

## Limits

- It predicts people, not good moves: it is no engine. It is told what captures gain and what a move leaves hanging, and learned
  how often people of a rating overlook it.
- Trained on few games known to be classical or slower; bullet it has read, but the test sets hold none. It does not see the clock.
- Below 800 and above 2800 it has seen little.
- Fair play: never beside a game in progress on a playing site.

## Make it again

    python benchmarks/base_model.py prepare GAMES_DIR --aliases ALIASES.json --exclude EVAL_DIR
    torchrun --nproc-per-node 4 benchmarks/base_model.py train runs/data
    python benchmarks/model_card.py runs/base runs/data/training.parquet --out chessgru/base_model SET=GAMES.pgn
    python benchmarks/model_pictures.py chessgru/base_model --out docs/model

That is one leg, with the settings above; several and their average (`benchmarks/base_model.py average`) are told there.
"""

if __name__ == "__main__":
    main()
