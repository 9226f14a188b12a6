"""A server with the tiny predictor and a real Chromium or Chrome; without one the tests are skipped."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, FloatRect, Locator, Page, expect, sync_playwright

from chessgru.game import Side
from chessgru.pgn import parse, to_pgn

ROOT = Path(__file__).parents[2]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def executable() -> str:
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        line = "no Chromium or Chrome is installed: the app is not driven in a browser"
        if os.environ.get("CI"):
            pytest.fail(line)
        pytest.skip(line)
    return found


@pytest.fixture(scope="session", autouse=True)
def built_board() -> None:
    sys.path.insert(0, str(ROOT))
    import hatch_build

    if not hatch_build.is_current():
        hatch_build.build_board()


@pytest.fixture(scope="session", autouse=True)
def compiled_reader() -> None:
    """Compiles the PGN reader and writer, as their first use on a machine does, before anybody waits."""
    games, _ = parse("1. e4 {[%clk 0:10:00]} e5 1-0")
    to_pgn(games[0])
    expect.set_options(timeout=15_000)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """The app in a process of its own, with its own library; it can be stopped and started again."""

    def __init__(self, home: Path, executable: str) -> None:
        self.home, self.port = home, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "streamlit", "run", str(Path(__file__).with_name("tiny_app.py"))]
        flags = [
            "--server.port",
            str(self.port),
            "--server.headless",
            "true",
            "--server.fileWatcherType",
            "none",
        ]
        environment = {**os.environ, "CHESSGRU_HOME": str(self.home), "CHESSGRU_LIBRARY": ""}
        with (self.home / "server.log").open("a") as log:
            self.process = subprocess.Popen(
                [*command, *flags], cwd=ROOT, env=environment, stdout=log, stderr=log
            )
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1).close()
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise RuntimeError((self.home / "server.log").read_text())

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)

    def kill(self) -> None:
        """Ends the server as a power cut would."""
        self.process.kill()
        self.process.wait(20)


@pytest.fixture(scope="session")
def server(executable: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("home"), executable)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def browser(executable: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield running
        running.close()


Open = Callable[..., "Screen"]
PHONE = {"width": 390, "height": 844, "touch": True}
DEVICES = [pytest.param({}, id="desktop"), pytest.param(PHONE, id="phone")]


def is_search_for_the_server(message: ConsoleMessage) -> bool:
    """Returns whether the browser reports Streamlit's own search for its server, which is no fault.

    A page opened at its own address may be served below that address: Streamlit's script asks there first,
    is told 404 as it must be, and then asks at the root. The browser writes the 404s to its console.
    """
    asked = re.search(r"/(review|players|model)/_stcore/(health|host-config)$", message.location["url"])
    return bool(asked) and "404" in message.text


@pytest.fixture
def open_page(browser: Browser, server: Server) -> Iterator[Open]:
    """Returns a function that opens the app in a new window; at the end its console must be clean."""
    complaints: list[str] = []
    contexts = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error" and not is_search_for_the_server(message):
            complaints.append(message.text)

    def open_one(path: str = "", width: int = 1280, height: int = 900, touch: bool = False) -> Screen:
        context = browser.new_context(viewport={"width": width, "height": height}, has_touch=touch)
        contexts.append(context)
        context.set_default_timeout(30_000)
        context.set_default_navigation_timeout(60_000)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", hear)
        page.goto(f"{server.url}/{path}")
        if not re.match("review|players|model", path):
            page.locator("cg-board piece").first.wait_for()
        return Screen(page, touch=touch)

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


def eventually(read: Callable[[], object], wanted: object, seconds: float = 15) -> None:
    """Waits until something read from the page is as wanted; the page follows an action only in time."""
    deadline = time.monotonic() + seconds
    while (found := read()) != wanted:
        assert time.monotonic() < deadline, f"expected {wanted!r}, found {found!r}"
        time.sleep(0.03)


class Screen:
    """The app on one page, in the words of its user. What looks at the page waits for what it expects."""

    def __init__(self, page: Page, *, touch: bool = False) -> None:
        self.page, self.touch = page, touch
        self.typed = page.get_by_label("Type a move")
        self.black_below = page.locator(".cg-wrap.orientation-black").first

    def _board_box(self) -> FloatRect:
        """Returns where the board is, once it stays there."""
        board, before = self.page.locator("cg-board"), None
        while (box := board.bounding_box()) is None or box != before:
            before = box
            self.page.wait_for_timeout(50)
        return box

    def center(self, square: str) -> tuple[float, float]:
        box = self._board_box()
        file, rank = ord(square[0]) - 97, int(square[1]) - 1
        if self.black_below.is_visible():
            file, rank = 7 - file, 7 - rank
        size = box["width"] / 8
        return box["x"] + (file + 0.5) * size, box["y"] + (7.5 - rank) * size

    def drag(self, origin: str, target: str) -> None:
        self.page.mouse.move(*self.center(origin))
        self.page.mouse.down()
        self.page.mouse.move(*self.center(target), steps=4)
        self.page.mouse.up()

    def drag_by_touch(self, origin: str, target: str) -> None:
        """Moves a finger over the board, which Playwright itself does not offer."""
        session = self.page.context.new_cdp_session(self.page)
        (x, y), (to_x, to_y) = self.center(origin), self.center(target)
        steps = [(x + (to_x - x) * part / 4, y + (to_y - y) * part / 4) for part in range(1, 5)]
        for kind, points in (
            ("touchStart", [(x, y)]),
            *(("touchMove", [step]) for step in steps),
            ("touchEnd", []),
        ):
            touches = [{"x": px, "y": py} for px, py in points]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    def choose(self, *squares: str) -> None:
        """Clicks squares one after the other, or taps them where there is a touch screen."""
        for square in squares:
            tool = self.page.touchscreen.tap if self.touch else self.page.mouse.click
            tool(*self.center(square))

    def type(self, *moves: str) -> None:
        for move in moves:
            self.settle()
            before = self.page.locator(".line button").count()
            self.typed.fill(move)
            self.typed.press("Enter")
            self.page.locator(".line button").nth(before).wait_for()
            self.settle()

    def settle(self) -> None:
        """Waits until the server has answered what was done last."""
        self.page.locator(".root:not(.pending)").wait_for()

    def expect_line(self, *moves: str) -> None:
        expect(self.page.locator(".line button")).to_have_text(list(moves))
        self.settle()

    def squares(self, mark: str) -> Locator:
        """Returns the squares marked so; chessground hides the marks that it does not need now."""
        return self.page.locator(f"square.{mark}").filter(visible=True)

    def moves(self, side: Side) -> Locator:
        """Returns the names of the moves on a player's card."""
        return self.page.locator(f".card.{side} .moves b")

    def pieces(self) -> dict[str, str]:
        """Returns the pieces by square, as chessground has placed them."""
        found = self.page.locator("cg-board piece:not(.fading)").evaluate_all(
            "nodes => nodes.map(node => [node.cgKey, node.className])"
        )
        return {key: re.sub(r"\b(anim|dragging|selected)\b", "", name).strip() for key, name in found}

    def expect_piece(self, square: str, piece: str | None) -> None:
        eventually(lambda: self.pieces().get(square), piece)

    def expect_no_scrolling_sideways(self) -> None:
        reach = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        eventually(lambda: self.page.evaluate(reach) <= 0, True)

    def press(self, label: str) -> None:
        self.page.get_by_role("button", name=label).click()
        self.settle()

    def open_menu(self, label: str) -> None:
        """Opens a menu above the board, and waits until its contents are there."""
        self.page.get_by_role("button", name=label, exact=True).click()
        self.page.get_by_test_id("stPopoverBody").locator(
            "[data-testid=stElementContainer]"
        ).first.wait_for()

    def expect_no_menu(self) -> None:
        expect(self.page.get_by_test_id("stPopoverBody")).to_have_count(0)
