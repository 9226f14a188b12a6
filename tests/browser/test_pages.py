"""The Review, Players and Model pages in a real browser."""

from __future__ import annotations

from contextlib import suppress

import pytest
from playwright.sync_api import Page, TimeoutError, expect

from .conftest import Open, Screen, eventually

EVIL = "<img src=x onerror=alert(1)>"
LONG = "Maximiliana " * 16
PGN = f"""[White "{EVIL}"]
[Black "{LONG}"]
[Result "1-0"]

1. e4 c5 2. Nf3 d6 3. d4 cxd4 4. Nxd4 Nf6 5. Nc3 a6 1-0

[White "Broken"]
[Black "Game"]
[FEN "8/8/8/8/8/8/8/K1k5 w - - 0 1"]
[SetUp "1"]

1. Ka2 1-0
"""
PHONE = {"width": 390, "height": 844, "touch": True}
SIZES = [pytest.param({}, id="desktop"), pytest.param(PHONE, id="phone")]


def visit(screen: Screen, name: str) -> Page:
    """Goes to a page by its link, and makes sure that no name opens a dialog there."""
    screen.page.on("dialog", lambda dialog: pytest.fail(f"a dialog opened: {dialog.message}"))
    screen.page.get_by_role("link", name=name, exact=True).click()
    expect(screen.page.get_by_role("heading", name=name, level=1)).to_be_attached()
    return screen.page


def expect_to_fit(page: Page) -> None:
    """Waits until nothing on the page is wider than the page."""
    main = page.get_by_test_id("stMain")
    eventually(lambda: main.evaluate("node => node.scrollWidth <= node.clientWidth"), True)


@pytest.mark.parametrize("size", SIZES)
def test_dropped_files_are_imported_and_told(open_page: Open, size: dict[str, int]) -> None:
    page = visit(open_page(**size), "Players")
    page.get_by_text("Add games", exact=True).wait_for()
    if not page.locator("details[open]", has_text="Add games").count():
        page.get_by_text("Add games", exact=True).click()
    page.locator("input[type=file]").first.set_input_files(
        [
            {"name": f"{EVIL}.pgn", "mimeType": "text/plain", "buffer": PGN.encode()},
            {"name": "page.pgn", "mimeType": "text/plain", "buffer": b"<html>Error 502</html>"},
        ]
    )
    expect(page.get_by_text("set-up position").or_(page.get_by_text("1 rejected")).first).to_be_visible(
        timeout=60_000
    )
    expect(page.get_by_text("page.pgn").first).to_be_visible()
    choose_player(page, EVIL)
    expect(page.get_by_role("tab", name="Repertoire")).to_be_visible()
    page.get_by_role("button", name="e4").click()
    expect(page.get_by_role("button", name="c5").first).to_be_visible(timeout=30_000)
    expect_to_fit(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as CSV").last.click()
    assert download.value.path().read_text("utf-8-sig").startswith("move,games,share")
    page.get_by_role("button", name="Dismiss").first.click()


def choose_player(page: Page, name: str) -> None:
    """Opens the menu and chooses; it closes by itself where the page is drawn anew meanwhile."""
    for _ in range(6):
        page.get_by_label("Player", exact=True).click()
        with suppress(TimeoutError):
            page.get_by_role("option", name=name).click(timeout=4000)
            return
    pytest.fail(f"the menu of players never offered {name!r}")


def reviewed(page: Page) -> None:
    page.get_by_role("tab", name="A file or text").click()
    page.get_by_label("Or paste a game").fill(PGN.partition('\n\n[White "Broken"]')[0])
    page.get_by_label("Or paste a game").blur()
    page.get_by_role("button", name="Review this game").last.click()
    expect(page.get_by_role("tab", name="Missed most")).to_be_visible(timeout=60_000)


@pytest.mark.parametrize("size", SIZES)
def test_a_game_is_reviewed_and_stepped_through(open_page: Open, size: dict[str, int]) -> None:
    screen = open_page(**size)
    page = visit(screen, "Review")
    reviewed(page)
    expect(page.get_by_role("button", name="PGN with probabilities")).to_be_visible()
    expect(page.get_by_role("button", name="Resign")).to_have_count(0)
    page.get_by_role("button", name="Nf3", exact=True).first.click()
    screen.expect_piece("f3", "white knight")
    expect_to_fit(page)


def test_moves_are_guessed_on_the_board(open_page: Open) -> None:
    screen = open_page()
    page = visit(screen, "Review")
    reviewed(page)
    page.get_by_role("button", name="Guess the moves").click()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("Play on the board")).to_be_visible()
    expect(page.get_by_text("Shown when you have guessed.").first).to_be_visible()
    page.get_by_label("Type a move").scroll_into_view_if_needed()
    screen.drag("d2", "d4")
    expect(page.get_by_text("You 0 of 1")).to_be_visible()
    screen.expect_piece("e4", "white pawn")
    screen.settle()
    screen.drag("g1", "f3")
    expect(page.get_by_text("You 1 of 2")).to_be_visible()
    page.get_by_role("button", name="Stop guessing").click()
    expect(page.get_by_text("Your guesses: You 1 of 2")).to_be_visible()


def test_the_gates_of_the_game_on_the_board_are_drawn(open_page: Open) -> None:
    screen = open_page()
    screen.type("e4", "c5")
    page = visit(screen, "Model")
    page.get_by_role("tab", name="Gates on a game").click()
    expect(page.get_by_text("Each row is a unit")).to_be_visible(timeout=60_000)
    expect_to_fit(page)
