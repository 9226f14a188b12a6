from __future__ import annotations

import chess
import pytest

from chessgru.openings import opening_of
from chessgru.session import LiveGame


def name_after(moves: str) -> str:
    opening = opening_of(ply.fen for ply in LiveGame.from_moves(moves.split()).line)
    return f"{opening.eco} {opening.name}" if opening else ""


@pytest.mark.parametrize(
    ("moves", "name"),
    [
        ("", ""),
        ("e4", "B00 King's Pawn Game"),
        ("e4 c5", "B20 Sicilian Defense"),
        ("e4 e5 Nf3 Nc6 Bb5", "C60 Ruy Lopez"),
        ("d4 Nf6 c4 g6 Nc3 d5", "D80 Grünfeld Defense"),
        ("c4 g6 d4 Nf6 Nc3 d5", "D80 Grünfeld Defense"),
    ],
)
def test_openings_are_named_whatever_the_order_of_moves(moves: str, name: str) -> None:
    assert name_after(moves) == name


def test_the_last_known_name_stays() -> None:
    assert name_after("e4 c5 Nf3 d6 d4 cxd4 Nxd4 Nf6 Nc3 a6 h3 Qc7 Rb1 h5").startswith(
        "B90 Sicilian Defense: Najdorf"
    )


def test_every_position_of_the_table_is_one() -> None:
    from chessgru.openings import _table

    table = _table()
    assert len(table) > 3000
    for epd in list(table)[::50]:
        board = chess.Board(f"{epd} 0 1")
        assert board.is_valid()
        assert board.epd() == epd
