"""Pictures of a game under review; White's moves go up and Black's down, so that color is not needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import altair as alt
import pandas as pd

from chessgru.charts import SIDES as COLORS
from chessgru.ui.state import SIDES, Seating
from chessgru.ui.study import MoveScore

PICK: Final = "pick"
"""Name of the selection that a click on a bar makes; its field is `ply`."""
CAP_BITS: Final = 10.0
_TICKS: Final = list(range(-10, 11, 2))
_NAME: Final = 28


def shortened(name: str) -> str:
    """Returns a name short enough for a legend.

    >>> shortened("Dad"), len(shortened(200 * "x"))
    ('Dad', 28)
    """
    return name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"


def _rows(scores: Sequence[MoveScore], names: tuple[str, str]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "ply": score.ply,
                "from": 1 + score.ply / 2 + 0.05,
                "to": 1 + score.ply / 2 + 0.45,
                "move": score.written,
                "player": names[score.ply % 2],
                "bits": round(score.bits, 2),
                "height": min(score.bits, CAP_BITS) * (1 if score.ply % 2 == 0 else -1),
                "probability": score.probability,
                "expected": f"{score.expected} {score.expected_probability:.0%}",
            }
            for score in scores
        ]
    )


def surprise_chart(scores: Sequence[MoveScore], seating: Seating) -> alt.LayerChart:
    """Draws the surprise of every move in bits, one bar a ply; a click picks it."""
    names = (
        f"{shortened(seating.shown('white'))} (White, up)",
        f"{shortened(seating.shown('black'))} (Black, down)",
    )
    pick = alt.selection_point(name=PICK, fields=["ply"], on="click", empty=False)
    axis = alt.Axis(labelExpr="abs(datum.value)", values=_TICKS, title="surprise (bits)")
    colors = alt.Scale(domain=list(names), range=[COLORS["White"], COLORS["Black"]])
    legend = alt.Legend(orient="top", title=None, labelLimit=300, columns=1)
    bars = (
        alt.Chart(_rows(scores, names))
        .mark_bar(cursor="pointer", cornerRadius=1)
        .encode(
            x=alt.X("from:Q", title="move", axis=alt.Axis(grid=False, format="d"), scale=_moves(scores)),
            x2="to:Q",
            y=alt.Y("height:Q", axis=axis, scale=_heights(scores)),
            y2=alt.datum(0),
            color=alt.Color("player:N", scale=colors, legend=legend),
            opacity=alt.condition(pick, alt.value(1.0), alt.value(0.8)),
            tooltip=[
                "move:N",
                alt.Tooltip("bits:Q", title="surprise (bits)"),
                alt.Tooltip("probability:Q", format=".1%"),
                alt.Tooltip("expected:N"),
            ],
        )
        .add_params(pick)
    )
    middle = alt.Chart().mark_rule(color="#8884", aria=False).encode(y=alt.datum(0))
    return alt.LayerChart(layer=[bars, middle], height=320, description="Surprise of every move, in bits")


def _heights(scores: Sequence[MoveScore]) -> alt.Scale:
    """Returns a scale with a tick on either side of 0, however little surprises."""
    up, down = (max([2.0, *(min(s.bits, CAP_BITS) for s in scores if s.side == side)]) for side in SIDES)
    return alt.Scale(domain=[-down, up], nice=False)


def _moves(scores: Sequence[MoveScore]) -> alt.Scale:
    last = 1 + (scores[-1].ply + 1) / 2 if scores else 2
    return alt.Scale(domain=[1, max(last, 6)], nice=False)
