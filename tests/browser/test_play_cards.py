"""What stands beside the board: the predictions, where they come from, the arrows, and the curtain."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from chessgru.ui.state import SIDES

from .conftest import DEVICES, PHONE, Open, Screen, eventually


@pytest.mark.parametrize("device", DEVICES)
def test_a_card_says_what_how_often_and_why(open_page: Open, device: dict[str, int]) -> None:
    screen = open_page(**device)
    card = screen.page.locator(".card.white")
    expect(card.get_by_role("heading")).to_have_text("Dad is likely to play")
    first = card.locator(".moves button").first
    expect(first).to_have_text(re.compile(r"\d+ %\d+ of 31 times here, \d of 5 against Son"))
    for source in ("people like this", "own games", "against this opponent"):
        expect(first).to_have_attribute("title", re.compile(rf"{source} \d+ %"))
    for part in (".h2h", ".own", ".network"):
        eventually(lambda part=part: first.locator(part).evaluate("bar => bar.clientWidth > 0"), True)
    for source in ("people like them", "own games", "head-to-head"):
        expect(screen.page.locator(".legend")).to_contain_text(source)


def test_the_waiting_player_answers_each_likely_move(open_page: Open) -> None:
    screen = open_page()
    card = screen.page.locator(".card.black")
    expect(card.get_by_role("heading")).to_have_text("Son is likely to answer")
    answers = card.locator(".replies li")
    expect(answers).to_have_count(3)
    expect(answers.first).to_have_text(re.compile(r"if \S+: \S+ \d+ %, \S+ \d+ %"))
    screen.type("e4")
    expect(screen.page.locator(".card.white .replies li")).to_have_count(3)
    expect(answers).to_have_count(0)


def shown_arrows(screen: Screen) -> list[tuple[str, float, float]]:
    """Returns color, width and opacity of the arrows on the board."""
    rows = screen.page.locator(".cg-shapes g line").evaluate_all(
        """lines => lines.map(line =>
          ['stroke', 'stroke-width', 'opacity'].map(name => line.getAttribute(name)))"""
    )
    return [(color, float(width), float(opacity)) for color, width, opacity in rows]


def test_arrows_are_few_colored_by_side_and_never_too_faint(open_page: Open) -> None:
    screen = open_page()
    expect(screen.page.locator(".cg-shapes g line")).to_have_count(6)
    found = shown_arrows(screen)
    colors = [color for color, _, _ in found]
    assert sorted(colors.count(color) for color in set(colors)) == [3, 3]
    assert all(width >= 5 / 64 and opacity >= 0.45 for _, width, opacity in found)
    for color in set(colors):
        rising = [(width, opacity) for own, width, opacity in found if own == color]
        assert rising == sorted(rising)


def test_pointing_at_a_move_shows_its_arrow_alone(open_page: Open) -> None:
    screen = open_page()
    arrows = screen.page.locator(".cg-shapes g line")
    expect(arrows).to_have_count(6)
    screen.page.locator(".card.white .moves button").nth(3).hover()
    expect(arrows).to_have_count(1)
    screen.typed.hover()
    expect(arrows).to_have_count(6)


def test_a_tap_on_a_move_keeps_its_arrow_until_the_next_tap(open_page: Open) -> None:
    screen = open_page(**PHONE)
    arrows = screen.page.locator(".cg-shapes g line")
    move = screen.page.locator(".card.black .moves button").first
    move.tap()
    expect(arrows).to_have_count(1)
    expect(move).to_have_attribute("aria-pressed", "true")
    screen.page.locator(".opening, .line").last.tap()
    expect(arrows).to_have_count(1)
    move.tap()
    expect(move).to_have_attribute("aria-pressed", "false")


@pytest.mark.parametrize("device", DEVICES)
def test_the_surprise_of_each_move_is_told_and_leads_there(open_page: Open, device: dict[str, int]) -> None:
    screen = open_page(**device)
    screen.type("a4", "d5", "Nf3")
    told = screen.page.locator(".graph p")
    expect(told).to_have_text(re.compile(r"Dad \d+\.\d, last \d+\.\d.*Son \d+\.\d, last \d+\.\d"))
    bars = screen.page.locator(".graph rect")
    expect(bars).to_have_count(3)
    expect(bars.first.locator("title")).to_have_text(re.compile(r"a4: \d+\.\d bits"))
    bars.first.click()
    screen.expect_piece("f3", None)
    screen.expect_piece("a4", "white pawn")


@pytest.mark.parametrize("device", DEVICES)
def test_a_curtain_hides_one_players_predictions(open_page: Open, device: dict[str, int]) -> None:
    screen = open_page(**device)
    screen.press("Hide White's predictions")
    expect(screen.moves("white")).to_have_count(0)
    expect(screen.moves("black")).not_to_have_count(0)
    expect(screen.page.locator(".card.black .replies")).to_have_count(0)
    eventually(lambda: len({color for color, _, _ in shown_arrows(screen)}), 1)
    screen.type("e4")
    expect(screen.moves("white")).to_have_count(0)
    expect(screen.page.locator("[aria-live=polite]").filter(has_text="Dad is likely")).to_have_count(0)
    screen.press("Show White's predictions")
    expect(screen.moves("white")).not_to_have_count(0)


def test_the_opening_is_named_as_the_game_goes(open_page: Open) -> None:
    screen = open_page()
    opening = screen.page.locator(".opening")
    expect(opening).to_be_empty()
    screen.type("e4", "c5")
    expect(opening).to_have_text("B20 · Sicilian Defense")
    screen.press("Previous move")
    expect(opening).to_contain_text("King's Pawn")


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>", "W" * 200, "שלום עולם"])
def test_any_name_is_only_text(open_page: Open, name: str, device: dict[str, int]) -> None:
    screen = open_page(**device)
    page = screen.page
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    screen.open_menu("Players")
    page.get_by_role("combobox", name="White", exact=False).first.fill(name)
    page.keyboard.press("Enter")
    page.get_by_label("White's rating").fill("1700")
    page.get_by_role("button", name="Sit down").click()
    expect(page.locator(".strip.white .name")).to_have_text(name)
    expect(page.locator(".strip.white")).to_contain_text("1700")
    expect(page.locator(".card.white h3")).to_contain_text(name)
    screen.expect_no_menu()
    screen.type("e4")
    screen.open_menu("Share")
    expect(page.get_by_test_id("stPopoverBody")).to_contain_text(name)
    screen.expect_no_scrolling_sideways()
    for side in SIDES:
        strip = page.locator(f".strip.{side}")
        eventually(lambda strip=strip: strip.evaluate("node => node.scrollWidth <= node.clientWidth"), True)
    expect(page.locator("img[src=x]")).to_have_count(0)
    assert dialogs == []
