"""Seats people of the library for `uci`. Torch and games are loaded when somebody is first needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from chessgru.errors import UnknownPlayerError
from chessgru.game import name_key
from chessgru.library import Library
from chessgru.samples import SAMPLE_PLAYERS

if TYPE_CHECKING:
    from chessgru.checkpoint import Checkpoint
    from chessgru.predictor import Predictor, Seat
    from chessgru.seats import Person
    from chessgru.uci import Sitting

_KEPT: Final = 4


class LibraryPeople:
    """The people of a library and of the sample games, on the model of a folder (None: the shipped one)."""

    def __init__(self, library: Library | None, model: Path | None = None) -> None:
        self._library, self._folder = library, model
        self._people: dict[str, Person] = {}
        self._predictors: dict[Sitting, Predictor] = {}

    def names(self) -> Sequence[str]:
        """Returns everybody's name, those with the most games first."""
        names = [player.name for player in self._library.players()] if self._library else []
        keys = {name_key(name) for name in names}
        return [*names, *(sample for sample in SAMPLE_PLAYERS if name_key(sample) not in keys)]

    def find(self, name: str) -> str:
        """Returns the name somebody is known under. Raises UnknownPlayerError, with the nearest names."""
        nearest: list[str] = []
        if self._library is not None:
            try:
                return self._library.player(name).name
            except UnknownPlayerError as error:
                nearest = error.nearest
        for sample in SAMPLE_PLAYERS:
            if name_key(sample) == name_key(name):
                return sample
        raise UnknownPlayerError(name, [*nearest, *SAMPLE_PLAYERS])

    @cached_property
    def _base(self) -> Checkpoint:
        import torch

        from chessgru.checkpoint import load_checkpoint

        torch.set_num_threads(1)
        return load_checkpoint(self._folder)

    def predictor(self, sitting: Sitting, tell: Callable[[str], None]) -> Predictor:
        """Returns a predictor for a game; the last few are kept."""
        found = self._predictors.pop(sitting, None) or self._new(sitting, tell)
        self._predictors[sitting] = found
        while len(self._predictors) > _KEPT:
            self._predictors.pop(next(iter(self._predictors)))
        return found

    def _new(self, sitting: Sitting, tell: Callable[[str], None]) -> Predictor:
        import chess

        from chessgru.predictor import Predictor

        base = self._base
        player = self._person(sitting.player, tell)
        opponent = self._person(sitting.opponent, tell)
        own = self._seat(player, opponent, sitting.player, sitting.rating, tell)
        other = self._seat(opponent, player, sitting.opponent, sitting.opponent_rating, tell)
        white, black = (own, other) if sitting.side == "white" else (other, own)
        start = chess.Board(sitting.start) if sitting.start else None
        return Predictor(base.model, white, black, time_class=sitting.speed, start=start)

    def _person(self, name: str, tell: Callable[[str], None]) -> Person | None:
        """Returns somebody with his games; None for anybody, and, told, for a name nobody knows."""
        if not name:
            return None
        if name not in self._people:
            from chessgru.seats import find_person

            try:
                self._people[name] = find_person(name, self._library)
            except UnknownPlayerError as error:
                tell(f"{error}; taken for anybody")
                return None
        return self._people[name]

    def _seat(
        self,
        person: Person | None,
        opponent: Person | None,
        name: str,
        rating: int,
        tell: Callable[[str], None],
    ) -> Seat:
        from chessgru.predictor import Seat
        from chessgru.seats import seat

        if person is None:
            return Seat(name=name, rating=rating or None)
        found, trouble = seat(
            person, self._base, library=self._library, rating=rating or None, opponent=opponent
        )
        if trouble:
            tell(trouble)
        return found
