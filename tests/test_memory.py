from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace

import chess
import chess.polyglot
import numpy as np
import pytest
from habits import games_of, play

from chessgru.memory import (
    HALF_LIFE,
    NOTHING,
    empty_memory,
    mix,
    next_path,
    path_numbers,
    remember,
    text_number,
)
from chessgru.positions import boards_of
from chessgru.replay import position_keys
from chessgru.vocabulary import MOVES, SIZE, UCI, token_of


def key_of(board: chess.Board) -> int:
    return int(position_keys(boards_of(board))[0])


def line(*moves: str) -> tuple[int, ...]:
    return tuple(UCI.index(move) for move in moves)


def counted_by_hand(games, name):
    """Counts with python-chess, position by position."""
    found = defaultdict(Counter)
    boards = {}
    for game in games:
        board = chess.Board()
        for ply, token in enumerate(game.tokens):
            if (ply % 2 == 1) == (game.black == name):
                hashed = chess.polyglot.zobrist_hash(board)
                found[hashed][token] += 1
                boards[hashed] = board.copy()
            board.push(MOVES[token])
    return found, boards


def test_counts_are_those_of_python_chess():
    games = games_of("Ann", 30)
    memory = remember(games, {"ann"})
    found, boards = counted_by_hand(games, "Ann")
    assert len(found) > 50
    for hashed, counts in found.items():
        count = memory.look_up(key_of(boards[hashed]))
        assert count.seen == dict(counts)
        assert count.times == sum(counts.values())


def test_many_positions_at_once_give_what_one_look_up_gives():
    memory = remember(games_of("Ann", 40), {"ann"})
    keys = np.append(np.unique(memory.keys)[::3], 12345)
    position = np.repeat(np.arange(len(keys)), 4)
    tokens = np.concatenate(
        [np.r_[memory.tokens[memory.keys == key][:1], [1, 2, 3]][:4] for key in keys[:-1]]
    )
    tokens = np.r_[tokens.astype(np.int64), [0, 1, 2, 3]]
    times, visits = memory.times(keys, position, tokens)
    for row, key in enumerate(keys.tolist()):
        count = memory.look_up(key)
        assert visits[row] == pytest.approx(count.total, rel=1e-5)
        for at in np.flatnonzero(position == row):
            assert times[at] == pytest.approx(count.moves.get(int(tokens[at]), 0.0), rel=1e-5)
    assert visits[-1] == 0


def test_transpositions_meet_and_are_marked():
    straight = replace(play("Ann", "Bob", 1), tokens=line("d2d4", "d7d5", "c2c4", "e7e6", "b1c3"))
    turned = replace(straight, tokens=line("c2c4", "e7e6", "d2d4", "d7d5", "g1f3"))
    memory = remember([straight, turned], {"ann"})
    board = chess.Board()
    path = 1
    for token in straight.tokens[:4]:
        board.push(MOVES[token])
        path = next_path(path, token)
    count = memory.look_up(key_of(board), path)
    assert count.seen == {token_of(chess.Move.from_uci(move)): 1 for move in ("b1c3", "g1f3")}
    assert (count.times, count.transposed) == (2, 1)


def test_older_games_weigh_less():
    old, new = play("Ann", "Bob", 1), play("Ann", "Bob", 2)
    games = [old, *[play("Cid", "Ann", 3)] * (HALF_LIFE - 1), new]
    count = remember(games, {"ann"}).look_up(key_of(chess.Board()))
    assert count.total == pytest.approx(1.5)
    assert count.times == 2
    aged = remember(games, {"ann"}).aged(HALF_LIFE / 2)
    assert aged.look_up(key_of(chess.Board())).total == pytest.approx(1.25)


def test_adding_games_is_remembering_them_all():
    games = games_of("Ann", 25)
    one, both = remember(games[:20], {"ann"}), remember(games, {"ann"})
    grown = one.plus(remember(games[20:], {"ann"}))
    assert grown.games == both.games == 25
    for name in ("keys", "tokens", "game", "opponents", "paths"):
        assert (getattr(grown, name) == getattr(both, name)).all()
    assert np.allclose(grown.weights, both.weights)


def test_head_to_head_is_the_memory_of_the_games_between_two():
    against_bob, against_cid = games_of("Ann", 10, other="Bob"), games_of("Ann", 10, first=50, other="Cid")
    memory = remember(against_bob + against_cid, {"ann"})
    only = remember(against_bob, {"ann"})
    part = memory.against({"bob"})
    assert (part.keys == only.keys).all()
    assert (part.tokens == only.tokens).all()
    key, bob = key_of(chess.Board()), text_number("bob")
    turned = memory.by_opponent().look_up(key ^ bob)
    assert turned.seen == part.look_up(key).seen
    assert memory.against(()).games == 0


def test_games_without_the_player_or_with_two_of_his_name_are_passed_over():
    memory = remember([play("Ann", "Ann", 1), play("Bob", "Cid", 2)], {"ann"})
    assert memory.games == 0
    assert memory.look_up(5) == NOTHING


def test_nothing_remembered_says_nothing():
    times, visits = empty_memory().times(np.array([1, 2]), np.array([0, 1]), np.array([5, 6]))
    assert not times.any()
    assert not visits.any()


def test_paths_agree_one_by_one_and_all_at_once():
    tokens = np.array([play("Ann", "Bob", 1).tokens])
    path = 1
    for ply, token in enumerate(tokens[0].tolist()):
        assert path_numbers(tokens)[0, ply] == path
        path = next_path(path, token)


def test_mixing_weighs_counts_against_the_prior():
    prior = np.full(SIZE, 1 / SIZE)
    count = remember([play("Ann", "Bob", 1)], {"ann"}).look_up(key_of(chess.Board()))
    mixed = mix(prior, count, 1.0)
    assert mixed.sum() == pytest.approx(1)
    assert mixed.max() == pytest.approx((1 + 1 / SIZE) / 2)
