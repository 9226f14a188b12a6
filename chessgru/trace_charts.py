"""Pictures of recurrent cells at work: gates over a game, memory over distance, cells side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chessgru.charts import (
    ACCENT,
    QUIET,
    WIDTH,
    Array,
    Picture,
    framed,
    move_axis,
    palette,
    plies,
    san_of,
    smoothed,
)
from chessgru.comparison import NAMES, Run
from chessgru.trace import Trace

CELLS: Final = {"GRU": ACCENT, "LSTM": "#7a4fb5", "RNN": "#8a8a8a"}
"""Colors of the recurrent cells; lines differ in their dashes too."""
_DASHES: Final = alt.Scale(domain=list(CELLS), range=[[1, 0], [6, 3], [2, 2]])
_GATES: Final[Any] = "viridis"
_STATES: Final[Any] = "purpleorange"


# One game ----------------------------------------------------------------------------------------


def by_persistence(seen: Trace, units: int | None = None) -> NDArray[np.int64]:
    """Returns units (all, or evenly picked) from the longest memory to the shortest."""
    order = np.argsort(-seen.kept.mean(0), kind="stable")
    picked = np.linspace(0, len(order) - 1, units or len(order)).round().astype(int)
    chosen: NDArray[np.int64] = order[picked]
    return chosen


def _grid(values: Array, order: NDArray[np.int64]) -> pd.DataFrame:
    """Returns one row a cell of a (T, H) array, its units in the given order.

    Cells reach a little below the next ones, else light seams show between them.
    """
    count, units = len(values), len(order)
    table = plies(count).loc[np.repeat(np.arange(count), units)].reset_index(drop=True)
    unit = np.tile(np.arange(units), count)
    seam = {"end": np.minimum(table["end"] + 0.05, 1 + count / 2), "below": np.minimum(unit + 1.2, units)}
    return table.assign(unit=unit, value=values[:, order].ravel().round(3), **seam)


def heatmap(values: Array, order: NDArray[np.int64], title: str, note: str, color: alt.Scale) -> Picture:
    """Draws a (T, H) array, plies to the right and units downward, in the given order of units."""
    down = alt.Scale(domain=[len(order), 0], nice=False)
    chart = (
        alt.Chart(_grid(values, order))
        .mark_rect(strokeWidth=0)
        .encode(
            move_axis(),
            alt.X2("end"),
            alt.Y("unit:Q", title="unit", scale=down, axis=alt.Axis(grid=False)),
            alt.Y2("below"),
            alt.Color("value:Q", title=None, scale=color, legend=alt.Legend(gradientLength=150)),
        )
    )
    return framed(chart, title, note, height=180)


def gates_of_game(seen: Trace, units: int = 64) -> alt.VConcatChart:
    """Draws hidden state and gates over a game, units sorted from the longest memory to the shortest."""
    order = by_persistence(seen, units)
    states = alt.Scale(scheme=_STATES, domain=[-1, 1])
    gates = alt.Scale(scheme=_GATES, domain=[0, 1])
    rows = [heatmap(seen.hidden, order, "Hidden state", "purple below 0, orange above", states)]
    for name, values, note in (
        ("Update gate", seen.update, "bright: the unit keeps what it knew; dark: it takes the candidate"),
        ("Reset gate", seen.reset, "dark: the candidate is made without looking at the past"),
        ("Forget gate", seen.forget, "bright: the unit keeps what it knew"),
    ):
        if values is not None:
            rows.append(heatmap(values, order, name, note, gates))
    stack: alt.VConcatChart = alt.vconcat(*rows, spacing=24).resolve_scale(color="independent")
    return stack


def survival_of_moves(seen: Trace, written: Sequence[int]) -> Picture:
    """Draws how much of what was written at some plies is left later on, by the product of update gates."""
    names = san_of(seen.tokens)
    curves = [
        plies(len(seen)).assign(left=seen.survival(ply), written=f"before {names[ply]}").iloc[ply:]
        for ply in written
    ]
    base = alt.Chart(pd.concat(curves)).encode(
        move_axis(),
        alt.Y("left:Q", title="share left", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])),
        alt.Color(
            "written:N",
            sort=[f"before {names[ply]}" for ply in written],
            title="written",
            scale=alt.Scale(range=["#26221d", "#d55e00", "#7a4fb5", "#0a8f8f", "#b8860b"]),
        ),
    )
    starts = base.transform_filter("datum.left == 1").mark_point(filled=True, size=60)
    note = "product of the update gates since then, over units by how much was written to each"
    return framed(base.mark_line(strokeWidth=2) + starts, "What is left of what was written", note)


def half_lives(seen: Trace, least: float = 0.1) -> Picture:
    """Draws how many units remember for how long: a histogram of half-lives in plies, doubling bins.

    Units whose state never leaves (-least, least) are left out: they keep what they never got.
    """
    used = np.abs(seen.hidden).max(0) >= least
    edges = 2.0 ** np.arange(-2, 8)
    names = ["under ½", *(f"{low:g}–{2 * low:g}".replace("0.5", "½") for low in edges[1:-2]), "over 64"]
    bins = np.clip(np.searchsorted(edges, seen.half_lives()[used]) - 1, 0, len(names) - 1)
    counts = np.bincount(bins, minlength=len(names))
    across = alt.X("plies:N", sort=names, title="half-life (plies)", axis=alt.Axis(labelAngle=0))
    bars = alt.Chart(pd.DataFrame({"plies": names, "units": counts})).mark_bar(color=ACCENT)
    chart = bars.encode(across, alt.Y("units:Q", title="units"))
    note = f"by each unit's mean update gate; {(~used).sum()} units that were never written to are left out"
    return framed(chart, "How long the units remember", note)


# Cells side by side ------------------------------------------------------------------------------


def cell_color() -> alt.Color:
    """Returns the encoding that gives each kind of cell its color; tables have a column `cell`."""
    legend = alt.Legend(orient="top", symbolStrokeWidth=3, symbolType="stroke", symbolOpacity=1)
    return alt.Color("cell:N", scale=palette(CELLS), title=None, legend=legend)


def gradient_by_distance(reach: Mapping[tuple[str, str], Array]) -> Picture:
    """Draws gradient norms (T,) against distance; keys are (cell, "before learning" and the like)."""
    tables = [
        pd.DataFrame({"cell": cell, "when": when, "distance": np.arange(len(norms)), "norm": norms})
        for (cell, when), norms in reach.items()
    ]
    panels = list(dict.fromkeys(when for _, when in reach))
    log, exact = alt.Scale(type="log"), alt.Scale(nice=False)
    chart = (
        alt.Chart(pd.concat(tables))
        .mark_line(strokeWidth=2.5)
        .encode(
            alt.X("distance:Q", title="distance (steps back)", axis=alt.Axis(grid=False), scale=exact),
            alt.Y("norm:Q", title="gradient norm", scale=log, axis=alt.Axis(format=".0e", tickCount=6)),
            cell_color(),
            alt.StrokeDash("cell:N", scale=_DASHES, legend=None),
            alt.Column(
                "when:N", title=None, sort=panels, header=alt.Header(labelFontSize=12, labelColor=QUIET)
            ),
        )
    )
    note = "how much the right answer's score depends on an input so many steps before (log scale)"
    width = (WIDTH - 20 * (len(panels) - 1)) // len(panels)
    return framed(chart, "The vanishing gradient", note, height=220, width=width)


def copying_accuracy(curves: Mapping[str, Array], chance: float, window: int = 10) -> Picture:
    """Draws the share of right answers over training steps, a line a cell, and where guessing lies."""
    tables = []
    for cell, values in curves.items():
        means = smoothed(values, window)
        steps = (1 + np.arange(len(means))) * window
        tables.append(pd.DataFrame({"cell": cell, "step": steps, "accuracy": means}))
    lines = (
        alt.Chart(pd.concat(tables))
        .mark_line(strokeWidth=2.5)
        .encode(
            alt.X("step:Q", title="training step", axis=alt.Axis(grid=False), scale=alt.Scale(nice=False)),
            alt.Y(
                "accuracy:Q",
                title="right answers",
                axis=alt.Axis(format="%"),
                scale=alt.Scale(domain=[0, 1]),
            ),
            cell_color(),
            alt.StrokeDash("cell:N", scale=_DASHES, legend=None),
        )
    )
    guess = alt.Chart(pd.DataFrame({"accuracy": [chance]})).mark_rule(color=QUIET, strokeDash=[2, 4])
    note = f"dotted rule: guessing; means over {window} steps"
    return framed(lines + guess.encode(alt.Y("accuracy:Q")), "Learning to remember", note, height=220)


def learning_of_cells(runs: Sequence[Run], against: str) -> Picture:
    """Draws held-out NLL against "plies" or "seconds": a thin line a run, a thick one for a cell's mean."""
    rows = [
        pd.DataFrame(
            {"cell": NAMES[run.cell], "seed": run.seed, "across": getattr(run, against), "nll": run.nll}
        )
        for run in runs
    ]
    table = pd.concat([rows_of.assign(scoring=np.arange(len(rows_of))) for rows_of in rows])
    mean = table.groupby(["cell", "scoring"], as_index=False)[["across", "nll"]].mean()
    titles = {"plies": "plies read", "seconds": "processor time (seconds)"}
    across = alt.X(
        "across:Q", title=titles[against], axis=alt.Axis(grid=False), scale=alt.Scale(nice=False)
    )
    down = alt.Y("nll:Q", title="NLL, held-out games (nats a ply)", scale=alt.Scale(zero=False))
    thin = alt.Chart(table).mark_line(strokeWidth=1, opacity=0.35)
    thick = alt.Chart(mean).mark_line(strokeWidth=2.5, point=True)
    thin = thin.encode(across, down, cell_color(), alt.Detail("seed:N"))
    thick = thick.encode(across, down, cell_color(), alt.StrokeDash("cell:N", scale=_DASHES, legend=None))
    same = "same data" if against == "plies" else "same time"
    return framed(thin + thick, f"Learning, the {same}", "thin: one seed; thick: the mean", height=230)


def differences_of_cells(table: pd.DataFrame) -> alt.FacetChart:
    """Draws NLL differences to the GRU with their intervals, from `comparison.differences`."""
    base = alt.Chart(table)
    across = alt.Scale(nice=True)
    rows = alt.Y("cell:N", title=None, axis=alt.Axis(labelFontSize=12))
    lines = base.mark_rule(strokeWidth=3).encode(
        alt.X("low:Q", title="NLL minus the GRU's (nats a ply)", scale=across),
        alt.X2("high"),
        rows,
        cell_color(),
    )
    points = base.mark_point(filled=True, size=110, opacity=1).encode(alt.X("value:Q"), rows, cell_color())
    zero = base.mark_rule(color=QUIET, strokeDash=[2, 4]).encode(alt.X(datum=0))
    panels = alt.layer(zero, lines, points).properties(width=WIDTH - 80, height=70)
    header = alt.Header(labelFontSize=12, labelColor=QUIET, labelOrient="top", labelAnchor="start")
    chart = panels.facet(row=alt.Row("rule:N", title=None, header=header), spacing=14)
    note = "right of the dotted rule the GRU is better; bars: 95 % over seeds"
    picture: alt.FacetChart = chart.properties(
        title=alt.TitleParams("Other cells against the GRU", subtitle=note)
    )
    return picture
