from __future__ import annotations

import chess
import numpy as np
import pytest
import torch

from chessgru import vocabulary
from chessgru.errors import MoveError, SettingsError
from chessgru.model import ModelConfig, MoveGRU
from chessgru.predictor import Predictor, Seat, Suggestion
from chessgru.sampling import Clock, entropy, sample, tempered, thinking_time

TINY = ModelConfig(
    channels=8, blocks=1, late_blocks=1, hidden=16, condition=8, style=4, head=8, move_embedding=8
)


def moves(*probabilities: float, of: int = 0) -> list[Suggestion]:
    names = ("e2e4", "d2d4", "g1f3", "c2c4")
    return [
        Suggestion(name, name[2:], p, p, 0.0, 0.0, seen=0, of=of)
        for name, p in zip(names, probabilities, strict=False)
    ]


def test_moves_are_drawn_as_often_as_they_are_likely() -> None:
    rng = np.random.default_rng(1)
    drawn = [sample(moves(0.6, 0.3, 0.1), rng).uci for _ in range(4000)]
    assert drawn.count("e2e4") == pytest.approx(2400, abs=120)
    assert drawn.count("g1f3") == pytest.approx(400, abs=80)


def test_low_temperature_prefers_the_usual_and_high_the_rare() -> None:
    shares = np.array([0.6, 0.3, 0.1])
    assert tempered(shares, 1) == pytest.approx(shares)
    assert tempered(shares, 0.5) == pytest.approx([36 / 46, 9 / 46, 1 / 46])
    assert tempered(shares, 2)[2] > 0.1
    rng = np.random.default_rng(1)
    assert {sample(moves(0.4, 0.35, 0.25), rng, 0).uci for _ in range(50)} == {"e2e4"}


def test_what_cannot_be_played_is_never_drawn() -> None:
    rng = np.random.default_rng(2)
    assert tempered(np.array([1.0, 0.0]), 3).tolist() == [1, 0]
    assert {sample(moves(1.0, 0.0), rng, 3).uci for _ in range(50)} == {"e2e4"}


def test_no_move_and_no_such_temperature_are_told() -> None:
    with pytest.raises(MoveError, match="game is over"):
        sample([], np.random.default_rng(1))
    with pytest.raises(SettingsError, match="-1"):
        tempered(np.array([1.0]), -1)


@pytest.mark.parametrize(
    "clock",
    [
        Clock(remaining=60, increment=1),
        Clock(remaining=0.7),
        Clock(remaining=0.2, increment=30),
        Clock(remaining=0),
        Clock(remaining=30, moves_to_go=1),
        Clock(per_move=2),
        Clock(per_move=0.05),
        Clock(),
    ],
)
def test_pauses_stay_within_the_clock(clock: Clock) -> None:
    rng = np.random.default_rng(3)
    pauses = [thinking_time(moves(0.25, 0.25, 0.25, 0.25), clock, rng) for _ in range(500)]
    assert all(0 <= pause <= clock.most for pause in pauses)
    assert clock.remaining is None or clock.most <= clock.remaining
    assert clock.per_move is None or clock.most <= clock.per_move


def test_an_open_choice_takes_longer_and_a_known_position_less() -> None:
    def mean(candidates: list[Suggestion]) -> float:
        rng = np.random.default_rng(4)
        return float(np.mean([thinking_time(candidates, Clock(remaining=600), rng) for _ in range(200)]))

    forced, open_choice = mean(moves(1.0)), mean(moves(0.25, 0.25, 0.25, 0.25))
    known = mean(moves(0.25, 0.25, 0.25, 0.25, of=30))
    assert forced < open_choice / 3
    assert known < open_choice / 3
    assert entropy(moves(0.25, 0.25, 0.25, 0.25)) == pytest.approx(2)


def test_a_game_set_up_is_predicted_for_the_right_side() -> None:
    torch.manual_seed(3)
    model = MoveGRU(TINY).eval()
    board = chess.Board("8/4k3/8/8/8/3r4/4K3/8 b - - 12 70")
    found = Predictor(model, Seat(), Seat(), start=board).predict(())
    assert found.to_move == "black"
    assert {move.uci for move in found.black.suggestions} == {move.uci() for move in board.legal_moves}
    board.push_uci("d3d8")
    token = vocabulary.UCI.index("d3d8")
    after = Predictor(
        model, Seat(), Seat(), start=chess.Board("8/4k3/8/8/8/3r4/4K3/8 b - - 12 70")
    ).predict((token,))
    assert {move.uci for move in after.white.suggestions} == {move.uci() for move in board.legal_moves}


def test_the_standard_start_set_up_is_the_standard_start() -> None:
    torch.manual_seed(3)
    model = MoveGRU(TINY).eval()
    one = Predictor(model, Seat(), Seat(), start=chess.Board()).predict(())
    assert one == Predictor(model, Seat(), Seat()).predict(())
