"""The baselines against python-chess and counting by hand."""

from __future__ import annotations

from collections import Counter, defaultdict

import chess
import numpy as np
import pytest
from legal_games import ANNA, legal_games

from chessgru.baselines import (
    DEFAULT_CONCENTRATION,
    CountTable,
    NGram,
    Uniform,
    count_memory,
    count_positions,
    likeliest_concentration,
    read_line,
    times_after,
)
from chessgru.counts import posterior
from chessgru.memory import remember
from chessgru.sequences import encode
from chessgru.vocabulary import MOVES, UCI

GAMES = legal_games(30, seed=7)


def the_line(games=GAMES):
    return read_line(encode(games), np.arange(len(games)))


def boards(games=GAMES):
    """Every position before a ply with the move played there, game by game."""
    for game in games:
        board = chess.Board()
        for token in game.tokens:
            yield board, MOVES[token]
            board.push(MOVES[token])


def sums_to_one(logs, line):
    assert np.allclose(np.bincount(line.position, weights=np.exp(logs)), 1)


def test_a_line_holds_the_legal_moves_that_the_referee_knows():
    line = the_line()
    tokens = line.absolute()
    starts = np.searchsorted(line.position, np.arange(len(line.ply) + 1))
    for number, (board, move) in enumerate(boards()):
        rows = slice(starts[number], starts[number + 1])
        assert {UCI[token] for token in tokens[rows]} == {legal.uci() for legal in board.legal_moves}
        assert UCI[tokens[line.played[number]]] == move.uci()
        pieces = sum(
            len(board.pieces(kind, color)) for kind in (2, 3, 4, 5) for color in (chess.WHITE, chess.BLACK)
        )
        assert line.pieces[number] == pieces


def test_uniform_holds_every_legal_move_for_as_likely():
    line = the_line()
    logs = Uniform().forecast(line)
    sums_to_one(logs, line)
    for number, (board, _) in enumerate(boards()):
        assert np.exp(-logs[line.played[number]]) == pytest.approx(board.legal_moves.count())


def test_the_count_table_repeats_what_was_played_in_the_position():
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for board, move in boards(GAMES[:20]):
        seen[board.epd()][move.uci()] += 1
    table = CountTable(count_positions(encode(GAMES[:20])), concentration=2.0)
    line = the_line()
    logs = table.forecast(line)
    sums_to_one(logs, line)
    known = 0
    for number, (board, move) in enumerate(boards()):
        before = seen[board.epd()]
        expected = (before[move.uci()] + 2.0 / board.legal_moves.count()) / (before.total() + 2.0)
        assert np.exp(logs[line.played[number]]) == pytest.approx(expected)
        known += bool(before)
    assert 0 < known < len(line.ply)


def test_a_players_memory_counts_his_own_moves_alone():
    memory = remember(GAMES, {"anna"})
    line = the_line()
    _, totals = times_after(count_memory(memory), line.keys, line)
    own = 0
    for number, (board, _) in enumerate(boards(GAMES[:1])):
        if board.turn == (GAMES[0].white == ANNA):
            assert totals[number] > 0
            own += 1
    assert own > 0
    assert count_memory(memory).times.sum() == len(memory.tokens)


def test_the_ngram_knows_the_reply_to_the_last_moves_and_backs_off():
    model = NGram.learn(encode(GAMES), order=2)
    assert [len(order.keys) for order in model.orders] == sorted(len(order.keys) for order in model.orders)
    line = the_line()
    logs = model.forecast(line)
    sums_to_one(logs, line)
    second = np.flatnonzero(line.ply == 1)
    after_e4 = [n for n in second if UCI[line.batch.tokens[line.game[n], 0]] == "e2e4"]
    tokens = line.absolute()
    rows = line.position == after_e4[0]
    best = UCI[tokens[rows][np.argmax(logs[rows])]]
    assert best in ("c7c5", "e7e5")
    assert -logs[line.played].mean() < -Uniform().forecast(line)[line.played].mean()


def test_the_concentration_is_the_one_that_made_the_data():
    rng = np.random.default_rng(5)
    moves, k, visits, positions = 12, 6.0, 20, 3000
    prior = rng.dirichlet(np.ones(moves), positions)
    truth = np.stack([rng.dirichlet(k * row) for row in np.maximum(prior, 1e-6)])
    times = np.stack([rng.multinomial(visits, row) for row in truth])
    played = np.array([rng.choice(moves, p=row) for row in truth])
    rows = np.arange(positions)
    found = likeliest_concentration(
        prior[rows, played], times[rows, played].astype(float), np.full(positions, float(visits))
    )
    assert 4.5 < found < 8
    nothing = np.zeros(3)
    assert likeliest_concentration(np.ones(3), nothing, nothing) == DEFAULT_CONCENTRATION


def test_counts_win_over_the_prior_as_they_grow():
    prior, position = np.array([0.5, 0.5, 1.0]), np.array([0, 0, 1])
    few = posterior(prior, np.array([1.0, 0, 0]), np.array([1.0, 0]), position, 1.0)
    many = posterior(prior, np.array([99.0, 0, 0]), np.array([99.0, 0]), position, 1.0)
    assert few.tolist() == [0.75, 0.25, 1.0]
    assert many[0] == pytest.approx(0.995)


def test_learning_from_no_or_few_games_is_uniform_or_nearly():
    few = encode(GAMES[:1])
    line = the_line(GAMES[5:6])
    sums_to_one(NGram.learn(few).forecast(line), line)
    nothing = CountTable.learn(encode([]))
    assert np.allclose(nothing.forecast(line), Uniform().forecast(line))
