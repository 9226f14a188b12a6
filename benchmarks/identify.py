"""Measures how often a player is known by his moves, among more than a hundred.

    python benchmarks/identify.py PANEL.parquet PLAYERS.json TRAINING.parquet

The files are those that `base_model.py prepare` writes. Candidates are the panel's players, each with what
he played before his test (see panel.py), and `--others` players of the training games, drawn by a seed,
with their latest 1,000 games at most. Every profile is a memory alone, as `identify` compares them first.
Of each panel player's latest games, sets of 10, 30 and 100 that follow each other are given to all
profiles; the likeliest one names him, or does not.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from panel import games_by_time, subject
from tqdm import tqdm

from chessgru.checkpoint import load_checkpoint
from chessgru.game import Game
from chessgru.learning import memory_only
from chessgru.own_moves import read
from chessgru.sequences import Sequences

SETS = (10, 30, 100)
SEED = 0
FEWEST, MOST, LATEST = 300, 2500, 1000  # games of a player of the training games, and of his profile


def others(games: Sequences, count: int) -> list[tuple[str, list[Game]]]:
    """Draws players of the training games, who have numbers there for names: returns names and games."""
    played = np.bincount(games.players[games.players >= 0])
    known = np.flatnonzero((played >= FEWEST) & (played <= MOST))
    named = replace(games, names=tuple(f"player {number}" for number in range(len(played))))
    drawn = np.random.default_rng(SEED).permutation(known)[:count]
    return [(f"player {player}", games_by_time(named, int(player))[-LATEST:]) for player in drawn]


def right(fits: np.ndarray, truth: int, size: int) -> list[bool]:
    """Tells of each set of `size` games whether the truth fits best; `fits` is (profiles, games)."""
    starts = range(0, fits.shape[1] - size + 1, size)
    return [int(fits[:, start : start + size].sum(1).argmax()) == truth for start in starts]


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("panel", type=Path)
    parser.add_argument("players", type=Path)
    parser.add_argument("training", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--others", type=int, default=110)
    parser.add_argument("--threads", type=int, default=4)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    base, panel = load_checkpoint(options.model), Sequences.load(options.panel)
    names = json.loads(options.players.read_text())
    subjects = [subject(panel, number, panel.names.index(name), 150) for number, name in enumerate(names)]
    profiles = [memory_only(base, who.past, {who.key}) for who in subjects]
    for name, games in others(Sequences.load(options.training), options.others):
        profiles.append(memory_only(base, games, {name}))
    results: dict[int, list[bool]] = {size: [] for size in SETS}
    for number, who in enumerate(tqdm(subjects)):
        test = who.test.select(np.arange(len(who.test))[-max(SETS) :])
        network = read(base.model, test, None)
        fits = np.array(
            [
                np.bincount(network.game, -network.mixed(each.memory, each.k_own).nll(), len(test))
                for each in profiles
            ]
        )
        for size in SETS:
            results[size] += right(fits, number, size)
    print(f"{len(subjects)} players among {len(profiles)}, base model {base.digest}")
    for size, found in results.items():
        print(f"sets of {size} games: {sum(found)} of {len(found)} right ({np.mean(found):.0%})")


if __name__ == "__main__":
    main()
