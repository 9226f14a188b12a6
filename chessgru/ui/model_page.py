"""The Model page: what the base model is, how good it is, and its gates at work on a game."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
import streamlit as st

from chessgru.errors import ChessgruError
from chessgru.game import Game
from chessgru.ui import store
from chessgru.ui.adding import follow
from chessgru.ui.jobs import JOBS
from chessgru.ui.learning_panel import base_model
from chessgru.ui.measuring import calibration_table, measure_work, scores_table
from chessgru.ui.opening_games import game_of
from chessgru.ui.predicting import MODEL_VARIABLE
from chessgru.ui.setup import plain
from chessgru.ui.state import has_table, reviewed, table
from chessgru.ui.tables import download_csv, facts

if TYPE_CHECKING:
    from chessgru.checkpoint import Checkpoint

KIND: Final = "measure"
_FORECASTERS: Final = {
    "base": "base model",
    "personal": "personal model",
    "memory": "own counts alone",
    "unrated": "base model, ratings unknown",
    "network": "base model without its opening book",
    "maia": "Maia-1",
    "maia2200": "Maia-2200",
    "uniform": "chance",
    "count table": "moves counted by position",
    "n-gram": "moves counted by the last three",
}
_CARD: Final = "README.md"


def model_page() -> None:
    """Draws the page."""
    try:
        base = base_model()
    except ChessgruError as error:
        st.error(plain(str(error)))
        return
    _facts(base)
    scores, gates, card = st.tabs(["Scores", "Gates on a game", "Model card"])
    with scores:
        _scores(base)
    with gates:
        _gates(base)
    with card:
        _card()


def _facts(base: Checkpoint) -> None:
    about, config = base.about, base.model.config
    count = sum(parameter.numel() for parameter in base.model.parameters())
    known = [
        ("Parameters", f"{count / 1e6:.2f} M"),
        ("Cell", f"{config.cell.upper()}, {config.hidden} units"),
    ]
    for label, key in (("Trained on games", "games"), ("Plies", "plies")):
        if isinstance(about.get(key), int):
            known.append((label, _short(about[key])))
    facts(known)
    step, steps = about.get("step"), about.get("steps")
    if isinstance(step, int) and isinstance(steps, int) and step < steps:
        st.warning(f"This model is a snapshot of unfinished training: step {step:,} of {steps:,}.")


def _short(number: int) -> str:
    return f"{number / 1e6:.1f} M" if number >= 1e6 else f"{number:,}"


# Scores


def _scores(base: Checkpoint) -> None:
    held = {"": base.about.get("scores"), "calibration": base.about.get("calibration")}
    found = scores_table(held[""])
    bins = calibration_table({"scores": held[""], "calibration": held["calibration"]})
    measured = [job.results[0] for job in JOBS.of(KIND) if job.state == "done" and job.results]
    if measured:
        found = pd.concat([part for part in (scores_table(measured[-1]), found) if len(part)])
        bins = pd.concat([part for part in (calibration_table(measured[-1]), bins) if len(part)])
    if found.empty:
        _no_scores(base.about)
    else:
        _show_scores(found, bins)
    _measure(base)


def _no_scores(about: Mapping[str, Any]) -> None:
    with st.container(border=True):
        st.markdown("**No scores come with this model yet.**")
        validation = about.get("validation")
        if isinstance(validation, Mapping) and {"top1", "nll", "games"} <= set(validation):
            st.markdown(
                f"While training it named {validation['top1']:.1%} of the moves of {validation['games']:,} "
                f"other games first, at {validation['nll']:.3f} nats a move: a sign, not a score."
            )
        st.markdown("Measure it here on your own games, or with `chessgru evaluate GAMES.pgn`.")


def _show_scores(found: pd.DataFrame, bins: pd.DataFrame) -> None:
    sets = list(dict.fromkeys(found["games scored"]))
    chosen = st.selectbox("Games scored", sets, key="score_set") if len(sets) > 1 else sets[0]
    mine = found[found["games scored"] == chosen]
    whole = mine[mine["group"] == "all"]
    st.dataframe(_shown(whole), hide_index=True)
    st.caption("In brackets 95 % intervals over games. Surprise and calibration error: lower is better.")
    names = list(dict.fromkeys(mine["forecaster"]))
    left, right = st.columns(2, gap="large")
    with left:
        _calibration(bins[bins["games scored"] == chosen])
    with right:
        _by(mine[mine["forecaster"] == names[0]], "rating", "By rating")
        _by(mine[mine["forecaster"] == names[0]], "phase", "By phase of the game")
    download_csv(mine, "scores.csv", key="scores-csv", label="All scores as CSV")


def _shown(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns the scores of all plies as people read them."""

    def percent(row: pd.Series[Any], name: str) -> str:
        spread = (
            f" ({row[f'{name}_low']:.1%}–{row[f'{name}_high']:.1%})"
            if row[f"{name}_low"] == row[f"{name}_low"]
            else ""
        )
        return f"{row[name]:.1%}{spread}"

    return pd.DataFrame(
        [
            {
                "forecaster": _FORECASTERS.get(str(row["forecaster"]), str(row["forecaster"])),
                "first guess right": percent(row, "top1"),
                "among first three": f"{row['top3']:.1%}",
                "among first five": f"{row['top5']:.1%}",
                "surprise (nats)": f"{row['nll']:.3f}",
                "calibration error": f"{row['ece']:.3f}",
                "plies": f"{row['plies']:,}",
                "games": f"{row['games']:,}",
            }
            for _, row in rows.iterrows()
        ]
    )


def _calibration(bins: pd.DataFrame) -> None:
    from chessgru.ui.model_charts import calibration_chart

    st.header("Calibration", anchor=False)
    if bins.empty:
        st.write("No calibration was stored with these scores.")
        return
    st.altair_chart(calibration_chart(bins))
    st.caption("On the dashed line, a move said to be 40 % likely is played in 40 % of the cases.")
    download_csv(bins, "calibration.csv", key="calibration-csv")


def _by(rows: pd.DataFrame, kind: str, title: str) -> None:
    from chessgru.ui.model_charts import accuracy_chart

    mine = rows[rows["group"].str.startswith(f"{kind}: ")]
    if mine.empty:
        return
    named = mine.assign(kind=mine["group"].str.removeprefix(f"{kind}: "))
    st.header(title, anchor=False)
    st.altair_chart(accuracy_chart(named, list(named["kind"])))


def _measure(base: Checkpoint) -> None:
    try:
        library = store.library()
        games = library.count()
    except ChessgruError as error:
        st.warning(plain(str(error)))
        return
    for line in (line for job in JOBS.of(KIND) for line in job.errors):
        st.error(plain(line))
    running = any(job.state == "running" for job in JOBS.of(KIND))
    if not games:
        st.caption("Add games on the Players page to measure the model on them.")
        return

    def start() -> None:
        for job in JOBS.of(KIND):
            JOBS.dismiss(job)
        JOBS.start(KIND, "Measuring", measure_work(library, base))

    st.button("Measure on my latest games", icon=":material/speed:", on_click=start, disabled=running)
    follow(KIND)


# Gates


def _gates(base: Checkpoint) -> None:
    games = _games_at_hand()
    if not games:
        st.write(
            "Play some moves on the Play page, or open a game on the Review page: its gates show here."
        )
        return
    chosen = st.segmented_control("Game", list(games), default=next(iter(games)), key="gates_game")
    game = games.get(chosen or "", next(iter(games.values())))
    st.caption(plain(f"{game.white or '?'} – {game.black or '?'}, {len(game.tokens)} plies"))
    _gate_charts(base, game)


def _games_at_hand() -> dict[str, Game]:
    """Returns the games of this window that have a move: on the board, and under review."""
    found = {}
    if has_table() and table().game.line:
        found["On the board"] = game_of(table())
    if (study := reviewed()) is not None:
        found["Under review"] = study.source
    return found


def _gate_charts(base: Checkpoint, game: Game) -> None:
    from chessgru.trace import trace
    from chessgru.ui.model_charts import gates_chart, gates_table, kept_heatmap

    if base.model.config.cell != "gru":
        st.info(f"This model's cell is {base.model.config.cell.upper()}: it has other gates than a GRU.")
    seen = trace(base.model, game)
    rows = gates_table(seen)
    st.altair_chart(gates_chart(rows))
    st.caption(
        "Kept: how much of the state the update gate let through to the next ply; the rest was replaced. "
        "Past seen: how much of it the reset gate let into what replaces it."
    )
    st.altair_chart(kept_heatmap(seen))
    st.caption(
        "Each row is a unit of the state: bright where it keeps what it knew, dark where it is rewritten."
    )
    with st.expander("As a table", icon=":material/table:"):
        st.dataframe(rows, hide_index=True)
    download_csv(rows, "gates.csv", key="gates-csv")


# The card


def _card() -> None:
    from chessgru.checkpoint import shipped_model

    chosen = os.environ.get(MODEL_VARIABLE, "")
    path = (Path(chosen) if chosen else shipped_model()) / _CARD
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        st.write("No model card lies beside this model.")
        return
    for part in card_parts(text):
        if isinstance(part, str):
            st.markdown(part)
        else:
            st.dataframe(part, hide_index=True)


def card_parts(text: str) -> list[str | pd.DataFrame]:
    """Returns Markdown cut at its tables, which come as tables: they scroll and can be downloaded."""
    parts: list[str | pd.DataFrame] = []
    for is_table, lines in groupby(text.splitlines(), lambda line: line.startswith("|")):
        block = list(lines)
        parts.append(_table_of(block) if is_table and len(block) > 2 else "\n".join(block))
    return parts


def _table_of(lines: Sequence[str]) -> pd.DataFrame:
    head, _, *rows = ([cell.strip() for cell in line.strip("| ").split("|")] for line in lines)
    names = [
        name if head.index(name) == place else f"{name} ({place + 1})" for place, name in enumerate(head)
    ]
    return pd.DataFrame([dict(zip(names, row, strict=False)) for row in rows], columns=names)
