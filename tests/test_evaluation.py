"""Tables of plies and scores against plain loops, and scores that are known beforehand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from legal_games import ANNA, BERT, legal_games

from chessgru.baselines import Uniform, count_positions, read_line
from chessgru.checkpoint import Checkpoint, model_digest
from chessgru.errors import UnknownPlayerError
from chessgru.evaluation import Network, fit_temperature, forecast_games, judge, phase_of, plies_table
from chessgru.learning import memory_only
from chessgru.model import Context, ModelConfig, MoveGRU
from chessgru.player_evaluation import forecast_player, memory_alone, own_games, past_games
from chessgru.scores import BINS, compare, groups, reliability, score
from chessgru.sequences import encode
from chessgru.vocabulary import UCI

TINY = ModelConfig(channels=8, blocks=1, hidden=16, condition=8, style=4, head=8, move_embedding=8)
GAMES = legal_games(24, seed=3)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(3)  # weights that say a little of these games: a temperature suits them
    found = MoveGRU(TINY)
    with torch.no_grad():
        for parameter in found.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return found.eval()


@pytest.fixture(scope="module")
def table(model):
    memory = count_positions(encode(GAMES[:8]))
    return forecast_games(encode(GAMES), [Network(model), Uniform()], memory=memory)


def test_there_is_one_row_a_ply_in_order(table):
    expected = [(game, ply, UCI[t]) for game, g in enumerate(GAMES) for ply, t in enumerate(g.tokens)]
    assert list(table[["game", "ply", "uci"]].itertuples(index=False, name=None)) == expected
    first = table[table["game"] == 0]
    assert first["color"].tolist()[:2] == ["white", "black"]
    assert set(table[table["color"] == "white"].groupby("game")["rating"].first()) == {1500, 1150, 0}
    assert table.groupby("game")["speed"].first().tolist()[:3] == ["rapid", "blitz", "unknown"]


def test_probabilities_are_those_of_the_game_read_alone(table, model):
    for number in (0, 5):
        games = encode([GAMES[number]])
        tokens = torch.from_numpy(games.tokens.astype(np.int64))[None]
        context = Context(
            torch.from_numpy(games.ratings.astype(np.float32)),
            torch.from_numpy(games.speed.astype(np.int64)),
            torch.zeros(1, 2, TINY.style),
        )
        with torch.no_grad():
            logits, played = model(tokens, torch.tensor([tokens.shape[1]]), context)
        expected = logits.log_probabilities()[played].exp().numpy()
        found = table.loc[table["game"] == number, "base_probability"].to_numpy()
        assert np.allclose(found, expected, atol=1e-5)


def test_rank_counts_the_likelier_moves_and_ties_go_by_token():
    line = read_line(encode(GAMES), np.arange(4))
    logs = np.round(np.random.default_rng(0).normal(size=len(line.token)), 1)  # with many ties
    verdict = judge(logs, line)
    for number in range(len(line.ply)):
        rows = np.flatnonzero(line.position == number)
        order = sorted(rows, key=lambda row: (-logs[row], line.token[row]))
        assert verdict.rank[number] == 1 + order.index(line.played[number])
        assert verdict.top1[number] == np.exp(logs[order[0]])


def test_ratings_can_be_hidden_and_matter_otherwise(model, table):
    hidden = forecast_games(encode(GAMES), [Network(model, with_ratings=False)])
    assert not np.allclose(hidden["base_probability"], table["base_probability"], atol=1e-4)


def test_phases():
    ply, pieces = np.array([0, 19, 20, 19, 5, 60]), np.array([14, 11, 14, 10, 6, 7])
    assert phase_of(ply, pieces).tolist() == [0, 0, 1, 1, 2, 1]


def synthetic(games=200, plies=50, seed=0):
    """Forecasts that are as likely to be right as they say."""
    rng = np.random.default_rng(seed)
    count = games * plies
    top1 = rng.uniform(0.2, 1.0, count)
    hit = rng.random(count) < top1
    return pd.DataFrame(
        {
            "game": np.repeat(np.arange(games), plies),
            "ply": np.tile(np.arange(plies), games),
            "rating": rng.choice([0, 900, 1300, 2500], count),
            "phase": "opening",
            "speed": "rapid",
            "color": "white",
            "x_top1": top1,
            "x_rank": np.where(hit, 1, rng.integers(2, 9, count)),
            "x_probability": np.where(hit, top1, (1 - top1) / 7),
        }
    )


def test_scores_are_the_plain_means_and_their_intervals_are_honest():
    found = synthetic()
    [all_plies] = [s for s in score(found, ["x"], np.random.default_rng(1)) if s.group == "all"]
    assert (all_plies.games, all_plies.plies) == (200, 10_000)
    assert all_plies.top1.value == pytest.approx((found["x_rank"] == 1).mean())
    assert all_plies.top3.value == pytest.approx((found["x_rank"] <= 3).mean())
    assert all_plies.nll.value == pytest.approx(-np.log(found["x_probability"]).mean())
    error = np.sqrt(0.6 * 0.4 / 10_000)  # plies are independent here
    assert all_plies.top1.high - all_plies.top1.low == pytest.approx(2 * 1.96 * error, rel=0.15)
    assert all_plies.top1.low < 0.6 < all_plies.top1.high
    assert all_plies.ece.value < 0.015


def test_calibration_error_is_found_where_confidence_is_wrong():
    found = synthetic()
    found["x_top1"] = np.minimum(1, found["x_top1"] + 0.1)
    expected = 0.0
    for number in range(BINS):
        rows = np.minimum((found["x_top1"] * BINS).astype(int), BINS - 1) == number
        if rows.any():
            gap = (found.loc[rows, "x_rank"] == 1).mean() - found.loc[rows, "x_top1"].mean()
            expected += rows.mean() * abs(gap)
    [all_plies] = [s for s in score(found, ["x"], np.random.default_rng(1)) if s.group == "all"]
    assert all_plies.ece.value == pytest.approx(expected)
    assert 0.05 < all_plies.ece.low < all_plies.ece.value
    bins = reliability(found, "x")
    assert sum(each.plies for each in bins) == len(found)
    assert sum(each.plies * abs(each.confidence - each.accuracy) for each in bins) / len(
        found
    ) == pytest.approx(expected)


def test_the_same_seed_gives_the_same_intervals():
    first, again, other = (score(synthetic(), ["x"], np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_groups_cover_every_ply_once(table):
    found = dict(groups(table))
    for kind in ("rating", "phase", "speed", "color", "memory"):
        rows = sum(mask.astype(int) for name, mask in found.items() if name.startswith(f"{kind}:"))
        assert (rows == 1).all(), kind
    assert found["plies >= 10"].sum() == (table["ply"] >= 10).sum()
    assert (table.loc[found["rating: 1200-1599"], "rating"] == 1500).all()
    assert found["memory: seen"][table["game"] < 8].all()


def test_a_comparison_is_paired(table):
    found = compare(table, "base", "base", np.random.default_rng(0))
    assert (found.top1.low, found.top1.high, found.nll.value) == (0, 0, 0)
    found = compare(table, "base", "uniform", np.random.default_rng(0))
    expected = (np.log(table["uniform_probability"]) - np.log(table["base_probability"])).mean()
    assert found.nll.value == pytest.approx(expected)
    assert found.nll.low < expected < found.nll.high


def test_the_columns_that_programs_rely_on(table):
    found = plies_table(table, "base", ["uniform"])
    names = ["game", "ply", "uci", "probability", "rank", "top1", "uniform_probability", "uniform_rank"]
    assert list(found) == names
    assert (found["top1"] >= found["probability"] - 1e-12).all()
    assert np.array_equal(found["rank"] == 1, found["probability"] == found["top1"])


def test_temperature_is_found_again_and_lowers_the_nll(model):
    games = encode(GAMES)
    best = fit_temperature(model, games)
    nats = {}
    for factor in (0.9, 1.0, 1.1):
        model.temperature.fill_(best * factor)
        nats[factor] = -np.log(forecast_games(games, [Network(model)])["base_probability"]).mean()
    assert fit_temperature(model, games) == pytest.approx(best, rel=1e-3)
    model.temperature.fill_(1.0)
    assert nats[1.0] < min(nats[0.9], nats[1.1])


# One player -----------------------------------------------------------------------------------------


def test_a_players_own_moves_are_scored_with_what_his_past_tells(model):
    base = Checkpoint(model=model, digest=model_digest(model))
    past, later = GAMES[:18], GAMES[18:]
    scored = own_games(later, {"anna"}, ANNA)
    kept, repeated = past_games([*past, later[0]], later, {"anna"})
    assert (len(kept), repeated) == (18, 1)
    profile = memory_only(base, kept, {"anna"}, name=ANNA)
    found = forecast_player(base, profile, scored, memory_alone(profile, kept))
    assert len(found) == sum(len(game.tokens[(0 if game.white == ANNA else 1) :: 2]) for game in later)
    assert found["game"].tolist()[0] == 18
    seen = found["seen"].to_numpy()
    assert 0 < seen.sum() < len(seen)
    unseen = found[~seen]
    assert np.allclose(unseen["personal_probability"], unseen["base_probability"], atol=1e-5)
    assert np.allclose(unseen["memory_probability"], unseen["uniform_probability"])
    better = compare(found[seen], "personal", "base", np.random.default_rng(0))
    assert better.nll.value < 0


def test_an_unknown_player_is_told_the_nearest_names():
    with pytest.raises(UnknownPlayerError, match=f"did you mean '{BERT}'"):
        own_games(GAMES, {"berd"}, "Berd")
