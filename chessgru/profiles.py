"""Profiles: what is learned about one player, as a value and as a file.

A profile is one safetensors file in the folder `profiles` beside the library: the player's memory, the
concentrations it speaks with, his style vector and his adapters. Games are scored and people told apart by
the memory stored here; at the board the memory of the games in the library speaks (`seats`), which knows
the latest. It belongs to the base model whose digest it names and is refused for others.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from chessgru.adapters import Adapters, Factors, merged
from chessgru.errors import ProfileError
from chessgru.files import write_atomically
from chessgru.game import name_key
from chessgru.memory import HALF_LIFE, Memory, text_number
from chessgru.model import MoveGRU

FOLDER: Final = "profiles"
_FORMAT: Final = 2


@dataclass(frozen=True, kw_only=True)
class Gain:
    """How well a model with some parts of a profile predicted games kept aside."""

    parts: str
    """Such as "base", "memory" or "memory + style"."""
    nll: float
    """Mean surprise of the player's moves in nats."""
    top1: float
    """The share of his moves that were the likeliest."""
    used: bool
    """Whether the profile came to use these parts."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What each part gained on the player's latest games, kept aside while learning."""

    games: int
    """Games kept aside; 0 if there were too few to keep any."""
    moves: int
    """The player's moves in them."""
    gains: tuple[Gain, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What is known about one player, for one base model."""

    name: str
    names: frozenset[str]
    """The `name_key` of each of his aliases."""
    base: str
    """Digest of the base model's weights."""
    memory: Memory
    taken: NDArray[np.int64]
    """(G,) numbers of the games it was learned from, rising; see `learning.game_number`."""
    fitted: NDArray[np.int64]
    """(F,) those of them that the style was learned from; empty if only the memory was."""
    k_own: float
    """How many observations the network's opinion is worth against his own counts."""
    k_h2h: float
    """How many observations the mix of both is worth against the head-to-head counts."""
    style: NDArray[np.float32]
    """(S,) his style vector; zero where it did not help."""
    adapters: Adapters
    """Changes of the base model's weights; empty where they did not help."""
    report: Report
    half_life: float = HALF_LIFE
    """Games after which a visit in his memory counts half."""

    @property
    def games(self) -> int:
        """How many games it was learned from."""
        return len(self.taken)


def adapted(model: MoveGRU, profile: Profile) -> MoveGRU:
    """Returns the player's personal model: `model` itself if the profile changes no weights."""
    return merged(model, profile.adapters) if profile.adapters else model


def profile_path(home: Path, name: str) -> Path:
    """Returns where the profile of a player is kept: readable, and different for different names."""
    key = name_key(name)
    readable = re.sub(r"[^a-z0-9]+", "-", key).strip("-")[:40] or "player"
    return home / FOLDER / f"{readable}-{text_number(key) % 0xFFFFFFFF:08x}.safetensors"


def profiles_changed(home: Path) -> int:
    """Returns when a profile was last written or removed, in nanoseconds; 0 if there never was one."""
    folder = home / FOLDER
    return folder.stat().st_mtime_ns if folder.exists() else 0


def save_profile(profile: Profile, path: Path) -> None:
    """Writes a profile so that a crash leaves the old file or the new one, never a part.

    Raises OutputError if it cannot be written.
    """
    tensors: dict[str, Tensor] = {"style": torch.from_numpy(profile.style)}
    tensors |= {"taken": _tensor(profile.taken), "fitted": _tensor(profile.fitted).clone()}
    for field in fields(Memory):
        tensors[f"memory.{field.name}"] = _tensor(getattr(profile.memory, field.name))
    for name, factors in profile.adapters.items():
        tensors[f"up.{name}"], tensors[f"down.{name}"] = (part.half().contiguous() for part in factors)
    about = {
        "format": _FORMAT,
        "name": profile.name,
        "names": sorted(profile.names),
        "base": profile.base,
        "k_own": profile.k_own,
        "k_h2h": profile.k_h2h,
        "half_life": profile.half_life,
        "report": asdict(profile.report),
    }
    write_atomically(path, save(tensors, {"profile": json.dumps(about)}))


def _tensor(values: NDArray[Any]) -> Tensor:
    """Returns an array as a tensor; uint16 becomes int16, which holds every move token."""
    return torch.from_numpy(values.astype(np.int16) if values.dtype == np.uint16 else values).contiguous()


def load_profile(path: Path, base: str, model: MoveGRU) -> Profile:
    """Reads a profile for the base model with digest `base`.

    Raises ProfileError, in one line, if the file is missing, damaged or belongs to another base model: the
    caller can then go on with the base model alone.
    """
    about, tensors = _read(path)
    if about.get("base") != base:
        raise ProfileError(
            f"{path}: learned on base model {about.get('base')!r}, this one is {base!r}; learn him again"
        )
    try:
        profile = _assemble(about, tensors)
        _check(profile, model)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ProfileError(
            f"{path}: damaged profile ({_one_line(error)}); learn the player again"
        ) from error
    return profile


def _one_line(error: Exception) -> str:
    return " ".join(repr(error).split())


def _read(path: Path) -> tuple[Mapping[str, Any], dict[str, Tensor]]:
    if not path.exists():
        raise ProfileError(f"{path}: no profile yet; make one with `chessgru learn PLAYER`")
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {})["profile"])
            if not isinstance(about, dict) or about.get("format") != _FORMAT:
                raise ValueError(f"not of format {_FORMAT}")
            return about, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise ProfileError(
            f"{path}: damaged profile ({_one_line(error)}); learn the player again"
        ) from error


def _assemble(about: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Profile:
    columns = {field.name: tensors[f"memory.{field.name}"].numpy() for field in fields(Memory)}
    columns["tokens"] = columns["tokens"].astype(np.uint16)
    named = [name.removeprefix("up.") for name in tensors if name.startswith("up.")]
    report = about["report"]
    return Profile(
        name=about["name"],
        names=frozenset(about["names"]),
        base=about["base"],
        memory=Memory(**columns),
        taken=tensors["taken"].numpy(),
        fitted=tensors["fitted"].numpy(),
        k_own=float(about["k_own"]),
        k_h2h=float(about["k_h2h"]),
        half_life=float(about["half_life"]),
        style=tensors["style"].numpy(),
        adapters={
            name: Factors(tensors[f"up.{name}"].float(), tensors[f"down.{name}"].float()) for name in named
        },
        report=Report(**{**report, "gains": tuple(Gain(**gain) for gain in report["gains"])}),
    )


def _check(profile: Profile, model: MoveGRU) -> None:
    """Raises ValueError if shapes do not fit the model or each other, or a number is none."""
    lengths = {len(getattr(profile.memory, field.name)) for field in fields(Memory)}
    keys = profile.memory.keys
    if len(lengths) > 1 or (keys[1:] < keys[:-1]).any():
        raise ValueError(f"the memory's columns have {sorted(lengths)} rows, or are not sorted")
    if profile.style.shape != (model.config.style,):
        raise ValueError(f"style has shape {profile.style.shape}, expected ({model.config.style},)")
    parameters = dict(model.named_parameters())
    for name, factors in profile.adapters.items():
        if name not in parameters:
            raise ValueError(f"no weight {name!r}")
        factors.change(parameters[name].detach())  # raises RuntimeError if the shapes do not fit
    if not (min(profile.k_own, profile.k_h2h, profile.half_life) > 0 and np.isfinite(profile.style).all()):
        raise ValueError("numbers out of range")


def delete_profiles(home: Path, names: Collection[str]) -> None:
    """Removes every profile that holds moves of somebody of these names, whatever he was called since."""
    keys = {name_key(name) for name in names}
    for name in names:
        delete_profile(profile_path(home, name))
    for path in (home / FOLDER).glob("*.safetensors"):
        try:
            about, _ = _read(path)
        except ProfileError:
            continue  # nobody can read it
        if keys & set(about.get("names", ())):
            delete_profile(path)


def delete_profile(path: Path) -> bool:
    """Removes a profile; tells whether there was one."""
    existed = path.exists()
    path.unlink(missing_ok=True)
    return existed
