"""Makes the shipped base model from folders of PGN files: token files, the panel left out, training.

    python benchmarks/base_model.py prepare GAMES_DIR --aliases ALIASES.json --exclude EVAL_DIR
    torchrun --nproc-per-node 4 benchmarks/base_model.py train runs/data
    python benchmarks/base_model.py average runs/data RUN EARLIER_RUN --share 0.3 --out FOLDER

`prepare` writes `training.parquet` and `panel.parquet`. The panel is 20 masters with 1,000 to 2,500 games
and 6 amateur accounts with at least 1,000, drawn by a seeded rule; every game of theirs is left out of
training, as are games that also occur in the excluded folder, and all but the first of games with the same
moves. A master is known by his names in the aliases file, in sources whose file name begins with "gm_".
`average` mixes the weights at two ends of one training (Wortsman et al. 2022, arXiv:2203.05482) and scores
the mixture on the validation games.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from chessgru import data_parallel
from chessgru.checkpoint import load_checkpoint, save_checkpoint
from chessgru.comparison import score
from chessgru.game import Game, name_key
from chessgru.model import ModelConfig
from chessgru.pgn import read_games
from chessgru.sequences import Sequences, encode
from chessgru.training import Progress, Trainer, TrainingConfig, hold_out

MASTERS, AMATEURS = 20, 6
MASTERS_SEED = 2026
AMATEURS_SEED = 32992  # gives the six accounts that the shipped model was trained without; see LOG.md
MODEL = ModelConfig(channels=48, blocks=2, late_blocks=1)
# One leg of as many plies as the seven legs in which the shipped model was trained; see LOG.md.
TRAINING = TrainingConfig(
    passes=13.84,
    plies_per_batch=7680,
    learning_rate=2e-3,
    master_share=0.10,
    matrix_rate=2.5,
    validate_every=200,
    precision="bfloat16",
)
SHORTEST = 6  # plies


def games_of(path: Path, aliases: dict[str, str]) -> list[Game]:
    """Returns a file's games; in master sources, players under one name each, marked with "gm:"."""
    games = [game for game in read_games(path) if isinstance(game, Game)]
    if not path.name.startswith("gm_"):
        return games

    def known(name: str) -> str:
        return aliases.get(name_key(name), name)

    return [replace(game, white=known(game.white), black=known(game.black)) for game in games]


def encoded(path: Path, aliases: dict[str, str]) -> Sequences:
    """Returns one file as sequences."""
    return encode(games_of(path, aliases))


def joined(parts: list[Sequences]) -> Sequences:
    """Returns several sequences as one, players matched by name."""
    numbers: dict[str, int] = {}
    players = []
    for part in parts:
        own = np.array([numbers.setdefault(name, len(numbers)) for name in part.names] + [-1], np.int32)
        players.append(own[part.players])
    plies = np.cumsum([0] + [len(part.tokens) for part in parts])
    offsets = [part.offsets[:-1] + start for part, start in zip(parts, plies, strict=False)]
    return Sequences(
        tokens=np.concatenate([part.tokens for part in parts]),
        offsets=np.concatenate([*offsets, plies[-1:]]),
        ratings=np.concatenate([part.ratings for part in parts]),
        speed=np.concatenate([part.speed for part in parts]),
        players=np.concatenate(players),
        date=np.concatenate([part.date for part in parts]),
        names=tuple(numbers),
    )


def choose_panel(games: Sequences, from_masters: np.ndarray) -> list[int]:
    """Returns the panel's player numbers: masters first, then amateurs.

    `from_masters` (G,) bool says which games come from master sources.
    """
    count, in_masters = (
        np.bincount(players[players >= 0], minlength=len(games.names))
        for players in (games.players, games.players[from_masters])
    )
    masters = [
        n for n, name in enumerate(games.names) if name.startswith("gm:") and 1000 <= in_masters[n] <= 2500
    ]
    amateurs = []
    for number in np.flatnonzero((count >= 1000) & (in_masters == 0)):
        ratings = games.ratings[games.players == number]
        if (ratings > 0).any() and np.median(ratings[ratings > 0]) < 2300:
            amateurs.append(int(number))
    by_name = games.names.__getitem__
    chosen = random.Random(MASTERS_SEED).sample(sorted(masters, key=by_name), MASTERS)
    return chosen + random.Random(AMATEURS_SEED).sample(sorted(amateurs, key=by_name), AMATEURS)


def lines(games: Sequences) -> Iterator[bytes]:
    """Yields each game's moves as bytes."""
    for start, end in zip(games.offsets[:-1], games.offsets[1:], strict=True):
        yield games.tokens[start:end].tobytes()


def repeated(games: Sequences, excluded: Sequences) -> np.ndarray:
    """Returns (G,) bool: the moves occur in an earlier game (of 24 plies or more) or in an excluded one."""
    known, found = set(lines(excluded)), []
    for line in lines(games):
        found.append(line in known)
        if len(line) >= 2 * 24:
            known.add(line)
    return np.array(found)


def prepare(options: argparse.Namespace) -> None:
    """Writes the token files."""
    written = json.loads(options.aliases.read_text())
    aliases = {name_key(name): f"gm:{key}" for key, names in written.items() for name in names}
    paths = sorted(path for path in options.games.iterdir() if ".pgn" in path.name)
    with ProcessPoolExecutor(options.processes) as pool:
        parts = list(tqdm(pool.map(encoded, paths, [aliases] * len(paths)), total=len(paths)))
    masters = np.concatenate(
        [np.full(len(part), path.name.startswith("gm_")) for part, path in zip(parts, paths, strict=True)]
    )
    games = joined(parts)
    panel = choose_panel(games, masters)
    held = np.isin(games.players, panel).any(1)
    excluded = joined([encoded(path, {}) for path in sorted(options.exclude.glob("*.pgn*"))])
    keep = ~held & (games.lengths >= SHORTEST) & ~repeated(games, excluded)
    options.out.mkdir(parents=True, exist_ok=True)
    games.select(keep).without_names().save(options.out / "training.parquet")
    games.select(held).save(options.out / "panel.parquet")
    (options.out / "panel.json").write_text(json.dumps([games.names[number] for number in panel], indent=1))
    print(f"{keep.sum():,} games to train on, {held.sum():,} of the panel left out")


def train(options: argparse.Namespace) -> None:
    """Trains the model; run it again to go on after an interruption."""
    with data_parallel.begin():
        torch.set_num_threads(options.threads)
        train_together(options)


def games_for(folder: Path) -> tuple[Sequences, Sequences]:
    """Returns the games to train on and those to validate on."""
    return hold_out(Sequences.load(folder / "training.parquet"), 800, seed=1)


def train_together(options: argparse.Namespace) -> None:
    """Does this process's part of the training."""
    training, validation = games_for(options.data)
    trainer = Trainer(
        training, validation, options.out, model=MODEL, config=TRAINING, device=options.device
    )
    bar = tqdm(total=trainer.steps, unit="step", disable=not data_parallel.is_first())

    def report(progress: Progress) -> None:
        bar.update(progress.step - bar.n)
        bar.set_postfix(
            loss=f"{progress.loss:.3f}", plies_a_second=f"{progress.plies / progress.seconds:.0f}"
        )
        if progress.validation and data_parallel.is_first():
            bar.write(f"step {progress.step}: {dict(progress.validation)}")

    trainer.run(report)


def average(options: argparse.Namespace) -> None:
    """Writes a model with the weights of one, and a share of those of another, instead of its own."""
    one, other = load_checkpoint(options.run), load_checkpoint(options.other)
    earlier = other.model.state_dict()
    mixed = {
        name: torch.lerp(own, earlier[name], options.share) for name, own in one.model.state_dict().items()
    }
    one.model.load_state_dict(mixed)
    _, validation = games_for(options.data)
    nll, top1 = score(one.model, validation)
    scores = {"nll": nll, "top1": top1, "games": len(validation)}
    save_checkpoint(options.out, one.model, {**one.about, "averaged": options.share, "validation": scores})
    print(scores)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(required=True)
    first = commands.add_parser("prepare")
    first.add_argument("games", type=Path)
    first.add_argument("--aliases", type=Path, required=True)
    first.add_argument(
        "--exclude", type=Path, required=True, help="folder of games that must not be learned"
    )
    first.add_argument("--out", type=Path, default=Path("runs/data"))
    first.add_argument("--processes", type=int, default=4)
    first.set_defaults(do=prepare)
    second = commands.add_parser("train")
    second.add_argument("data", type=Path)
    second.add_argument("--out", type=Path, default=Path("runs/base"))
    second.add_argument("--threads", type=int, default=1, help="of each process")
    second.add_argument("--device", default="cpu")
    second.set_defaults(do=train)
    third = commands.add_parser("average")
    third.add_argument("data", type=Path)
    third.add_argument("run", type=Path)
    third.add_argument("other", type=Path, help="an earlier end of the same training")
    third.add_argument("--share", type=float, default=0.3, help="of the earlier one")
    third.add_argument("--out", type=Path, required=True)
    third.set_defaults(do=average)
    options = parser.parse_args()
    options.do(options)


if __name__ == "__main__":
    main()
