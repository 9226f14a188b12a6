"""The Play page: a board, and beside it what each of the two players is likely to do."""

from __future__ import annotations

import streamlit as st

from chessgru.board import Payload, board, sent_actions
from chessgru.game import Side
from chessgru.ui.cards import both_cards, empty_cards
from chessgru.ui.contract import Opener
from chessgru.ui.predicting import predictions
from chessgru.ui.screen import payload
from chessgru.ui.state import BOARD_KEY, Seating, Table, table

FAIR_PLAY = (
    "For the board at home, for analysis and for preparation. Never use it beside a game in progress on a "
    "playing site: sites forbid that."
)


def screen(current: Table, opener: Opener) -> Payload:
    """Returns what the board shows now, with predictions for the position looked at."""
    predicted = predictions(current.game, current.seating, opener)
    if isinstance(predicted, str):
        return payload(current, empty_cards(current.seating, predicted), ())
    note = "The game is over." if current.game.is_over else "Nothing to predict here."
    cards = both_cards(predicted, current.seating, note)
    return payload(current, cards, predicted.surprise_bits)


def _handle(current: Table) -> None:
    for action in sent_actions(BOARD_KEY):
        current.handle(action)


@st.fragment
def _board(current: Table, opener: Opener) -> None:
    board(screen(current, opener), key=BOARD_KEY, on_actions=lambda: _handle(current))


def play_page(opener: Opener) -> None:
    """Draws the page."""
    current = table(Seating())
    _board(current, opener)
    st.caption(FAIR_PLAY)


__all__ = ["FAIR_PLAY", "Side", "play_page", "screen"]
