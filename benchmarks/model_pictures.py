"""Draws the pictures of the model card: calibration, and what more training and a wider network would gain.

    python benchmarks/model_pictures.py chessgru/base_model --out docs/model

Calibration comes from the scores that the model folder keeps. `learning_curve.csv` beside this script holds
the validation scores of the shipped model's training; `ablations.csv` the networks of several sizes that
`ablations.py` trained on the same few games.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd

from chessgru.charts import ACCENT, QUIET, SIDES, Picture, framed, set_up, small_png

HERE = Path(__file__).parent
COLORS = list(SIDES.values())
TACTICS_FROM = 5
"""The first leg in which the network was told tactics: it has a law of its own."""
SIZES = ("32 channels", "64 channels", "blocks 1+1", "blocks 2+2", "baseline")  # 3+1 lies on 2+2


def calibration(folder: Path) -> Picture:
    """Draws how often the likeliest move came true against how likely it was said to be."""
    scores = json.loads((folder / "config.json").read_text())["about"]["scores"]
    table = pd.concat(
        [pd.DataFrame(kept["reliability"]).assign(games=name) for name, kept in scores.items()]
    )
    x = alt.X("confidence", title="said", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1]))
    y = alt.Y("accuracy", title="came true", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1]))
    color = alt.Color("games", title=None, scale=alt.Scale(range=COLORS), legend=alt.Legend(orient="top"))
    ideal = alt.Chart(pd.DataFrame({"confidence": [0, 1], "accuracy": [0, 1]}))
    points = alt.Chart(table).mark_line(point=True).encode(x, y, color)
    chart = ideal.mark_line(color=QUIET, strokeDash=[4, 4]).encode(x, y) + points
    note = "the likeliest move of every ply of the test games, by what the model said; dashed: as said"
    return framed(chart, "Calibration", note, height=380, width=380)


def power_law(table: pd.DataFrame) -> tuple[float, float]:
    """Returns a and b of NLL = exp(a) * plies ** b, fitted to the ends of the legs without tactics."""
    table = table[table["leg"] < TACTICS_FROM]
    ends = table.loc[table.groupby("leg")["million_plies"].idxmax()]
    slope, start = np.polyfit(np.log(ends["million_plies"]), np.log(ends["nll"]), 1)
    return float(start), float(slope)


def learning_curve(table: pd.DataFrame) -> Picture:
    """Draws the NLL on the validation games against the plies read, and where it leads."""
    start, slope = power_law(table)
    ahead = np.geomspace(table["million_plies"].max() / 8, 1000)
    line = pd.DataFrame({"million_plies": ahead, "nll": np.exp(start) * ahead**slope})
    x = alt.X("million_plies", title="million plies read (logarithmic)", scale=alt.Scale(type="log"))
    y = alt.Y("nll", title="NLL, nats", scale=alt.Scale(zero=False))
    color = alt.Color(
        "leg:O",
        scale=alt.Scale(range=[COLORS[1], COLORS[0], "#8a5cc7", ACCENT, "#c9a227", "#c2547a", "#5b8c3a"]),
        title="leg",
    )
    curves = alt.Chart(table).mark_line(point=alt.OverlayMarkDef(size=14)).encode(x, y, color)
    law = alt.Chart(line).mark_line(color=QUIET, strokeDash=[4, 4]).encode(x, y)
    note = "800 validation games; the rate falls in each leg; dashed: ends of 1 to 4, without tactics"
    return framed(law + curves, "More games", note, height=260)


def sizes(table: pd.DataFrame) -> Picture:
    """Draws the NLL of networks of several sizes against what a position costs them."""
    some = table[table["variant"].isin(SIZES)].replace("baseline", "48 channels, blocks 2+1")
    x = alt.X(
        "megaflops",
        title="million operations a position",
        scale=alt.Scale(zero=False, nice=False, padding=70),
    )
    y = alt.Y("nll", title="NLL, nats", scale=alt.Scale(zero=False, nice=False, padding=16))
    points = alt.Chart(some).mark_point(filled=True, size=70, color=COLORS[1]).encode(x, y)
    names = points.mark_text(dy=-12, color=QUIET).encode(alt.Text("label"))
    some["label"] = [
        f"{v} ({p / 1e6:.2f} M)" for v, p in zip(some["variant"], some["parameters"], strict=True)
    ]
    note = f"each trained on the same {some['plies'].max():,} plies; in brackets: parameters"
    return framed(points + names, "A larger network", note, height=260)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    set_up()
    curve = pd.read_csv(HERE / "learning_curve.csv")
    pictures = {
        "calibration": calibration(options.model),
        "learning_curve": learning_curve(curve),
        "sizes": sizes(pd.read_csv(HERE / "ablations.csv")),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    for name, chart in pictures.items():
        path = options.out / f"{name}.png"
        chart.save(path, ppi=120)
        path.write_bytes(small_png(path.read_bytes()))
    start, slope = power_law(curve)
    print(f"NLL = {np.exp(start):.3f} * (million plies) ** {slope:.4f}: {1 - 2**slope:.1%} less a doubling")


if __name__ == "__main__":
    main()
