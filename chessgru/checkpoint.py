"""Models on disk: a folder with `weights.safetensors` and `config.json`, never a pickle.

A third file, `book.safetensors`, holds the model's opening book if it has one.
`config.json` holds the model's shape, the vocabulary's digest, the temperature and whatever describes the
training (`about`). A folder made for another vocabulary, or with other shapes, is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from chessgru import __version__, vocabulary
from chessgru.book import Book
from chessgru.errors import CheckpointError
from chessgru.files import write_atomically
from chessgru.model import RATING_FEATURES, ModelConfig, MoveGRU

WEIGHTS, CONFIG, BOOK = "weights.safetensors", "config.json", "book.safetensors"


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A model and what is known about it."""

    model: MoveGRU
    digest: str
    """Names the weights and the book: profiles are tied to it."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """Training configuration, data counts, scores, versions, seed: JSON values."""


def shipped_model() -> Path:
    """Returns the folder of the base model that comes with chessgru."""
    return Path(str(files("chessgru") / "base_model"))


def save_checkpoint(folder: Path, model: MoveGRU, about: Mapping[str, Any]) -> None:
    """Writes a model folder, each file atomically, the weights first. Raises OutputError if it cannot."""
    weights = {name: value.contiguous() for name, value in model.state_dict().items()}
    write_atomically(folder / WEIGHTS, save(weights))
    if model.book is None:
        (folder / BOOK).unlink(missing_ok=True)
    else:
        write_atomically(folder / BOOK, save(model.book.packed()))
    config = {
        "chessgru": __version__,
        "torch": torch.__version__,
        "vocabulary": vocabulary.DIGEST,
        "model": asdict(model.config),
        "about": dict(about),
    }
    write_atomically(folder / CONFIG, (json.dumps(config, indent=2) + "\n").encode())


def read_config(folder: Path) -> dict[str, Any]:
    """Returns a model folder's configuration. Raises CheckpointError if it is not usable."""
    path = folder / CONFIG
    try:
        config: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise CheckpointError(f"{folder}: no model here ({CONFIG} is missing); check --model") from error
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: not readable as JSON ({error})") from error
    if not isinstance(config, dict):
        raise CheckpointError(f"{path}: not a model's configuration")
    if config.get("vocabulary") != vocabulary.DIGEST:
        raise CheckpointError(
            f"{path}: made for vocabulary {config.get('vocabulary')!r}, this is {vocabulary.DIGEST!r}; "
            "use a model trained with this version"
        )
    return config


def read_tensors(path: Path, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns the tensors of a safetensors file.

    Raises CheckpointError naming the first that is not of the expected shape.
    """
    try:
        with safe_open(path, framework="pt") as file:
            found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: not readable ({error})") from error
    for name, value in expected.items():
        shape = tuple(found[name].shape) if name in found else None
        if shape != tuple(value.shape):
            raise CheckpointError(f"{path}: {name} has shape {shape}, expected {tuple(value.shape)}")
    return found


def load_checkpoint(folder: Path | None = None) -> Checkpoint:
    """Returns the model of a folder, ready to predict; the shipped one if the folder is None.

    Raises CheckpointError if anything is missing, damaged or made for another vocabulary.
    """
    folder = folder or shipped_model()
    config = read_config(folder)
    try:
        model = MoveGRU(ModelConfig(**config["model"]))
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{folder / CONFIG}: not a model's configuration ({error})") from error
    model.load_state_dict(read_tensors(folder / WEIGHTS, model.state_dict()))
    model.book = _read_book(folder / BOOK)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    model.eval()
    return Checkpoint(model=model, digest=model_digest(model), about=config.get("about", {}))


def _read_book(path: Path) -> Book | None:
    """Returns the book of a model's folder, None if it has none."""
    if not path.exists():
        return None
    try:
        return Book.unpacked(read_tensors(path, {"weights": torch.zeros(RATING_FEATURES + 1)}))
    except (KeyError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path}: not an opening book ({error})") from error


def model_digest(model: MoveGRU) -> str:
    """Returns 16 hexadecimal digits that name a model's weights and book."""
    digest = hashlib.sha256()
    tensors = dict(sorted(model.state_dict().items()))
    if model.book is not None:
        tensors |= {f"book.{name}": value for name, value in model.book.packed().items()}
    for name, value in tensors.items():
        digest.update(name.encode())
        digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
