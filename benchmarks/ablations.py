"""What does each part of the model gain? Trains variants of it on a small budget and compares them.

    python benchmarks/ablations.py TRAINING.parquet --out RESULTS.jsonl [--variants a,b] [--plies N]
    python benchmarks/ablations.py --out RESULTS.jsonl --table [--csv SUMMARY.csv]

Every variant reads the same games in the same order once, `--plies` of them, with the settings of
`base_model.py` but the batches and rates of a short run, and is scored on the same 800 games. One JSON line
a finished variant goes to RESULTS.jsonl; what is there already is not trained again. `--table` prints
differences to the baseline, paired, with 95 % intervals from a bootstrap over the scored games. These do
not hold the chance of the training itself: the row "baseline with another seed" shows it.

A variant is a shape, or changes to a new `MoveGRU`, or a subclass of it; see `VARIANTS`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from base_model import MODEL, TRAINING
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from chessgru import vocabulary
from chessgru.adapters import halves_well
from chessgru.batches import Batch, batches_of, pad
from chessgru.comparison import with_cell
from chessgru.model import Block, Context, LegalLogits, ModelConfig, MoveGRU, View
from chessgru.planes import NO_MOVE, PLANES
from chessgru.replay import Legal, mirror_tokens
from chessgru.scores import Resampling
from chessgru.sequences import Sequences
from chessgru.training import Trainer, TrainingConfig, hold_out

SCORED = 800  # games
MASTER = 2400
# The planes of `board_planes`: pieces, en passant, last move, castling, attackers, clock, exchanges.
LAST_MOVE, ATTACKERS, EXCHANGES = (13, 14), (19, 20), (22, 23)
OTHER_SIDE = (*range(6, 12), *range(6), 12, 13, 14, 17, 18, 15, 16, 20, 19, 21, 23, 22)


class Network(MoveGRU):
    """Always runs its own layers: the compiled way through them would not see what a variant changes."""

    def _quick(self, positions: int) -> bool:  # noqa: ARG002
        return False

    def _lines(self, legal: Legal, matrix: Tensor) -> Tensor:  # noqa: ARG002
        return matrix


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One row of the table."""

    model: ModelConfig = MODEL
    network: type[Network] = Network
    change: Callable[[MoveGRU], object] = lambda _: None
    training: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    """Added to the seed of the initial weights."""


# Parts of networks ------------------------------------------------------------------------------------


class Branch(nn.Module):
    """Takes the place of a `Block`: any two layers with the modulation between, and no exchange."""

    def __init__(self, first: nn.Module, second: nn.Module, width: int, block: Block) -> None:
        super().__init__()
        self.first, self.second, self.gain = first, second, block.gain
        self.modulate = nn.Linear(block.modulate.in_features, 2 * width)
        nn.init.zeros_(self.modulate.weight)
        nn.init.zeros_(self.modulate.bias)

    def forward(self, x: Tensor, matrix: Tensor, modulation: Tensor, rows: Tensor | None) -> Tensor:  # noqa: ARG002
        """Maps (N, C, 8, 8) to the same, as `Block.forward` does."""
        scale, shift = self.modulate(modulation).chunk(2, dim=-1)
        if rows is not None:
            scale, shift = scale.index_select(0, rows), shift.index_select(0, rows)
        y = self.first(x)
        scale, shift = (each.view(*each.shape, *[1] * (y.dim() - 2)) for each in (scale, shift))
        y = functional.relu(torch.addcmul(shift, y, 1 + scale))
        return functional.relu(torch.addcmul(x, self.second(y), self.gain.to(x.dtype)))


class SquareAttention(nn.Module):
    """Multi-head attention between the squares, with a learned bias for each pair, added to its input."""

    def __init__(self, channels: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.read = nn.Linear(channels, 3 * channels)
        self.write = nn.Linear(channels, channels)
        self.pairs = nn.Parameter(torch.zeros(heads, 64, 64))

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, C, 8, 8) to the same."""
        squares = x.permute(0, 2, 3, 1).flatten(1, 2)  # (N, 64, C)
        parts = self.read(squares).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = parts  # (N, heads, 64, C / heads)
        scores = query @ key.transpose(2, 3) * query.shape[-1] ** -0.5
        mixed = (scores + self.pairs.to(scores.dtype)).softmax(-1).to(value.dtype) @ value
        squares = squares + self.write(mixed.transpose(1, 2).flatten(2))
        return squares.unflatten(1, (8, 8)).permute(0, 3, 1, 2)


class Forgetful(nn.Module):
    """A recurrent layer that starts anew at every ply."""

    def __init__(self, recurrent: nn.Module) -> None:
        super().__init__()
        self.recurrent = recurrent

    def forward(self, inputs: Tensor) -> tuple[Tensor, None]:
        """Maps (B, T, I) to (B, T, H)."""
        hidden = self.recurrent(inputs.flatten(0, 1)[:, None])[0]
        return hidden.view(*inputs.shape[:2], -1), None


class EveryMove(Network):
    """Learns to tell the move played from the whole vocabulary; only scoring applies the rules.

    Only legal moves have tactics: without them, to be compared with the variant that has none either.
    """

    def _score_moves(self, view: View, mood: Tensor) -> LegalLogits:
        empty = view.boards._replace(squares=torch.zeros_like(view.boards.squares))
        moves = torch.ones_like(view.legal.moves) if self.training else view.legal.moves
        legal = view.legal._replace(moves=moves)
        return super()._score_moves(view._replace(boards=empty, legal=legal), mood)


class PooledHead(Network):
    """Gives each move's logit from a summary of the board, the state and the condition."""

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__(config)
        self.summary = nn.Conv2d(self.config.channels, 8, 1)
        self.moves = nn.Linear(8 * 64 + self.mood.in_features, vocabulary.SIZE)
        del self.origin, self.target, self.promotion, self.mood, self.weighing

    def _score_moves(self, view: View, mood: Tensor) -> LegalLogits:
        seen = functional.relu(self.summary(view.squares)).flatten(1)
        table = self.moves(torch.cat([seen, mood], dim=-1))  # (N, SIZE)
        position, token = view.legal.moves.nonzero().unbind(1)
        logits = table.flatten().index_select(0, position * vocabulary.SIZE + token).float()
        return LegalLogits(position, token, logits, len(mood))


class Absolute(Network):
    """Sees the board from White's side always, with a plane that says who is to move.

    The last step of the head turns the squares, so that moves are named as everywhere.
    """

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__(config)
        self.stem = nn.Conv2d(PLANES + 1, self.config.channels, 3, padding=1)
        self.last_move.register_forward_pre_hook(lambda _, args: self._turned(*args))
        self.black = torch.empty(0, dtype=torch.bool)

    def _turned(self, last: Tensor) -> Tensor:
        return torch.where(last == NO_MOVE, last, mirror_tokens(last.clamp(max=NO_MOVE - 1), self.black))

    def _turn(self, x: Tensor, turned: Tensor) -> Tensor:
        """Returns `turned` where Black is to move, `x` elsewhere."""
        return torch.where(self.black.view(-1, *[1] * (x.dim() - 1)), turned, x)

    def _turned_matrix(self, matrix: Tensor) -> Tensor:
        return self._turn(matrix, matrix.view(-1, 8, 8, 8, 8).flip(1, 3).reshape(-1, 64, 64))

    def _trunk(self, planes: Tensor, matrix: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:  # noqa: ANN401
        self.black = rest[1] % 2 == 1  # the rows of the condition: 2 * game + black
        planes = self._turn(planes, planes.flip(2)[:, OTHER_SIDE])
        color = self.black.to(planes.dtype).view(-1, 1, 1, 1).expand(-1, 1, 8, 8)
        return super()._trunk(torch.cat([planes, color], dim=1), self._turned_matrix(matrix), *rest)

    def _decide(self, view: Any, hidden: Tensor, people: Tensor) -> LegalLogits:  # noqa: ANN401
        mood, x = torch.cat([hidden.to(people.dtype), people], dim=-1), view.squares
        turned = self._turned_matrix(view.lines)
        for block in self.late_blocks:
            x = block(x, turned, mood, None)
        return self._score_moves(view._replace(squares=self._turn(x, x.flip(2))), mood)


# Changes to a network ---------------------------------------------------------------------------------


def forget(model: MoveGRU) -> None:
    model.recurrent = Forgetful(model.recurrent)


def replace_blocks(model: MoveGRU, new: Callable[[Block], nn.Module]) -> None:
    for blocks in (model.blocks, model.late_blocks):
        for number, block in enumerate(blocks):
            blocks[number] = new(block)


def without_exchange(model: MoveGRU) -> None:
    replace_blocks(model, lambda block: Branch(block.first, block.second, model.config.channels, block))


def dense_board(model: MoveGRU, width: int = 256) -> None:
    size = 64 * model.config.channels

    def dense(block: Block) -> nn.Module:
        into = nn.Sequential(nn.Flatten(), nn.Linear(size, width))
        return Branch(
            into, nn.Sequential(nn.Linear(width, size), nn.Unflatten(1, (-1, 8, 8))), width, block
        )

    model.stem = nn.Conv2d(PLANES, model.config.channels, 1)
    replace_blocks(model, dense)


def depthwise(model: MoveGRU) -> None:
    channels = model.config.channels

    def separable() -> nn.Module:
        by_channel = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        return nn.Sequential(by_channel, nn.Conv2d(channels, channels, 1))

    for block in (*model.blocks, *model.late_blocks):
        block.first, block.second = separable(), separable()


def attend(model: MoveGRU) -> None:
    channels = model.config.channels
    wide = nn.Conv2d(channels, 2 * channels, 1)
    second = nn.Sequential(wide, nn.ReLU(), nn.Conv2d(2 * channels, channels, 1))
    model.blocks[1] = Branch(SquareAttention(channels), second, channels, model.blocks[1])


def hide_planes(model: MoveGRU, hidden: tuple[int, ...]) -> None:
    shown = torch.ones(PLANES).index_fill(0, torch.tensor(hidden), 0).view(-1, 1, 1)
    model.stem.register_forward_pre_hook(lambda _, args: args[0] * shown.to(args[0]))


def without_tactics(model: MoveGRU) -> None:
    hide_planes(model, EXCHANGES)
    model.weighing.effects.register_forward_pre_hook(lambda _, args: torch.zeros_like(args[0]))


def hide_last_move(model: MoveGRU) -> None:
    hide_planes(model, LAST_MOVE)
    model.last_move.register_forward_pre_hook(lambda _, args: torch.full_like(args[0], NO_MOVE))


def hide_people(model: MoveGRU) -> None:
    def nobody(_: nn.Module, args: tuple[Context]) -> Context:
        ratings, speed, styles = args[0]
        return Context(torch.zeros_like(ratings), torch.zeros_like(speed), styles)

    model.condition.register_forward_pre_hook(lambda module, args: (nobody(module, args),))


SETTINGS = replace(
    TRAINING,
    plies_per_batch=1280,
    learning_rate=1.7e-3,
    matrix_rate=3.0,
    master_share=0.25,
    validate_every=10**9,
)
BASELINE = "baseline"
VARIANTS: dict[str, Variant] = {
    BASELINE: Variant(),
    "baseline with another seed": Variant(seed=1),
    "no history": Variant(change=forget),
    "LSTM": Variant(model=with_cell(MODEL, "lstm")),
    "plain RNN": Variant(model=with_cell(MODEL, "rnn")),
    "no exchange along attacks": Variant(change=without_exchange),
    "no tactics": Variant(change=without_tactics),
    "no attackers planes": Variant(change=lambda model: hide_planes(model, ATTACKERS)),
    "32 channels": Variant(model=replace(MODEL, channels=32)),
    "64 channels": Variant(model=replace(MODEL, channels=64)),
    "blocks 1+1": Variant(model=replace(MODEL, blocks=1)),
    "blocks 3+1": Variant(model=replace(MODEL, blocks=3)),
    "blocks 2+2": Variant(model=replace(MODEL, late_blocks=2)),
    "dense layers for the board": Variant(change=dense_board),
    "depthwise convolutions": Variant(change=depthwise),
    "attention as second block": Variant(change=attend),
    "all moves in the loss": Variant(network=EveryMove, change=without_tactics),
    "pooled head": Variant(network=PooledHead),
    "not mirrored": Variant(network=Absolute),
    "no ratings or speed": Variant(change=hide_people),
    "no last move": Variant(change=hide_last_move),
    "all master games": Variant(training={"master_share": 1.0}),
    "constant learning rate": Variant(training={"cooldown": 0.0}),
    "half the learning rate": Variant(training={"learning_rate": SETTINGS.learning_rate / 2}),
    "twice the learning rate": Variant(training={"learning_rate": SETTINGS.learning_rate * 2}),
    "twice the batch": Variant(training={"plies_per_batch": SETTINGS.plies_per_batch * 2}),
    "half the batch": Variant(training={"plies_per_batch": SETTINGS.plies_per_batch // 2}),
    "style vectors at the common rate": Variant(training={"style_rate": 1.0}),
    "no style vectors": Variant(training={"style_dropout": 1.0}),
}


# Training and scoring ---------------------------------------------------------------------------------


def settings_of(variant: Variant, plies: int, seed: int) -> TrainingConfig:
    """Returns how a variant is trained: one tenth of the steps warms up."""
    config = replace(SETTINGS, seed=seed, **variant.training)  # type: ignore[arg-type]
    return replace(
        config,
        warmup=max(1, plies // config.plies_per_batch // 10),
        precision="bfloat16" if halves_well() else "float32",
    )


class Trial(Trainer):
    """One variant in training; nothing is written."""

    def __init__(self, data: tuple[Sequences, Sequences], variant: Variant, plies: int, seed: int) -> None:
        config = settings_of(variant, plies, seed)
        super().__init__(*data, Path(), model=variant.model, config=config)
        torch.manual_seed(seed + variant.seed)
        self.model = variant.network(variant.model)
        variant.change(self.model)
        self.model.to(memory_format=torch.channels_last)
        self.parameters = {**dict(self.model.named_parameters()), "styles.weight": self.styles.weight}
        self.optimizer = self._new_optimizer()
        self.steps = max(1, plies // config.plies_per_batch)

    def first_steps(self, count: int) -> Iterator[tuple[float, int]]:
        """Takes steps; yields the processor time of each, and its plies."""
        for batch in islice(self._batches(), count):
            start = time.process_time()
            self._train_on(batch)
            yield time.process_time() - start, int(batch.lengths.sum())

    def _read(self, batch: Batch, bfloat16: bool) -> tuple[LegalLogits, Tensor]:
        styles = torch.zeros(len(batch.lengths), 2, self.model.config.style)
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            return self.model(batch.tokens, batch.lengths, Context(batch.ratings, batch.speed, styles))

    @torch.no_grad()
    def scores(self) -> dict[str, list[float]]:
        """Returns the nats and the hits of each validation game."""
        self.model.eval()
        sums = np.zeros((2, len(self.validation)))
        for group in batches_of(self.validation, np.arange(len(self.validation)), 2560):
            batch = pad(self.validation, group)
            logits, played = self._read(batch, self.config.precision == "bfloat16")
            nll = -logits.log_probabilities()[played]
            better = logits.logit > logits.logit[played].index_select(0, logits.position)
            hits = torch.bincount(logits.position[better], minlength=len(played)) == 0
            game = np.repeat(group, batch.lengths.numpy())
            np.add.at(sums, (slice(None), game), torch.stack([nll, hits.to(nll.dtype)]).numpy())
        return {"nll": sums[0].round(4).tolist(), "hits": sums[1].tolist()}

    @torch.no_grad()
    def megaflops(self) -> float:
        """Returns the operations of matrix products and convolutions a position, in millions."""
        self.model.eval()
        batch = pad(self.validation, np.arange(10))
        counter = FlopCounterMode(display=False)
        with torch.backends.mkldnn.flags(enabled=False), counter:
            self._read(batch, bfloat16=False)
        return counter.get_total_flops() / int(batch.lengths.sum()) / 1e6


def pace(trials: tuple[Trial, Trial], steps: int = 6) -> float:
    """Returns how fast the second trains, in plies a second, relative to the first, steps alternating."""
    ratios = []
    for (first, plies), (second, others) in zip(*(each.first_steps(steps) for each in trials), strict=True):
        ratios.append((others / second) / (plies / first))
    return statistics.median(ratios[1:])


def measure(name: str, data: tuple[Sequences, Sequences], plies: int, seed: int) -> dict[str, Any]:
    """Trains and scores one variant."""
    trial = Trial(data, VARIANTS[name], plies, seed)
    seconds, read = 0.0, 0
    for step, (took, count) in enumerate(trial.first_steps(trial.steps)):
        seconds, read = seconds + took, read + count
        if step % 20 == 0:
            print(f"{name}: step {step} of {trial.steps}, {read / seconds:.0f} plies/s", flush=True)
    trials = tuple(Trial(data, VARIANTS[each], plies, seed) for each in (BASELINE, name))
    validation = data[1]
    return {
        "variant": name,
        "plies": plies,
        "seed": seed,
        "read": read,
        "steps": trial.steps,
        "parameters": sum(each.numel() for each in trial.model.parameters()),
        "megaflops": trial.megaflops(),
        "plies_a_second": read / seconds,
        "pace": pace(trials),
        **trial.scores(),
        "lengths": validation.lengths.tolist(),
        "rating": validation.ratings.max(1).tolist(),
    }


# The table --------------------------------------------------------------------------------------------


def finished(path: Path) -> list[dict[str, Any]]:
    """Returns the lines written so far."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def score_text(row: dict[str, Any], baseline: dict[str, Any], what: str, games: np.ndarray) -> str:
    """Returns a mean over the plies of some games: the baseline's, or the difference and its interval."""
    factor, digits = (100, 1) if what == "hits" else (1, 3)
    lengths = np.array(row["lengths"])[games]
    ours, theirs = (factor * np.array(each[what])[games] for each in (row, baseline))
    if row is baseline:
        return f"{ours.sum() / lengths.sum():.{digits}f}"
    weights = Resampling.draw(len(lengths), np.random.default_rng(0)).weights
    drawn = weights @ (ours - theirs) / (weights @ lengths)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return f"{(ours - theirs).sum() / lengths.sum():+.{digits}f} ({low:+.{digits}f} to {high:+.{digits}f})"


def write_summary(rows: list[dict[str, Any]], path: Path) -> None:
    """Writes one line a variant: what it costs, its NLL and top-1 over all plies."""
    columns = ("variant", "plies", "parameters", "megaflops", "pace")
    table = pd.DataFrame([{name: row[name] for name in columns} for row in rows])
    for name, what, factor in (("nll", "nll", 1), ("top1", "hits", 100)):
        table[name] = [factor * sum(row[what]) / sum(row["lengths"]) for row in rows]
    table["plies"] = [row["read"] for row in rows]
    table.round(4).to_csv(path, index=False)


def print_table(rows: list[dict[str, Any]]) -> None:
    """Prints Markdown: the baseline first, the others as differences to it."""
    baseline = next(row for row in rows if row["variant"] == BASELINE)
    rating = np.array(baseline["rating"])
    groups = {"all": rating >= 0, "masters": rating >= MASTER, "amateurs": (rating > 0) & (rating < MASTER)}
    print(f"{baseline['read']:,} plies in {baseline['steps']} steps; scored on", end=" ")
    counts = [f"{name} {games.sum()} games" for name, games in groups.items()]
    print(", ".join(counts), "(the rest is unrated)\n")
    head = [f"{name}: {what}" for name in groups for what in ("top-1 %", "NLL")]
    print("| variant | parameters | MFLOP | training speed |", " | ".join(head), "|")
    print("|" + "---|" * (4 + len(head)))
    for row in rows:
        scores = [
            score_text(row, baseline, what, games) for games in groups.values() for what in ("hits", "nll")
        ]
        cost = f"{row['parameters']:,} | {row['megaflops']:.1f} | {row['pace']:.2f}"
        print(f"| {row['variant']} | {cost} |", " | ".join(scores), "|")


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "training", type=Path, nargs="?", help="token file, as base_model.py prepare writes it"
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--variants", default="", help="names, separated by commas; default: all")
    parser.add_argument("--plies", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--table", action="store_true", help="print the table of what is finished")
    parser.add_argument("--csv", type=Path, help="with --table: write the means here too")
    options = parser.parse_args()
    key = {"plies": options.plies, "seed": options.seed}

    def done() -> list[dict[str, Any]]:
        return [row for row in finished(options.out) if all(row[name] == key[name] for name in key)]

    if options.table:
        order = list(VARIANTS)
        rows = sorted(done(), key=lambda row: order.index(row["variant"]))
        print_table(rows)
        if options.csv:
            write_summary(rows, options.csv)
        return
    torch.set_num_threads(options.threads)
    data = hold_out(Sequences.load(options.training), SCORED, seed=1)
    for name in options.variants.split(",") if options.variants else VARIANTS:
        if name not in {row["variant"] for row in done()}:
            row = measure(name, data, options.plies, options.seed)
            with options.out.open("a") as file:
                file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
