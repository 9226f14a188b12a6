"""A game at a board elsewhere: its file grows move by move, a watcher reads it, a browser shows it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from chessgru.session import LiveGame

from .conftest import ROOT, Open, Server

MOVES = ("e4", "e5", "Nf3", "Nc6", "Bb5", "a6", "Ba4", "Nf6", "O-O", "Be7")
PHONE = {"width": 390, "height": 844, "touch": True}
SIZES = [pytest.param({}, id="desktop"), pytest.param(PHONE, id="phone")]


@pytest.fixture(scope="module")
def server(executable: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a library of its own, so that no other test is offered the games of these."""
    running = Server(tmp_path_factory.mktemp("live-home"), executable)
    yield running
    running.stop()


@pytest.fixture
def folder(server: Server, tmp_path: Path) -> Iterator[Path]:
    """A folder that `chessgru import --watch` watches, in a process of its own."""
    command = [sys.executable, "-c", "from chessgru.cli import main; main()", "import", "--watch"]
    environment = {**os.environ, "CHESSGRU_HOME": str(server.home)}
    process = subprocess.Popen(
        [*command, str(tmp_path)], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert "watching" in process.stderr.readline()
    yield tmp_path
    process.terminate()
    process.communicate(timeout=20)


def write(folder: Path, plies: int, *, result: str = "*", black: str = "Son") -> None:
    """Writes the file as a board does: anew with each move."""
    game = LiveGame.from_moves(MOVES[:plies])
    tags = {"White": "Dad", "Black": black, "Date": "2024.05.07", "Round": folder.name, "Result": result}
    text = game.to_pgn(tags)
    (folder / "board1.pgn").write_text(text.replace(" *\n", f" {result}\n"))


@pytest.mark.parametrize("size", SIZES)
def test_a_game_at_a_board_is_followed_move_by_move(
    open_page: Open, folder: Path, size: dict[str, int]
) -> None:
    screen = open_page(**size)
    page = screen.page
    write(folder, 2)
    page.get_by_role("button", name="Live: Dad – Son, move 1").click()
    screen.expect_line(*MOVES[:2])
    expect(page.locator(".card.white h3")).to_have_text("Dad is likely to play")
    expect(page.get_by_role("button", name="Resign")).to_have_count(0)
    expect(screen.typed).to_be_hidden()
    waits = []
    for plies in range(3, 7):
        begin = time.monotonic()
        write(folder, plies)
        screen.expect_line(*MOVES[:plies])
        waits.append(time.monotonic() - begin)
    print("seconds until each move was shown:", [round(wait, 2) for wait in waits])
    assert min(waits) < 3, "aims at one second; three on a busy machine"
    screen.expect_piece("b5", "white bishop")
    expect(page.locator(".card.black h3")).to_have_text("Son is likely to answer")
    main = page.get_by_test_id("stMain")
    assert main.evaluate("node => node.scrollWidth <= node.clientWidth")

    screen.press("Previous move")
    screen.press("Previous move")
    expect(page.locator(".line [aria-current]")).to_have_text("Nc6")
    write(folder, 8)
    screen.expect_line(*MOVES[:8])
    expect(page.locator(".line [aria-current]")).to_have_text("Nc6")
    expect(page.get_by_text("Live: move 4")).to_be_visible()
    screen.press("Back to live")
    expect(page.locator(".line [aria-current]")).to_have_text("Nf6")
    screen.expect_piece("f6", "black knight")

    page.reload()
    screen.expect_line(*MOVES[:8])
    write(folder, 10, result="1-0")
    screen.expect_line(*MOVES)
    expect(page.get_by_text("Ended: 1–0")).to_be_visible()
    expect(page.locator(".line .ending")).to_have_text("1–0")

    screen.press("Leave")
    screen.expect_line()
    screen.type("d4")
    screen.expect_line("d4")


def test_games_in_progress_are_listed_beside_another_game(open_page: Open, folder: Path) -> None:
    screen = open_page()
    page = screen.page
    screen.type("d4", "d5")
    page.get_by_role("button", name="Open", exact=True).click()
    expect(page.get_by_text("chessgru app --watch FOLDER")).to_be_visible()
    write(folder, 3, black="[Uncle](x) *Bob*")
    offer = page.get_by_role("button", name="Live: Dad – [Uncle](x) *Bob*, move 2")
    offer.click()
    screen.expect_line(*MOVES[:3])
    expect(page).to_have_url(re.compile(r"\?live=\d+"))
    write(folder, 4, black="[Uncle](x) *Bob*", result="1/2-1/2")
    expect(page.get_by_text("Ended: ½–½")).to_be_visible()


def test_a_link_to_a_game_that_is_gone_is_told(open_page: Open) -> None:
    screen = open_page("?live=99999")
    expect(screen.page.get_by_text("not in the library any more")).to_be_visible()
    screen.type("e4")
    screen.expect_line("e4")
