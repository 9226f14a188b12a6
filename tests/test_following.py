"""Following a game in a watched file, without a browser: see also `browser/test_following.py`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
from tiny import open_tiny

from chessgru.board import Action
from chessgru.errors import LibraryError
from chessgru.game import Game
from chessgru.library import Followed
from chessgru.library.following import WATCHING
from chessgru.seats import find_person
from chessgru.session import LiveGame
from chessgru.ui import following, store
from chessgru.ui.play import screen
from chessgru.ui.state import SIDES, Table

LINE = LiveGame.from_moves(["e4", "e5", "Nf3", "Nc6", "Bb5", "a6"]).tokens
PLAYED = Game(tokens=LINE[:3], white="Dad", black="Son", clocks=(600.0, 590.0, 595.5), time_control="600+5")


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a file in a watched folder, beside a library of its own."""
    monkeypatch.setenv("CHESSGRU_HOME", str(tmp_path))
    monkeypatch.delenv("CHESSGRU_LIBRARY", raising=False)
    st.cache_resource.clear()
    path = tmp_path / "board.pgn"
    path.write_text("written just now")
    store.library().set_mark(f"{WATCHING}{tmp_path}", "0")
    yield str(path)
    store.library().close()
    st.cache_resource.clear()


def played(file: str, plies: int, **more: object) -> Followed | None:
    """Stores the game as it stands in the file; returns it as offered, None if it is not any more."""
    clocks = (600.0, 590.0, 595.5, 580.0, 590.5, 570.0)[:plies]
    game = replace(PLAYED, tokens=LINE[:plies], clocks=clocks, **more)
    store.library().add([game], source=file)
    return next(iter(store.library().in_progress()), None)


def begun(file: str) -> Table:
    offer = played(file, 3)
    assert offer is not None
    return following.followed_table(offer.id)


def act(table: Table, kind: str, **more: object) -> None:
    table.handle(Action(kind, table.done + 1, table.game_id, **more))  # type: ignore[arg-type]
    store.save(table)


def test_a_followed_game_grows_and_ends(file: str) -> None:
    table = begun(file)
    assert following.offered(table) == []
    assert following.refresh(table) is False
    played(file, 4)
    assert following.refresh(table) is True
    assert (table.game.cursor, table.game.result) == (4, "*")
    played(file, 5, result="1-0")
    assert following.refresh(table) is True
    assert (table.game.sans[-1], table.game.result) == ("Bb5", "1-0")


def test_who_looks_back_stays_there(file: str) -> None:
    table = begun(file)
    act(table, "goto", cursor=1)
    played(file, 6)
    assert following.refresh(table) is True
    assert (table.game.cursor, len(table.game.line)) == (1, 6)


def test_nothing_can_be_done_to_a_followed_game(file: str) -> None:
    table = begun(file)
    for kind in ("move", "back", "draw", "resign"):
        act(table, kind, move="Nc6", fen=table.game.fen)
    assert table.game.tokens == LINE[:3]
    assert "watching" in table.error
    table.let_model_play(frozenset({"white"}))
    assert table.hands == frozenset()
    assert store.library().live_games(None) == [], "it is not stored a second time"
    shown = following.read_only(screen(table, open_tiny))
    assert (shown.study, shown.legal, shown.ticking) == (True, {}, "")
    assert [shown.players[side].clock for side in SIDES] == [595.5, 590.0]


def test_a_deleted_game_is_told_and_left(file: str) -> None:
    table = begun(file)
    store.library().delete_player("Dad")
    assert following.refresh(table) is True
    assert "not in the library any more" in table.error
    assert table.seating.followed is None
    with pytest.raises(LibraryError, match="not in the library any more"):
        following.followed_table(1)


def test_a_new_game_on_the_same_table_is_played_not_followed(file: str) -> None:
    table = begun(file)
    table.start(LiveGame())
    assert (table.seating.followed, table.hands) == (None, frozenset(SIDES))


def test_the_game_looked_at_does_not_foretell_itself(file: str) -> None:
    library = store.library()
    library.add([replace(PLAYED, date="2020.01.01", result="0-1")], source="old.pgn")
    table = begun(file)
    known = find_person("Dad", library, without=table.seating.followed)
    assert [game.date for game in known.games] == ["2020.01.01"]
    assert len(find_person("Dad", library).games) == 2
