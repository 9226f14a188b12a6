"""The Players page in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from site_server import LichessSite

from chessgru.profiles import profile_path

from ..conftest import Server
from .conftest import DESKTOP, EVIL, FEW, LONG, PHONE, RIGHT_TO_LEFT, SIZES, Visit, pgn
from .steps import (
    choose_player,
    dismiss,
    download,
    drop,
    expect_to_fit,
    pick_files,
    press,
    report_on,
    unfold,
)

SET_UP = (
    '[White "Broken"]\n[Black "Game"]\n[SetUp "1"]\n[FEN "8/8/8/8/8/8/8/K1k5 w - - 0 1"]\n\n1. Ka2 1-0\n'
)
ORDERS = (
    "1. d4 Nf6 2. c4 e6 3. Nc3 Bb4",
    "1. c4 e6 2. d4 Nf6 3. Nf3",
    "1. c4 e6 2. d4 Nf6 3. Nc3 d5",
    "1. c4 Nf6 2. d4 e6 3. Nc3 Be7",
)
Add = Callable[[Page, Mapping[str, str]], None]


def test_a_first_visit_begins_with_the_sample_players(
    visit: Visit, executable: str, tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    fresh = Server(tmp_path, executable)
    try:
        page = visit("review", url=fresh.url, **PHONE)
        expect(page.get_by_text("The library is empty: add games on the Players page")).to_be_visible()
        page.get_by_role("link", name="Model", exact=True).click()
        expect(page.get_by_text("Add games on the Players page to measure")).to_be_visible()
        page.get_by_role("link", name="Players", exact=True).click()
        expect(page.get_by_text("No games yet.")).to_be_visible()
        page.get_by_role("button", name="Add the sample players").click()
        expect(page.get_by_text("240 accepted · 0 there already · 0 rejected")).to_be_visible(
            timeout=60_000
        )
        expect(page.get_by_text("2 players")).to_be_visible()
        expect(page.get_by_label("Player", exact=True)).to_have_value("Dad")
        expect_to_fit(page)
        page.context.close()
    finally:
        fresh.stop()


# Adding games


@pytest.mark.parametrize(
    ("size", "add"),
    [pytest.param(DESKTOP, drop, id="desktop"), pytest.param(PHONE, pick_files, id="phone")],
)
def test_many_files_are_taken_in_and_told(visit: Visit, size: dict[str, object], add: Add) -> None:
    page = visit("players", **size)
    name = f"{EVIL} {add.__name__}"
    game = pgn(name, LONG, "1. e4 c5 2. Nf3 d6 3. d4 cxd4")
    add(page, {f"{EVIL}.pgn": game + SET_UP, "again.pgn": game, "page.pgn": "<html>Error 502</html>"})
    expect(page.get_by_text("1 accepted · 1 there already · 1 rejected")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("alert").filter(has_text="page.pgn")).to_be_visible()
    downloads = report_on(page, "3 files").get_by_test_id("stDownloadButton")
    expect(downloads).to_have_count(2)
    assert "again.pgn,0,0,1,0" in download(downloads.first, "Download as CSV")
    assert download(downloads.last, "Download as CSV").startswith("rejected because,games,first at line")
    dismiss(page, "3 files")
    choose_player(page, name)
    page.get_by_role("button", name="e4", exact=True).click()
    expect(page.get_by_role("button", name="c5", exact=True)).to_be_visible()
    expect_to_fit(page)


@pytest.mark.parametrize(
    ("size", "site", "account", "games"),
    [
        pytest.param(DESKTOP, "Lichess", "anna", 5, id="lichess-desktop"),
        pytest.param(PHONE, "chess.com", "carl", 4, id="chess.com-phone"),
    ],
)
def test_an_account_is_downloaded(
    visit: Visit, size: dict[str, object], site: str, account: str, games: int
) -> None:
    page = visit("players", **size)
    ask_for(page, site, account)
    expect(page.get_by_text(f"{games} accepted · 0 there already · 0 rejected")).to_be_visible(
        timeout=60_000
    )
    dismiss(page, account)
    choose_player(page, account)
    expect_to_fit(page)
    ask_for(page, site, "nobody-here")
    expect(page.get_by_role("alert").filter(has_text="nobody-here")).to_be_visible(timeout=60_000)
    dismiss(page, "nobody-here")
    ask_for(page, site, "not a name!")
    expect(page.get_by_role("alert").filter(has_text="not a name!")).to_be_visible()


def ask_for(page: Page, site: str, account: str) -> None:
    part = unfold(page, "Add games")
    part.get_by_role("tab", name="Lichess or chess.com account").click()
    if site != "Lichess":  # which is chosen at first
        part.get_by_text(site, exact=True).click()
    field = part.get_by_label("Account", exact=True)
    field.fill(account)
    field.press("Tab")  # a click that also ends the typing may come to nothing on a busy machine
    part.get_by_role("button", name="Download games").click()


def test_a_download_shows_how_far_it_is_and_can_be_cancelled(visit: Visit, lichess: LichessSite) -> None:
    page = visit("players")
    lichess.games_per_second = 20
    try:
        ask_for(page, "Lichess", "slow")
        expect(page.get_by_text(re.compile(r"Lichess: slow: \d+ games · \d+ games/s"))).to_be_visible()
        expect(page.get_by_role("progressbar")).to_be_visible()
        page.get_by_role("button", name="Cancel").click()
        expect(page.get_by_text("Lichess: slow (cancelled)")).to_be_visible(timeout=60_000)
    finally:
        lichess.games_per_second = None
    expect(page.get_by_text(re.compile(r"\d+ accepted"))).to_be_visible()
    dismiss(page, "slow")


# Who is one person


@pytest.mark.parametrize(("size", "surname"), [(DESKTOP, "Tarrasch"), (PHONE, "Zukertort")])
def test_two_names_become_one_person_and_two_again(
    visit: Visit, size: dict[str, object], surname: str
) -> None:
    page = visit("players", **size)
    names = (f"{surname}, Johannes", f"Johannes {surname}")
    games = pgn(names[0], "Nobody", "1. e4 e5") + pgn(names[1], "Nobody", "1. d4 d5 2. c4 c6")
    pick_files(page, {f"{surname}.pgn": games})
    dismiss(page, f"{surname}.pgn")
    part = unfold(page, "Perhaps the same person")
    pair = part.get_by_test_id("stVerticalBlock").filter(has_text=surname).last
    merged = page.get_by_text(re.compile(f"{surname} is now|is now .*{surname}"))
    press(
        pair.get_by_role("button", name="One person"),
        lambda wait: expect(merged).to_be_visible(timeout=wait),
    )
    expect_to_fit(page)
    press(
        page.get_by_role("button", name="Undo"), lambda wait: expect(merged).to_have_count(0, timeout=wait)
    )
    unfold(page, "Perhaps the same person")
    pair.get_by_role("button", name="Two people").click()
    expect(part.filter(has_text=surname)).to_have_count(0)


def test_a_name_is_added_and_taken_away_by_hand(visit: Visit) -> None:
    page = visit("players")
    pick_files(
        page, {"names.pgn": pgn("Grandma", "Nobody", "1. f4 e5") + pgn("oma47", "Nobody", "1. f4 d5")}
    )
    dismiss(page, "names.pgn")
    choose_player(page, "Grandma")
    page.get_by_role("tab", name="Names").click()
    page.get_by_label("Another name of this person").fill("oma47")
    page.get_by_role("button", name="It is the same person").click()
    apart = page.get_by_role("button", name="Take apart")
    expect(apart).to_be_visible()
    apart.click()
    expect(page.get_by_text("One name only.")).to_be_visible()


@pytest.mark.parametrize("size", SIZES)
def test_everybody_is_in_the_table_to_download(visit: Visit, size: dict[str, object]) -> None:
    page = visit("players", **size)
    unfold(page, "Everyone as a table")
    rows = download(page.get_by_test_id("stExpander").filter(has_text="Everyone"), "Download as CSV")
    assert rows.startswith("player,games,as White,as Black,rating")
    assert {"Dad", "Lena", EVIL} <= {row.split(",")[0] for row in rows.splitlines()}
    expect_to_fit(page)


@pytest.mark.parametrize("name", [EVIL, LONG, RIGHT_TO_LEFT], ids=["markup", "long", "right to left"])
def test_any_name_is_only_text(visit: Visit, name: str) -> None:
    page = visit("players", **PHONE)
    choose_player(page, name)
    page.get_by_role("tab", name="Delete").click()
    expect(page.get_by_text(re.compile(f"Yes, delete {re.escape(name)} and"))).to_be_visible()
    expect(page.locator("img[src=x]")).to_have_count(0)
    expect_to_fit(page)


# What he plays, what was learned


@pytest.mark.parametrize("size", SIZES)
def test_a_repertoire_is_walked_and_other_orders_of_moves_are_told(
    visit: Visit, size: dict[str, object]
) -> None:
    page = visit("players", **size)
    name = f"Queen's pawn on {size['width']}"
    pick_files(
        page, {"orders.pgn": "".join(pgn(name, f"Opponent {n}", way) for n, way in enumerate(ORDERS))}
    )
    dismiss(page, "orders.pgn")
    choose_player(page, name)
    expect(page.get_by_role("img", name="Start position")).to_be_visible()
    for move in ("d4", "Nf6", "c4"):
        page.get_by_role("button", name=move, exact=True).click()
    expect(page.get_by_role("img", name="Position after 1. d4 Nf6 2. c4")).to_be_visible()
    expect(page.get_by_text("⇄ 4 in all")).to_be_visible()
    page.get_by_role("button", name="e6", exact=True).click()
    expect(page.get_by_text("3 games came here by another order of moves")).to_be_visible()
    knight = page.get_by_role("button", name="Nf3", exact=True)
    expect(knight).to_have_count(0)
    page.get_by_text("Any order of moves").click()
    expect(knight).to_be_visible()
    expect(page.get_by_text("75% · 3 games · scored 100%")).to_be_visible()
    page.get_by_role("button", name="1. c4 e6 2. d4 Nf6 · 2 games").click()
    expect(page.get_by_role("img", name="Position after 1. c4 e6 2. d4 Nf6")).to_be_visible()
    rows = download(page.get_by_role("tabpanel", name="Repertoire"), "Download as CSV").splitlines()
    assert rows[0] == "move,games,share,won,drawn,lost,score,games with the position after"
    page.get_by_text("Black", exact=True).click()
    expect(page.get_by_text("No games with this color.")).to_be_visible()
    expect_to_fit(page)


@pytest.mark.parametrize(("size", "name"), [(DESKTOP, "Lena"), (PHONE, "Otto")])
def test_habits_are_read_and_drawn(visit: Visit, size: dict[str, object], name: str) -> None:
    page = visit("players", **size)
    choose_player(page, name)
    page.get_by_role("tab", name="Habits").click()
    page.get_by_role("button", name="Read his games").click()
    expect(page.get_by_role("heading", name="How predictable")).to_be_visible(timeout=120_000)
    expect(page.get_by_text(re.compile("As White: more often than others to"))).to_be_visible()
    rows = download(page, "Download as CSV").splitlines()
    assert len(rows) > 1
    expect_to_fit(page)


@pytest.mark.parametrize(("size", "name"), [(DESKTOP, "Lena"), (PHONE, "Otto")])
def test_a_player_is_learned_and_learned_again(visit: Visit, size: dict[str, object], name: str) -> None:
    page = visit("players", **size)
    choose_player(page, name)
    page.get_by_role("tab", name="Profile").click()
    page.get_by_role("button", name=re.compile(f"Learn (again )?from {FEW} games")).click()
    again = page.get_by_role("button", name=f"Learn again from {FEW} games")
    expect(again).to_be_enabled(timeout=120_000)
    expect(page.get_by_text(f"Learned from {FEW} games.")).to_be_visible()
    expect(page.get_by_text(re.compile("Measured on .* kept aside"))).to_be_visible()
    rows = download(page.get_by_role("tabpanel", name="Profile"), "Download as CSV").splitlines()
    assert rows[0] == '"with","first guess right, %","surprise, bits a move",used'.replace('"with"', "with")
    expect_to_fit(page)


def test_learning_shows_how_far_it_is_and_can_be_cancelled(visit: Visit) -> None:
    page = visit("players")
    choose_player(page, "Dad")
    page.get_by_role("tab", name="Profile").click()
    page.get_by_role("button", name="Learn from 240 games").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(page.get_by_text(re.compile("^Dad: "))).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Learning was cancelled: nothing changed.")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("button", name="Learn from 240 games")).to_be_enabled()


def test_a_damaged_profile_is_told_and_everything_else_goes_on(visit: Visit, home: Path) -> None:
    path = profile_path(home, "Son")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"nothing that was ever learned")
    try:
        page = visit("players")
        choose_player(page, "Son")
        page.get_by_role("tab", name="Profile").click()
        expect(page.get_by_role("alert").filter(has_text=path.name)).to_be_visible()
        expect(page.get_by_role("button", name="Learn from 240 games")).to_be_enabled()
        page.get_by_role("tab", name="Repertoire").click()
        expect(page.get_by_role("button", name="e4", exact=True)).to_be_visible()
    finally:
        path.unlink()


@pytest.mark.parametrize("size", SIZES)
def test_a_player_is_deleted_when_it_is_confirmed(
    visit: Visit, size: dict[str, object], home: Path
) -> None:
    page = visit("players", **size)
    name = f"Gone on {size['width']}"
    pick_files(page, {"gone.pgn": pgn(name, "Nobody", "1. b3 e5 2. Bb2 Nc6")})
    dismiss(page, "gone.pgn")
    choose_player(page, name)
    page.get_by_role("tab", name="Delete").click()
    button = page.get_by_role("button", name="Delete for good")
    expect(button).to_be_disabled()
    page.get_by_text(f"Yes, delete {name} and 1 game").click()
    expect(button).to_be_enabled()
    button.click()
    expect(page.get_by_text(f"Deleted: {name} and 1 game.")).to_be_visible()
    expect(page.get_by_role("tab", name="Repertoire")).to_have_attribute("aria-selected", "true")
    menu = page.get_by_role("combobox", name=re.compile("Player"))
    expect(menu).not_to_have_value(re.compile("Gone"))
    expect(page.get_by_test_id("stSelectbox").first).not_to_contain_text(name)
    unfold(page, "Everyone as a table")
    rows = download(page.get_by_test_id("stExpander").filter(has_text="Everyone"), "Download as CSV")
    assert name not in rows
