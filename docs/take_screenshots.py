"""Takes the pictures in docs/screenshots anew: python docs/take_screenshots.py [PAGE…]

Starts the app with the shipped model and the sample players in a library of its own, and draws every page
(play, review, players, model; by default all) at 1280 and 390 pixels, light and dark. Needs the packages
of `pip install -e .[dev]` and a Chromium. Look at each picture before committing it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from chessgru.library import Library
from chessgru.samples import sample_games

ROOT = Path(__file__).parents[1]
OUT = Path(__file__).with_name("screenshots")
SIZES = {"desktop": (1280, 860), "phone": (390, 844)}
MOVES = ("e4", "c5", "Nf3", "d6", "d4", "cxd4", "Nxd4", "Nf6", "Nc3")
REST_MS = 1500
"""Pictures of charts and colors move into place for about so long."""


def play(page: Page) -> None:
    """Plays an opening that the sample players know."""
    page.locator(".card.white .moves b").first.wait_for()
    for ply, move in enumerate(MOVES):
        page.get_by_label("Type a move").fill(move)
        page.get_by_label("Type a move").press("Enter")
        page.locator(".line button").nth(ply).wait_for()
        page.locator("div.root:not(.pending)").wait_for()
    page.get_by_label("Type a move").blur()


def review(page: Page) -> None:
    """Opens the latest stored game, and its fifth move."""
    page.get_by_role("button", name="Review this game").click()
    expect(page.get_by_role("tab", name="Missed most")).to_be_visible()
    for _ in range(9):
        page.get_by_role("button", name="Next move").click()
        page.locator("div.root:not(.pending)").wait_for()


def players(page: Page) -> None:
    """Walks two plies into the repertoire of Dad."""
    for move, said in (("e4", "1. e4"), ("c5", "1. e4 c5")):
        page.get_by_role("button", name=move, exact=True).click()
        expect(page.get_by_role("img", name=f"Position after {said}", exact=True)).to_be_visible()


def model(page: Page) -> None:
    """Waits for the scores."""
    expect(page.get_by_role("heading", name="By phase of the game")).to_be_visible()


PAGES: dict[str, Callable[[Page], None]] = {
    "play": play,
    "review": review,
    "players": players,
    "model": model,
}


@contextmanager
def serving(home: Path) -> Iterator[str]:
    """Runs the app with its data in a folder, and yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
    environment = {**os.environ, "CHESSGRU_HOME": str(home), "CHESSGRU_LIBRARY": "", "CHESSGRU_MODEL": ""}
    process = subprocess.Popen(
        [*command, "--server.port", str(port)], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(url: str) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"the app does not answer at {url}")


def shoot(browser: Browser, url: str, name: str, device: str, scheme: str) -> Path:
    """Takes one picture of a page, as high as what is on it, and returns its file."""
    width, height = SIZES[device]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        has_touch=device == "phone",
    )
    context.set_default_timeout(180_000)
    page = context.new_page()
    page.goto(f"{url}/{'' if name == 'play' else name}")
    PAGES[name](page)
    page.wait_for_timeout(REST_MS)
    for _ in range(3):  # the board grows with the window
        needed = int(page.get_by_test_id("stMain").evaluate("node => node.scrollHeight"))
        page.set_viewport_size({"width": width, "height": max(height, needed)})
        page.wait_for_timeout(REST_MS)
    file = OUT / picture_name(name, device, scheme)
    page.screenshot(path=file)
    context.close()
    return file


def picture_name(name: str, device: str, scheme: str) -> str:
    """Returns the file of a picture; the board's, the first in the README, are named the shortest."""
    if name != "play":
        return f"{name}-{device}-{scheme}.png"
    return name + "-phone" * (device == "phone") + "-dark" * (scheme == "dark") + ".png"


def main(names: list[str]) -> None:
    """Takes the pictures of the pages named."""
    expect.set_options(timeout=180_000)
    executable = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        with Library(Path(folder) / "library.sqlite") as library:
            library.add(sample_games(), source="dad-and-son.pgn")
        flags = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=executable, args=flags)
        with serving(Path(folder)) as url:
            for name in names:
                for device in SIZES:
                    for scheme in ("light", "dark"):
                        print(shoot(browser, url, name, device, scheme).relative_to(ROOT))
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:] or list(PAGES))
