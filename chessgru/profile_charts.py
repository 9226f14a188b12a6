"""Pictures of learning a player, and of what gives him away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Final

import altair as alt
import numpy as np
import pandas as pd

from chessgru.charts import ACCENT, INK, QUIET, WIDTH, Array, Picture, framed, palette, smoothed
from chessgru.identification import Alike
from chessgru.profiles import Report

PEOPLE: Final = ("#7a4fb5", "#0a8f8f", "#b8860b", "#a3195b", "#8a8a8a", INK)
"""Colors of people, by the order of their names: none is that of a side, since people change sides."""


def color_of(people: Sequence[str]) -> alt.Color:
    """Returns the encoding that gives each person a color; tables have a column `player`."""
    colors = dict(zip(sorted(set(people)), cycle(PEOPLE), strict=False))
    legend = alt.Legend(orient="top", symbolStrokeWidth=3, symbolOpacity=1)
    return alt.Color("player:N", scale=palette(colors), title=None, legend=legend)


# Learning ----------------------------------------------------------------------------------------


def training_curve(
    losses: Array, validation: Mapping[int, float], before: float, window: int = 5
) -> Picture:
    """Draws the loss of each step (averaged over `window` steps) and of the held-out games at some steps.

    `before` is the NLL before learning, when all legal moves are nearly alike.
    """
    means = smoothed(losses, window)
    steps = (np.arange(len(means)) + 0.5) * window
    learned = pd.DataFrame({"step": steps, "nll": means, "games": "learned from"})
    held = pd.DataFrame({"step": list(validation), "nll": list(validation.values()), "games": "held out"})
    color = palette({"learned from": QUIET, "held out": ACCENT})
    across = alt.X("step:Q", title="training step", axis=alt.Axis(grid=False), scale=alt.Scale(nice=False))
    down = alt.Y("nll:Q", title="NLL (nats a ply)", scale=alt.Scale(zero=False))
    games = alt.Color(
        "games:N", scale=color, title="games", legend=alt.Legend(orient="top", symbolType="stroke")
    )
    lines = alt.Chart(learned).mark_line(strokeWidth=2).encode(across, down, games)
    points = (
        alt.Chart(held)
        .mark_line(strokeWidth=2.5, point=alt.OverlayMarkDef(size=60))
        .encode(across, down, games)
    )
    rule = alt.Chart(pd.DataFrame({"nll": [before]})).mark_rule(color=QUIET, strokeDash=[2, 4]).encode(down)
    note = "dotted rule: before learning, when all legal moves are nearly alike"
    return framed(lines + points + rule, "Learning from nothing", note, height=220)


def gains_of_profile(report: Report, name: str) -> Picture:
    """Draws what each part of a profile gained on the games kept aside; what was not used is pale."""
    table = pd.DataFrame(
        [{"parts": g.parts, "nll": g.nll, "top1": g.top1, "used": g.used} for g in report.gains]
    )
    table["gain"] = table["nll"][0] - table["nll"]
    order, width = table["parts"].tolist(), WIDTH - 240
    rows = alt.Y("parts:N", sort=order, title=None, axis=alt.Axis(labelLimit=240, labelFontSize=12))
    base = alt.Chart(table)
    used = alt.condition("datum.used", alt.value(1.0), alt.value(0.35))
    ticks = alt.Axis(tickCount=5)
    gain = alt.X("gain:Q", title="gain over the base model (nats a move)", axis=ticks)
    bars = base.mark_bar(size=14, color=ACCENT).encode(gain, rows, opacity=used)
    label = "'NLL ' + format(datum.nll, '.3f') + ',  top-1 ' + format(datum.top1, '.1%')"
    text = base.mark_text(align="left", dx=10, color=INK).encode(
        alt.X(value=width), rows, alt.Text("label:N")
    )
    note = f"{report.moves:,} moves in {report.games} games kept aside; top-1: first choice right"
    chart = bars + text.transform_calculate(label=label)
    return framed(chart, f"What helps to predict {name}", note, height=40 * len(table), width=width)


def games_needed(table: pd.DataFrame) -> Picture:
    """Draws the bits saved a move by the number of games remembered, from `tendencies.saved_by_games`."""
    shades = palette({"first ten moves": ACCENT, "later moves": QUIET})
    chart = (
        alt.Chart(table)
        .mark_line(strokeWidth=2.5, point=alt.OverlayMarkDef(size=60))
        .encode(
            alt.X("games:O", title="games remembered", axis=alt.Axis(labelAngle=0)),
            alt.Y("bits:Q", title="saved (bits a move)"),
            alt.Color("stretch:N", scale=shades, title=None, legend=alt.Legend(orient="top")),
        )
    )
    note = "what the memory alone saves on the same later games"
    return framed(chart, "What another game teaches", note)


# Tendencies --------------------------------------------------------------------------------------


def surprise_through_the_game(table: pd.DataFrame) -> alt.FacetChart:
    """Draws mean surprise by move number, before and after learning, a panel a player.

    `table` is that of `tendencies.surprise_by_move`.
    """
    people = list(dict.fromkeys(table["player"]))
    shades = palette({"the average person": QUIET, "his profile": ACCENT})
    legend = alt.Legend(orient="top", symbolType="stroke", symbolStrokeWidth=3)
    lines = (
        alt.Chart(table)
        .mark_line(strokeWidth=2.5, point=True)
        .encode(
            alt.X("move:Q", title="move", axis=alt.Axis(grid=False)),
            alt.Y("bits:Q", title="surprise (bits a move)"),
            alt.Color("by:N", scale=shades, title="predicted by", legend=legend),
        )
    )
    panel = lines.properties(width=(WIDTH - 40) // len(people), height=200)
    header = alt.Header(labelFontSize=13, labelColor=INK, labelFontWeight="bold")
    note = "games that were not learned from; each point: five moves"
    chart: alt.FacetChart = panel.facet(
        column=alt.Column("player:N", title=None, sort=people, header=header)
    )
    titled: alt.FacetChart = chart.properties(
        title=alt.TitleParams("Surprise through a game", subtitle=note)
    )
    return titled


def _ending(line: str, most: int = 34) -> str:
    """Returns the end of a line of moves that fits beside a picture."""
    words = line.split()
    while len(" ".join(words)) > most:
        words = words[1:]
    return " ".join(words) if len(words) == len(line.split()) else "… " + " ".join(words)


def habits_against_the_crowd(table: pd.DataFrame, most: int = 8) -> Picture:
    """Draws moves that a player makes much more often than others would, from `tendencies.habits`."""
    shown = table.head(most).assign(line=[_ending(line) for line in table["line"].head(most)])
    order = shown["line"].tolist()
    rows = alt.Y("line:N", sort=order, title=None, axis=alt.Axis(labelLimit=330, labelFontSize=12))
    people = list(dict.fromkeys(table["player"]))
    base = alt.Chart(shown)
    bars = base.mark_rule(strokeWidth=3, color="#d9d1c4").encode(
        alt.X("crowd:Q", title="how often", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])),
        alt.X2("share"),
        rows,
    )
    crowd = base.mark_point(filled=True, size=80, color=QUIET, opacity=1).encode(alt.X("crowd:Q"), rows)
    own = base.mark_point(filled=True, size=130, opacity=1).encode(alt.X("share:Q"), rows, color_of(people))
    return framed(
        bars + crowd + own,
        "Where they leave the crowd",
        "gray: what the base model expects of anybody with that rating; color: what the player did",
        height=28 * len(shown),
        width=WIDTH - 220,
    )


def map_of_styles(alike: Alike, people: Sequence[str]) -> Picture:
    """Draws players, or parts of their games, so that those who play alike are close.

    `people` names the person behind each of the P entries of `alike`.
    """
    table = pd.DataFrame(
        {"name": alike.names, "player": people, "x": alike.places[:, 0], "y": alike.places[:, 1]}
    )
    bare = alt.Axis(labels=False, ticks=False, grid=False)
    across = alt.X("x:Q", title="first axis", axis=bare, scale=alt.Scale(padding=50))
    down = alt.Y("y:Q", title="second axis", axis=bare, scale=alt.Scale(padding=30))
    base = alt.Chart(table).encode(across, down)
    color = color_of(list(dict.fromkeys(people)))
    points = base.mark_point(filled=True, size=160, opacity=1).encode(color)
    names = base.mark_text(dy=-14, fontSize=11, color=INK).encode(alt.Text("name"))
    note = "close together: the same moves in the same positions (Bhattacharyya coefficient, two main axes)"
    return framed(points + names, "A map of styles", note, height=260)


def who_is_it(table: pd.DataFrame) -> Picture:
    """Draws how sure one can be who played, by the number of games seen, from `tendencies.recognized`."""
    people = list(dict.fromkeys(table["player"]))
    lines = (
        alt.Chart(table)
        .mark_line(strokeWidth=2.5, point=True)
        .encode(
            alt.X("games:O", title="games seen", axis=alt.Axis(labelAngle=0)),
            alt.Y(
                "probability:Q",
                title="belief in the right one",
                axis=alt.Axis(format="%"),
                scale=alt.Scale(domain=[0, 1]),
            ),
            color_of(people),
        )
    )
    guess = alt.Chart(pd.DataFrame({"probability": [0.5]})).mark_rule(color=QUIET, strokeDash=[2, 4])
    note = "mean over draws of games that were not learned from; dotted rule: guessing between two"
    return framed(lines + guess.encode(alt.Y("probability:Q")), "Who made these moves?", note)


def live_game(table: pd.DataFrame) -> Picture:
    """Draws, move by move, the probability each move had for anybody and for this player.

    `table` has `move`, `san`, `player`, `base` and `known`; see `tendencies.live`.
    """
    people = list(dict.fromkeys(table["player"]))
    base = alt.Chart(table)
    across = alt.X(
        "move:Q",
        title="move",
        axis=alt.Axis(grid=False),
        scale=alt.Scale(zero=False, nice=False, padding=12),
    )
    down = alt.Y(
        "base:Q",
        title="probability of the move played",
        axis=alt.Axis(format="%"),
        scale=alt.Scale(domain=[0, 1]),
    )
    stems = base.mark_rule(strokeWidth=2, opacity=0.5).encode(
        across, down, alt.Y2("known"), color_of(people)
    )
    before = base.mark_point(filled=True, size=36, color=QUIET, opacity=1).encode(across, down)
    after = base.mark_point(filled=True, size=80, opacity=1).encode(
        across, alt.Y("known:Q"), color_of(people)
    )
    note = "gray: anybody of that rating; color: the player with his profile"
    return framed(stems + before + after, "A game as it happens", note, height=240)
