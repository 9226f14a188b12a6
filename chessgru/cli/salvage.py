"""Keeping what came before a failure."""

from __future__ import annotations

from collections.abc import Iterator

from chessgru.errors import ChessgruError
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
