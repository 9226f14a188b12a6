"""The Review page: a game that was played, how likely each move was, and guessing them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import streamlit as st

from chessgru.board import CardData, board, sent_actions
from chessgru.errors import ChessgruError
from chessgru.game import Game, Side
from chessgru.pgn.writer import to_pgn
from chessgru.ui import store
from chessgru.ui.adding import follow
from chessgru.ui.cards import both_cards, empty_cards
from chessgru.ui.contract import Opener, Predictor
from chessgru.ui.jobs import JOBS, Job
from chessgru.ui.opening_games import game_of_link, link_of, opening_games
from chessgru.ui.predicting import opened
from chessgru.ui.review_charts import PICK, surprise_chart
from chessgru.ui.screen import payload
from chessgru.ui.setup import plain, seating_of
from chessgru.ui.state import SIDES, Seating, reviewed, set_reviewed
from chessgru.ui.study import Guess, Guesser, MoveScore, Study, comments, guesses_table, new_study, table_of
from chessgru.ui.tables import download_csv, facts, file_name

if TYPE_CHECKING:
    from streamlit.elements.lib.column_types import ColumnConfig

_BOARD: Final = "review_board"
_GRAPH: Final = "review_graph"
_WORST: Final = "review_worst"
_MOVES: Final = "review_moves"
_RESULTS: Final = {"1-0": "1\u20110", "0-1": "0\u20111", "1/2-1/2": "½\u2011½"}
_UNSEEN: Final = "After your guess, what the model expected is told above the board."
_GUESSERS: Final[dict[str, Guesser]] = {"White": "white", "Black": "black", "Both": "both"}


def review_page(opener: Opener) -> None:
    """Draws the page."""
    study = _current(opener)
    with st.expander("Open a game", icon=":material/folder_open:", expanded=study is None):
        opening_games(lambda game: _take(game, opener))
    if study is None:
        st.caption("The model then tells how likely each move was, and you can guess them against it.")
        return
    _headline(study)
    _at_the_board(study)
    if study.guesser is None:
        _guesses(study)
        if not _work(study) and study.scores:
            _results(study)


def _current(opener: Opener) -> Study | None:
    """Returns this window's study; on arrival by a link that of its game."""
    if reviewed() is None:
        try:
            game = game_of_link()
        except ChessgruError as error:
            st.warning(plain(f"This link is damaged: {error}"))
            return None
        if game is not None:
            _take(game, opener)
    return reviewed()


def _take(game: Game, opener: Opener) -> None:
    """Puts a game under review and starts the forecast of its moves."""
    seating = seating_of(game)
    study = new_study(game, seating, _predictor(game, seating, opener))
    if (before := reviewed()) is not None:
        JOBS.abandon(JOBS.of(_kind(before)))
    set_reviewed(study)
    for key in (_GRAPH, _WORST, _MOVES):
        st.session_state.pop(key, None)
    _start(study)


def _predictor(game: Game, seating: Seating, opener: Opener) -> Predictor | str:
    """Returns a predictor for the two that does not know this game, or why there is none."""
    found = opened(seating, opener)
    if isinstance(found, str):
        return found
    from chessgru.predictor import Predictor as Shipped

    if not isinstance(found.predictor, Shipped):
        return found.predictor
    from chessgru.ui.unseen import unseen

    return unseen(found.predictor, game)


# The forecast of every move, in the background


def _kind(study: Study) -> str:
    return f"review {study.table.game_id}"


def _start(study: Study) -> None:
    total = len(study.game.line)

    def work(job: Job) -> None:
        for done in study.score_on():
            job.tell(done / total, f"{done} of {total}")

    for job in JOBS.of(_kind(study)):
        JOBS.dismiss(job)
    JOBS.start(_kind(study), "Forecasting every move", work)


def _work(study: Study) -> bool:
    """Draws how far the forecast is, or what kept it from its end; returns whether it still runs."""
    if isinstance(study.predictor, str):
        st.warning(plain(study.predictor))
        return False
    follow(_kind(study))
    jobs = JOBS.of(_kind(study))
    if any(job.state == "running" for job in jobs):
        return True
    if len(study.scores) == len(study.game.line):
        return False
    for error in (error for job in jobs for error in job.errors):
        st.error(plain(error))
    label = f"Go on: {len(study.scores)} of {len(study.game.line)} moves are done"
    st.button(label, on_click=_start, args=(study,), icon=":material/play_arrow:")
    return False


# The board


def _headline(study: Study) -> None:
    game = study.source
    parts = [game.date, game.event, _RESULTS.get(game.result, "")]
    with st.container(horizontal=True, vertical_alignment="center"):
        names = (
            f"**{plain(study.table.seating.shown('white'))} – {plain(study.table.seating.shown('black'))}**"
        )
        st.markdown(f"{names} {plain(' · '.join(part for part in parts if part))}", width="stretch")
        if study.guesser is None:
            _guess_menu(study)
            _share_menu(study)
        else:
            st.button("Show the move", icon=":material/visibility:", on_click=study.skip)
            st.button("Stop guessing", on_click=study.stop_guessing)


def _guess_menu(study: Study) -> None:
    with st.popover("Guess the moves", icon=":material/psychology:"), st.form("guess", border=False):
        st.segmented_control("Whose moves", list(_GUESSERS), default="White", key="guesser")
        last = max(1, (len(study.game.line) + 1) // 2)
        st.number_input("From move", 1, last, 1, key="guess_from")
        st.form_submit_button("Start", type="primary", on_click=_guess, args=(study,))


def _guess(study: Study) -> None:
    guesser = _GUESSERS[st.session_state["guesser"] or "White"]
    study.start_guessing(guesser, 2 * (st.session_state["guess_from"] - 1))


def _share_menu(study: Study) -> None:
    with st.popover("Share", icon=":material/link:"):
        st.write("The link holds the whole game; it opens wherever this app runs.")
        base = (st.context.url or "").split("?")[0]
        st.code(f"{base}?{urlencode(link_of(study.source))}", language=None, wrap_lines=True)


@st.fragment
def _at_the_board(study: Study) -> None:
    if study.guesser is not None:
        _score_line(study)
        if study.finished:
            study.stop_guessing()
            st.rerun()
    shown = study.shown()
    drawn = payload(shown, _cards(study), (), store.now())
    board(replace(drawn, study=True), key=_BOARD, on_actions=lambda: _handle(study))


def _cards(study: Study) -> dict[Side, CardData]:
    if study.guesser is not None:
        return empty_cards(study.table.seating, _UNSEEN)
    predicted = study.forecast()
    if isinstance(predicted, str):
        return empty_cards(study.table.seating, predicted)
    return both_cards(predicted, study.table.seating, "The game is over.")


def _handle(study: Study) -> None:
    for action in sent_actions(_BOARD):
        study.handle(action)


def score_text(study: Study) -> str:
    """Returns how the guesses stand against the model's."""
    count = len(study.guesses)
    right = sum(guess.right for guess in study.guesses)
    model = sum(guess.model_right for guess in study.guesses)
    return f"You {right} of {count} · the model {model} of {count}"


def verdict(guess: Guess) -> str:
    """Returns how a guess and the model's own stand to what was played, and what the model expected.

    >>> verdict(Guess(0, "d4", "e4", "e4", False, True, 0.25, (("e4", 0.5), ("d4", 0.25))))
    '**e4** was played: you said d4 (25% by the model), the model had it right: e4 50%, d4 25%.'
    """
    said = f"you said {guess.san} ({guess.probability:.0%} by the model)," if guess.san else "you passed,"
    yours = "right!" if guess.right else said
    return f"**{guess.played}** was played: {yours} {_model_verdict(guess)}."


def _model_verdict(guess: Guess) -> str:
    if not guess.likeliest:
        return "the model tells nothing"
    too = " too" if guess.san and guess.right == guess.model_right else ""
    expected = ", ".join(f"{san} {probability:.0%}" for san, probability in guess.likeliest)
    return f"the model had it {'right' if guess.model_right else 'wrong'}{too}: {expected}"


def _score_line(study: Study) -> None:
    if not study.guesses:
        st.info(
            "Play on the board, or type, the move that you think was played.", icon=":material/psychology:"
        )
        return
    last = study.guesses[-1]
    text = f"{verdict(last)} {score_text(study)}"
    (st.success if last.right else st.info)(text.replace("#", r"\#"))


# What came out


def _guesses(study: Study) -> None:
    """Draws how the guesses went, once there are some."""
    if not study.guesses:
        return
    st.success(f"Your guesses: {score_text(study)}", icon=":material/psychology:")
    table = guesses_table(study.guesses)
    with st.expander("Your guesses as a table", icon=":material/table:"):
        st.dataframe(table, hide_index=True, column_config=_percents("the model gave it"))
    name = file_name(study.source.white, study.source.black, "guesses", ending="csv")
    download_csv(table, name, key="guesses-csv", label="Guesses as CSV")


def _percents(*columns: str) -> dict[str, ColumnConfig]:
    return {name: st.column_config.NumberColumn(format="percent") for name in columns}


def _results(study: Study) -> None:
    _totals(study)
    st.altair_chart(
        surprise_chart(study.scores, study.table.seating),
        key=_GRAPH,
        on_select=lambda: _go_picked(study),
        selection_mode=PICK,
    )
    st.caption(
        "Click a bar, or tick a row below, to see the position. 1 bit is a move of probability 50 %, 5 "
        "bits 3 %. This game itself is left out of what is remembered about the two."
    )
    _tables(study)
    _downloads(study)


def _totals(study: Study) -> None:
    for side, column in zip(SIDES, st.columns(2), strict=True):
        scores = study.of(side)
        if not scores:
            continue
        with column.container(border=True):
            st.markdown(f"**{plain(study.table.seating.shown(side))}** · {side.capitalize()}")
            facts(
                (
                    ("First guess", f"{sum(score.rank == 1 for score in scores) / len(scores):.0%}"),
                    ("First three", f"{sum(score.rank <= 3 for score in scores) / len(scores):.0%}"),
                    ("Surprise a move", f"{sum(score.bits for score in scores) / len(scores):.1f} bits"),
                )
            )


def _go_picked(study: Study) -> None:
    picked = st.session_state[_GRAPH]["selection"].get(PICK) or []
    if picked:
        _go(study, int(picked[0]["ply"]))


def _go(study: Study, ply: int) -> None:
    """Shows the position before a move: what the model expected there stands beside it."""
    study.table.game = study.game.at(ply)


def _go_row(study: Study, key: str, plies: list[int]) -> None:
    rows = st.session_state[key]["selection"]["rows"]
    if rows:
        _go(study, plies[rows[0]])


def _tables(study: Study) -> None:
    missed, every = st.tabs(["Missed most", "Every move"])
    with missed:
        if worst := study.worst():
            _table(study, _WORST, worst)
        else:
            st.write("None: every move that was played was the model's first guess.")
    with every:
        _table(study, _MOVES, study.scores)


def _table(study: Study, key: str, scores: list[MoveScore]) -> None:
    """Draws moves; a tick shows the position before one."""
    plies = [score.ply for score in scores]
    st.dataframe(
        table_of(scores, study.table.seating),
        hide_index=True,
        key=key,
        on_select=lambda: _go_row(study, key, plies),
        selection_mode="single-row",
        column_config=_percents("probability", "its probability"),
    )


def _downloads(study: Study) -> None:
    table = table_of(study.scores, study.table.seating)
    names = (study.source.white, study.source.black)
    with st.container(horizontal=True):
        st.download_button(
            "PGN with probabilities",
            to_pgn(study.source, comments(study.scores)).encode(),
            file_name(*names, ending="pgn"),
            "application/x-chess-pgn",
            icon=":material/download:",
            on_click="ignore",
        )
        download_csv(
            table, file_name(*names, "moves", ending="csv"), key="review-csv", label="Table as CSV"
        )
