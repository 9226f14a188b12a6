"""The opening book: counts against python-chess, weights against the formula, in a model and on disk."""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import replace

import chess
import numpy as np
import pytest
import torch
from legal_games import legal_games

from chessgru.baselines import read_line
from chessgru.book import Book, Evidence, count_openings
from chessgru.checkpoint import load_checkpoint, model_digest, save_checkpoint
from chessgru.counts import Counts
from chessgru.errors import CheckpointError
from chessgru.evaluation import Network, fit_book, without_book
from chessgru.model import RATING_FEATURES, Context, ModelConfig, MoveGRU
from chessgru.planes import NO_MOVE
from chessgru.replay import replay
from chessgru.sequences import encode
from chessgru.vocabulary import MOVES, SIZE

TINY = ModelConfig(channels=8, blocks=1, hidden=16, condition=8, style=4, head=8, move_embedding=8)
GAMES = legal_games(60, seed=5)


@pytest.fixture(scope="module")
def book() -> Book:
    found = count_openings(encode(GAMES), RATING_FEATURES, plies=12)
    return replace(found, weights=torch.linspace(-1, 1, RATING_FEATURES + 1))


@pytest.fixture
def model(book) -> MoveGRU:
    torch.manual_seed(0)
    found = MoveGRU(TINY).eval()
    found.book = book
    return found


def expected_counts(plies: int) -> dict[tuple[object, ...], Counter[int]]:
    found: dict[tuple[object, ...], Counter[int]] = {}
    for game in GAMES:
        board = chess.Board()
        for token in game.tokens[:plies]:
            found.setdefault(board._transposition_key(), Counter())[token] += 1
            board.push(MOVES[token])
    return {key: moves for key, moves in found.items() if moves.total() >= 2}


def test_it_counts_what_was_played_in_positions_met_twice(book):
    expected = expected_counts(12)
    assert len(book) == len(expected)
    for wanted, same in (
        (sum(map(len, expected.values())), len(book.counts.moves)),
        (2, book.counts.visits.min()),
    ):
        assert same == wanted
    counts = sorted(count for moves in expected.values() for count in moves.values())
    assert sorted(book.counts.times.tolist()) == counts
    start = next(moves for moves in expected.values() if moves.total() == len(GAMES))
    row = int(book.counts.visits.argmax())
    assert {
        int(move) % SIZE: int(times)
        for move, times in zip(book.counts.moves, book.counts.times, strict=True)
        if int(move) // SIZE == row
    } == start


def test_it_speaks_as_the_mean_of_a_dirichlet_posterior_where_it_knows_the_position(model, book):
    line = read_line(encode(GAMES[:4]), np.arange(4))
    network = np.exp(Network(without_book(model)).forecast(line))
    spoken = np.exp(Network(model).forecast(line))
    assert np.bincount(line.position, spoken) == pytest.approx(1, abs=1e-5)
    times, visits = book.look_up(line.keys, line.position, line.absolute())
    known = visits.numpy()[line.position] > 0
    assert 0 < known.sum() < len(known)
    assert spoken[~known] == pytest.approx(network[~known], abs=1e-6)
    for entry in np.flatnonzero(known)[::17]:
        position = line.position[entry]
        rating = float(line.batch.ratings[line.game[position], line.ply[position] % 2])
        place = min(max((rating - 400) / 200, 0), 13)
        weights = book.weights.tolist()
        level = weights[14] if not rating else np.interp(place, np.arange(14), weights[:14])
        n, n_m = float(visits[position]), float(times[entry])
        k = np.exp(level + weights[-1] * np.log(1 + n))
        assert spoken[entry] == pytest.approx((n_m + k * network[entry]) / (n + k), rel=1e-4)


def test_reading_move_by_move_hears_the_same_book(model):
    game = GAMES[0]
    tokens = torch.tensor([game.tokens])
    context = Context(torch.tensor([[1500.0, 0.0]]), torch.tensor([2]), torch.zeros(1, 2, TINY.style))
    with torch.no_grad():
        logits, _ = model(tokens, torch.tensor([len(game.tokens)]), context)
        whole = logits.log_probabilities()
        boards, state, last = replay(tokens), model.new_state(1), NO_MOVE
        for ply, token in enumerate(game.tokens[:14]):
            reading = model.step(state, boards.at((slice(None), ply)), torch.tensor([last]), context)
            own = whole[logits.position == ply]
            found = reading.log_probabilities[0]
            assert sorted(found[found > -torch.inf].tolist()) == pytest.approx(
                sorted(own.tolist()), abs=1e-4
            )
            state, last = reading.state, token


def test_an_empty_book_says_nothing(model):
    line = read_line(encode(GAMES[:2]), np.arange(2))
    network = Network(without_book(model)).forecast(line)
    model.book = count_openings(encode(GAMES[:1]), RATING_FEATURES)
    assert len(model.book) == 0
    assert Network(model).forecast(line) == pytest.approx(network, abs=1e-6)


def test_the_weights_tell_who_follows_the_book(book):
    dice = torch.Generator().manual_seed(0)
    masters = torch.rand(4000, generator=dice) < 0.5
    ratings = torch.zeros(4000, RATING_FEATURES)
    ratings[masters, 11], ratings[~masters, 4] = 1, 1
    # Masters choose the book's move nine times in ten, others one time in ten, as the network says of both.
    follows = torch.rand(4000, generator=dice) < torch.where(masters, 0.9, 0.1)
    times = torch.where(follows, 9.0, 1.0)
    prior = torch.where(follows, 0.1, 0.9)
    fitted = book.fitted(Evidence(ratings, prior, times, torch.full((4000,), 10.0)))
    k = fitted.concentration(torch.eye(RATING_FEATURES)[[11, 4]], torch.full((2,), 10.0))
    assert k[0] < 1
    assert k[1] > 100


def test_weights_fitted_on_games_are_better_than_none(model, book):
    games = encode(legal_games(60, seed=6))
    spoken = copy.copy(model)
    spoken.book = fit_book(model, book, games)
    assert spoken.book is not book

    def nll(who: MoveGRU) -> float:
        line = read_line(games, np.arange(60))
        return float(-Network(who).forecast(line)[line.played].mean())

    assert nll(spoken) < nll(model)


def test_a_model_keeps_its_book_on_disk(model, tmp_path):
    save_checkpoint(tmp_path, model, {})
    found = load_checkpoint(tmp_path)
    assert found.model.book is not None
    for name, value in found.model.book.packed().items():
        assert torch.equal(value, model.book.packed()[name])
    assert found.digest == model_digest(model) != model_digest(without_book(model))
    save_checkpoint(tmp_path, without_book(model), {})
    assert load_checkpoint(tmp_path).model.book is None


def test_a_damaged_book_is_refused(model, tmp_path):
    save_checkpoint(tmp_path, model, {})
    path = tmp_path / "book.safetensors"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(CheckpointError, match=r"book\.safetensors"):
        load_checkpoint(tmp_path)


def test_counts_above_what_a_file_holds_are_scaled_position_by_position():
    counts = Counts(np.array([5, 9]), np.array([3, 4, SIZE + 1]), np.array([65534.0, 6.0, 7.0]))
    wide = Book(counts, torch.zeros(RATING_FEATURES + 1))
    assert Book.unpacked(wide.packed()).counts.times.tolist() == [32767, 3, 7]
    assert Book.unpacked(wide.packed()).counts.moves.tolist() == counts.moves.tolist()


def test_copies_of_a_model_share_the_book(model):
    assert copy.deepcopy(model).book is model.book
