"""Trains a base model: resumable, deterministic on the CPU, early-stopped.

Nothing random outlives a step: what a batch holds and what is dropped in it depend only on the seed and the
step's number. So a run that is killed and resumed ends with the weights of one that was not. Several
processes can share the work (`chessgru.data_parallel`); then the first of them writes.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from chessgru import data_parallel
from chessgru.batches import Batch, batches_of, pad
from chessgru.checkpoint import read_tensors, save_checkpoint
from chessgru.errors import CheckpointError, SettingsError
from chessgru.files import write_atomically
from chessgru.model import Context, ModelConfig, MoveGRU
from chessgru.optimization import Optimizer
from chessgru.sequences import Sequences

MOST_PASSES: Final = 1_000_000


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How to train. The learning rate warms up, stays, then falls linearly to a hundredth (`cooldown`)."""

    passes: float = 1.0
    """How often to go through the data."""
    plies_per_batch: int = 4096
    learning_rate: float = 2e-3
    """Of what AdamW changes: embeddings, first and last layers, biases."""
    matrix_rate: float = 3.0
    """The learning rate of the hidden layers' matrices (Muon), as a multiple of the others'."""
    weight_decay: float = 0.02
    warmup: int = 300
    """Steps."""
    cooldown: float = 0.5
    """The last share of the steps, over which the learning rate falls."""
    clip: float = 1.0
    """Largest gradient norm."""
    rating_dropout: float = 0.15
    """How often a rating is hidden, so that "unknown" is learned too; likewise the speed."""
    style_dropout: float = 0.5
    """How often a player is replaced by the average person."""
    style_rate: float = 5.0
    """The learning rate of the style vectors, as a multiple of the others': each is seen in few batches."""
    style_games: int = 100
    """Players with at least this many games get a style vector of their own while training."""
    player_cap: int = 4000
    """At most about this many games of one player a pass, so that no account becomes the average person."""
    master_share: float = 1.0
    """The share of games with a side of 2400 or more, or without any rating, that a pass uses."""
    validate_every: int = 500
    """Steps; a checkpoint is written as often."""
    patience: int = 10
    """Validations without a better score after which training stops."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """bfloat16 pays with AMX or a GPU, and may with AMD's AVX512-BF16; float32 has the compiled layers."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("passes", "plies_per_batch", "learning_rate", "clip", "validate_every", "patience"):
            if getattr(self, name) <= 0:
                raise SettingsError(f"{name} must be above 0, not {getattr(self, name)}")
        for name in ("passes", "learning_rate", "clip", "matrix_rate", "weight_decay", "style_rate"):
            if not 0 <= getattr(self, name) < math.inf:
                raise SettingsError(f"{name} must be finite and not negative, not {getattr(self, name)}")
        if self.passes > MOST_PASSES:
            raise SettingsError(f"passes must be at most {MOST_PASSES}, not {self.passes}")
        for name in ("cooldown", "rating_dropout", "style_dropout", "master_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise SettingsError(f"{name} must be between 0 and 1, not {getattr(self, name)}")


@dataclass(frozen=True)
class Progress:
    """Where a run stands: given to the caller after every step."""

    step: int
    steps: int
    plies: int
    """Read since this run (or resumption) began."""
    loss: float
    """Mean NLL in nats of the batch."""
    seconds: float
    validation: Mapping[str, float] | None = None
    """Scores, after the steps that validate."""


def _style_rows(sequences: Sequences, minimum: int) -> NDArray[np.int64]:
    """Returns the style row of each player number: 1, 2, … for the frequent, 0 for others and for -1."""
    known = sequences.players[sequences.players >= 0]
    counts = np.bincount(known, minlength=1)
    frequent = np.flatnonzero(counts >= minimum)
    rows = np.zeros(len(counts) + 1, np.int64)
    rows[frequent] = 1 + np.arange(len(frequent))
    return rows


def _share_of_games(sequences: Sequences, config: TrainingConfig) -> NDArray[np.float64]:
    """Returns the chance of each game to be part of a pass."""
    known = sequences.players[sequences.players >= 0]
    counts = np.append(np.bincount(known, minlength=1), 1)
    share = np.minimum(1.0, config.player_cap / counts[sequences.players].max(1))
    highest = sequences.ratings.max(1)
    masters = (highest >= 2400) | (highest == 0)  # games without ratings are mostly older masters'
    shares: NDArray[np.float64] = np.where(masters, share * config.master_share, share)
    return shares


class Trainer:
    """One training run in a folder: the best model so far, and `run.safetensors`.

    `run.safetensors` holds the last step's weights and the optimiser, and is what `resume` reads.
    """

    def __init__(
        self,
        training: Sequences,
        validation: Sequences,
        folder: Path,
        *,
        model: ModelConfig,
        config: TrainingConfig,
        about: Mapping[str, Any] | None = None,
        device: str = "cpu",
    ) -> None:
        if not len(training) or not len(validation):
            raise SettingsError(
                f"{len(training)} games to train on and {len(validation)} to validate on: "
                "both need at least one"
            )
        self.training, self.validation = training, validation
        self.folder, self.config, self.device = folder, config, torch.device(device)
        self.about = dict(about or {})
        torch.manual_seed(config.seed)
        self.model = MoveGRU(model).to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.rows = _style_rows(training, config.style_games)
        self.styles = nn.Embedding(int(self.rows.max()) + 1, model.style, device=self.device)
        nn.init.zeros_(self.styles.weight)
        named = [*self.model.named_parameters(), ("styles.weight", self.styles.weight)]
        self.parameters = dict(named)
        self.optimizer = self._new_optimizer()
        share = _share_of_games(training, config)
        per_pass = float((share * training.lengths).sum())
        self.share = share
        self.steps = max(1, round(config.passes * per_pass / config.plies_per_batch))
        self.step, self.best, self.since_best = 0, float("inf"), 0

    def _new_optimizer(self) -> Optimizer:
        return Optimizer(
            self.parameters,
            cell=self.model.config.cell,
            weight_decay=self.config.weight_decay,
            styles="styles.weight",
        )

    # The order of the data ------------------------------------------------------------------------

    def _batches(self) -> Iterator[Batch]:
        """Yields the batches from the current step on, pass after pass."""
        skip, number = self.step, 0
        while True:
            rng = np.random.default_rng([self.config.seed, number])
            chosen = np.flatnonzero(rng.random(len(self.share)) < self.share)
            order = rng.permutation(chosen if len(chosen) else np.arange(len(self.share)))
            for games in batches_of(self.training, order, self.config.plies_per_batch, rng):
                if skip:
                    skip -= 1
                    continue
                yield pad(self.training, games, self.rows)
            number += 1

    def _context(self, batch: Batch) -> Context:
        """Hides some ratings, speeds and players, by the step's own dice."""
        dice = torch.Generator().manual_seed(self.config.seed * 1_000_003 + self.step)
        games = len(batch.lengths)
        hide_rating = torch.rand(games, 2, generator=dice) < self.config.rating_dropout
        hide_both = torch.rand(games, 1, generator=dice) < self.config.rating_dropout
        hide_speed = torch.rand(games, generator=dice) < self.config.rating_dropout
        hide_style = torch.rand(games, 2, generator=dice) < self.config.style_dropout
        players = torch.where(hide_style, 0, batch.players).to(self.device)
        styles = self.styles(players) * (players > 0)[..., None]
        return Context(
            batch.ratings.masked_fill(hide_rating | hide_both, 0).to(self.device),
            torch.where(hide_speed, 0, batch.speed).to(self.device),
            styles,
        )

    # One step -------------------------------------------------------------------------------------

    def _rate(self) -> float:
        """Returns the learning rate of the current step."""
        warmup = min(1.0, (self.step + 1) / self.config.warmup)
        left = (1 - self.step / self.steps) / max(self.config.cooldown, 1e-9)
        return self.config.learning_rate * warmup * min(1.0, max(0.01, left))

    def _loss(self, batch: Batch, context: Context) -> Tensor:
        kind = self.device.type
        with torch.autocast(kind, torch.bfloat16, enabled=self.config.precision == "bfloat16"):
            logits, played = self.model(
                batch.tokens.to(self.device), batch.lengths.to(self.device), context
            )
        loss: Tensor = -logits.log_probabilities().index_select(0, played).mean()
        return loss

    def _train_on(self, batch: Batch) -> float:
        self.model.train()
        self.optimizer.zero_grad()
        mine, loss = torch.from_numpy(data_parallel.own_part(batch.lengths.numpy())), 0.0
        if len(mine):
            context = Context(*(each[mine.to(each.device)] for each in self._context(batch)))
            share = batch.lengths[mine].sum().item() / batch.lengths.sum().item()
            own_loss = self._loss(batch.select(mine), context) * share
            own_loss.backward()  # type: ignore[no-untyped-call]
            loss = own_loss.item()
        data_parallel.add_up_gradients(self.parameters.values())
        nn.utils.clip_grad_norm_(self.parameters.values(), self.config.clip)
        rate = self._rate()
        self.optimizer.step(rate, rate * self.config.matrix_rate, rate * self.config.style_rate)
        self.step += 1
        return data_parallel.add_up(loss)[0]

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Returns `nll` (nats) and `top1` over all plies of the validation games, everyone average."""
        self.model.eval()
        nll = hits = plies = 0.0
        games = np.arange(len(self.validation))
        for group in batches_of(self.validation, games, self.config.plies_per_batch):
            mine = data_parallel.own_part(self.validation.lengths[group])
            if not len(mine):
                continue
            batch = pad(self.validation, group[mine])
            styles = torch.zeros(len(mine), 2, self.model.config.style, device=self.device)
            context = Context(batch.ratings.to(self.device), batch.speed.to(self.device), styles)
            kind = self.device.type
            with torch.autocast(kind, torch.bfloat16, enabled=self.config.precision == "bfloat16"):
                logits, played = self.model(
                    batch.tokens.to(self.device), batch.lengths.to(self.device), context
                )
            chosen = logits.logit[played]
            nll -= logits.log_probabilities()[played].sum().item()
            better = logits.logit > chosen.index_select(0, logits.position)
            beaten = torch.zeros(len(played), dtype=torch.bool, device=self.device)
            hits += len(played) - beaten.index_put((logits.position[better],), better[better]).sum().item()
            plies += len(played)
        nll, hits, plies = data_parallel.add_up(nll, hits, plies)
        return {"nll": nll / plies, "top1": hits / plies}

    # The run --------------------------------------------------------------------------------------

    def run(
        self, report: Callable[[Progress], None] = lambda _: None, stop_at: int | None = None
    ) -> dict[str, float]:
        """Trains to the end (or to step `stop_at`) and returns the best validation scores.

        Resumes from the folder if a run of the same settings was there. `report` is called every step.
        """
        self._resume()
        start, plies, scores = time.monotonic(), 0, {"nll": self.best}
        last = min(self.steps, stop_at or self.steps)
        for batch in self._batches():
            if self.step >= last or self.since_best >= self.config.patience:
                break
            loss = self._train_on(batch)
            plies += int(batch.lengths.sum())
            found = None
            if self.step % self.config.validate_every == 0 or self.step == self.steps:
                found = self.validate()
                scores = self._keep(found) or scores
            report(Progress(self.step, self.steps, plies, loss, time.monotonic() - start, found))
        return scores

    def _keep(self, scores: dict[str, float]) -> dict[str, float] | None:
        """Writes the run, and the model if it is the best so far: then returns its scores."""
        better = scores["nll"] < self.best
        self.since_best = 0 if better else self.since_best + 1
        if better:
            self.best = scores["nll"]
        if better and data_parallel.is_first():
            about = {
                **self.about,
                "training": asdict(self.config),
                "games": len(self.training),
                "plies": len(self.training.tokens),
                "step": self.step,
                "steps": self.steps,
                "validation": {**scores, "games": len(self.validation)},
            }
            save_checkpoint(self.folder, self.model, about)
        self.save_run()
        return scores if better else None

    def _settings(self) -> dict[str, Any]:
        """Returns what must be the same for a run to be resumed."""
        return {
            "model": asdict(self.model.config),
            "config": asdict(self.config),
            "games": len(self.training),
            "plies": len(self.training.tokens),
        }

    def _tensors(self) -> dict[str, Tensor]:
        tensors = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        tensors["styles"] = self.styles.weight.data
        return tensors | {f"optimizer.{name}": value for name, value in self.optimizer.tensors().items()}

    def save_run(self) -> None:
        """Writes all that is needed to go on from the current step; all processes must ask for it."""
        found = self._tensors()
        if not data_parallel.is_first():
            return
        state = {"step": self.step, "best": self.best, "since_best": self.since_best}
        metadata = {"settings": json.dumps(self._settings()), "state": json.dumps(state)}
        tensors = {name: value.detach().contiguous().cpu() for name, value in found.items()}
        write_atomically(self.folder / "run.safetensors", save(tensors, metadata))

    @staticmethod
    def _metadata(path: Path) -> dict[str, str]:
        try:
            with safe_open(path, framework="pt") as file:
                return dict(file.metadata() or {})
        except (OSError, SafetensorError) as error:
            raise CheckpointError(
                f"{path}: not readable ({error}); begin anew in another folder"
            ) from error

    def _check_settings(self, path: Path, known: dict[str, Any]) -> None:
        wanted = json.loads(json.dumps(self._settings()))
        different = next(_differences(known, wanted), None)
        if different is not None:
            name, one, other = different
            raise CheckpointError(
                f"{path}: the run here has {name} {one!r}, not {other!r}: give the same, or another folder"
            )

    def _resume(self) -> None:
        path = self.folder / "run.safetensors"
        for stale in self.folder.glob(".*.safetensors.*"):  # half written when a run was killed
            stale.unlink(missing_ok=True)
        if not path.exists() or self.step:
            return
        metadata = self._metadata(path)
        self._check_settings(path, json.loads(metadata["settings"]))
        found = read_tensors(path, self._tensors())
        prefix = "model."
        self.model.load_state_dict(
            {name.removeprefix(prefix): value for name, value in found.items() if name.startswith(prefix)}
        )
        with torch.no_grad():
            self.styles.weight.copy_(found["styles"])
        prefix = "optimizer."
        self.optimizer.load(
            {name.removeprefix(prefix): value for name, value in found.items() if name.startswith(prefix)}
        )
        state = json.loads(metadata["state"])
        self.step, self.best, self.since_best = state["step"], state["best"], state["since_best"]


def _differences(
    known: Mapping[str, Any], wanted: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """Yields where two settings differ: the name and both values."""
    for name in sorted(known.keys() | wanted.keys()):
        one, other = known.get(name), wanted.get(name)
        if isinstance(one, dict) and isinstance(other, dict):
            yield from _differences(one, other, f"{prefix}{name}.")
        elif one != other:
            yield f"{prefix}{name}", one, other


def hold_out(sequences: Sequences, games: int, seed: int) -> tuple[Sequences, Sequences]:
    """Splits off up to `games` games, at most a tenth, for validation: returns (training, validation).

    A game is wholly on one side, and so are all games with the same moves.
    """
    if not len(sequences):
        return sequences, sequences
    keys = np.array(
        [
            hash(sequences.tokens[start:end].tobytes())
            for start, end in zip(sequences.offsets[:-1], sequences.offsets[1:], strict=True)
        ]
    )
    rng = np.random.default_rng(seed)
    wanted = min(games, len(sequences) // 10)
    chosen = rng.permutation(len(sequences))[:wanted]
    held = np.isin(keys, keys[chosen])
    return sequences.select(~held), sequences.select(np.sort(chosen))
