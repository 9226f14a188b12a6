"""The row above the board: who plays, which game is open, and the links to it."""

from __future__ import annotations

import io
import re
import socket
from collections.abc import Callable
from datetime import datetime
from typing import Final, cast
from urllib.parse import urlencode, urlsplit

import streamlit as st
from streamlit.elements.lib.mutable_popover_container import PopoverContainer

from chessgru.errors import ChessgruError, UnknownPlayerError
from chessgru.game import TIME_CLASSES, Game, Rejection, Side, TimeClass, name_key
from chessgru.library.live import LiveGame as Record
from chessgru.pgn import read_all
from chessgru.session import LiveGame
from chessgru.ui import store
from chessgru.ui.cards import other
from chessgru.ui.clock import MINUTES, Clock
from chessgru.ui.state import GUEST, SIDES, Chair, Seating, Table, close_menu, menu_key, set_table

MAX_NAME: Final = 200
MAX_LISTED: Final = 200
_SPEED_UNKNOWN: Final = "any speed"
_NOBODY: Final = "nobody"
_WHICH: Final = "which"
_SHORT: Final = 40
_NO_RESULT: Final = "no result after the moves"
"""The warning that tells nothing new: a game that is pasted is seldom one that ended."""
_EVERYWHERE: Final = "0.0.0.0"
_ITSELF: Final = (_EVERYWHERE, "localhost", "127.0.0.1")
_MARKUP: Final = re.compile(r"([\\`*_{}\[\]()#+.!|<>~$:-])")


def plain(text: str) -> str:
    r"""Returns text that Streamlit shows as it is, where it would read Markdown: labels and messages.

    >>> print(plain("![x](http://a)"))
    \!\[x\]\(http\://a\)
    """
    return _MARKUP.sub(r"\\\1", text)


def toolbar(current: Table, live_games: Callable[[], None]) -> None:
    """Draws the row of menus; `live_games` draws those of watched folders."""
    with st.container(horizontal=True, horizontal_alignment="right", gap="small", key="toolbar"):
        with _menu("Players", ":material/group:") as menu:
            if menu.open:
                _players_form(current)
        with _menu("Open", ":material/folder_open:") as menu:
            if menu.open:
                _open_menu(current, live_games)
        with _menu("Share", ":material/link:") as menu:
            if menu.open:
                _share_menu(current)


def _menu(label: str, icon: str) -> PopoverContainer:
    """Draws a menu's button; what is in it is drawn when it is open, for it may read the library."""
    return st.popover(label, icon=icon, key=menu_key(label), on_change="rerun")


# Players


def clean_name(text: str | None) -> str:
    r"""Returns a name fit to store: one line of at most 200 characters, "Guest" where there is none.

    >>> clean_name("  Dad\n"), clean_name("")
    ('Dad', 'Guest')
    """
    return " ".join((text or "").split())[:MAX_NAME] or GUEST


def _players_form(current: Table) -> None:
    known = _known_players()
    with st.form("players", border=False):
        for side in SIDES:
            _chair_fields(current, side, list(known)[:MAX_LISTED])
        speeds = (_SPEED_UNKNOWN, *TIME_CLASSES)
        shown = current.seating.speed or _SPEED_UNKNOWN
        st.selectbox("Speed", speeds, index=speeds.index(shown), key="speed", help="Used without a clock")
        _clock_fields(current.seating.clock)
        _model_fields(current)
        st.form_submit_button("Sit down", type="primary", on_click=_seat, args=(current, known))
    st.button("Swap colors", icon=":material/swap_vert:", on_click=_swap, args=(current,))


def _known_players() -> dict[str, int | None]:
    try:
        return store.known_players()
    except ChessgruError as error:
        st.warning(plain(str(error)))
        return {}


def _chair_fields(current: Table, side: Side, known: list[str]) -> None:
    chair = current.seating.of(side)
    names = list(dict.fromkeys([chair.name, GUEST, *known]))
    name, rating = st.columns([3, 2])
    name.selectbox(
        side.capitalize(),
        names,
        key=f"{side}_name",
        accept_new_options=True,
        help="Someone of your library, or type a new name; a rating left as it is stays with who sat there",
    )
    rating.number_input(
        f"{side.capitalize()}'s rating",
        100,
        3500,
        chair.rating,
        50,
        key=f"{side}_rating",
        placeholder="unknown",
    )


def _model_fields(current: Table) -> None:
    played = next(iter(current.modelled), None)
    shown = played.capitalize() if played else _NOBODY
    choices = (_NOBODY, "White", "Black")
    st.segmented_control("The model plays as", choices, default=shown, key="modelled")
    st.slider(
        "How usual its moves are",
        0.2,
        1.5,
        current.temperature,
        0.1,
        key="temperature",
        help="1 plays as that person does; less, only his usual moves; more, also his rare ones",
    )


def _clock_fields(clock: Clock | None) -> None:
    minutes, increment = st.columns(2)
    base = round(clock.base / 60) if clock else 0
    choices = sorted({*MINUTES, base})
    minutes.selectbox(
        "Clock",
        choices,
        index=choices.index(base),
        key="minutes",
        format_func=lambda value: f"{value} min" if value else "no clock",
    )
    added = int(clock.increment) if clock else 0
    increment.number_input("Seconds a move", 0, 180, added, key="increment")


def _seat(current: Table, known: dict[str, int | None]) -> None:
    chairs, told = [], []
    for side in SIDES:
        before = current.seating.of(side)
        name, rating = clean_name(st.session_state[f"{side}_name"]), st.session_state[f"{side}_rating"]
        chairs.append(_chair(before, name, rating, known))
        told += _news(before, chairs[-1], rating, known)
    speed = st.session_state["speed"]
    chosen = None if speed == _SPEED_UNKNOWN else cast(TimeClass, speed)
    minutes = st.session_state["minutes"]
    clock = Clock(60.0 * minutes, float(st.session_state["increment"])) if minutes else None
    current.seating = Seating(chairs[0], chairs[1], chosen, clock, current.seating.followed)
    current.temperature = float(st.session_state["temperature"])
    played = st.session_state["modelled"]
    current.let_model_play(frozenset(side for side in SIDES if side.capitalize() == played))
    current.error = " ".join(told)
    _save_seating(current)
    close_menu("Players")


def _chair(before: Chair, name: str, rating: int | None, known: dict[str, int | None]) -> Chair:
    """Returns who sits down; a rating that was that of somebody else who sat there is not his."""
    if rating is None or (name != before.name and rating == before.rating):
        return Chair(name, known.get(name))
    return Chair(name, int(rating))


def _news(before: Chair, chair: Chair, rating: int | None, known: dict[str, int | None]) -> list[str]:
    """Returns what to tell of who sits down: that nobody knows him, that a rating is not taken for his."""
    if chair.name == before.name:
        return []
    lines = _unknown(chair.name, known)
    if chair.rating is None and rating is not None:
        name, other_name = _shortened(chair.name), _shortened(before.name)
        lines.append(f"{rating} was the rating of {other_name}: type it again if {name} has it too.")
    return lines


def _unknown(name: str, known: dict[str, int | None]) -> list[str]:
    """Returns a line on a name of which there is no game, with the likeliest known one; else none."""
    key = name_key(name)
    if name == GUEST or key in map(name_key, known):
        return []
    nearest = [other for other in known if key in name_key(other)]
    try:
        store.library().player(name)
    except UnknownPlayerError as error:
        nearest += error.nearest
    except ChessgruError:
        return []
    else:
        return []
    hint = f" Did you mean {_shortened(nearest[0])}?" if nearest else ""
    return [f"{_shortened(name)} is new: no games of that name yet.{hint}"]


def _shortened(name: str) -> str:
    return name if len(name) <= _SHORT else f"{name[:_SHORT]}…"


def _save_seating(current: Table) -> None:
    """Stores who sits there now; a game that was over when it was opened stays as it is stored.

    Saved again, it would join the library's games as one that was played here.
    """
    record = current.record
    if record is not None and record.state == "finished" and record.version == 1:
        current.record = None
    store.save(current)


def _swap(current: Table) -> None:
    """Changes who has which color; the model goes on as whom it was, and moves his pieces now."""
    current.seating = current.seating.swapped()
    current.let_model_play(frozenset(other(side) for side in current.modelled))
    forget_fields()
    _save_seating(current)


def forget_fields() -> None:
    """Lets the form's fields take their values from the table again."""
    for side in SIDES:
        for field in ("name", "rating"):
            st.session_state.pop(f"{side}_{field}", None)
    for field in ("speed", "minutes", "increment", "modelled", "temperature"):
        st.session_state.pop(field, None)


# Games


def _open_menu(current: Table, live_games: Callable[[], None]) -> None:
    upload = st.file_uploader("A PGN file", type=["pgn", "gz", "bz2", "zst", "txt"], key="upload")
    pasted = st.text_area("Or paste a game", key="pasted", placeholder="1. e4 c5 2. Nf3 …", height=100)
    data = upload.getvalue() if upload is not None else pasted.encode("utf-8", "replace")
    if data.strip():
        _offer(current, data, upload.name if upload is not None else "the pasted text")
    _stored_games(current)
    live_games()


def _offer(current: Table, data: bytes, name: str) -> None:
    try:
        games, rejections = _read(data, name)
    except ChessgruError as error:
        st.error(plain(str(error)))
        return
    if rejections:
        first = f"{rejections[0].reason} ({rejections[0].detail})"
        st.warning(plain(f"{len(rejections)} not read, the first: {first}"))
    if not games:
        return
    listed = {game_label(game): game for game in games[:MAX_LISTED]}
    if len(games) > 1:
        rest = f", the first {MAX_LISTED} are listed" if len(games) > MAX_LISTED else ""
        st.caption(f"{len(games)} games{rest}")
    chosen = st.selectbox("Game", list(listed), key=_WHICH) if len(games) > 1 else None
    tell_warnings(listed.get(chosen or "", games[0]))
    st.button("Open this game", type="primary", on_click=_open, args=(current, listed))


@st.cache_data(max_entries=4, show_spinner="Reading the games …")
def _read(data: bytes, name: str) -> tuple[list[Game], list[Rejection]]:
    return read_all(io.BytesIO(data), name=name)


def tell_warnings(game: Game) -> None:
    """Draws a line on what the reader cut off or mended in a game, none if it did neither."""
    warnings = [warning for warning in game.warnings if warning != _NO_RESULT]
    if warnings:
        st.warning(plain(f"In this game: {'; '.join(warnings)}"))


def game_label(game: Game) -> str:
    """Returns a line that tells a game from others: its number, players, result and date."""
    date = f", {game.date}" if game.date else ""
    return f"{game.index + 1}. {game.white or '?'} – {game.black or '?'} {game.result}{date}"


def seating_of(game: Game) -> Seating:
    """Returns who played a game out of a file."""
    white = Chair(clean_name(game.white), game.white_rating)
    black = Chair(clean_name(game.black), game.black_rating)
    return Seating(white, black, game.time_class)


def _open(current: Table, listed: dict[str, Game]) -> None:
    """Opens the game chosen at the moment of the click, which may be later than the last drawing.

    It is stored, so that a reload keeps it; one that is over does not join the library's games by that.
    """
    game = listed.get(st.session_state.get(_WHICH, ""), next(iter(listed.values())))
    current.start(LiveGame.from_game(game), seating_of(game))
    store.save(current)
    close_menu("Open")
    forget_fields()


def _stored_games(current: Table) -> None:
    """Lists the games being played, so that one can be gone on with after any interruption."""
    try:
        records = store.library().live_games()[:8]
    except ChessgruError:
        return
    others = [r for r in records if current.record is None or r.slug != current.record.slug]
    if not others:
        return
    st.caption("Go on with")
    for record in others:
        label = plain(record_label(record))
        st.button(label, key=f"resume-{record.slug}", on_click=_resume, args=(record,), width="stretch")


def record_label(record: Record) -> str:
    """Returns a line that tells a stored game from others: its players, how far it is, its last change."""
    white, black = _shortened(record.white), _shortened(record.black)
    when = datetime.fromtimestamp(record.updated).astimezone()
    return f"{white} – {black}, move {(len(record.tokens) + 1) // 2}, {when:%d %b %H:%M}"


def _resume(record: Record) -> None:
    table = store.opened(record.slug, "")
    table.let_model_play(frozenset(side for side in SIDES if side == record.model))
    set_table(table)
    close_menu("Open")
    forget_fields()


# Links


def _share_menu(current: Table) -> None:
    if current.seating.followed is not None:
        st.write("Whoever opens this link follows the game too.")
        st.code(_address({"live": str(current.seating.followed)}), language=None)
        return
    if current.record is None:
        st.write("A game gets a link with its first move, or at once:")
        st.button("Make a link", type="primary", on_click=_make_link, args=(current,))
        return
    slug = current.record.slug
    st.write("The same game on two devices: each opens the link of his side, others watch.")
    for side, label in (("white", current.seating.white.name), ("black", current.seating.black.name)):
        st.text(label)
        st.code(_link(slug, side), language=None, wrap_lines=True)
    st.text("Watch")
    st.code(_link(slug, "watch"), language=None, wrap_lines=True)
    st.caption("On the home network, start the app with `chessgru app --share`.")


def _make_link(current: Table) -> None:
    store.share(current)


def _link(slug: str, side: str) -> str:
    return _address({"game": slug, "side": side})


def _address(parameters: dict[str, str]) -> str:
    base = (st.context.url or "").split("?")[0]
    if st.get_option("server.address") == _EVERYWHERE:
        base = reachable(base, _own_address())
    return f"{base}?{urlencode(parameters)}"


def reachable(url: str, host: str) -> str:
    """Returns the address under which other devices reach a page that this one opened as itself.

    >>> reachable("http://localhost:8501/", "192.168.1.7")
    'http://192.168.1.7:8501/'
    """
    parts = urlsplit(url)
    if parts.hostname not in _ITSELF or not host:
        return url
    return parts._replace(netloc=host if parts.port is None else f"{host}:{parts.port}").geturl()


@st.cache_data(ttl=60, show_spinner=False)
def _own_address() -> str:
    """Returns this machine's address in its network, "" if it is in none; nothing is sent for that."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return ""
        return str(probe.getsockname()[0])
