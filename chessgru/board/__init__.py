"""The chess board of the app: a Streamlit component around Lichess's chessground, and two prediction cards.

The cards, the list of moves and the arrows are drawn inside the component from one payload, so that a
move costs one message each way. What a player does comes back as actions; each carries a number, and the
payload says which were done (`ack`): the board repeats what was not, and ignores answers older than what
it shows.

The TypeScript lies in `src/`, is bundled by `hatch_build.py`, and is served from `static/`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, get_args

import streamlit as st
from streamlit.errors import StreamlitAPIException

from chessgru.game import Side

STATIC: Final = Path(__file__).parent / "static"
_NAME: Final = "chessgru.board"
_HTML: Final = "<div></div>"
Kind = Literal["move", "goto", "flip", "curtain", "back", "draw", "resign", "new"]
_KINDS: Final = frozenset(get_args(Kind))


@dataclass(frozen=True, slots=True)
class PlyRow:
    """One ply of the line: `fen` is the position after it, `bits` its surprise, None where not known."""

    san: str
    uci: str
    fen: str
    bits: float | None


@dataclass(frozen=True, slots=True)
class MoveRow:
    """One bar of a card: probability `p` and the parts of it from own games and from head-to-head."""

    uci: str
    san: str
    p: float
    own: float
    h2h: float
    evidence: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A likely answer and its probability."""

    san: str
    p: float


@dataclass(frozen=True, slots=True)
class ReplyRow:
    """What the waiting player answers to one move of the other, which has probability `p`."""

    uci: str
    san: str
    p: float
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class CardData:
    """One player's card; `note` says why there is nothing to show, or what else to know.

    `eye` labels the button that hides the card or shows it again, "" where there is none; `closed` says
    which of the two a press does now.
    """

    title: str
    moves: tuple[MoveRow, ...] = ()
    replies: tuple[ReplyRow, ...] = ()
    note: str = ""
    eye: str = ""
    closed: bool = False


@dataclass(frozen=True, slots=True)
class PlayerStrip:
    """A player's name and rating beside the board, and a line about how surprising his moves were."""

    name: str
    rating: str
    mayMove: bool  # noqa: N815 - read by the TypeScript side
    surprise: str
    clock: float | None = None
    """Seconds left, None where no clock runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """Everything the board shows. Every text is drawn as text, never as markup."""

    session: str
    """Names the server's session: a new one makes the board forget what it had not sent."""
    game: str
    ack: int
    """Number of the last action done."""
    orientation: Side
    fen: str
    start: str
    cursor: int
    line: tuple[PlyRow, ...]
    legal: dict[str, str]
    """SAN by UCI."""
    check: bool
    over: bool
    resigns: Side
    """The side that a press on "resign" means."""
    ticking: Side | Literal[""]
    """The side whose clock runs."""
    status: str
    opening: str
    players: dict[Side, PlayerStrip]
    cards: dict[Side, CardData]
    error: str = ""
    say: str = ""
    """Read out by screen readers when it changes."""
    pgn: str = ""
    file: str = "game.pgn"
    study: bool = False
    """A game looked at, not played: no buttons to change it, and no small graph."""


@dataclass(frozen=True, slots=True)
class Action:
    """Something a player did at the board; `fen` is the position that he saw when he moved.

    `orientation` is the side below after "flip", and the one whose card is hidden or shown by "curtain".
    """

    kind: Kind
    seq: int
    game: str
    move: str = ""
    fen: str = ""
    cursor: int = 0
    orientation: Side = "white"
    closed: bool = False


def parse_action(raw: Mapping[str, Any]) -> Action | None:
    """Returns an action as sent by the browser, or None if it is malformed.

    >>> parse_action({"kind": "goto", "seq": 4, "game": "g", "cursor": 7}).cursor
    7
    >>> parse_action({"kind": "explode"}) is None
    True
    """
    kind: Any = raw.get("kind")
    seq, cursor = raw.get("seq"), raw.get("cursor", 0)
    if kind not in _KINDS or not isinstance(seq, int) or not isinstance(cursor, int):
        return None
    return Action(
        kind,
        seq,
        str(raw.get("game", "")),
        move=str(raw.get("move", "")),
        fen=str(raw.get("fen", "")),
        cursor=cursor,
        orientation="black" if raw.get("orientation") == "black" else "white",
        closed=raw.get("closed") is True,
    )


@cache
def _component() -> Callable[..., Any]:
    """Registers the component once: by file where chessgru is installed, by content in a checkout."""
    try:
        return st.components.v2.component(_NAME, html=_HTML, js="board.js", css="board.css")
    except StreamlitAPIException:
        js, css = ((STATIC / name).read_text("utf-8") for name in ("board.js", "board.css"))
        return st.components.v2.component(_NAME, html=_HTML, js=js, css=css)


def board(payload: Payload, *, key: str, on_actions: Callable[[], None]) -> None:
    """Draws the board; `on_actions` is called before the rerun, with the actions in the session state.

    Raises FileNotFoundError in a checkout where the board was not built.
    """
    _component()(key=key, data=asdict(payload), on_actions_change=on_actions)


def sent_actions(key: str) -> list[Action]:
    """Returns what the board named `key` has sent; for use in its `on_actions` callback."""
    state = st.session_state.get(key)
    raw = getattr(state, "actions", None) or []
    parsed = (parse_action(item) for item in raw if isinstance(item, Mapping))
    return [action for action in parsed if action is not None]
