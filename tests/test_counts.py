"""Counts against a plain dictionary."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from chessgru.counts import Counts
from chessgru.vocabulary import SIZE

DICE = np.random.default_rng(3)
KEYS = DICE.choice(np.array([-(2**62), -7, 0, 5, 9, 2**62]), 400)
TOKENS = DICE.integers(0, 6, 400).astype(np.uint16) * 393  # up to the last of the vocabulary
WEIGHTS = DICE.random(400)


def asked() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Six known keys and two unknown ones, with seven moves each, one of them never played."""
    keys = np.array([2**62, -7, 6, 0, 5, -(2**62), 9, 2**63 - 1])
    position = np.repeat(np.arange(len(keys)), 7)
    return keys, position, np.tile([0, 393, 786, 1179, 1572, 1965, 1967], len(keys))


@pytest.mark.parametrize("weighed", [False, True])
def test_moves_and_visits_are_looked_up_as_in_a_dictionary(weighed):
    counts = Counts.of(KEYS, TOKENS, WEIGHTS if weighed else None)
    moves, visits = Counter(), Counter()
    for key, token, weight in zip(KEYS.tolist(), TOKENS.tolist(), WEIGHTS.tolist(), strict=True):
        moves[key, token] += weight if weighed else 1
        visits[key] += weight if weighed else 1
    keys, position, token = asked()
    times, totals = counts.look_up(keys, position, token)
    named = zip(keys[position].tolist(), token.tolist(), strict=True)
    assert times == pytest.approx([moves[pair] for pair in named])
    assert totals == pytest.approx([visits[key] for key in keys.tolist()])
    assert 0 < np.count_nonzero(times) < len(times)
    assert totals[2] == totals[-1] == 0


def test_rare_situations_can_be_left_out():
    keys = np.array([5, 5, 5, 9, 7, 7, 7])
    counts = Counts.of(keys, np.array([1, 1, 2, 1, 4, 3, 4], np.uint16)).met(3)
    assert counts.keys.tolist() == [5, 7]
    assert counts.moves.tolist() == [1, 2, SIZE + 3, SIZE + 4]
    assert counts.times.tolist() == [2, 1, 1, 2]
    assert counts.visits.tolist() == [3, 3]


def test_nothing_counted_is_nothing_found():
    counts = Counts.of(np.zeros(0, np.int64), np.zeros(0, np.uint16))
    times, totals = counts.look_up(*asked())
    assert not times.any()
    assert not totals.any()
    assert len(counts.met(1).keys) == 0
