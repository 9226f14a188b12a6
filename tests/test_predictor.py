"""Predictions for both players of a live game."""

from __future__ import annotations

import chess
import numpy as np
import pytest
import torch

from chessgru import vocabulary
from chessgru.errors import MoveError
from chessgru.game import Game
from chessgru.memory import remember
from chessgru.model import ModelConfig, MoveGRU
from chessgru.predictor import LIKELY_MASS, Predictor, Seat

TINY = ModelConfig(
    channels=8, blocks=1, late_blocks=1, hidden=16, condition=8, style=4, head=8, move_embedding=8
)


def tokens(line: str) -> tuple[int, ...]:
    board = chess.Board()
    return tuple(vocabulary.token_of(board.push_san(san)) for san in line.split())


@pytest.fixture(scope="module")
def model() -> MoveGRU:
    torch.manual_seed(3)
    return MoveGRU(TINY).eval()


def played(line: str, times: int, *, white: str = "Ann", black: str = "Bob") -> list[Game]:
    return [Game(tokens=tokens(line), white=white, black=black)] * times


def test_both_sides_sum_to_one_over_all_moves(model: MoveGRU) -> None:
    found = Predictor(model, Seat(), Seat()).predict(tokens("e4 e5"))
    assert found.to_move == "white"
    for prediction in (found.white, found.black):
        assert sum(move.probability for move in prediction.suggestions) == pytest.approx(1)
        ranked = [move.probability for move in prediction.suggestions]
        assert ranked == sorted(ranked, reverse=True)
    assert len(found.white.suggestions) == 29


def test_waiting_side_is_the_average_over_the_likely_moves(model: MoveGRU) -> None:
    predictor = Predictor(model, Seat(), Seat())
    found = predictor.predict(())
    mass = sum(reply.probability_of_if for reply in found.black.replies)
    assert mass >= LIKELY_MASS
    expected: dict[str, float] = {}
    for reply in found.black.replies:
        after = predictor.predict((vocabulary.UCI.index(reply.if_uci),))
        for move in after.black.suggestions:
            share = move.probability * reply.probability_of_if / mass
            expected[move.uci] = expected.get(move.uci, 0) + share
    got = {move.uci: move.probability for move in found.black.suggestions}
    assert got == pytest.approx(expected, abs=1e-5)


def test_memory_speaks_where_it_has_evidence(model: MoveGRU) -> None:
    memory = remember(played("d4 d5 c4", 9), {"ann"})
    seat = Seat(name="Ann", memory=memory, concentration=1.0)
    best = Predictor(model, seat, Seat()).predict(()).white.suggestions[0]
    assert (best.uci, best.seen, best.of) == ("d2d4", 9, 9)
    assert best.probability > 0.9
    assert best.own == pytest.approx(0.9, abs=1e-3)  # the older games weigh a little less
    assert best.network + best.own + best.head_to_head == pytest.approx(best.probability)


def test_head_to_head_outweighs_the_rest(model: MoveGRU) -> None:
    games = played("d4 d5", 20, black="Eve") + played("e4 e5", 5, black="Bob")
    memory = remember(games, {"ann"})
    seat = Seat(memory=memory, head_to_head=memory.against({"bob"}), head_to_head_concentration=1.0)
    best = Predictor(model, seat, Seat()).predict(()).white.suggestions[0]
    assert (best.uci, best.h2h_seen, best.h2h_of, best.seen, best.of) == ("e2e4", 5, 5, 5, 25)


def test_transposed_visits_are_counted(model: MoveGRU) -> None:
    memory = remember(played("d4 Nf6 c4 e6", 3) + played("c4 Nf6 d4 e6", 2), {"bob"})
    best = Predictor(model, Seat(), Seat(memory=memory)).predict(tokens("d4 Nf6 c4")).black.suggestions[0]
    assert (best.san, best.seen, best.of, best.transposed) == ("e6", 5, 5, 2)


def test_reading_on_equals_reading_anew_and_taking_back_changes_nothing(model: MoveGRU) -> None:
    line = tokens("e4 c5 Nf3 d6 d4 cxd4 Nxd4 Nf6")
    predictor = Predictor(model, Seat(rating=1500), Seat(rating=1100), time_class="blitz")
    for ply in (2, 5, 8, 3, 8):
        kept = predictor.predict(line[:ply])
        anew = Predictor(model, Seat(rating=1500), Seat(rating=1100), time_class="blitz").predict(
            line[:ply]
        )
        assert kept == anew
    assert len(kept.surprise_bits) == 8
    other = predictor.predict(line[:4] + tokens("e4 c5 Nf3 d6 Bb5+")[-1:])
    assert other.to_move == "black"


def test_personal_models_read_side_by_side(model: MoveGRU) -> None:
    torch.manual_seed(4)
    own = MoveGRU(TINY).eval()
    found = Predictor(model, Seat(model=own), Seat()).predict(tokens("e4"))
    base = Predictor(model, Seat(), Seat()).predict(tokens("e4"))
    assert [move.probability for move in found.black.suggestions] == [
        move.probability for move in base.black.suggestions
    ]
    assert found.white.suggestions != base.white.suggestions
    style = Predictor(model, Seat(style=np.ones(4, np.float32)), Seat()).predict(tokens("e4"))
    assert style.white.suggestions != base.white.suggestions


def test_game_over_gives_empty_predictions(model: MoveGRU) -> None:
    found = Predictor(model, Seat(), Seat()).predict(tokens("f3 e5 g4 Qh4#"))
    assert found.white.suggestions == found.black.suggestions == found.black.replies == ()
    assert len(found.surprise_bits) == 4


def test_mate_in_the_line_ahead_is_a_reply_without_answers(model: MoveGRU) -> None:
    found = Predictor(model, Seat(), Seat()).predict(tokens("f3 e5 g4"))
    mate = [reply for reply in found.white.replies if reply.if_san == "Qh4#"]
    assert mate == [] or mate[0].suggestions == ()


def test_illegal_move_is_named(model: MoveGRU) -> None:
    with pytest.raises(MoveError, match="ply 2: e2e4 is not legal"):
        Predictor(model, Seat(), Seat()).predict((*tokens("e4"), vocabulary.UCI.index("e2e4")))
