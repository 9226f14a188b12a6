"""Pictures of the model: calibration, accuracy by kind of position, and its gates over one game."""

from __future__ import annotations

from typing import Final

import altair as alt
import numpy as np
import pandas as pd

from chessgru.charts import san_of
from chessgru.trace import Trace

ORANGE: Final = "#d55e00"
BLUE: Final = "#3b78f0"
QUIET: Final = "#8a8378"
_UNITS: Final = 48
_PERCENT: Final = alt.Axis(format="%", grid=True)


def calibration_chart(bins: pd.DataFrame) -> alt.LayerChart:
    """Draws how often the likeliest move was played against how likely it was said to be."""
    unit = alt.Scale(domain=[0, 1])
    even = alt.Chart(pd.DataFrame({"x": [0.0, 1.0], "y": [0.0, 1.0]}))
    diagonal = even.mark_line(strokeDash=[5, 4], color=QUIET).encode(x="x:Q", y="y:Q")
    base = alt.Chart(bins).encode(
        x=alt.X("confidence:Q", title="what the model said", scale=unit, axis=_PERCENT),
        y=alt.Y("accuracy:Q", title="how often it was played", scale=unit, axis=_PERCENT),
    )
    points = base.mark_circle(opacity=0.9, color=ORANGE).encode(
        size=alt.Size("plies:Q", legend=None, scale=alt.Scale(range=[30, 400])),
        tooltip=[
            alt.Tooltip("confidence:Q", format=".1%"),
            alt.Tooltip("accuracy:Q", format=".1%"),
            alt.Tooltip("plies:Q", format=","),
        ],
    )
    layers = [diagonal, base.mark_line(color=ORANGE), points]
    said = "How often the likeliest move was played against how likely it was said to be"
    return alt.LayerChart(layer=layers, height=360, description=said)


def accuracy_chart(rows: pd.DataFrame, order: list[str]) -> alt.LayerChart:
    """Draws top-1 accuracy with its 95 % interval, a row a group; `kind` is the group's short name."""
    base = alt.Chart(rows).encode(
        y=alt.Y("kind:N", sort=order, title=None, axis=alt.Axis(labelLimit=140)),
        tooltip=["kind:N", alt.Tooltip("top1:Q", format=".1%"), alt.Tooltip("plies:Q", format=",")],
    )
    across = alt.X(
        "top1:Q", title="first guess right", axis=_PERCENT, scale=alt.Scale(zero=False, padding=24)
    )
    spread = base.mark_rule(strokeWidth=2, color=ORANGE).encode(x=alt.X("top1_low:Q"), x2="top1_high:Q")
    dots = base.mark_point(filled=True, size=90, color=ORANGE).encode(x=across)
    text = base.mark_text(dy=-11, fontSize=11, color=QUIET).encode(
        x=across, text=alt.Text("top1:Q", format=".1%")
    )
    said = "How often the first guess was right, with 95 % intervals"
    return alt.LayerChart(layer=[spread, dots, text], height=96 + 44 * len(rows), description=said)


# The gates of one game


def gates_table(seen: Trace) -> pd.DataFrame:
    """Returns one row a ply: the shares that the gates let through, as means over the units."""
    table = pd.DataFrame(
        {
            "ply": np.arange(len(seen)),
            "position before": san_of(seen.tokens),
            "kept (update gate)": seen.kept.mean(1),
            "replaced": 1 - seen.kept.mean(1),
            "state moved by": seen.changed,
            "surprise (bits)": seen.surprise / np.log(2),
        }
    )
    if seen.reset is not None:
        table.insert(4, "past seen (reset gate)", seen.reset.mean(1))
    return table.round(4)


def gates_chart(table: pd.DataFrame) -> alt.LayerChart:
    """Draws the mean gates over a game: replaced as an area, what the candidate saw as a dashed line."""
    rows = table.assign(move=1 + table["ply"] / 2)
    across = alt.X(
        "move:Q",
        title="move",
        axis=alt.Axis(grid=False, format="d"),
        scale=alt.Scale(nice=False, zero=False),
    )
    names = [name for name in ("kept (update gate)", "past seen (reset gate)") if name in rows]
    long = rows.melt(["move", "position before"], names, "gate", "share")
    lines = (
        alt.Chart(long)
        .mark_line(strokeWidth=2.5, point=alt.OverlayMarkDef(size=25))
        .encode(
            x=across,
            y=alt.Y("share:Q", title="mean over units", axis=_PERCENT, scale=alt.Scale(domain=[0, 1])),
            color=alt.Color(
                "gate:N",
                scale=alt.Scale(domain=names, range=[ORANGE, BLUE]),
                legend=alt.Legend(orient="top", title=None, labelLimit=300, columns=1),
            ),
            strokeDash=alt.StrokeDash(
                "gate:N", scale=alt.Scale(domain=names, range=[[1, 0], [6, 3]]), legend=None
            ),
            tooltip=["position before:N", "gate:N", alt.Tooltip("share:Q", format=".1%")],
        )
    )
    return alt.LayerChart(layer=[lines], height=320, description="The mean gates at every move")


def kept_heatmap(seen: Trace) -> alt.Chart:
    """Draws what each unit kept at each ply; units from the longest memory at the top to the shortest."""
    order = np.argsort(-seen.kept.mean(0), kind="stable")
    picked = order[np.linspace(0, len(order) - 1, min(_UNITS, len(order))).round().astype(int)]
    plies, units = len(seen), len(picked)
    cells = pd.DataFrame(
        {
            "from": np.repeat(1 + np.arange(plies) / 2, units),
            "to": np.repeat(1.5 + np.arange(plies) / 2, units),
            "unit": np.tile(np.arange(units), plies),
            "below": np.tile(np.arange(1, units + 1), plies),
            "kept": seen.kept[:, picked].ravel().round(3),
        }
    )
    scale = alt.Scale(scheme="viridis", domain=[0, 1])
    chart: alt.Chart = (
        alt.Chart(cells, height=440, description="What each unit kept at every move")
        .mark_rect(strokeWidth=0.7)
        .encode(
            x=alt.X(
                "from:Q",
                title="move",
                axis=alt.Axis(grid=False, format="d"),
                scale=alt.Scale(nice=False, zero=False),
            ),
            x2="to:Q",
            y=alt.Y(
                "unit:Q",
                title="units, longest memory on top",
                axis=None,
                scale=alt.Scale(reverse=True, nice=False),
            ),
            y2="below:Q",
            color=alt.Color(
                "kept:Q", scale=scale, title="kept", legend=alt.Legend(orient="top", format="%")
            ),
            stroke=alt.Stroke("kept:Q", scale=scale, legend=None),
            tooltip=[alt.Tooltip("from:Q", title="move"), alt.Tooltip("kept:Q", format=".0%")],
        )
    )
    return chart
