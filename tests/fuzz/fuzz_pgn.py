"""Fuzzes reading PGN with atheris.

    NUMBA_DISABLE_JIT=1 python tests/fuzz/fuzz_pgn.py -max_total_time=600 FOLDER tests/fuzz/seeds

Without the compiler every branch of the scanner counts as coverage, and an index beyond an array is an
error instead of a read of foreign memory. Inputs that once broke something lie in `seeds/`; the tests
run them all.
"""

from __future__ import annotations

import io
import sys
from dataclasses import replace

import chess
import numpy as np

if __name__ == "__main__":
    import atheris

    with atheris.instrument_imports(include=["chessgru"]):
        from chessgru import pgn
        from chessgru.pgn import dialects, movetext, rules
from chessgru import pgn
from chessgru.errors import PGNError
from chessgru.game import Game
from chessgru.pgn import dialects, movetext, rules
from chessgru.vocabulary import MOVES


def check(data: bytes) -> list[pgn.Outcome]:
    """Reads bytes and asserts what holds for any: counted, legal, and the same after export and import."""
    outcomes: list[pgn.Outcome] = []
    try:
        outcomes.extend(pgn.read_games(io.BytesIO(data), name="fuzz"))  # keeps those before an error
    except PGNError as error:
        message = str(error)
        if "fuzz" not in message or "\n" in message:
            raise AssertionError(message) from error
    for index, outcome in enumerate(outcomes):
        assert (outcome.index, outcome.source) == (index, "fuzz")
        if isinstance(outcome, Game):
            _check_game(outcome)
    return outcomes


def _check_game(game: Game) -> None:
    board = chess.Board()
    for token in game.tokens:
        assert board.is_legal(MOVES[token])
        board.push(MOVES[token])
    assert game.tokens
    assert len(game.clocks) in (0, len(game.tokens))
    (again,), rejections = pgn.parse(pgn.to_pgn(game))
    assert not rejections
    unplaced = {"source": "", "index": 0, "line": 1, "warnings": ()}
    assert replace(again, **unplaced) == replace(game, **unplaced)


class _Rows(list):
    """A table of Python's numbers that is asked like an array."""

    def __getitem__(self, at: object) -> object:
        return super().__getitem__(at[0])[at[1]] if isinstance(at, tuple) else super().__getitem__(at)


def _interpreted() -> None:
    """Turns arrays into lists of Python's numbers: compiled code widens small ones, Python does not."""
    scratch = movetext.new_scratch()
    plain = scratch._replace(moves=_Rows(scratch.moves.tolist()))
    movetext.new_scratch = lambda: plain
    movetext._KINDS = movetext._KINDS.tolist()
    rules.START, rules.MOVE_ROWS = rules.START.tolist(), _Rows(rules.MOVE_ROWS.tolist())
    dialects.PIECES.update({language: pieces.tolist() for language, pieces in dialects.PIECES.items()})
    np.frombuffer = lambda data, dtype: data


def main() -> None:
    _interpreted()
    atheris.Setup(sys.argv, lambda data: check(data) and None)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
