"""Links are typed, cut and mangled on their way: what arrives is a game, or one line that says why not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from legal_games import legal_games

from chessgru.errors import ChessgruError
from chessgru.game import Game
from chessgru.session import LiveGame
from chessgru.ui import store
from chessgru.ui.arriving import table_of_link
from chessgru.ui.opening_games import game_in, link_of
from chessgru.ui.state import SIDES, Chair, Seating, Table
from chessgru.vocabulary import UCI

GAMES = legal_games(8)
QUICK = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CHESSGRU_HOME", str(tmp_path))
    monkeypatch.delenv("CHESSGRU_LIBRARY", raising=False)
    st.cache_resource.clear()
    yield
    store.library().close()
    st.cache_resource.clear()


def says_why_in_one_line(error: ChessgruError) -> None:
    text = str(error)
    assert len(text.splitlines()) == 1
    assert 10 < len(text) < 200


# Links to a stored game


@pytest.fixture
def slug() -> str:
    table = Table(Seating(Chair("Dad"), Chair("Son")), game=LiveGame.from_moves(["e4", "c5"]))
    return store.share(table)


@QUICK
@given(
    asked=some.dictionaries(
        some.sampled_from(("game", "side", "live", "curtain", "moves")),
        some.text(max_size=60)
        | some.integers().map(str)
        | some.sampled_from(("white", "black", "watch", "9" * 5000, "x" * 5000)),
    )
)
def test_a_mangled_link_opens_a_board_or_says_why_not(asked: dict[str, str]) -> None:
    try:
        table = table_of_link(asked)
    except ChessgruError as error:
        says_why_in_one_line(error)
    else:
        assert table.game.line == ()
        assert not asked.get("game")
        assert not asked.get("live")


@QUICK
@given(side=some.text(max_size=20) | some.sampled_from((*SIDES, "watch", "")), data=some.data())
def test_a_link_opens_its_own_game_or_none(slug: str, side: str, data: some.DataObject) -> None:
    table = table_of_link({"game": slug, "side": side})
    assert table.game.sans == ("e4", "c5")
    expected = {"white": {"white"}, "black": {"black"}, "watch": set()}.get(side, set(SIDES))
    assert table.hands == expected
    cut = data.draw(some.integers(1, len(slug) - 1))
    with pytest.raises(ChessgruError, match="link"):
        table_of_link({"game": slug[:cut], "side": side})


# Links that hold a whole game


@QUICK
@given(
    game=some.sampled_from(GAMES),
    white=some.text(max_size=250),
    result=some.sampled_from(("1-0", "0-1", "1/2-1/2", "*")),
)
def test_a_link_with_a_game_gives_it_back(game: Game, white: str, result: str) -> None:
    found = game_in(link_of(replace(game, white=white, result=result)))
    assert found is not None
    assert (found.tokens, found.result) == (game.tokens, result)
    assert (found.white_rating, found.black_rating) == (game.white_rating, game.black_rating)
    assert len(found.white) <= 200
    assert "\n" not in found.white


MOVES = some.lists(some.sampled_from(UCI) | some.text(max_size=8), max_size=12).map(".".join)


@QUICK
@given(
    moves=MOVES | some.text(max_size=300) | some.sampled_from(("e2e4." * 5000, "", "0000", "e2e4.0000")),
    rating=some.text(max_size=10) | some.integers().map(str) | some.sampled_from(("9" * 5000, "²", "١٥٠٠")),
    result=some.text(max_size=10),
)
def test_a_mangled_game_in_a_link_is_a_legal_game_or_told(moves: str, rating: str, result: str) -> None:
    try:
        found = game_in({"moves": moves, "white_rating": rating, "result": result})
    except ChessgruError as error:
        says_why_in_one_line(error)
    else:
        assert found is not None
        assert found.white_rating is None or 10 <= found.white_rating <= 9999
        assert LiveGame.from_tokens(found.tokens).line


@QUICK
@given(game=some.sampled_from(GAMES), data=some.data())
def test_a_game_cut_or_changed_on_its_way_is_a_game_or_told(game: Game, data: some.DataObject) -> None:
    link = link_of(game)
    text = link["moves"]
    at = data.draw(some.integers(0, len(text) - 1))
    changed = data.draw(
        some.sampled_from((text[:at], text[:at] + text[at + 1 :], text[:at] + "h" + text[at:]))
    )
    try:
        found = game_in(link | {"moves": changed})
    except ChessgruError as error:
        says_why_in_one_line(error)
    else:
        assert found is not None
        assert len(found.tokens) <= len(game.tokens)
