"""Learns one player: his memory, and as much style as his own latest games say helps.

The latest games are kept aside. A style vector (for few games) and low-rank adapters (for many) are fitted
by gradient to the earlier ones on the frozen base model; each is used only if the kept-aside games, with
the memory speaking too, become likelier. Then what is used learns from the kept-aside games as well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from chessgru.adapters import Adapters, Factors, Learner, merged, new_adapters
from chessgru.batches import batches_of
from chessgru.checkpoint import Checkpoint
from chessgru.errors import ProfileError, SettingsError
from chessgru.game import Game
from chessgru.memory import HALF_LIFE, K_H2H, K_OWN, Memory, remember
from chessgru.model import MoveGRU
from chessgru.own_moves import (
    History,
    OwnMoves,
    by_time,
    fit_concentration,
    games_of,
    history,
    read,
    with_moves,
)
from chessgru.profiles import Gain, Profile, Report
from chessgru.threads import in_threads, sharing

Progress = Callable[[float, str], None]
"""Called with the share done, 0 to 1, and what is being done."""


@dataclass(frozen=True, kw_only=True)
class LearningConfig:
    """How to learn a player.

    The defaults were chosen on players that nothing else was measured on; rates and batches of the style on
    three of the panel (benchmarks/LOG.md, "learning a person in small batches").
    """

    aside_share: float = 0.15
    """The share of the games that is kept aside."""
    aside_most: int = 100
    style_steps: int = 16
    style_plies_per_batch: int = 512
    style_rate: float = 0.1
    style_decay: float = 60.0
    """What a squared style vector costs, in nats over all moves: 1 / (2 * variance over people)."""
    adapters_from: int = 40
    """The fewest games, besides those kept aside, for which adapters are tried."""
    rank: int = 16
    passes: float = 2.0
    """How often the adapters see the games, where these are few."""
    repeat_plies: int = 120_000
    """No game is read again once so many plies have been read."""
    most_plies: int = 240_000
    """The most plies they read: with more games the oldest are left out."""
    adapter_rate: float = 5e-3
    """The learning rate of the adapters' matrices, which Muon changes (`chessgru.optimization`)."""
    bias_rate: float = 7e-4
    scales: tuple[float, ...] = (1.0, 0.5, 0.25)
    """How much of what was learned to keep: all of these are tried on the games kept aside."""
    through_memory: bool = True
    """Whether adapters learn what the memory of the other games leaves to say, or every move alike."""
    plies_per_batch: int = 680
    k_own: float = K_OWN
    """The expected concentrations, over players."""
    k_h2h: float = K_H2H
    k_doubt: float = 1.0
    """Standard deviation of their logarithm over players."""
    half_lives: tuple[float, ...] = (50.0, 150.0, HALF_LIFE, 1600.0)
    """Of these the player's own latest games choose, from `adapters_from` games on."""
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.aside_share < 1:
            raise SettingsError(f"aside_share must be between 0 and 1, not {self.aside_share}")

    def aside(self, games: int) -> int:
        """Returns how many of a player's games are kept aside."""
        return min(self.aside_most, round(games * self.aside_share) or 1)

    def enough_for_adapters(self, games: int) -> bool:
        """Tells whether adapters are tried with so many games."""
        return games - self.aside(games) >= self.adapters_from


_FEW: Final = 10
"""Fewer new games change the memory alone."""


def game_number(game: Game) -> int:
    """Returns a 63-bit number that names a game by its moves, date and players."""
    text = repr((game.tokens, game.date, game.time, game.white, game.black, game.site_id))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 1


def numbers_of(games: Sequence[Game]) -> NDArray[np.int64]:
    """Returns the games' numbers, rising."""
    return np.unique(np.array([game_number(game) for game in games], np.int64))


def _silent(_share: float, _what: str) -> None:
    """Tells nobody."""


def _played(games: Sequence[Game], names: Collection[str], name: str) -> list[Game]:
    played = by_time(games_of(games, names))
    if not played:
        who = name or min(names, default="nobody")
        raise ProfileError(f"no games of {who!r} among {len(games)}: import some, or check the name")
    return played


def memory_only(
    base: Checkpoint,
    games: Sequence[Game],
    names: Collection[str],
    *,
    name: str = "",
    config: LearningConfig | None = None,
) -> Profile:
    """Returns a profile of counts alone, in a moment: no style, the expected concentrations.

    Raises ProfileError if the player has no game.
    """
    config = config or LearningConfig()
    played = _played(games, names, name)
    return Profile(
        name=name or min(names),
        names=frozenset(names),
        base=base.digest,
        memory=remember(played, names),
        taken=numbers_of(played),
        fitted=np.zeros(0, np.int64),
        k_own=config.k_own,
        k_h2h=config.k_h2h,
        style=np.zeros(base.model.config.style, np.float32),
        adapters={},
        report=Report(games=0, moves=0),
    )


def take_in(profile: Profile, games: Sequence[Game]) -> Profile:
    """Returns the profile with new games in its memory, style kept.

    Games it already knows, and games of others, are passed over.
    """
    new = _unknown(games_of(games, profile.names), profile.taken)
    if not new:
        return profile
    return replace(
        profile,
        memory=profile.memory.plus(remember(new, profile.names), profile.half_life),
        taken=np.union1d(profile.taken, numbers_of(new)),
    )


def _unknown(games: Sequence[Game], numbers: NDArray[np.int64]) -> list[Game]:
    """Returns the games without one of these numbers."""
    known = set(numbers.tolist())
    return [game for game in games if game_number(game) not in known]


@dataclass(frozen=True)
class Style:
    """A style vector (S,) and adapters that go with it."""

    vector: Tensor
    adapters: Adapters

    def scaled(self, share: float) -> Style:
        """Returns the same, nearer to the average person.

        Weights in between can predict better than those at either end (Wortsman et al. 2022,
        arXiv:2109.01903).
        """
        adapters = {name: Factors(share * f.up, f.down) for name, f in self.adapters.items()}
        return Style(share * self.vector, adapters)


class Aside:
    """The games kept aside, and how well each candidate predicts them."""

    def __init__(self, base: MoveGRU, games: History, memory: Memory, config: LearningConfig) -> None:
        self.games, self.config = games, config
        self.gains: list[Gain] = []
        network = read(base, self.games)
        self.half_life = self._half_life(network, memory)
        self.memory = memory.aged(self.half_life)
        self.by_opponent = self.memory.by_opponent()
        self._note("base", network)
        self.best, self.k_own, self.k_h2h = self._mix(network)
        self._note("memory", self.best)

    def _half_life(self, network: OwnMoves, memory: Memory) -> float:
        """Returns how fast this player's past should be forgotten."""
        if memory.games < self.config.adapters_from:
            return HALF_LIFE

        def surprise(half_life: float) -> float:
            aged = memory.aged(half_life)
            k = fit_concentration(network, aged, expected=self.config.k_own, doubt=self.config.k_doubt)
            return float(network.mixed(aged, k).nll().mean())

        return min(self.config.half_lives, key=surprise)

    def _mix(self, network: OwnMoves) -> tuple[OwnMoves, float, float]:
        doubt = self.config.k_doubt
        k_own = fit_concentration(network, self.memory, expected=self.config.k_own, doubt=doubt)
        own = network.mixed(self.memory, k_own)
        k_h2h = fit_concentration(
            own, self.by_opponent, expected=self.config.k_h2h, doubt=doubt, by_opponent=True
        )
        return own.mixed_head_to_head(self.by_opponent, k_h2h), k_own, k_h2h

    def _note(self, parts: str, moves: OwnMoves, used: bool = True) -> None:
        top1 = float((moves.rank() == 1).mean())
        self.gains.append(Gain(parts=parts, nll=float(moves.nll().mean()), top1=top1, used=used))

    def helps(self, parts: str, base: MoveGRU, style: Style) -> Style | None:
        """Returns as much of a style as predicts best, None if none of it beats the best so far.

        What beats it is the best from now on.
        """

        def tried(share: float) -> tuple[Style, OwnMoves, float, float]:
            scaled = style.scaled(share)
            network = read(merged(base, scaled.adapters), self.games, scaled.vector.numpy())
            return scaled, *self._mix(network)

        found = in_threads(tried, self.config.scales)
        scaled, mixed, k_own, k_h2h = min(found, key=lambda each: float(each[1].nll().mean()))
        better = float(mixed.nll().mean()) < float(self.best.nll().mean())
        self._note(parts, mixed, better)
        if better:
            self.best, self.k_own, self.k_h2h = mixed, k_own, k_h2h
        return scaled if better else None

    def report(self) -> Report:
        """Returns what was noted."""
        return Report(games=len(self.games), moves=len(self.best), gains=tuple(self.gains))


def learn(
    base: Checkpoint,
    games: Sequence[Game],
    names: Collection[str],
    *,
    name: str = "",
    previous: Profile | None = None,
    progress: Progress | None = None,
    threads: int | None = None,
    config: LearningConfig | None = None,
) -> Profile:
    """Learns the player with these `name_key`s from his games; the others' games are passed over.

    `name` is for messages and shows. From `previous`, an earlier profile of games that are all still here,
    learning goes on: a few games that its style does not know yet go into the memory, more also into the
    style. `threads` share the work, None as many as PyTorch uses. Raises ProfileError if the player has no
    game.
    """
    config = config or LearningConfig()
    played = _played(games, names, name)
    tell = progress or _silent
    with sharing(threads):
        if previous is not None and _continues(previous, played, frozenset(names), base):
            unknown, before = _unknown(played, previous.fitted), len(previous.fitted)
            if not unknown:
                return previous
            enough = config.enough_for_adapters
            first_adapters = enough(len(played)) and not enough(before)
            if 2 * len(unknown) < before and not first_adapters:
                new = with_moves(unknown, names)
                if len(new) < _FEW:
                    return take_in(previous, played)
                return _go_on(base, played, new, previous, tell, config)
        plain = memory_only(base, played, names, name=name, config=config)
        moved = with_moves(played, names)
        aside = config.aside(len(moved))
        if len(moved) <= aside:
            return plain
        return _learn(base, moved, plain, aside, tell, config)


def _continues(previous: Profile, played: list[Game], names: frozenset[str], base: Checkpoint) -> bool:
    """Tells whether a profile is of this person and model, and all its games are still there."""
    same = previous.base == base.digest and previous.names == names
    return same and bool(np.isin(previous.taken, numbers_of(played)).all())


def _learn(
    base: Checkpoint,
    played: list[Game],
    plain: Profile,
    count: int,
    progress: Progress,
    config: LearningConfig,
) -> Profile:
    everything = history(played, plain.names)
    order = np.arange(len(played))
    earlier, later = order[:-count], order[-count:]
    progress(0.0, "reading the latest games")
    memory = remember(played[:-count], plain.names)
    aside = Aside(base.model, everything.select(later), memory, config)
    found = _fit(base.model, everything.select(earlier), memory, aside, progress, config)
    found = _refit(base.model, everything, plain.memory, later, found, config)
    return _finished(plain, found, aside, progress)


def _finished(plain: Profile, found: Style, aside: Aside, progress: Progress) -> Profile:
    progress(1.0, "done")
    return replace(
        plain,
        fitted=plain.taken,
        memory=plain.memory.aged(aside.half_life),
        half_life=aside.half_life,
        style=found.vector.numpy(),
        adapters=found.adapters,
        k_own=aside.k_own,
        k_h2h=aside.k_h2h,
        report=aside.report(),
    )


def _go_on(
    base: Checkpoint,
    played: list[Game],
    new: list[Game],
    previous: Profile,
    progress: Progress,
    config: LearningConfig,
) -> Profile:
    """Learns from new games, among as many old ones, from where the last profile ended."""
    plain = memory_only(base, played, previous.names, name=previous.name, config=config)
    moved, number = with_moves(played, previous.names), {id(game) for game in new}
    fresh = np.array([index for index, game in enumerate(moved) if id(game) in number], np.int64)
    later = fresh[-max(1, len(fresh) // 3) :]
    known = np.setdiff1d(np.arange(len(moved)), later)
    everything = history(moved, previous.names)
    memory = remember([moved[index] for index in known], previous.names)
    before = Style(torch.from_numpy(previous.style), previous.adapters)
    aside = Aside(base.model, everything.select(later), memory, config)
    kept = aside.helps("the last profile's style", base.model, before)
    learner = _learner(base.model, kept or before, memory, everything, config)
    dice = np.random.default_rng(config.seed)
    older = dice.permutation(np.setdiff1d(known, fresh))[: len(fresh)]
    some = everything.select(np.concatenate([older, np.setdiff1d(fresh, later)]))
    steps = _steps(some, config.passes, config)
    _train(learner, some, steps, 0.5, config, lambda share: progress(0.9 * share, "style"))
    after = aside.helps("style with the new games", base.model, Style(learner.vector, learner.adapters))
    nothing = Style(torch.zeros_like(before.vector), {})
    return _finished(plain, after or kept or nothing, aside, progress)


def _fit(
    model: MoveGRU, games: History, memory: Memory, aside: Aside, progress: Progress, config: LearningConfig
) -> Style:
    """Fits a style vector and adapters, and returns what helped on the games kept aside."""
    best = Style(torch.zeros(model.config.style), {})
    learner = _learner(model, best, memory, games, config)
    steps, small = config.style_steps, replace(config, plies_per_batch=config.style_plies_per_batch)
    _train(learner, games, steps, 1.0, small, lambda share: progress(0.3 * share, "style"))
    best = aside.helps("memory + style", model, Style(learner.vector, {})) or best
    if len(games) < config.adapters_from:
        return best
    generator = torch.Generator().manual_seed(config.seed)
    start = Style(best.vector, new_adapters(model, config.rank, generator))
    learner = _learner(model, start, memory, games, config)
    steps = _steps(games, config.passes, config)
    _train(learner, games, steps, 1.0, config, lambda share: progress(0.3 + 0.6 * share, "adapters"))
    found = Style(learner.vector, learner.adapters)
    return aside.helps("memory + style + adapters", model, found) or best


def _refit(
    model: MoveGRU,
    games: History,
    memory: Memory,
    later: NDArray[np.int64],
    found: Style,
    config: LearningConfig,
) -> Style:
    """Goes on learning with the games kept aside, among as many older ones."""
    if not found.adapters and not found.vector.any():
        return found
    dice = np.random.default_rng(config.seed + 1)
    older = dice.permutation(np.arange(len(games) - len(later)))[: max(len(later), 20)]
    learner = _learner(model, found, memory, games, config)
    some = games.select(np.concatenate([older, later]))
    _train(learner, some, _steps(some, 1.0, config), 0.3, config, lambda _share: None)
    return Style(learner.vector, learner.adapters)


def _learner(
    model: MoveGRU, start: Style, memory: Memory, games: History, config: LearningConfig
) -> Learner:
    own = max(1, len(games.sequences.tokens) // 2)
    return Learner(
        model,
        start.vector,
        start.adapters,
        style_rate=config.style_rate if not start.adapters else 0.1 * config.style_rate,
        adapter_rate=config.adapter_rate,
        bias_rate=config.bias_rate,
        style_decay=config.style_decay / own,
        memory=memory if config.through_memory else None,
    )


def _steps(games: History, passes: float, config: LearningConfig) -> int:
    """Returns the steps of so many passes over the games, or of as many as `config` allows."""
    once = len(games.sequences.tokens)
    plies = min(passes * once, max(once, config.repeat_plies), config.most_plies)
    return max(1, round(plies / config.plies_per_batch))


def _train(
    learner: Learner,
    games: History,
    steps: int,
    share: float,
    config: LearningConfig,
    progress: Callable[[float], None],
) -> None:
    """Takes steps of learning from the games, at `share` of the learning rates."""
    dice = np.random.default_rng([config.seed, len(games)])
    for step, batch in enumerate(_batches(games, steps, config, dice)):
        learner.step(games.batch(batch), share * _falling(step, steps))
        progress((step + 1) / steps)


def _falling(step: int, steps: int) -> float:
    """Returns the share of the learning rate: a short rise, then linear to near zero."""
    return min(1.0, (step + 1) / (0.1 * steps + 1)) * (1 - 0.95 * step / steps)


def _batches(
    games: History, steps: int, config: LearningConfig, dice: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """Yields `steps` batches, pass after pass; the oldest games are left out where there are too many."""
    lengths = games.sequences.lengths
    recent = np.flatnonzero(np.cumsum(lengths[::-1])[::-1] <= config.most_plies)
    recent = recent if len(recent) else np.arange(len(games))[-1:]
    left = steps
    while left:
        for batch in batches_of(games.sequences, dice.permutation(recent), config.plies_per_batch, dice):
            if left and len(batch):
                left -= 1
                yield batch
