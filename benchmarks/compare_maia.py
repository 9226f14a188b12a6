"""Compares a model with Maia on the same real games, ply by ply.

    python benchmarks/compare_maia.py --maia maia.parquet masters=masters.pgn.zst amateurs=amateurs.pgn.zst

`maia.parquet` holds one row a ply: set, game (position in the file), ply, uci, and the probability and rank
that Maia-1 and Maia-2200 gave the move played. Intervals hold 95 %, by a bootstrap over games.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from chessgru.checkpoint import load_checkpoint
from chessgru.evaluation import Network, forecast_games
from chessgru.pgn import read_all
from chessgru.scores import Comparison, Estimate, compare, score
from chessgru.sequences import encode

PEERS = ("maia", "maia2200")
SEED = 2026


def forecasts(path: Path, model: Path | None, limit: int) -> pd.DataFrame:
    """Returns our forecasts with and without ratings, one row a ply."""
    games = read_all(path)[0][: limit or None]
    network = load_checkpoint(model).model
    forecasters = [Network(network, "ours"), Network(network, "unrated", with_ratings=False)]
    start = time.perf_counter()
    index = np.array([game.index for game in games])
    table = forecast_games(encode(games), forecasters, index=index)
    print(f"{path.name}: {len(games)} games, {len(table)} plies, {time.perf_counter() - start:.0f} s")
    return table


def with_peers(ours: pd.DataFrame, peers: pd.DataFrame) -> pd.DataFrame:
    """Returns both forecasts side by side; refuses games whose moves are not the same."""
    both = ours.merge(peers, on=["game", "ply", "uci"], validate="one_to_one")
    if len(both) != len(ours):
        raise SystemExit(f"{len(ours) - len(both)} of {len(ours)} plies are not in the peers' file")
    return both


def shown(value: Estimate, factor: float, digits: int) -> str:
    """Returns an estimate as text."""
    number, low, high = value.times(factor)
    return f"{number:+.{digits}f} ({low:+.{digits}f} to {high:+.{digits}f})"


def line(found: Comparison) -> str:
    """Returns a row of a Markdown table."""
    cells = (found.first, found.second, shown(found.top1, 100, 2), shown(found.nll, 1, 4))
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("sets", nargs="+", metavar="SET=GAMES.pgn")
    parser.add_argument("--maia", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--limit", type=int, default=0, help="only the first games of each set")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    peers = pd.read_parquet(arguments.maia)
    for text in arguments.sets:
        name, path = text.split("=", 1)
        ours = forecasts(Path(path), arguments.model, arguments.limit)
        table = with_peers(ours, peers[peers["set"] == name])
        for found in score(ours, ["ours", "unrated"], np.random.default_rng(SEED)):
            if found.group == "all":
                ece, nll, top1 = found.ece.value, found.nll.value, 100 * found.top1.value
                print(f"{name}, {found.forecaster}: top-1 {top1:.2f} %, NLL {nll:.4f}, ECE {ece:.4f}")
        print("| ours | peer | top-1, points | NLL, nats |\n|---|---|---|---|")
        for forecaster in ("ours", "unrated"):
            for peer in PEERS:
                print(line(compare(table, forecaster, peer, np.random.default_rng(SEED))))


if __name__ == "__main__":
    main()
