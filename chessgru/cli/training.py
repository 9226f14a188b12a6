"""The command that trains a base model."""

from __future__ import annotations

import json
import math
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, cast, get_args

import typer

from chessgru.cli.options import LARGEST_SEED, MOST_THREADS, AsJSON, given_path
from chessgru.errors import SettingsError
from chessgru.files import check_writable, writable

if TYPE_CHECKING:
    from types import FrameType

    from chessgru.corpus import Corpus
    from chessgru.training import Progress, Trainer

_Cell = Literal["gru", "lstm", "rnn"]
_Precision = Literal["float32", "bfloat16"]
_WIDEST: Final = 4096
_DEEPEST: Final = 64
_LARGEST_BATCH: Final = 1 << 20


class _StoppedError(Exception):
    """The run was asked to end, and is at the end of a step."""


def train(
    games: Annotated[
        list[Path],
        typer.Argument(
            metavar="GAMES…", parser=given_path, help="PGN files, or one token file (.parquet)."
        ),
    ],
    out: Annotated[
        Path, typer.Option(metavar="DIR", parser=given_path, help="Folder for the model and the run.")
    ],
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in the folder.")] = False,
    passes: Annotated[float, typer.Option(help="How often to go through the games.")] = 1.0,
    cell: Annotated[str, typer.Option(metavar="gru|lstm|rnn", help="Recurrent cell.")] = "gru",
    channels: Annotated[int, typer.Option(min=1, max=_WIDEST, help="Width of the board network.")] = 64,
    blocks: Annotated[int, typer.Option(min=0, max=_DEEPEST, help="Residual blocks before the cell.")] = 2,
    late_blocks: Annotated[
        int, typer.Option(min=0, max=_DEEPEST, help="Residual blocks after the cell.")
    ] = 1,
    hidden: Annotated[int, typer.Option(min=1, max=_WIDEST, help="Width of the recurrent state.")] = 256,
    plies_per_batch: Annotated[int, typer.Option(min=1, max=_LARGEST_BATCH)] = 4096,
    learning_rate: Annotated[float, typer.Option()] = 2e-3,
    matrix_rate: Annotated[
        float, typer.Option(min=0, help="Learning rate of the hidden matrices, as a multiple.")
    ] = 3.0,
    weight_decay: Annotated[float, typer.Option(min=0)] = 0.02,
    warmup: Annotated[int, typer.Option(min=1, help="Steps.")] = 300,
    cooldown: Annotated[float, typer.Option(min=0, max=1, help="Last share of the steps.")] = 0.5,
    clip: Annotated[float, typer.Option(help="Largest gradient norm.")] = 1.0,
    rating_dropout: Annotated[float, typer.Option(min=0, max=1)] = 0.15,
    style_dropout: Annotated[float, typer.Option(min=0, max=1)] = 0.5,
    style_games: Annotated[int, typer.Option(min=1, help="Games that earn a player a style.")] = 100,
    player_cap: Annotated[int, typer.Option(min=1, help="Games of one player a pass.")] = 4000,
    master_share: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the games of 2400 or more, or unrated.")
    ] = 1.0,
    validation_games: Annotated[int, typer.Option(min=1, help="Kept aside; a tenth at most.")] = 800,
    validate_every: Annotated[int, typer.Option(min=1, help="Steps between checkpoints.")] = 500,
    patience: Annotated[int, typer.Option(min=1, help="Validations without gain that end it.")] = 10,
    precision: Annotated[
        str,
        typer.Option(metavar="float32|bfloat16", help="bfloat16 pays with AMX or a GPU."),
    ] = "float32",
    device: Annotated[str, typer.Option(metavar="cpu|cuda")] = "cpu",
    threads: Annotated[int, typer.Option(min=0, max=MOST_THREADS, help="0 leaves it to PyTorch.")] = 0,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED)] = 0,
    as_json: AsJSON = False,
) -> None:
    """Trains a base model on games; a run that was stopped or killed goes on with --resume.

    The folder holds the best model so far, ready for --model, and the run itself. Ctrl-C stops at the end
    of the step and keeps what was learned.
    """
    _choice(cell, get_args(_Cell), "--cell")
    _choice(precision, get_args(_Precision), "--precision")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    _check_folder(out, resume)
    import torch

    from chessgru.model import ModelConfig
    from chessgru.training import Trainer, TrainingConfig, hold_out

    torch.set_num_threads(threads or torch.get_num_threads())
    _check_device(device)
    corpus = _corpus(games, out)
    training, validation = hold_out(corpus.games, validation_games, seed)
    trainer = Trainer(
        training,
        validation,
        out,
        model=ModelConfig(
            channels=channels,
            blocks=blocks,
            late_blocks=late_blocks,
            cell=cast("_Cell", cell),
            hidden=hidden,
        ),
        config=TrainingConfig(
            passes=passes,
            plies_per_batch=plies_per_batch,
            learning_rate=learning_rate,
            matrix_rate=matrix_rate,
            weight_decay=weight_decay,
            warmup=warmup,
            cooldown=cooldown,
            clip=clip,
            rating_dropout=rating_dropout,
            style_dropout=style_dropout,
            style_games=style_games,
            player_cap=player_cap,
            master_share=master_share,
            validate_every=validate_every,
            patience=patience,
            precision=cast("_Precision", precision),
            seed=seed,
        ),
        about={"sources": [path.name for path in games]},
        device=device,
    )
    _run(trainer)
    left_out = {"duplicates": corpus.duplicates, "left_out": corpus.left_out}
    _tell(_finish(trainer) | left_out, out, as_json)


def _choice(value: str, allowed: tuple[str, ...], option: str) -> None:
    if value not in allowed:
        raise typer.BadParameter(f"{value!r} is none of {', '.join(allowed)}", param_hint=option)


def _check_device(name: str) -> None:
    import torch

    try:
        torch.zeros(1, device=name).item()
    except (RuntimeError, AssertionError, ImportError) as error:
        reason = str(error).splitlines()[0].split(". ")[0]
        raise SettingsError(f"--device {name}: not usable here ({reason}); use cpu") from error


def _check_folder(folder: Path, resume: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise SettingsError(f"{folder} is a file: give --out a folder, it may be a new one")
    run, model = (folder / name for name in ("run.safetensors", "weights.safetensors"))
    if run.exists() and not resume:
        raise SettingsError(f"{folder}: a run is there; go on with --resume, or choose another --out")
    if model.exists() and not run.exists():
        raise SettingsError(f"{folder}: a model is there, but no run to go on with; choose another --out")
    check_writable(run)


def _corpus(paths: list[Path], folder: Path) -> Corpus:
    """Returns the games of all files, with a bar by bytes while they are read."""
    from tqdm import tqdm

    from chessgru.corpus import cached_corpus

    size = sum(path.stat().st_size for path in paths if path.is_file())
    done: dict[Path, int] = {}
    with tqdm(total=size, unit="B", unit_scale=True, desc="reading", file=sys.stderr, disable=None) as bar:

        def advance(path: Path, count: int) -> None:
            done[path] = count
            bar.update(min(sum(done.values()), size) - bar.n)

        with writable(folder):
            return cached_corpus(paths, folder, advance)


@contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """Yields a list that the first Ctrl-C or SIGTERM puts its number in; the second one ends at once."""
    caught: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def catch(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        caught.append(number)
        for each, handler in before.items():
            signal.signal(each, handler)

    for number in before:
        signal.signal(number, catch)
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(trainer: Trainer) -> None:
    """Trains with a bar; when asked to stop, keeps the run and exits with 1."""
    from tqdm import tqdm

    with (
        _stop_signals() as caught,
        tqdm(total=trainer.steps, unit=" steps", desc="training", file=sys.stderr, disable=None) as bar,
    ):

        def listen(progress: Progress) -> None:
            bar.update(progress.step - bar.n)
            bar.set_postfix_str(_state(progress))
            _check_loss(progress, trainer)
            if caught:
                raise _StoppedError

        try:
            trainer.run(listen)
            if not math.isfinite(trainer.best):
                raise _diverged(trainer)
            return
        except _StoppedError:
            trainer.save_run()
    typer.echo(
        f"chessgru: stopped at step {trainer.step} of {trainer.steps}; go on with --resume", err=True
    )
    raise typer.Exit(1)


def _check_loss(progress: Progress, trainer: Trainer) -> None:
    losses = progress.loss, (progress.validation or {}).get("nll", 0.0)
    if not all(map(math.isfinite, losses)):
        raise _diverged(trainer)


def _diverged(trainer: Trainer) -> SettingsError:
    return SettingsError(
        f"{trainer.folder}: the loss is not finite from step {trainer.step} on: begin anew in another "
        f"--out, with a lower --learning-rate than {trainer.config.learning_rate:g}"
    )


def _state(progress: Progress) -> str:
    speed = progress.plies / max(progress.seconds, 1e-9)
    text = f"loss {progress.loss:.3f}, {speed:.0f} plies/s"
    if progress.validation:
        text += f", validation {progress.validation['nll']:.3f} nats"
    return text


def _finish(trainer: Trainer) -> dict[str, Any]:
    """Fits the best model's temperature, writes its opening book and returns the summary."""
    import torch

    from chessgru.book import count_openings
    from chessgru.checkpoint import load_checkpoint, save_checkpoint
    from chessgru.evaluation import fit_book, fit_temperature
    from chessgru.model import RATING_FEATURES

    best = load_checkpoint(trainer.folder)
    temperature = fit_temperature(best.model, trainer.validation)
    best.model.temperature.copy_(torch.tensor(temperature))
    book = count_openings(trainer.training, RATING_FEATURES)
    best.model.book = fit_book(best.model, book, trainer.validation)
    save_checkpoint(trainer.folder, best.model, {**best.about, "temperature": temperature})
    return {
        "folder": str(trainer.folder),
        "steps": trainer.step,
        "games": len(trainer.training),
        "plies": len(trainer.training.tokens),
        "validation": best.about["validation"],
        "temperature": temperature,
        "book": len(book),
    }


def _tell(summary: dict[str, Any], folder: Path, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(summary))
        return
    found = summary["validation"]
    typer.echo(
        f"{folder}: {summary['steps']} steps on {summary['games']} games, {summary['plies']} plies; "
        f"validation top-1 {100 * found['top1']:.1f} %, NLL {found['nll']:.3f} on {found['games']} games"
    )
    left_out = [f"{count} {reason}" for reason, count in summary["left_out"].items()]
    if summary["duplicates"]:
        left_out.append(f"{summary['duplicates']} repeated")
    if left_out:
        typer.echo(f"games left out: {', '.join(left_out)}")
