"""One player on the Players page: numbers, names, repertoire, profile, and how to forget him."""

from __future__ import annotations

from typing import Final

import chess.svg
import pandas as pd
import streamlit as st

from chessgru.errors import ChessgruError
from chessgru.game import Side
from chessgru.library import Library, Player, PlayerSummary
from chessgru.openings import opening_of
from chessgru.profiles import delete_profile, profile_path
from chessgru.ui.habits_panel import habits_panel
from chessgru.ui.learning_panel import learning_panel
from chessgru.ui.setup import plain
from chessgru.ui.tables import download_csv, facts, file_name
from chessgru.ui.tree import Branch, Line, board_after, branches, lines_of, written
from chessgru.vocabulary import MOVES

_PATH: Final = "repertoire_path"
_SHOWN: Final = 10
_WON, _DRAWN, _LOST = "#2f7fc1", "#9a948a", "#d55e00"
_BOARD: Final = {"square light": "#f0d9b5", "square dark": "#b58863", "margin": "#0000"}


def person(library: Library, player: Player, summary: PlayerSummary) -> None:
    """Draws everything about one player."""
    _numbers(summary)
    repertoire, habits, profile, names, forget = st.tabs(
        ["Repertoire", "Habits", "Profile", "Names", "Delete"]
    )
    with repertoire:
        _repertoire(library, player)
    with habits:
        habits_panel(library, player)
    with profile:
        learning_panel(library, player)
    with names:
        _names(library, player)
    with forget:
        _forget(library, player, summary.games)


def _numbers(summary: PlayerSummary) -> None:
    dates = " – ".join(dict.fromkeys(date for date in (summary.first_date, summary.last_date) if date))
    facts(
        (
            ("Games", f"{summary.games:,}"),
            ("White · Black", f"{summary.white_games:,} · {summary.black_games:,}"),
            ("Latest rating", str(summary.rating or "unknown")),
            ("Played", dates.replace(".", "\u2011") or "undated"),
        )
    )


# Repertoire


@st.cache_resource(max_entries=4, show_spinner="Reading the games …")
def _lines(_library: Library, path: str, player: Player, games: int) -> list[Line]:  # noqa: ARG001
    return lines_of(_library.games(player.name), player.keys)


def _repertoire(library: Library, player: Player) -> None:
    lines = _lines(library, str(library.path), player, library.count(player.name))
    color = st.segmented_control(
        "Color", ["White", "Black"], default="White", key="repertoire_color", on_change=_go, args=((),)
    )
    side: Side = "black" if color == "Black" else "white"
    who, path = st.session_state.get(_PATH, ("", ()))
    path = path if who == player.name else ()
    found = branches(lines, side, path)
    picture, moves = st.columns([2, 3], gap="medium")
    with picture:
        _board(path, side)
    with moves:
        _breadcrumbs(path, player.name)
        _moves(found, path, player.name)
    table = _table(found)
    download_csv(table, file_name(player.name, side, ending="csv"), key="repertoire-csv")


def _go(path: tuple[int, ...], name: str = "") -> None:
    st.session_state[_PATH] = (name, path)


def _board(path: tuple[int, ...], side: Side) -> None:
    board = board_after(path)
    last = MOVES[path[-1]] if path else None
    drawn = chess.svg.board(
        board, orientation=side == "white", lastmove=last, size=340, coordinates=False, colors=_BOARD
    )
    st.image(drawn, caption=" ".join(written(path)[-2:]) or "Start position", width=340)


def _breadcrumbs(path: tuple[int, ...], name: str) -> None:
    opening = opening_of(board.fen() for board in (board_after(path[: n + 1]) for n in range(len(path))))
    st.markdown(f"**{opening.eco} · {plain(opening.name)}**" if opening else "**All games**")
    if not path:
        return
    with st.container(horizontal=True, gap="small"):
        st.button("Start", key="crumb-start", on_click=_go, args=((), name), icon=":material/first_page:")
        first = max(0, len(path) - 8)
        for number, text in list(enumerate(written(path), start=1))[first:]:
            st.button(
                text, key=f"crumb-{number}", on_click=_go, args=(path[:number], name), type="tertiary"
            )


def _moves(found: list[Branch], path: tuple[int, ...], name: str) -> None:
    if not found:
        st.info("No game goes on from here." if path else "No games with this color.")
    for branch in found[:_SHOWN]:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button(
                branch.san,
                key=f"branch-{branch.uci}",
                on_click=_go,
                args=((*path, branch.token), name),
                width=92,
            )
            st.html(_bar(branch), width="stretch")
    if found:
        st.html(_legend())
    if len(found) > _SHOWN:
        st.caption(f"and {len(found) - _SHOWN} rarer moves, in the download")


def _bar(branch: Branch) -> str:
    """Returns a line of counts over a bar of results, as HTML; the counts say what the colors do."""
    score = "" if branch.score is None else f" · scored {branch.score:.0%}"
    parts = ((branch.won, _WON), (branch.drawn, _DRAWN), (branch.lost, _LOST))
    cells = "".join(f'<i style="flex:{count};background:{color}"></i>' for count, color in parts if count)
    text = f"<b>{branch.share:.0%}</b> · {branch.games:,} {'game' if branch.games == 1 else 'games'}{score}"
    results = f"{branch.won} won, {branch.drawn} drawn, {branch.lost} lost"
    return (
        f'<div style="font-size:.85rem;line-height:1.3" title="{results}">{text}'
        f'<div role="img" aria-label="{results}" style="display:flex;gap:1px;height:8px;border-radius:4px;'
        f'overflow:hidden;max-width:{max(6, 100 * branch.share):.0f}%">{cells}</div></div>'
    )


def _legend() -> str:
    swatch = (
        '<i style="display:inline-block;width:12px;height:8px;border-radius:2px;background:{}"></i> {} '
    )
    parts = ((_WON, "won"), (_DRAWN, "drawn"), (_LOST, "lost"))
    body = "&emsp;".join(swatch.format(color, text) for color, text in parts)
    return f'<p style="font-size:.8rem;opacity:.8;margin:0">{body}&emsp;by this order of moves</p>'


def _table(found: list[Branch]) -> pd.DataFrame:
    columns = ["move", "games", "share", "won", "drawn", "lost", "score"]
    rows = [(b.san, b.games, round(b.share, 4), b.won, b.drawn, b.lost, b.score) for b in found]
    return pd.DataFrame(rows, columns=columns)


# Names


def _names(library: Library, player: Player) -> None:
    others = [alias for alias in player.aliases if alias != player.name]
    if not others:
        st.write("One name only. If this person played under another name too, add it:")
    for number, alias in enumerate(others):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(alias, width="content")
            st.button("Take apart", key=f"apart-{number}", on_click=_take_apart, args=(library, alias))
    with st.form("alias", border=False, clear_on_submit=True):
        st.text_input("Another name of this person", key="other_name", max_chars=200)
        st.form_submit_button("It is the same person", on_click=_join, args=(library, player.name))


def _take_apart(library: Library, alias: str) -> None:
    try:
        library.unmerge(alias)
    except ChessgruError as error:
        st.toast(plain(str(error)), icon=":material/error:")


def _join(library: Library, name: str) -> None:
    alias = st.session_state["other_name"].strip()
    if not alias:
        return
    try:
        library.merge(name, [alias])
    except ChessgruError as error:
        st.toast(plain(str(error)), icon=":material/error:")


# Forgetting


def _forget(library: Library, player: Player, games: int) -> None:
    count = f"{games:,} {'game' if games == 1 else 'games'}"
    st.write(f"This deletes {count}, all names of this player, the profile, and games being played.")
    st.caption("Opponents lose these games too. It cannot be undone.")
    sure = st.checkbox(f"Yes, delete {plain(player.name)} and {count}", key=f"sure-{player.id}")
    st.button(
        "Delete for good",
        icon=":material/delete_forever:",
        disabled=not sure,
        on_click=_delete,
        args=(library, player),
    )


def _delete(library: Library, player: Player) -> None:
    """Deletes a player; what the server remembers of him goes too."""
    try:
        games = library.delete_player(player.name)
        for name in (player.name, *player.aliases):
            delete_profile(profile_path(library.path.parent, name))
    except (ChessgruError, OSError) as error:
        st.toast(plain(f"not deleted: {error}"), icon=":material/error:")
        return
    for key in ("player", "player_choice", _PATH):
        st.session_state.pop(key, None)
    st.cache_data.clear()
    st.cache_resource.clear()
    st.toast(plain(f"{player.name} and {games:,} games are deleted."), icon=":material/check:")
