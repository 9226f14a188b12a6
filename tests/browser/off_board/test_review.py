"""The Review page in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from ..conftest import Screen
from .conftest import DESKTOP, EVIL, LONG, PHONE, SIZES, Visit, pgn
from .steps import chart, download, expect_reviewed, expect_to_fit, paste, review_pasted, unfold

GAME = pgn(EVIL, LONG, "1. e4 c5 2. Nf3 d6 3. d4 cxd4 4. Nxd4 Nf6 5. Nc3 a6")
SHORT = "review?white=Ann&black=Bob&moves=e2e4.c7c5.g1f3.d7d6.d2d4"


@pytest.mark.parametrize("size", SIZES)
def test_a_pasted_game_is_forecast_move_by_move(visit: Visit, size: dict[str, object]) -> None:
    page = visit("review", **size)
    paste(page, "<html>Error 502</html>")
    expect(page.get_by_role("alert").filter(has_text="the pasted text")).to_be_visible()
    review_pasted(page, GAME)
    expect(page.get_by_text(f"{EVIL} – {LONG}")).to_be_visible()
    expect(chart(page, "Surprise of every move")).to_be_visible()
    expect(page.get_by_role("button", name="Resign")).to_have_count(0)
    Screen(page).expect_piece("f3", None)
    page.get_by_role("button", name="Nf3", exact=True).first.click()
    Screen(page).expect_piece("f3", "white knight")
    text = download(page, "PGN with probabilities")
    assert re.search(r"1\. e4 \{\d+\.\d %, rank \d+ of 20, \d+\.\d bits", text.replace("\n", " "))
    rows = download(page, "Table as CSV").splitlines()
    assert rows[0].startswith("move,player,probability,rank,legal moves,surprise (bits)")
    assert len(rows) == 11
    expect_to_fit(page)


def test_a_bar_of_the_graph_and_a_row_of_a_table_lead_to_their_position(visit: Visit) -> None:
    page = visit(SHORT)
    expect_reviewed(page)
    screen = Screen(page)
    bars = chart(page, "Surprise of every move").locator(".mark-rect path")
    expect(bars).to_have_count(5)
    bars.nth(2).click()
    screen.expect_piece("c5", "black pawn")
    screen.expect_piece("f3", None)
    page.get_by_role("tab", name="Every move").click()
    grid = page.get_by_test_id("stDataFrame").locator("visible=true").last
    grid.click(position={"x": 18, "y": 36 * 5 + 18})
    screen.expect_piece("d6", "black pawn")


@pytest.mark.parametrize("size", SIZES)
def test_a_stored_game_is_opened(visit: Visit, size: dict[str, object]) -> None:
    page = visit("review", **size)
    expect(page.get_by_label("Against")).to_be_visible()
    page.get_by_role("button", name="Review this game").first.click()
    expect(page.get_by_text(re.compile("(Dad – Son|Son – Dad)")).first).to_be_visible()
    expect_reviewed(page)
    expect_to_fit(page)


def test_one_game_of_a_file_is_opened(visit: Visit) -> None:
    page = visit("review")
    page.get_by_role("tab", name="A file or text").click()
    two = pgn("Ann", "Bob", "1. d4 d5") + pgn("Cid", "Bob", "1. c4 e5 2. Ke5")
    page.locator("input[type=file]").set_input_files(
        {"name": "two.pgn", "mimeType": "text/plain", "buffer": two.encode()}
    )
    page.get_by_label("Game", exact=True).locator("visible=true").click()
    page.get_by_role("option", name=re.compile("2. Cid")).click()
    page.get_by_role("button", name="Review this game").last.click()
    expect(page.get_by_text("Cid – Bob").first).to_be_visible()
    expect_reviewed(page)
    expect(page.locator(".line button")).to_have_text(["c4", "e5"])


def test_a_game_is_shared_by_a_link_that_holds_it(visit: Visit) -> None:
    page = visit("review")
    review_pasted(page, GAME)
    page.get_by_role("button", name="Share").click()
    shown = page.get_by_test_id("stPopoverBody").get_by_test_id("stCode")
    expect(shown).to_contain_text("moves=e2e4.c7c5")
    link = re.sub(r"\s", "", shown.inner_text())
    other = visit(link.partition("/review")[2].join(("review", "")), **PHONE)
    expect_reviewed(other)
    expect(other.get_by_text(f"{EVIL} – {LONG[:200]}")).to_be_visible()
    expect(other.locator(".line button")).to_have_count(10)


def test_a_damaged_link_is_told(visit: Visit) -> None:
    page = visit("review?moves=e2e4.e2e4")
    expect(page.get_by_role("alert").filter(has_text="This link is damaged")).to_be_visible()
    unfold(page, "Open a game")


def guessing(page: Page, whose: str = "White", *, touch: bool = False) -> Screen:
    expect_reviewed(page)
    page.get_by_role("button", name="Guess the moves").click()
    page.get_by_role("radio", name=whose).or_(page.get_by_role("button", name=whose, exact=True)).click()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("Play on the board")).to_be_visible()
    expect(page.get_by_text("After your guess, what the model expected").first).to_be_visible()
    page.get_by_label("Type a move").scroll_into_view_if_needed()
    return Screen(page, touch=touch)


def test_moves_are_guessed_on_the_board_against_the_model(visit: Visit) -> None:
    page = visit(SHORT, **DESKTOP)
    screen = guessing(page)
    screen.drag("d2", "d4")
    expect(page.get_by_text("You 0 of 1")).to_be_visible()
    expect(
        page.get_by_text(re.compile(r"the model had it (right|wrong too): (\S+ \d+%(, |\.)){3}"))
    ).to_be_visible()
    screen.expect_piece("e4", "white pawn")
    screen.settle()
    screen.drag("g1", "f3")
    expect(page.get_by_text("You 1 of 2")).to_be_visible()
    page.get_by_role("button", name="Stop guessing").click()
    expect(page.get_by_text("Your guesses: You 1 of 2")).to_be_visible()
    unfold(page, "Your guesses as a table")
    rows = [row.split(",")[:4] for row in download(page, "Guesses as CSV").splitlines()]
    assert [row[:2] + row[3:] for row in rows[1:]] == [["1. e4", "d4", "no"], ["2. Nf3", "Nf3", "yes"]]


def test_blacks_moves_are_guessed_by_touch_to_the_end(visit: Visit) -> None:
    page = visit(SHORT, **PHONE)
    screen = guessing(page, "Black", touch=True)
    screen.expect_piece("e4", "white pawn")
    screen.choose("c7", "c5")
    expect(page.get_by_text("You 1 of 1")).to_be_visible()
    page.get_by_role("button", name="Show the move").click()
    expect(page.get_by_text("Your guesses: You 1 of 2")).to_be_visible()
    expect(page.get_by_role("button", name="Guess the moves")).to_be_visible()
    expect_to_fit(page)
