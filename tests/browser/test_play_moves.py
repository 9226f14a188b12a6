"""Moves made by mouse, finger and keyboard."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from chessgru.ui.state import SIDES

from .conftest import DEVICES, PHONE, Open

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


@pytest.mark.parametrize("device", DEVICES)
def test_two_squares_move_a_piece_and_dots_show_where_it_may_go(
    open_page: Open, device: dict[str, int]
) -> None:
    screen = open_page(**device)
    screen.choose("g1")
    expect(screen.squares("selected")).to_have_count(1)
    expect(screen.squares("move-dest")).to_have_count(2)
    screen.choose("f3")
    screen.expect_line("Nf3")
    expect(screen.squares("last-move")).to_have_count(2)
    screen.type("e5")
    screen.choose("f3")
    expect(screen.squares("move-dest.oc")).to_have_count(1)
    screen.choose("e5")
    screen.expect_line("Nf3", "e5", "Nxe5")


def test_a_finger_drags_a_piece(open_page: Open) -> None:
    screen = open_page(**PHONE)
    screen.drag_by_touch("e2", "e4")
    screen.expect_line("e4")
    screen.expect_piece("e4", "white pawn")


def test_a_click_hits_its_square_after_something_above_the_board_has_come(open_page: Open) -> None:
    screen = open_page()
    screen.choose("g1")
    expect(screen.squares("move-dest")).to_have_count(2)
    screen.page.add_style_tag(content=".stMainBlockContainer { padding-top: 6rem !important; }")
    screen.choose("f3")
    screen.expect_line("Nf3")


def test_a_piece_cannot_go_where_the_rules_forbid_nor_move_before_its_turn(open_page: Open) -> None:
    screen = open_page()
    screen.drag("e2", "e5")
    screen.expect_piece("e2", "white pawn")
    screen.drag("e7", "e5")
    expect(screen.squares("current-premove")).to_have_count(0)
    screen.drag("e2", "e4")
    screen.expect_line("e4")
    screen.expect_piece("e7", "black pawn")


@pytest.mark.parametrize("device", DEVICES)
def test_moves_are_typed_as_san_or_uci_without_losing_focus(
    open_page: Open, device: dict[str, int]
) -> None:
    screen = open_page(**device)
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


def test_an_illegal_move_is_told_in_one_line_and_kept_to_be_mended(open_page: Open) -> None:
    screen = open_page()
    screen.typed.fill("Ke4")
    screen.typed.press("Enter")
    told = screen.page.get_by_role("alert").filter(has_text="Ke4")
    expect(told).to_contain_text("not a legal move for White")
    expect(screen.typed).to_have_value("Ke4")
    expect(screen.typed).to_be_focused()
    screen.type("e4")
    expect(screen.page.locator(".error")).to_be_empty()


@pytest.mark.parametrize("device", DEVICES)
def test_a_pawn_asks_what_it_becomes(open_page: Open, device: dict[str, int]) -> None:
    screen = open_page(**device)
    screen.type(*TO_PROMOTION)
    screen.choose("b7", "a8")
    question = screen.page.get_by_role("dialog")
    expect(question.get_by_role("button")).to_have_count(4)
    knight = question.get_by_role("button", name="knight")
    knight.tap() if screen.touch else knight.click()
    screen.expect_line(*TO_PROMOTION, "bxa8=N")
    screen.expect_piece("a8", "white knight")


@pytest.mark.parametrize(
    ("before", "typed", "played"),
    [
        (TO_PROMOTION, "bxa8", "bxa8=N"),
        (TO_PROMOTION, "b7a8", "bxa8=N"),
        (TO_PROMOTION, "bc8", "bxc8=N"),
        ((*TO_PROMOTION[:-1], "Nbd7"), "b8", "b8=N"),
    ],
    ids=["bxa8", "b7a8", "bc8", "b8"],
)
def test_a_promotion_typed_without_its_piece_is_asked_for_it(
    open_page: Open, before: tuple[str, ...], typed: str, played: str
) -> None:
    screen = open_page()
    screen.type(*before)
    screen.typed.fill("Kh8")
    screen.typed.press("Enter")
    error = screen.page.locator(".error")
    expect(error).to_contain_text("not a legal move")
    screen.typed.fill(typed)
    screen.typed.press("Enter")
    question = screen.page.get_by_role("dialog")
    expect(question).to_be_visible()
    expect(error).to_be_empty()
    question.get_by_role("button", name="knight").click()
    screen.expect_line(*before, played)


def test_a_promotion_can_be_given_up_or_typed(open_page: Open) -> None:
    screen = open_page()
    screen.type(*TO_PROMOTION)
    screen.drag("b7", "a8")
    expect(screen.page.get_by_role("dialog")).to_be_visible()
    screen.page.keyboard.press("Escape")
    expect(screen.page.get_by_role("dialog")).to_have_count(0)
    screen.expect_piece("b7", "white pawn")
    screen.expect_line(*TO_PROMOTION)
    screen.type("b7a8q")
    screen.expect_line(*TO_PROMOTION, "bxa8=Q")
    screen.expect_piece("a8", "white queen")


def test_a_pawn_taken_in_passing_leaves_at_once(open_page: Open) -> None:
    screen = open_page()
    screen.type("e4", "a6", "e5", "d5")
    screen.drag("e5", "d6")
    screen.expect_piece("d5", None)
    screen.expect_line("e4", "a6", "e5", "d5", "exd6")


def test_a_king_in_check_is_marked(open_page: Open) -> None:
    screen = open_page()
    check = screen.squares("check")
    screen.type("e4", "d5", "Bb5")
    expect(check).to_have_count(1)
    assert check.evaluate("node => node.cgKey") == "e8"
    screen.type("c6")
    expect(check).to_have_count(0)


def test_the_live_region_says_the_last_move_and_the_predictions(open_page: Open) -> None:
    screen = open_page()
    screen.type("e4")
    region = screen.page.locator("[aria-live=polite]").filter(has_text="played e4")
    expect(region).to_have_text(re.compile(r"Dad played e4\..*Son is likely to play: .* percent"))
