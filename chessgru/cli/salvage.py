"""Keeping what came before a failure, or saying that it can be kept."""

from __future__ import annotations

from collections.abc import Iterator

from chessgru.errors import ChessgruError, PGNError
from chessgru.game import Game, Rejection


class UntilFailure(Iterator[Game | Rejection]):
    """Ends quietly where its source ends, fails or is interrupted; `error` tells why, None for its end."""

    def __init__(self, items: Iterator[Game | Rejection]) -> None:
        self._items = items
        self.over = False
        self.error: ChessgruError | KeyboardInterrupt | None = None

    def __next__(self) -> Game | Rejection:
        if self.over:
            raise StopIteration
        try:
            return next(self._items)
        except StopIteration:
            self.over = True
            raise
        except (ChessgruError, KeyboardInterrupt) as error:
            self.over, self.error = True, error
            raise StopIteration from error


def pointing_to_salvage(items: Iterator[Game | Rejection]) -> Iterator[Game | Rejection]:
    """Yields what its source does; an error that comes after some games says how to keep them."""
    games = 0
    try:
        for item in items:
            games += isinstance(item, Game)
            yield item
    except PGNError as error:
        if not games:
            raise
        raise PGNError(f"{error}, or keep the games before that place with --salvage") from error
