"""Pictures of a set of games: lengths, openings, and when games become unique."""

from __future__ import annotations

import altair as alt
import pandas as pd

from chessgru.charts import ACCENT, INK, QUIET, SIDES, WIDTH, Picture, framed, palette


def lengths_of_games(table: pd.DataFrame) -> Picture:
    """Draws how long games are, in moves; `table` is that of `overview.games_table`."""
    moves = table.assign(moves=(table["plies"] + 1) // 2)
    bars = (
        alt.Chart(moves)
        .mark_bar(color=QUIET)
        .encode(
            alt.X("moves:Q", bin=alt.Bin(step=5), title="length (moves)"), alt.Y("count()", title="games")
        )
    )
    middle = pd.DataFrame({"moves": [moves["moves"].median()]})
    rule = alt.Chart(middle).mark_rule(color=ACCENT, strokeWidth=2).encode(alt.X("moves:Q"))
    note = f"{len(table):,} games; the line is the median, {middle['moves'][0]:g} moves"
    return framed(bars + rule, "How long the games are", note, height=180)


def openings_of_players(sides: pd.DataFrame, players: list[str], most: int = 8) -> alt.FacetChart:
    """Draws which openings each player's games go through, by his color.

    `sides` is `overview.sides_table`; the `most` frequent openings over all are shown.
    """
    known = sides[sides["player"].isin(players) & (sides["opening"] != "")]
    order = known["opening"].value_counts().index[:most].tolist()
    counts = (
        known[known["opening"].isin(order)].groupby(["player", "color", "opening"], as_index=False).size()
    )
    bars = (
        alt.Chart(counts)
        .mark_bar()
        .encode(
            alt.X("size:Q", title="games"),
            alt.Y("opening:N", sort=order, title=None, axis=alt.Axis(labelLimit=220)),
            alt.Color("color:N", scale=palette(SIDES), title="he has", legend=alt.Legend(orient="top")),
        )
    )
    header = alt.Header(labelFontSize=13, labelColor=INK, labelFontWeight="bold")
    panel = bars.properties(width=(WIDTH - 160) // max(1, len(players)), height=24 * len(order))
    title = alt.TitleParams(
        "Openings", subtitle="families of names, by the last known position of each game"
    )
    chart: alt.FacetChart = panel.facet(
        column=alt.Column("player:N", title=None, header=header)
    ).properties(title=title)
    return chart


def sharing_by_ply(table: pd.DataFrame) -> Picture:
    """Draws which share of the games still has company after each ply, from `overview.sharing`."""
    names = {"position": "same position", "moves": "same moves"}
    long = table.rename(columns=names).melt(["ply"], list(names.values()), "what", "share")
    long["move"] = long["ply"] / 2
    color = palette({"same position": ACCENT, "same moves": INK})
    legend = alt.Legend(orient="top", symbolType="stroke", symbolStrokeWidth=3)
    dash = alt.Scale(domain=list(names.values()), range=[[1, 0], [5, 3]])
    lines = (
        alt.Chart(long)
        .mark_line(strokeWidth=2.5)
        .encode(
            alt.X("move:Q", title="after move", axis=alt.Axis(grid=False), scale=alt.Scale(nice=False)),
            alt.Y(
                "share:Q",
                title="games with company",
                axis=alt.Axis(format="%"),
                scale=alt.Scale(domain=[0, 1]),
            ),
            alt.Color("what:N", scale=color, title=None, legend=legend),
            alt.StrokeDash("what:N", scale=dash, legend=None),
        )
    )
    note = "games that at least one other game has followed so far"
    return framed(lines, "How quickly games become unique", note)
