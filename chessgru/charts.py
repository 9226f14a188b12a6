"""The look of every picture, and pictures of games: for notebooks and the app, in one palette (Altair).

Functions take arrays or tables and return a chart; nothing is shown, saved or trained here. Plies count
from 0 in arrays and are shown as moves on axes: White's twelfth move reaches from 12 to 12.5, Black's from
there to 13.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import altair as alt
import chess
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chessgru import vocabulary

WIDTH: Final = 620
"""Pixels: as wide as a notebook's page, with room for axes."""
SIDES: Final = {"White": "#2a9d34", "Black": "#3b78f0"}
"""Colors of the two players, as on the app's board."""
INK: Final = "#26221d"
QUIET: Final = "#6b6459"
ACCENT: Final = "#d55e00"

Array = NDArray[np.float64]
Picture: TypeAlias = alt.Chart | alt.LayerChart


def theme() -> alt.theme.ThemeConfig:
    """Returns the look of every chart: calm axes, titles on the left, readable at notebook width."""
    axis: dict[str, Any] = {"labelColor": QUIET, "titleColor": INK, "gridColor": "#ece6dc"}
    axis |= {"domainColor": "#b9b0a2", "tickColor": "#b9b0a2"}
    axis |= {"labelFontSize": 11, "titleFontSize": 12, "titleFontWeight": "normal"}
    title = {"anchor": "start", "fontSize": 15, "color": INK, "offset": 10}
    legend = {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "titleColor": INK}
    config: Any = {
        "font": "DejaVu Sans, Segoe UI, Helvetica, Arial, sans-serif",
        "background": "white",
        "view": {"stroke": None},
        "axis": axis,
        "title": {**title, "subtitleColor": QUIET, "subtitleFontSize": 12, "subtitlePadding": 4},
        "legend": legend,
    }
    return alt.theme.ThemeConfig(config=config)


def small_png(png: bytes) -> bytes:
    """Returns the same picture with at most 256 colors: a third of the size, and no visible difference."""
    from PIL import Image

    out = io.BytesIO()
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.quantize(256, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def _as_png(spec: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Renders a chart for a notebook: `altair`'s own PNG (by vl-convert), made small."""
    from altair.utils.mimebundle import spec_to_mimebundle

    bundle: Any = spec_to_mimebundle(spec, format="png", mode="vega-lite", ppi=120)
    content, metadata = bundle
    return {"image/png": small_png(content["image/png"])}, metadata


def set_up() -> None:
    """Makes the look the default and draws charts as pictures, so that they show wherever notebooks do."""
    alt.theme.register("chessgru", enable=True)(theme)
    alt.renderers.register("small-png", _as_png)
    alt.renderers.enable("small-png")
    alt.data_transformers.disable_max_rows()


def framed(chart: Picture, title: str, note: str = "", *, height: int = 200, width: int = WIDTH) -> Picture:
    """Returns a chart with its size, its title and a quieter line below it."""
    text = alt.TitleParams(title, subtitle=note) if note else alt.TitleParams(title)
    result: Picture = chart.properties(width=width, height=height, title=text)
    return result


def palette(colors: Mapping[str, str], names: Sequence[str] | None = None) -> alt.Scale:
    """Returns the scale that gives each name its color; `names` picks some and orders them."""
    domain = list(names or colors)
    return alt.Scale(domain=domain, range=[colors[name] for name in domain])


def san_of(tokens: Sequence[int] | NDArray[np.int64]) -> list[str]:
    """Returns a game's moves as written by hand, with numbers.

    >>> from chessgru.vocabulary import UCI
    >>> san_of([UCI.index("e2e4"), UCI.index("c7c5"), UCI.index("g1f3")])
    ['1.e4', '1…c5', '2.Nf3']
    """
    board, written = chess.Board(), []
    for token in tokens:
        move = vocabulary.MOVES[int(token)]
        written.append(f"{board.fullmove_number}{'.' if board.turn else '…'}{board.san(move)}")
        board.push(move)
    return written


def smoothed(values: Array, window: int) -> Array:
    """Returns means over consecutive windows: (len // window,)."""
    whole = len(values) // window * window
    means: Array = values[:whole].reshape(-1, window).mean(1)
    return means


def move_axis() -> alt.X:
    """Returns the horizontal axis of a game, for tables made from `plies`."""
    return alt.X("move:Q", title="move", scale=alt.Scale(nice=False, zero=False), axis=alt.Axis(grid=False))


def plies(count: int) -> pd.DataFrame:
    """Returns one row a ply: `ply`, where it begins and ends on the axis (`move`, `end`), and `player`."""
    number = np.arange(count)
    sides = np.where(number % 2 == 0, "White", "Black")
    return pd.DataFrame({"ply": number, "move": 1 + number / 2, "end": 1.5 + number / 2, "player": sides})


def surprise_of_moves(
    tokens: Sequence[int] | NDArray[np.int64], nats: Array, title: str = "Surprise"
) -> Picture:
    """Draws how surprising each move was, in bits, one bar a ply; the four most surprising are named."""
    table = plies(len(nats)).assign(bits=nats / np.log(2), san=san_of(tokens))
    height = alt.Y("bits:Q", title="surprise (bits)")
    player = alt.Color("player:N", scale=palette(SIDES), title=None, legend=alt.Legend(orient="top"))
    tips = ["san", alt.Tooltip("bits", format=".1f")]
    bars = (
        alt.Chart(table)
        .mark_rect()
        .encode(move_axis(), alt.X2("end"), height, alt.Y2(datum=0), player, tooltip=tips)
    )
    text = alt.Chart(table.nlargest(4, "bits")).mark_text(dy=-7, fontSize=11, color=INK)
    names = text.encode(move_axis(), height, alt.Text("san"))
    note = "0: the network was sure of it; 1: even odds; each bit more halves the probability"
    return framed(bars + names, title, note, height=170)
