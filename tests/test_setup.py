"""The menus above the board: what opens from a text, and who sits down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from chessgru.game import Game
from chessgru.session import LiveGame
from chessgru.ui import store
from chessgru.ui.state import Chair, Table, menu_key

APP = Path(__file__).with_name("browser") / "tiny_app.py"
CUT = "1. e4 e5 2. Ke3 d5 3. d4 Nf6"
TOKENS = tuple(ply.token for ply in LiveGame.from_moves(["e4", "c5"]).line)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CHESSGRU_HOME", str(tmp_path))
    monkeypatch.delenv("CHESSGRU_LIBRARY", raising=False)
    st.cache_resource.clear()
    st.cache_data.clear()
    yield
    store.library().close()
    st.cache_resource.clear()


def opened_menu(label: str) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=60)
    app.session_state[menu_key(label)] = True
    return app.run()


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception
    return app


def table(app: AppTest) -> Table:
    current: Table = app.session_state["chessgru"]
    return current


def pasted(text: str) -> AppTest:
    app = opened_menu("Open")
    app.text_area(key="pasted").set_value(text).run()
    return press(app, "Open this game")


def reloaded(app: AppTest) -> Table:
    """Returns the table of a new window at the address of this one."""
    again = AppTest.from_file(str(APP), default_timeout=60)
    for name, value in app.query_params.items():
        again.query_params[name] = value
    return table(again.run())


# What is cut off


def review_app() -> None:
    from tiny import open_tiny

    from chessgru.ui.review import review_page

    review_page(open_tiny)


def on_the_play_page() -> AppTest:
    return opened_menu("Open")


def on_the_review_page() -> AppTest:
    return AppTest.from_function(review_app, default_timeout=60).run()


@pytest.mark.parametrize(
    ("page", "key", "which"),
    [(on_the_play_page, "pasted", "which"), (on_the_review_page, "review_pasted", "review_text")],
    ids=["Play", "Review"],
)
def test_moves_that_are_cut_off_are_told_beside_the_offer(
    page: Callable[[], AppTest], key: str, which: str
) -> None:
    app = page()
    app.text_area(key=key).set_value(CUT).run()
    [warning] = app.warning
    assert "cut at ply 2\\: illegal move 'Ke3'" in warning.value
    assert "result" not in warning.value
    assert len(warning.value.splitlines()) == 1
    app.text_area(key=key).set_value("1. e4 e5").run()
    assert not app.warning
    app.text_area(key=key).set_value(f'[White "A"]\n\n1. e4 e5 1-0\n\n[White "B"]\n\n{CUT}').run()
    assert not app.warning
    menu = app.selectbox(key=which)
    menu.set_value(menu.options[1]).run()
    assert len(app.warning) == 1


# What a reload keeps


def test_a_game_opened_from_a_text_outlives_a_reload() -> None:
    app = pasted('[White "Ann"]\n[WhiteElo "1432"]\n\n1. d4 d5')
    again = reloaded(app)
    assert again.game.sans == ("d4", "d5")
    assert again.seating.white == Chair("Ann", 1432)


def test_a_finished_game_outlives_a_reload_and_is_none_that_was_played_here() -> None:
    app = pasted('[White "Ann"]\n[Black "Bob"]\n\n1. d4 {[%clk 0:00:59.9999]} d5 {[%clk 0:00:58.1]} 1-0')
    first = table(app).record
    assert first is not None
    assert (reloaded(app).game.sans, reloaded(app).game.result) == (("d4", "d5"), "1-0")
    app.session_state[menu_key("Players")] = True
    press(app.run(), "Swap colors")
    assert table(app).seating.white.name == "Bob"
    app.selectbox(key="white_name").set_value("Dad")
    press(app, "Sit down")
    store.save(table(app))
    assert store.library().count() == 0
    assert store.library().live_games() == []
    assert store.library().load_live(first.slug) == first
    assert reloaded(app).seating.white.name == "Dad"


# Who sits down


def sit_down(name: str, rating: int | None = None) -> AppTest:
    app = opened_menu("Players")
    menu = app.selectbox(key="white_name")
    menu.options.append(name)
    menu.set_value(name)
    if rating is not None:
        app.number_input(key="white_rating").set_value(rating)
    return press(app, "Sit down")


@pytest.fixture
def carlsen() -> None:
    game = Game(tokens=TOKENS, white="Carlsen, Magnus", black="Anand, V", white_rating=2850)
    store.library().add([game], source="ours")


@pytest.mark.usefixtures("carlsen")
@pytest.mark.parametrize("name", ["Carlsen, Mag", "carl", "Carlsen, Mangus"])
def test_a_name_that_nobody_has_is_told_with_the_one_that_is_meant(name: str) -> None:
    told = table(sit_down(name, 2800)).error
    assert told == f"{name} is new: no games of that name yet. Did you mean Carlsen, Magnus?"


@pytest.mark.usefixtures("carlsen")
@pytest.mark.parametrize("name", ["Carlsen, Magnus", "carlsen,magnus", "Guest", "son"])
def test_of_who_is_known_nothing_is_told(name: str) -> None:
    assert table(sit_down(name, 2800)).error == ""


def test_a_stranger_is_told_in_one_short_line_and_once() -> None:
    app = sit_down("W" * 200, 2800)
    assert table(app).error == f"{'W' * 40}… is new: no games of that name yet."
    app.session_state[menu_key("Players")] = True
    press(app.run(), "Sit down")
    assert table(app).error == ""


def test_a_rating_that_is_not_taken_over_is_told_and_can_be_typed_again() -> None:
    before = store.first_seating().white
    app = sit_down("Aunt")
    assert table(app).seating.white == Chair("Aunt")
    assert f"{before.rating} was the rating of {before.name}: type it again" in table(app).error
    app.session_state[menu_key("Players")] = True
    app.run()
    assert app.number_input(key="white_rating").value is None
    app.number_input(key="white_rating").set_value(before.rating)
    press(app, "Sit down")
    assert table(app).seating.white == Chair("Aunt", before.rating)
