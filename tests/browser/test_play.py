from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from chessgru.ui.state import SIDES

from .conftest import Open, Screen, Server, eventually

TO_PROMOTION = ("e4", "d5", "exd5", "c6", "dxc6", "Nf6", "cxb7", "Nd5")


def test_a_dragged_move_shows_at_once_and_changes_both_predictions(open_page: Open) -> None:
    screen = open_page()
    expect(screen.moves("white")).to_have_count(5)
    expect(screen.moves("black")).not_to_have_count(0)
    before = {side: screen.moves(side).all_inner_texts() for side in SIDES}
    screen.drag("e2", "e4")
    screen.expect_piece("e4", "white pawn")
    screen.expect_line("e4")
    for side in SIDES:
        expect(screen.moves(side)).not_to_have_text(before[side])


def test_two_clicks_move_a_piece_and_its_dots_show_where_it_may_go(open_page: Open) -> None:
    screen = open_page()
    screen.click("g1")
    expect(screen.page.locator("square.move-dest")).to_have_count(2)
    screen.click("f3")
    screen.expect_line("Nf3")


def test_a_click_hits_its_square_after_something_above_the_board_has_come(open_page: Open) -> None:
    screen = open_page()
    screen.click("g1")
    expect(screen.page.locator("square.move-dest")).to_have_count(2)
    screen.page.add_style_tag(content=".stMainBlockContainer { padding-top: 6rem !important; }")
    screen.click("f3")
    screen.expect_line("Nf3")


def test_a_move_typed_right_after_taking_back_is_played_in_the_position_then(open_page: Open) -> None:
    screen = open_page()
    screen.type("e4", "e5")
    screen.page.get_by_role("button", name="Take back").evaluate(
        """back => {
          const input = back.getRootNode().querySelector('.typed input');
          back.click();
          input.value = 'c5';
          input.form.requestSubmit();
        }"""
    )
    screen.expect_line("e4", "c5")


def test_moves_are_typed_as_san_or_uci_without_losing_focus(open_page: Open) -> None:
    screen = open_page()
    screen.type("e4", "c7c5", "nf3", "Nc6", "Bb5", "g6", "0-0")
    screen.expect_line("e4", "c5", "Nf3", "Nc6", "Bb5", "g6", "O-O")
    expect(screen.typed).to_be_focused()
    screen.expect_piece("f1", "white rook")
    expect(screen.page.locator(".opening")).to_contain_text("Rossolimo")


def test_a_move_typed_before_the_answer_to_the_last_is_not_lost(open_page: Open) -> None:
    screen = open_page()
    for move in ("e4", "e5", "Nf3"):
        screen.typed.fill(move)
        screen.typed.press("Enter")
        expect(screen.typed).to_have_value("")
    screen.expect_line("e4", "e5", "Nf3")


def test_an_illegal_move_is_told_in_one_line_and_kept_to_be_mended(open_page: Open) -> None:
    screen = open_page()
    screen.typed.fill("Ke4")
    screen.typed.press("Enter")
    expect(screen.page.get_by_role("alert").filter(has_text="Ke4")).to_contain_text(
        "not a legal move for White"
    )
    expect(screen.typed).to_have_value("Ke4")
    screen.type("e4")
    expect(screen.page.locator(".error")).to_be_empty()


def test_a_pawn_asks_what_it_becomes(open_page: Open) -> None:
    screen = open_page()
    screen.type(*TO_PROMOTION)
    screen.drag("b7", "a8")
    dialog = screen.page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="knight").click()
    screen.expect_line(*TO_PROMOTION, "bxa8=N")
    screen.expect_piece("a8", "white knight")


def test_a_promotion_can_be_given_up(open_page: Open) -> None:
    screen = open_page()
    screen.type(*TO_PROMOTION)
    screen.drag("b7", "a8")
    expect(screen.page.get_by_role("dialog")).to_be_visible()
    screen.page.keyboard.press("Escape")
    expect(screen.page.get_by_role("dialog")).to_have_count(0)
    screen.expect_piece("b7", "white pawn")
    screen.expect_line(*TO_PROMOTION)


def test_a_pawn_taken_in_passing_leaves_at_once(open_page: Open) -> None:
    screen = open_page()
    screen.type("e4", "a6", "e5", "d5")
    screen.drag("e5", "d6")
    screen.expect_piece("d5", None)
    screen.expect_line("e4", "a6", "e5", "d5", "exd6")


def test_stepping_taking_back_and_flipping(open_page: Open) -> None:
    screen = open_page()
    screen.type("e4", "e5", "Nf3")
    screen.page.locator(".cg-wrap").first.focus()
    screen.page.keyboard.press("Home")
    screen.expect_piece("e2", "white pawn")
    screen.settle()
    screen.page.keyboard.press("ArrowRight")
    screen.expect_piece("e4", "white pawn")
    screen.settle()
    screen.press("Last position")
    screen.press("Take back")
    screen.expect_line("e4", "e5")
    screen.press("Flip the board")
    expect(screen.black_below).to_be_visible()
    screen.drag("g1", "f3")
    screen.expect_line("e4", "e5", "Nf3")


def test_a_move_from_an_earlier_position_replaces_what_followed(open_page: Open) -> None:
    screen = open_page()
    screen.type("e4", "e5", "Nf3")
    screen.typed.press("ArrowLeft")
    screen.expect_piece("f3", None)
    screen.settle()
    screen.typed.fill("Nc3")
    screen.typed.press("Enter")
    screen.expect_line("e4", "e5", "Nc3")


def test_the_game_ends_by_mate_resignation_or_agreement(open_page: Open) -> None:
    screen = open_page()
    screen.type("f3", "e5", "g4", "Qh4")
    ending = screen.page.locator(".ending")
    expect(ending).to_have_text("0–1 · checkmate")
    expect(screen.page.locator("square.check")).to_have_count(1)
    expect(screen.page.locator(".card.white")).to_contain_text("The game is over")
    screen.press("New game")
    screen.expect_line()
    screen.type("e4")
    screen.press("Resign as Black")
    expect(ending).to_have_text("1–0 · Black resigned")
    screen.press("Take back")
    expect(ending).to_have_count(0)
    screen.press("Agree a draw")
    expect(ending).to_have_text("½–½ · draw agreed")


def test_pointing_at_a_move_shows_its_arrow_alone(open_page: Open) -> None:
    screen = open_page()
    arrows = screen.page.locator(".cg-shapes g line")
    expect(arrows).to_have_count(6)
    screen.page.locator(".card.white .moves button").nth(3).hover()
    expect(arrows).to_have_count(1)
    screen.page.get_by_label("Type a move").hover()
    expect(arrows).not_to_have_count(1)


def test_a_curtain_hides_one_players_predictions(open_page: Open) -> None:
    screen = open_page()
    screen.press("Hide White's predictions")
    expect(screen.moves("white")).to_have_count(0)
    expect(screen.moves("black")).not_to_have_count(0)
    screen.type("e4")
    expect(screen.moves("white")).to_have_count(0)
    screen.press("Show White's predictions")
    expect(screen.moves("white")).to_have_count(5)


def test_a_game_is_pasted_and_downloaded(open_page: Open) -> None:
    screen = open_page()
    page = screen.page
    page.get_by_role("button", name="Open").click()
    page.get_by_label("Or paste a game").fill(
        '[White "Ann"]\n[WhiteElo "1432"]\n\n1. d4 d5 2. c4 dxc4 1/2-1/2'
    )
    page.get_by_label("Or paste a game").press("Control+Enter")
    page.get_by_role("button", name="Open this game").click()
    screen.expect_line("d4", "d5", "c4", "dxc4")
    expect(page.locator(".strip.white")).to_contain_text("Ann")
    expect(page.locator(".strip.white")).to_contain_text("1432")
    page.keyboard.press("Escape")
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
    page.get_by_role("button", name="Open").click()
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("combobox", name=re.compile("Game")).click()
    page.get_by_role("option", name=re.compile("2. Bob")).click()
    page.get_by_role("button", name="Open this game").click()
    screen.expect_line("c4", "e5")


def test_what_is_no_pgn_is_told_in_one_line(open_page: Open, tmp_path: Path) -> None:
    file = tmp_path / "page.pgn"
    file.write_text("<html><body>Error 502</body></html>")
    screen = open_page()
    screen.page.get_by_role("button", name="Open").click()
    screen.page.locator("input[type=file]").set_input_files(file)
    expect(screen.page.get_by_role("alert").filter(has_text="page.pgn")).to_be_visible()


def seat(screen: Screen, white: str, rating: str) -> None:
    page = screen.page
    page.get_by_role("button", name="Players").click()
    page.get_by_role("combobox", name="White", exact=False).first.fill(white)
    page.keyboard.press("Enter")
    page.get_by_label("White's rating").fill(rating)
    page.get_by_role("button", name="Sit down").click()


@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>", "W" * 200, "שלום עולם"])
def test_any_name_is_only_text(open_page: Open, name: str) -> None:
    screen = open_page()
    dialogs: list[str] = []
    screen.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    seat(screen, name, "1700")
    expect(screen.page.locator(".strip.white .name")).to_have_text(name)
    expect(screen.page.locator(".strip.white")).to_contain_text("1700")
    expect(screen.page.locator(".card.white h3")).to_contain_text(name)
    screen.expect_no_scrolling_sideways()
    expect(screen.page.locator("img[src=x]")).to_have_count(0)
    assert dialogs == []


def test_a_phone_has_a_full_board_and_moves_by_touch(open_page: Open) -> None:
    screen = open_page(width=390, height=844, touch=True)
    eventually(lambda: screen.page.locator("cg-board").evaluate("node => node.clientWidth >= 350"), True)
    screen.expect_no_scrolling_sideways()
    screen.tap("e2", "e4")
    screen.expect_line("e4")
    screen.page.locator(".card.black .moves button").first.tap()
    expect(screen.page.locator(".cg-shapes g line")).to_have_count(1)


def test_the_live_region_says_the_last_move_and_the_predictions(open_page: Open) -> None:
    screen = open_page()
    screen.type("e4")
    region = screen.page.locator("[aria-live=polite]").filter(has_text="played e4")
    expect(region).to_have_text(re.compile(r"Dad played e4\..*Son is likely to play: .* percent"))


def test_the_game_survives_closing_the_window_and_restarting_the_server(
    open_page: Open, server: Server
) -> None:
    screen = open_page()
    screen.type("e4", "c5")
    screen.page.wait_for_url(re.compile("game="))
    link = screen.page.url.split("/")[-1]
    screen.page.close()
    server.stop()
    server.start()
    again = open_page(link)
    again.expect_line("e4", "c5")
    again.type("Nf3")
    again.expect_line("e4", "c5", "Nf3")


def test_two_windows_share_a_game_and_each_moves_its_own_side(open_page: Open) -> None:
    first = open_page()
    first.type("e4")
    first.page.wait_for_url(re.compile("game="))
    link = first.page.url.split("/")[-1]
    son = open_page(f"{link}&side=black")
    watcher = open_page(f"{link}&side=watch")
    son.expect_line("e4")
    expect(son.black_below).to_be_visible()
    son.type("c5")
    first.expect_line("e4", "c5")
    watcher.expect_line("e4", "c5")
    watcher.drag("g1", "f3")
    son.drag("g1", "f3")
    first.type("Nc3")
    son.expect_line("e4", "c5", "Nc3")
    watcher.expect_line("e4", "c5", "Nc3")


def test_a_link_to_no_game_says_so(open_page: Open) -> None:
    screen = open_page("?game=nothing")
    expect(screen.page.get_by_role("alert").filter(has_text="no live game")).to_be_visible()
    screen.type("e4")


def test_a_clock_ticks_for_the_side_to_move(open_page: Open) -> None:
    screen = open_page()
    page = screen.page
    page.get_by_role("button", name="Players").click()
    page.get_by_role("combobox", name="Clock").click()
    page.get_by_role("option", name="1 min", exact=True).click()
    page.get_by_role("button", name="Sit down").click()
    clock = page.get_by_role("timer", name="Black's clock")
    expect(clock).to_have_text("1:00")
    page.keyboard.press("Escape")
    screen.type("e4")
    expect(clock).to_have_text(re.compile(r"0:5\d"))
    expect(page.get_by_role("timer", name="White's clock")).to_have_text("1:00")
