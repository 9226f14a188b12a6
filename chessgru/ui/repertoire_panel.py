"""What a player plays in the opening: a tree to walk through on a small board, with results."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from typing import Final

import chess.svg
import pandas as pd
import streamlit as st

from chessgru.game import Side
from chessgru.library import Library, Player
from chessgru.openings import opening_of
from chessgru.ui.setup import plain
from chessgru.ui.state import people
from chessgru.ui.tables import download_csv, file_name, games_text
from chessgru.ui.tree import (
    Branch,
    Tree,
    board_after,
    branches,
    last_moves,
    line_text,
    other_orders,
    tree_of,
    written,
)
from chessgru.vocabulary import MOVES

_SHOWN: Final = 10
_ORDERS: Final = 3
_WON, _DRAWN, _LOST = "#2f7fc1", "#9a948a", "#d55e00"
_BOARD: Final = {"square light": "#f0d9b5", "square dark": "#b58863", "margin": "#0000"}
_TRANSPOSED: Final = "⇄"
_ANY_ORDER: Final = "repertoire_any_order"


@st.cache_resource(max_entries=4, show_spinner="Reading the games …")
def _tree(_library: Library, path: str, player: Player, games: int) -> Tree:  # noqa: ARG001
    return tree_of(_library.games(player.name), player.keys)


def repertoire_panel(library: Library, player: Player) -> None:
    """Draws the tree of a player's games from the position that this window has walked to."""
    tree = _tree(library, str(library.path), player, library.count(player.name))
    side, any_order = _choices()
    path = people().path_of(player.name)
    found = branches(tree, side, path, any_order=any_order)
    picture, moves = st.columns([2, 3], gap="medium")
    with picture:
        _board(path, side, found)
    with moves:
        _breadcrumbs(path, player.name)
        _moves(found, path, player.name, any_order)
        _other_orders(other_orders(tree, side, path), player.name)
    table = branches_table(found)
    download_csv(table, file_name(player.name, side, ending="csv"), key="repertoire-csv")


def _choices() -> tuple[Side, bool]:
    """Draws the choice of color and of what counts as the same position."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        color = st.segmented_control(
            "Color",
            ["White", "Black"],
            default="White",
            key="repertoire_color",
            on_change=people().walk,
            args=((),),
        )
        any_order = st.toggle(
            "Any order of moves",
            key=_ANY_ORDER,
            help="Count the games that came to this position by other moves too",
        )
    return "black" if color == "Black" else "white", any_order


def _board(path: tuple[int, ...], side: Side, found: list[Branch]) -> None:
    board = board_after(path)
    arrows = [
        chess.svg.Arrow(MOVES[b.token].from_square, MOVES[b.token].to_square, color="#15781bb0")
        for b in found[:1]
    ]
    drawn = chess.svg.board(
        board,
        orientation=side == "white",
        lastmove=MOVES[path[-1]] if path else None,
        arrows=arrows,
        size=340,
        coordinates=False,
        colors=_BOARD,
    )
    st.html(_figure(drawn, path))


def _figure(drawn: str, path: tuple[int, ...]) -> str:
    """Returns the small board as HTML, with words for who does not see it."""
    data = b64encode(drawn.encode()).decode()
    said = f"Position after {line_text(path)}" if path else "Start position"
    return (
        f'<figure style="margin:0;width:min(340px,100%);text-align:center">'
        f'<img src="data:image/svg+xml;base64,{data}" alt="{said}" style="width:100%;border-radius:4px">'
        f'<figcaption style="font-size:.85rem;opacity:.78">{last_moves(path)}</figcaption></figure>'
    )


def _breadcrumbs(path: tuple[int, ...], name: str) -> None:
    opening = opening_of(board_after(path[: ply + 1]).fen() for ply in range(len(path)))
    st.markdown(f"**{opening.eco} · {plain(opening.name)}**" if opening else "**All games**")
    if not path:
        return
    go = people().walk
    with st.container(horizontal=True, gap="small"):
        st.button("Start", key="crumb-start", on_click=go, args=((), name), icon=":material/first_page:")
        first = max(0, len(path) - 8)
        for number, text in list(enumerate(written(path), start=1))[first:]:
            st.button(text, key=f"crumb-{number}", on_click=go, args=(path[:number], name), type="tertiary")


def _moves(found: list[Branch], path: tuple[int, ...], name: str, any_order: bool) -> None:
    if not found:
        st.info("No game goes on from here." if path else "No games with this color.")
        return
    for branch in found[:_SHOWN]:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            to = (*path, branch.token)
            key = f"branch-{branch.uci}"
            st.button(branch.san, key=key, on_click=people().walk, args=(to, name), width=92)
            st.html(_bar(branch), width="stretch")
    st.html(_legend(any_order, any(branch.here > branch.games for branch in found[:_SHOWN])))
    if len(found) > _SHOWN:
        st.caption(f"and {len(found) - _SHOWN} rarer moves, in the download")


def _bar(branch: Branch) -> str:
    """Returns a line of counts over a bar of results, as HTML; the counts say what the colors do."""
    score = "" if branch.score is None else f" · scored {branch.score:.0%}"
    text = f"<b>{branch.share:.0%}</b> · {games_text(branch.games)}{score}{_transposed(branch)}"
    parts = ((branch.won, _WON), (branch.drawn, _DRAWN), (branch.lost, _LOST))
    cells = "".join(f'<i style="flex:{count};background:{color}"></i>' for count, color in parts if count)
    results = f"{branch.won} won, {branch.drawn} drawn, {branch.lost} lost"
    return (
        f'<div style="font-size:.85rem;line-height:1.3" title="{results}">{text}'
        f'<div role="img" aria-label="{results}" style="display:flex;gap:1px;height:8px;border-radius:4px;'
        f'overflow:hidden;max-width:{max(6, 100 * branch.share):.0f}%">{cells}</div></div>'
    )


def _transposed(branch: Branch) -> str:
    """Returns the mark of a position that came up in more games than are counted at the branch."""
    if branch.here <= branch.games:
        return ""
    said = f"the position came up in {games_text(branch.here)} in all, by any order of moves"
    return f' · <span title="{said}">{_TRANSPOSED} {branch.here:,} in all</span>'


def _legend(any_order: bool, transposed: bool) -> str:
    swatch = (
        '<i style="display:inline-block;width:12px;height:8px;border-radius:2px;background:{}"></i> {} '
    )
    parts = [
        swatch.format(color, text) for color, text in ((_WON, "won"), (_DRAWN, "drawn"), (_LOST, "lost"))
    ]
    parts.append(escape("by any order of moves" if any_order else "by this order of moves"))
    if transposed:
        parts.append(f"{_TRANSPOSED} other orders lead there too")
    return f'<p style="font-size:.8rem;opacity:.8;margin:0">{"&emsp;".join(parts)}</p>'


def _other_orders(orders: list[tuple[tuple[int, ...], int]], name: str) -> None:
    """Draws the other ways to this position; a press goes there by that way."""
    if not orders:
        return
    total = sum(games for _, games in orders)
    st.caption(f"{_TRANSPOSED} {games_text(total)} came here by another order of moves:")
    for number, (path, games) in enumerate(orders[:_ORDERS]):
        st.button(
            f"{plain(line_text(path))} · {games_text(games)}",
            key=f"order-{number}",
            on_click=people().walk,
            args=(path, name),
            type="tertiary",
        )
    if len(orders) > _ORDERS:
        st.caption(f"and {len(orders) - _ORDERS} rarer orders")


def branches_table(found: list[Branch]) -> pd.DataFrame:
    """Returns one row a move, as downloaded; the last column counts games by any order of moves."""
    columns = ["move", "games", "share", "won", "drawn", "lost", "score", "games with the position after"]
    rows = [(b.san, b.games, round(b.share, 4), b.won, b.drawn, b.lost, b.score, b.here) for b in found]
    return pd.DataFrame(rows, columns=columns)
