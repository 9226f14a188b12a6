"""The compiled rules against python-chess."""

from __future__ import annotations

import random

import chess
import numba
import numpy as np
import pytest
from llvmlite.binding import get_host_cpu_features

from chessgru import jit
from chessgru.pgn import rules
from chessgru.pgn.writer import san_line
from chessgru.vocabulary import MOVES, token_of


def playout(rng: random.Random, plies: int) -> list[int]:
    """Returns a random game; every other one prefers captures, promotions and castling."""
    board, tokens, wild = chess.Board(), [], rng.random() < 0.5
    while len(tokens) < plies and (legal := list(board.legal_moves)):
        special = [m for m in legal if m.promotion or board.is_castling(m) or board.is_en_passant(m)]
        move = rng.choice(special if special and wild else legal)
        tokens.append(token_of(move))
        board.push(move)
    return tokens


@pytest.mark.parametrize("seed", range(25))
def test_legal_moves_at_every_ply_of_a_random_game(seed: int):
    tokens = playout(random.Random(seed), 160)
    board = chess.Board()
    for ply in range(len(tokens) + 1):
        assert rules.legal_tokens(tokens[:ply]) == sorted(map(token_of, board.legal_moves))
        if ply < len(tokens):
            board.push(MOVES[tokens[ply]])


@pytest.mark.parametrize("seed", range(25))
def test_the_position_square_by_square(seed: int):
    tokens = playout(random.Random(1000 + seed), 200)
    board = chess.Board()
    for token in tokens:
        board.push(MOVES[token])
    position = rules.position_after(tokens)
    for square in chess.SQUARES:
        piece = board.piece_at(square)
        signed = 0 if piece is None else piece.piece_type * (1 if piece.color else -1)
        assert position[square] == signed
    assert position[rules.SIDE] == (1 if board.turn else -1)
    assert position[rules.EN_PASSANT] == (-1 if board.ep_square is None else board.ep_square)
    rights = [chess.BB_H1, chess.BB_A1, chess.BB_H8, chess.BB_A8]
    held = sum(1 << bit for bit, rook in enumerate(rights) if board.castling_rights & rook)
    assert position[rules.CASTLING] == held


@pytest.mark.parametrize("seed", range(25))
def test_san_of_a_random_game(seed: int):
    tokens = playout(random.Random(2000 + seed), 300)
    board, expected = chess.Board(), []
    for token in tokens:
        expected.append(board.san(MOVES[token]))
        board.push(MOVES[token])
    assert san_line(tokens) == expected


def test_mate_leaves_no_move():
    fool = [token_of(chess.Move.from_uci(uci)) for uci in ["f2f3", "e7e5", "g2g4", "d8h4"]]
    assert rules.legal_tokens(fool) == []
    assert san_line(fool) == ["f3", "e5", "g4", "Qh4#"]


@pytest.mark.parametrize("call", [rules.legal_tokens, rules.position_after, rules.describe])
def test_an_illegal_line_names_the_ply(call):
    e4 = token_of(chess.Move.from_uci("e2e4"))
    with pytest.raises(ValueError, match=r"e2e4.* at ply 1"):
        call([e4, e4])


def test_nothing_played_yet():
    assert np.array_equal(rules.position_after([]), rules.START)
    assert rules.describe([]).shape == (0, 7)


def test_without_a_writable_cache_the_rules_still_compile(monkeypatch):
    """numba raises RuntimeError where it finds no folder for its cache."""
    real = jit.numba.njit

    def no_cache(*functions, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return real(*functions, **options)

    monkeypatch.setattr(jit.numba, "njit", no_cache)
    assert jit.jit(lambda number: number + 1)(2) == 3
    assert jit.fast_jit(lambda number: number + 1)(2) == 3


def test_compiled_code_uses_the_widest_vectors():
    @numba.njit(fastmath=True)
    def add(ones, others):
        for each in range(len(ones)):
            ones[each] += others[each]

    numbers = np.ones(100, np.float32)
    add(numbers, numbers)
    (assembly,) = add.inspect_asm().values()
    assert ("zmm" in assembly) == bool(get_host_cpu_features().get("avx512f"))


def test_a_processor_named_in_the_environment_stands(monkeypatch):
    monkeypatch.setattr(jit.config, "CPU_NAME", "generic")
    monkeypatch.setattr(jit.config, "CPU_FEATURES", None)
    jit._use_wide_vectors()
    assert jit.config.CPU_FEATURES is None
