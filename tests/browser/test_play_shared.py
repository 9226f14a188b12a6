"""One game in several windows, and a game that outlives its window and the server."""

from __future__ import annotations

import re
import statistics
import time

import pytest
from playwright.sync_api import expect

from .conftest import PHONE, Open, Screen, Server


def link_of(screen: Screen, side: str = "") -> str:
    """Returns the part of the window's address that names its game, as played from a side."""
    screen.page.wait_for_url(re.compile("game="))
    found = re.search(r"game=[\w-]+", screen.page.url)
    assert found is not None
    return f"?{found[0]}" + (f"&side={side}" if side else "")


def test_the_game_survives_closing_the_window_and_killing_the_server(
    open_page: Open, server: Server
) -> None:
    screen = open_page()
    screen.type("e4", "c5")
    link = link_of(screen)
    screen.page.close()
    server.kill()
    server.start()
    again = open_page(link)
    again.expect_line("e4", "c5")
    again.type("Nf3")
    again.expect_line("e4", "c5", "Nf3")


def test_two_devices_play_one_game_within_a_second_and_others_watch(open_page: Open) -> None:
    host = open_page()
    host.type("e4")
    dad = open_page(link_of(host, "white"))
    son = open_page(link_of(host, "black"), **PHONE)
    watcher = open_page(link_of(host, "watch"))
    for screen in (dad, son, watcher):
        screen.expect_line("e4")
    expect(son.black_below).to_be_visible()
    delays = []
    line = ["e4"]
    for mover, other, move in ((son, dad, "c5"), (dad, son, "Nf3"), (son, dad, "d6")):
        mover.type(move)
        start = time.monotonic()
        line.append(move)
        other.expect_line(*line)
        delays.append(time.monotonic() - start)
    assert statistics.median(delays) < 3, "a second on a quiet machine"
    watcher.expect_line(*line)
    for screen, origin, target in ((son, "d2", "d4"), (watcher, "d2", "d4"), (dad, "g8", "f6")):
        screen.drag(origin, target)
        screen.expect_piece(origin, "white pawn" if origin == "d2" else "black knight")
    dad.type("Bb5")
    for screen in (son, watcher):
        screen.expect_line(*line, "Bb5+")
        expect(screen.squares("check")).to_have_count(1)
    watcher.typed.fill("Nc6")
    watcher.typed.press("Enter")
    son.type("Bd7")
    for screen in (dad, watcher):
        screen.expect_line(*line, "Bb5+", "Bd7")
    dad.press("Resign as White")
    for screen in (son, watcher):
        expect(screen.page.locator(".ending")).to_have_text("0–1 · White resigned")


@pytest.mark.parametrize(
    ("side", "told"),
    [("black", "it is White's move, on the other device"), ("watch", "you are watching this game")],
)
def test_a_legal_move_typed_by_who_may_not_move_is_told_and_not_played(
    open_page: Open, side: str, told: str
) -> None:
    host = open_page()
    host.type("e4", "e5")
    screen = open_page(link_of(host, side))
    screen.expect_line("e4", "e5")
    screen.typed.fill("Nf3")
    screen.typed.press("Enter")
    expect(screen.page.get_by_role("alert").filter(has_text=told)).to_be_visible()
    screen.expect_piece("g1", "white knight")
    host.type("d4")
    screen.expect_line("e4", "e5", "d4")


def test_a_player_keeps_his_predictions_from_the_other_device_and_both_outlive_the_server(
    open_page: Open, server: Server
) -> None:
    host = open_page()
    host.type("e4")
    dad, son = open_page(link_of(host, "white")), open_page(link_of(host, "black"))
    son.press("Hide Black's predictions from the others")
    expect(dad.page.locator(".card.black")).to_contain_text("Son keeps these predictions private.")
    expect(dad.moves("black")).to_have_count(0)
    expect(dad.page.locator(".card.white .replies")).to_have_count(0)
    expect(dad.page.locator(".card.black .curtain")).to_be_hidden()
    expect(son.moves("black")).not_to_have_count(0)
    son.page.wait_for_url(re.compile("curtain=closed"))
    link, sons_link = (re.sub(r".*\?", "?", screen.page.url) for screen in (dad, son))
    for screen in (host, dad, son):
        screen.page.close()
    server.kill()
    server.start()
    son, dad = open_page(sons_link), open_page(link)
    expect(dad.page.locator(".card.black")).to_contain_text("Son keeps these predictions private.")
    son.type("c5")
    dad.expect_line("e4", "c5")
    son.press("Show Black's predictions to the others")
    expect(dad.moves("black")).not_to_have_count(0)


@pytest.mark.parametrize("device", [pytest.param({}, id="desktop"), pytest.param(PHONE, id="phone")])
def test_the_menu_gives_a_link_for_each_player(open_page: Open, device: dict[str, int]) -> None:
    screen = open_page(**device)
    screen.open_menu("Share")
    screen.page.get_by_role("button", name="Make a link").click()
    links = screen.page.get_by_test_id("stPopoverBody").get_by_test_id("stCode")
    expect(links).to_have_count(3)
    link = links.nth(1).inner_text().strip()
    assert link.endswith("side=black")
    son = open_page(re.sub(r".*\?", "?", link))
    expect(son.black_below).to_be_visible()
    screen.page.keyboard.press("Escape")
    screen.type("d4")
    son.expect_line("d4")


@pytest.mark.parametrize(
    ("link", "told"),
    [
        ("?game=nothing", "no live game"),
        ("?game=" + "x" * 3000, "link is damaged"),
        ("?game=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E", "link is damaged"),
        ("?live=99999999999999999999999", "link is damaged"),
    ],
)
def test_a_link_to_no_game_says_so(open_page: Open, link: str, told: str) -> None:
    screen = open_page(link)
    expect(screen.page.get_by_role("alert").filter(has_text=told)).to_be_visible()
    screen.type("e4")
    screen.expect_line("e4")


@pytest.mark.parametrize("name", ["Review", "Players", "Model"])
def test_a_page_opens_at_its_own_address_and_leads_back_to_the_game(open_page: Open, name: str) -> None:
    screen = open_page(name.lower())
    expect(screen.page.get_by_role("heading", name=name, level=1)).to_be_attached()
    screen.page.get_by_role("link", name="Play", exact=True).click()
    screen.type("e4")
    screen.expect_line("e4")
