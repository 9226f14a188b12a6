from __future__ import annotations

import io
import re
from typing import Any

import altair as alt
import numpy as np
import pytest
import torch
from PIL import Image

from chessgru import charts, trace_charts
from chessgru.comparison import Run, differences
from chessgru.model import ModelConfig, MoveGRU
from chessgru.pgn import parse
from chessgru.trace import Trace, trace

GAME = parse("1. e4 c5 2. Nf3 d6 3. d4 cxd4 4. Nxd4 Nf6 5. Nc3 a6 *")[0][0]


def seen() -> Trace:
    torch.manual_seed(0)
    return trace(MoveGRU(ModelConfig(channels=8, blocks=1, hidden=24)), GAME)


def runs() -> list[Run]:
    rng = np.random.default_rng(0)
    steps = np.arange(3)
    return [
        Run(cell, seed, 8, 100, 50 * steps, 1.0 * steps, 3 - steps + rng.normal(size=3), steps / 10)
        for cell in ("gru", "lstm", "rnn")
        for seed in (0, 1)
    ]


def rows(chart: Any) -> list[dict[str, Any]]:
    return [row for data in chart.to_dict()["datasets"].values() for row in data]


def test_moves_are_written_with_their_numbers() -> None:
    assert charts.san_of(GAME.tokens)[:4] == ["1.e4", "1…c5", "2.Nf3", "2…d6"]


def test_surprise_has_a_bar_a_ply_in_bits() -> None:
    nats = np.full(10, np.log(8.0))
    found = rows(charts.surprise_of_moves(GAME.tokens, nats))
    assert sorted(row["ply"] for row in found if row["bits"] == pytest.approx(3)).count(9) >= 1
    assert {row["player"] for row in found} == {"White", "Black"}


def test_heatmaps_show_every_gate_of_a_gru() -> None:
    chart = trace_charts.gates_of_game(seen(), units=8).to_dict()
    assert [panel["title"]["text"] for panel in chart["vconcat"]] == [
        "Hidden state",
        "Update gate",
        "Reset gate",
    ]
    assert all(len(data) == 10 * 8 for data in chart["datasets"].values())


def test_units_are_sorted_by_what_they_keep() -> None:
    game = seen()
    order = trace_charts.by_persistence(game, 5)
    kept = game.kept.mean(0)[order]
    assert len(order) == 5
    assert (np.diff(kept) <= 0).all()
    assert kept[0] == game.kept.mean(0).max()


def test_every_unit_that_was_written_to_has_a_half_life() -> None:
    game = seen()
    written = int((np.abs(game.hidden).max(0) >= 0.1).sum())
    chart = trace_charts.half_lives(game)
    assert 0 < sum(row["units"] for row in rows(chart)) == written <= 24
    assert f"{24 - written} units" in chart.to_dict()["title"]["subtitle"]


def test_survival_begins_where_it_was_written() -> None:
    found = rows(trace_charts.survival_of_moves(seen(), [2, 5]))
    first = [row for row in found if row["written"] == "before 2.Nf3"]
    assert min(row["ply"] for row in first) == 2
    assert max(row["left"] for row in first) == 1


def test_smoothing_drops_the_rest() -> None:
    np.testing.assert_array_equal(charts.smoothed(np.arange(7.0), 3), [1, 4])


def test_cells_keep_their_colors() -> None:
    curves = {"GRU": np.ones(20), "RNN": np.zeros(20)}
    spec = str(trace_charts.copying_accuracy(curves, 1 / 8).to_dict())
    assert all(color in spec for color in trace_charts.CELLS.values())


@pytest.mark.parametrize(
    "chart",
    [
        lambda: trace_charts.gradient_by_distance(
            {("GRU", "before"): np.ones(5), ("RNN", "after"): np.ones(5)}
        ),
        lambda: trace_charts.learning_of_cells(runs(), "plies"),
        lambda: trace_charts.learning_of_cells(runs(), "seconds"),
        lambda: trace_charts.differences_of_cells(differences(runs())),
    ],
)
def test_charts_have_titles_and_axes(chart: Any) -> None:
    spec = chart().to_dict()  # validates against Vega-Lite's schema
    assert spec["title"]["text"]
    assert spec["title"]["subtitle"]
    assert re.search("'title': ['\"]", str({**spec, "title": None, "datasets": None}))


def test_notebooks_draw_small_pictures() -> None:
    before = alt.renderers.active
    try:
        charts.set_up()
        bundle = charts.surprise_of_moves(GAME.tokens, np.ones(10))._repr_mimebundle_()
    finally:
        alt.renderers.enable(before)
        alt.theme.enable("default")
    content = bundle[0] if isinstance(bundle, tuple) else bundle
    picture = Image.open(io.BytesIO(content["image/png"]))
    assert picture.width > 600
    assert len(content["image/png"]) < 60_000
