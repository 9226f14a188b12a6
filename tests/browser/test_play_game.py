"""The course of a game: stepping, endings, clocks, playing against the model, opening and keeping games."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from .conftest import DEVICES, Open, Screen


def test_the_keyboard_steps_through_the_game(open_page: Open) -> None:
    screen = open_page()
    screen.type("e4", "e5", "Nf3")
    screen.page.locator(".cg-wrap").first.focus()
    for key, square, piece in (
        ("Home", "e2", "white pawn"),
        ("ArrowRight", "e4", "white pawn"),
        ("ArrowRight", "e5", "black pawn"),
        ("ArrowLeft", "e7", "black pawn"),
        ("End", "f3", "white knight"),
    ):
        screen.page.keyboard.press(key)
        screen.expect_piece(square, piece)
        screen.settle()
    screen.expect_line("e4", "e5", "Nf3")


@pytest.mark.parametrize("device", DEVICES)
def test_buttons_step_take_back_and_flip(open_page: Open, device: dict[str, int]) -> None:
    screen = open_page(**device)
    screen.type("e4", "e5", "Nf3")
    for label, square, piece in (
        ("First position", "e2", "white pawn"),
        ("Next move", "e4", "white pawn"),
        ("Last position", "f3", "white knight"),
        ("Previous move", "g1", "white knight"),
        ("Last position", "f3", "white knight"),
    ):
        screen.press(label)
        screen.expect_piece(square, piece)
    screen.press("Take back")
    screen.expect_line("e4", "e5")
    screen.press("Flip the board")
    expect(screen.black_below).to_be_visible()
    screen.choose("g1", "f3")
    screen.expect_line("e4", "e5", "Nf3")
    screen.page.locator(".line").get_by_role("button", name="e4").click()
    screen.expect_piece("e7", "black pawn")


def test_a_move_from_an_earlier_position_replaces_what_followed(open_page: Open) -> None:
    screen = open_page()
    screen.type("e4", "e5", "Nf3")
    screen.typed.press("ArrowLeft")
    screen.expect_piece("f3", None)
    screen.settle()
    screen.typed.fill("Nc3")
    screen.typed.press("Enter")
    screen.expect_line("e4", "e5", "Nc3")


@pytest.mark.parametrize("device", DEVICES)
def test_the_game_ends_by_mate_resignation_or_agreement(open_page: Open, device: dict[str, int]) -> None:
    screen = open_page(**device)
    screen.type("f3", "e5", "g4", "Qh4")
    ending = screen.page.locator(".ending")
    expect(ending).to_have_text("0–1 · checkmate")
    expect(screen.squares("check")).to_have_count(1)
    expect(screen.page.locator(".card.white")).to_contain_text("The game is over")
    expect(screen.typed).to_be_disabled()
    screen.press("New game")
    screen.expect_line()
    screen.type("e4")
    screen.press("Resign as Black")
    expect(ending).to_have_text("1–0 · Black resigned")
    screen.press("Take back")
    expect(ending).to_have_count(0)
    screen.press("Agree a draw")
    expect(ending).to_have_text("½–½ · draw agreed")
    screen.expect_line("e4")


def sit_down(screen: Screen, **menus: str) -> None:
    """Chooses in the form of players, by the labels of its menus, and sits down."""
    page = screen.page
    screen.open_menu("Players")
    for label, choice in menus.items():
        page.get_by_role("combobox", name=label).click()
        page.get_by_role("option", name=choice, exact=True).click()
    page.get_by_role("button", name="Sit down").click()
    screen.expect_no_menu()


@pytest.mark.parametrize("device", DEVICES)
def test_a_clock_ticks_for_the_side_to_move_and_adds_the_increment(
    open_page: Open, device: dict[str, int]
) -> None:
    screen = open_page(**device)
    page = screen.page
    screen.open_menu("Players")
    page.get_by_label("Seconds a move").fill("30")
    page.get_by_role("combobox", name="Clock").click()
    page.get_by_role("option", name="1 min", exact=True).click()
    page.get_by_role("button", name="Sit down").click()
    white, black = (page.get_by_role("timer", name=f"{side}'s clock") for side in ("White", "Black"))
    expect(black).to_have_text("1:00")
    screen.type("e4")
    expect(black).to_have_text(re.compile(r"0:5\d"))
    expect(white).to_have_text("1:30")
    expect(black).to_have_class(re.compile("runs"))
    screen.type("e5")
    expect(black).to_have_text(re.compile(r"1:[12]\d"))
    expect(white).to_have_text(re.compile(r"1:2\d"))
    screen.press("Resign as White")
    expect(page.locator(".clock.runs")).to_have_count(0)


def test_players_swap_colors(open_page: Open) -> None:
    screen = open_page()
    sit_down(screen, Speed="blitz")
    screen.open_menu("Players")
    screen.page.get_by_role("button", name="Swap colors").click()
    expect(screen.page.locator(".strip.white")).to_contain_text("Son")
    expect(screen.page.locator(".card.black")).to_contain_text("Dad is likely")


@pytest.mark.parametrize("device", DEVICES)
def test_the_model_plays_one_side_and_may_be_taken_back(open_page: Open, device: dict[str, int]) -> None:
    screen = open_page(**device)
    page, line = screen.page, screen.page.locator(".line button")
    screen.open_menu("Players")
    page.get_by_role("radio", name="Black").or_(
        page.get_by_role("button", name="Black", exact=True)
    ).click()
    slider = page.get_by_role("slider", name="How usual its moves are")
    for _ in range(9):
        slider.press("ArrowLeft")
    page.get_by_role("button", name="Sit down").click()
    screen.expect_no_menu()
    likeliest = screen.page.locator(".card.black .replies li").first
    expect(likeliest).to_contain_text("if")
    screen.typed.fill("e4")
    screen.typed.press("Enter")
    expect(line).to_have_count(2)
    screen.settle()
    screen.drag("d7", "d6")
    expect(line).to_have_count(2)
    screen.press("Take back")
    screen.expect_line()
    screen.typed.fill("d4")
    screen.typed.press("Enter")
    expect(line).to_have_count(2)
    page.reload()
    expect(line).to_have_count(2)
    screen.typed.fill("c4")
    screen.typed.press("Enter")
    expect(line).to_have_count(4)


@pytest.mark.parametrize("device", DEVICES)
def test_a_game_is_pasted_and_downloaded(open_page: Open, device: dict[str, int]) -> None:
    screen = open_page(**device)
    page = screen.page
    screen.open_menu("Open")
    pasted = page.get_by_label("Or paste a game")
    pasted.fill('[White "Ann"]\n[WhiteElo "1432"]\n\n1. d4 d5 2. c4 dxc4 1/2-1/2')
    pasted.press("Control+Enter")
    page.get_by_role("button", name="Open this game").click()
    screen.expect_line("d4", "d5", "c4", "dxc4")
    screen.expect_no_menu()
    expect(page.locator(".strip.white")).to_contain_text("Ann")
    expect(page.locator(".strip.white")).to_contain_text("1432")
    with page.expect_download() as download:
        screen.press("Download PGN")
    text = Path(download.value.path()).read_text()
    assert '[White "Ann"]' in text
    assert "1. d4 d5 2. c4 dxc4 1/2-1/2" in text


def test_a_file_of_several_games_is_uploaded(open_page: Open, tmp_path: Path) -> None:
    file = tmp_path / "two.pgn"
    file.write_text('[White "Ann"]\n\n1. e4 *\n\n[White "Bob"]\n\n1. c4 e5 *\n')
    screen = open_page()
    page = screen.page
    screen.open_menu("Open")
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("combobox", name=re.compile("Game")).click()
    page.get_by_role("option", name=re.compile("2. Bob")).click()
    page.get_by_role("button", name="Open this game").click()
    screen.expect_line("c4", "e5")


def test_what_is_no_pgn_is_told_in_one_line(open_page: Open, tmp_path: Path) -> None:
    file = tmp_path / "page.pgn"
    file.write_text("<html><body>Error 502</body></html>")
    screen = open_page()
    screen.open_menu("Open")
    screen.page.locator("input[type=file]").set_input_files(file)
    expect(screen.page.get_by_role("alert").filter(has_text="page.pgn")).to_be_visible()


def test_an_interrupted_game_is_gone_on_with_from_the_menu(open_page: Open) -> None:
    first = open_page()
    first.page.evaluate("0")
    first.open_menu("Players")
    first.page.get_by_role("combobox", name="White", exact=False).first.fill("Interrupted")
    first.page.keyboard.press("Enter")
    first.page.get_by_role("button", name="Sit down").click()
    expect(first.page.locator(".strip.white")).to_contain_text("Interrupted")
    first.type("b4", "b5", "Bb2")
    first.page.close()
    again = open_page()
    again.open_menu("Open")
    again.page.get_by_role("button", name=re.compile("Interrupted – Son, move 2")).first.click()
    again.expect_line("b4", "b5", "Bb2")
    again.expect_no_menu()


@pytest.mark.parametrize("device", DEVICES)
def test_a_phone_and_a_desk_have_a_full_board(open_page: Open, device: dict[str, int]) -> None:
    screen = open_page(**device)
    wide = 350 if device else 500
    size = f"node => node.clientWidth >= {wide} && node.getBoundingClientRect().bottom <= innerHeight"
    expect(screen.page.locator("cg-board")).to_be_visible()
    assert screen.page.locator("cg-board").evaluate(size)
    screen.expect_no_scrolling_sideways()
    expect(screen.page.get_by_text("Never use it beside a game in progress")).to_be_attached()
