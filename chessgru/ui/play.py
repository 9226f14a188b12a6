"""The Play page: a board, and beside it what each of the two players is likely to do."""

from __future__ import annotations

from typing import Final

import numpy as np
import streamlit as st

from chessgru.board import Payload, board, sent_actions
from chessgru.errors import ChessgruError
from chessgru.library import Followed
from chessgru.ui import curtain, following, store
from chessgru.ui.arriving import MODEL, table_of_link
from chessgru.ui.cards import both_cards, empty_cards
from chessgru.ui.contract import Opener
from chessgru.ui.opponent import is_due, take_turn
from chessgru.ui.predicting import opened, predictions
from chessgru.ui.screen import payload
from chessgru.ui.setup import plain, toolbar
from chessgru.ui.state import BOARD_KEY, Seating, Table, has_table, set_table, table

FAIR_PLAY: Final = (
    "For the board at home, for analysis and for preparation. Never use it beside a game in progress on a "
    "playing site: sites forbid that."
)
_POLL: Final = "0.5s"


def screen(current: Table, opener: Opener) -> Payload:
    """Returns what the board shows now, with predictions for the position looked at."""
    predicted = predictions(current.game, current.seating, opener)
    if isinstance(predicted, str):
        return payload(current, empty_cards(current.seating, predicted), (), store.now())
    if current.game.is_over and current.game.at_end:
        cards = empty_cards(current.seating, "The game is over.")
    else:
        cards = both_cards(predicted, current.seating, "Nothing to predict here.")
    return payload(current, cards, predicted.surprise_bits, store.now())


def _shown(current: Table, opener: Opener) -> Payload:
    shown = screen(current, opener)
    return shown if current.seating.followed is None else following.read_only(shown)


def _handle(current: Table) -> None:
    """Does what was done at the board and stores it."""
    for action in sent_actions(BOARD_KEY):
        current.handle(action, store.now())
        store.save(current)
        if action.kind == "curtain":
            curtain.tell(current)
    _show_link(current)


def _show_link(current: Table) -> None:
    """Makes the address bar name the game on the board."""
    link = {}
    if current.seating.followed is not None:
        link = {following.PARAMETER: str(current.seating.followed)}
    elif current.record is not None:
        link = {"game": current.record.slug}
        if (own := curtain.own_side(current)) is not None:
            link |= {"side": own} | ({curtain.PARAMETER: "closed"} if own in current.curtains else {})
        elif len(current.seat) < 2:
            link |= {"side": next(iter(current.seat), "watch")}
        if current.modelled:
            link[MODEL] = next(iter(current.modelled))
    if st.query_params.to_dict() != link:
        st.query_params.from_dict(link)


@st.fragment
def _board(current: Table, opener: Opener) -> None:
    if current.seating.followed is not None:
        following.bar(current)
    stand = current.stand
    board(_shown(current, opener), key=BOARD_KEY, on_actions=lambda: _handle(current))
    current.drawn = stand


def _follow(current: Table, opener: Opener, drawn: tuple[object, ...]) -> None:
    """Looks whether the game goes on without this window; the board is drawn again only if it does.

    What counts is what the board shows, not what this look has changed: a run may be cut off by the next.
    """
    try:
        if current.seating.followed is not None:
            following.refresh(current)
        else:
            curtain.refresh(current)
            if not store.refresh(current):
                _goes_on(current, opener)
    except ChessgruError as error:
        current.error = str(error)
    if current.stand != current.drawn or _menus(current, following.offered(current)) != drawn:
        st.rerun()


def _menus(current: Table, games: list[Followed]) -> tuple[object, ...]:
    """Returns what the menus above the board depend on: they are drawn again only if it changes."""
    return (current.record.slug if current.record else None, *sorted(one.id for one in games))


def _goes_on(current: Table, opener: Opener) -> None:
    """Ends a game whose time is over, and lets the model move."""
    changed = current.flag(store.now())
    if is_due(current):
        predicted = predictions(current.game, current.seating, opener)
        if not isinstance(predicted, str):
            changed |= take_turn(current, predicted, store.now(), np.random.default_rng())
    if changed:
        store.save(current)


def _arrive() -> str:
    """Gives a new window its table: the game of its link, or a new one. Returns what went wrong, or ""."""
    try:
        set_table(table_of_link(st.query_params))
    except ChessgruError as error:
        set_table(Table(Seating()))
        return str(error)
    return ""


def play_page(opener: Opener) -> None:
    """Draws the page."""
    problem = "" if has_table() else _arrive()
    current = table()
    _show_link(current)
    offered = following.offered(current)
    toolbar(current, lambda: following.menu(offered) if offered else following.hint())
    found = opened(current.seating, opener)
    with st.container():  # the board keeps its place, and what is held on it, whatever is told above
        for line in (problem, *(() if isinstance(found, str) else found.troubles)):
            if line:
                st.warning(plain(line))
        if not current.game.line:
            following.menu(offered[:1], place="page")
    _board(current, opener)
    often = _POLL if current.seating.followed is None else following.POLL
    st.fragment(_follow, run_every=often)(current, opener, _menus(current, offered))
    st.caption(FAIR_PLAY)
