"""Measures the app in a real Chromium: from a piece's drop to both predictions drawn, over a whole game.

    python benchmarks/board_latency.py              two invented people with 5,000 games each, own server
    python benchmarks/board_latency.py --pgn FILE --white NAME --black NAME     two people of a file
    python benchmarks/board_latency.py --url http://127.0.0.1:8501             a server that is up already

Times are taken inside the page: from the mouse button's release to the second frame after both cards have
changed (`cards`), and to the second frame after the piece stands there (`piece`). `open` is the first visit
to a server just started, until the board can be used; `other_window` from a drop to the move's arrival in a
second window. A library kept in `--home` is used again, so that a second run starts at once.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import chess
from playwright.sync_api import Browser, Page, sync_playwright

from chessgru.game import Game
from chessgru.library import Library
from chessgru.library.live import LiveGame, new_slug
from chessgru.pgn import read_games
from chessgru.vocabulary import token_of

ANN, BERT = "Ann Benchmark", "Bert Benchmark"
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
BROWSERS = ("/usr/bin/chromium", "/usr/bin/google-chrome", "/usr/bin/chromium-browser")
GOALS = {"cards_median_ms": 300, "cards_p95_ms": 600, "open_s": 5.0, "other_window_median_ms": 1000}
WATCH = """() => {
  const roots = (node) => [...node.querySelectorAll('*')].flatMap((child) => child.shadowRoot ?? []);
  const root = roots(document).map((shadow) => shadow.querySelector('.root')).find(Boolean);
  const frames = (done) => requestAnimationFrame(() => requestAnimationFrame(done));
  window.expectDrop = (square) => {
    const plies = root.querySelectorAll('.line button').length;
    window.dropped = new Promise((resolve) => {
      const seen = {};
      const take = (name) => frames(() => {
        seen[name] = performance.now() - seen.start;
        if (seen.cards && seen.piece) resolve(seen);
      });
      const look = () => {
        if (root.querySelectorAll('.line button').length <= plies) return;
        if (root.classList.contains('pending')) return;
        watcher.disconnect();
        take('cards');
      };
      const watcher = new MutationObserver(look);
      const place = () => {
        const piece = [...root.querySelectorAll('cg-board piece')].find((node) => node.cgKey === square);
        if (piece && !piece.classList.contains('dragging')) take('piece');
        else requestAnimationFrame(place);
      };
      document.addEventListener('mouseup', () => {
        Object.assign(seen, {start: performance.now(), at: Date.now()});
        watcher.observe(root, {subtree: true, childList: true, attributes: true});
        requestAnimationFrame(place);
      }, {once: true, capture: true});
    });
  };
  window.expectPly = () => {
    const plies = root.querySelectorAll('.line button').length;
    window.arrived = new Promise((resolve) => {
      const watcher = new MutationObserver(() => {
        if (root.querySelectorAll('.line button').length <= plies) return;
        watcher.disconnect();
        frames(() => resolve(Date.now()));
      });
      watcher.observe(root, {subtree: true, childList: true});
    });
  };
}"""


# Two people


def habitual_game(rng: random.Random, plies: int) -> list[chess.Move]:
    """Returns a legal game: three usual moves in each position of the opening, then anything."""
    board = chess.Board()
    moves: list[chess.Move] = []
    while len(moves) < plies and not board.is_game_over():
        legal = sorted((move for move in board.legal_moves if not move.promotion), key=chess.Move.uci)
        if not legal:
            break
        habits = random.Random(board.board_fen()).sample(legal, min(3, len(legal)))
        usual = len(moves) < 16 and rng.random() < 0.9
        moves.append(rng.choices(habits, (6, 3, 1)[: len(habits)])[0] if usual else rng.choice(legal))
        board.push(moves[-1])
    return moves


def invented_games(each: int) -> Iterator[Game]:
    """Yields games of two people who have that many each, half of them against each other."""
    rng = random.Random(1)
    together = each // 2
    for number in range(2 * each - together):
        one, other = (ANN, BERT) if number < together else ((ANN, BERT)[number % 2], f"Guest {number % 97}")
        white, black = (one, other) if number // 2 % 2 else (other, one)
        yield Game(
            tokens=tuple(token_of(move) for move in habitual_game(rng, rng.randint(40, 90))),
            white=white,
            black=black,
            white_rating=1500,
            black_rating=1500,
            result="1/2-1/2",
            date=f"{2000 + number // 336 % 25}.{1 + number // 28 % 12:02}.{1 + number % 28:02}",
            time_control="600+5",
            index=number,
        )


def prepare(home: Path, options: argparse.Namespace) -> str:
    """Fills the library unless it is filled, and returns the link of a new game between the two."""
    with Library(home / "library.sqlite") as library:
        if library.count() == 0:
            games = read_games(options.pgn) if options.pgn else invented_games(options.games)
            library.add((game for game in games if isinstance(game, Game)), source="benchmark")
        chairs = {"white": options.white, "black": options.black, "time_control": "rapid"}
        slug = library.create_live(LiveGame(slug=new_slug(), **chairs)).slug
        for name in (options.white, options.black):
            sys.stderr.write(f"{name}: {len(library.games(name)):,} games\n")
    for name in (options.white, options.black) if options.learn else ():
        chessgru(home, "learn", name, check=True)
    return f"?game={slug}"


# The server


def chessgru(home: Path, *arguments: str, check: bool = False) -> subprocess.Popen[bytes]:
    """Starts a command of chessgru on that library; with `check`, waits for its end."""
    environment = {**os.environ, "CHESSGRU_HOME": str(home)}
    log = (home / "benchmark.log").open("a")
    command = [sys.executable, "-c", "from chessgru.cli import main; main()", *arguments]
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    if check and process.wait():
        raise SystemExit((home / "benchmark.log").read_text())
    return process


def is_up(url: str) -> bool:
    """Returns whether a server answers."""
    try:
        urllib.request.urlopen(f"{url}_stcore/health", timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def served(home: Path) -> Iterator[str]:
    """Yields the address of a server that has just come up, and has shown no page yet."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = chessgru(home, "app", "--no-browser", "--port", str(port))
    url = f"http://127.0.0.1:{port}/"
    try:
        while not is_up(url):
            if process.poll() is not None:
                raise SystemExit((home / "benchmark.log").read_text())
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(20)


# The browser


def opened(browser: Browser, url: str) -> tuple[Page, float]:
    """Returns a new window with the app, and seconds until its board could be used."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    start = time.perf_counter()
    page.goto(url)
    page.locator(".root:not(.pending) cg-board piece").first.wait_for(timeout=120_000)
    page.locator(".card .moves b").first.wait_for()
    seconds = time.perf_counter() - start
    page.wait_for_timeout(1000)
    page.evaluate(WATCH)
    return page, seconds


def drop(page: Page, move: chess.Move) -> dict[str, float]:
    """Drags a piece and returns when it was dropped (`at`) and the milliseconds until what followed."""
    board = page.locator("cg-board").bounding_box()
    assert board is not None
    size = board["width"] / 8
    origin, target = (
        (
            board["x"] + (chess.square_file(square) + 0.5) * size,
            board["y"] + (7.5 - chess.square_rank(square)) * size,
        )
        for square in (move.from_square, move.to_square)
    )
    page.evaluate("square => window.expectDrop(square)", chess.square_name(move.to_square))
    page.mouse.move(*origin)
    page.mouse.down()
    page.mouse.move(*target, steps=3)
    page.mouse.up()
    return dict(page.evaluate("() => window.dropped"))


def summary(name: str, times: list[float]) -> dict[str, float]:
    """Returns the median, the 95th percentile and the worst, in milliseconds."""
    ordered = sorted(times)
    p95 = ordered[round(0.95 * (len(ordered) - 1))]
    figures = {"median": statistics.median(ordered), "p95": p95, "max": ordered[-1]}
    return {f"{name}_{kind}_ms": round(value) for kind, value in figures.items()}


def measure(browser: Browser, url: str, link: str, plies: int) -> dict[str, float]:
    """Plays a game of that many plies alone, and some more with a second window that watches."""
    page, first = opened(browser, url + link)
    again, second = opened(browser, url + link)
    again.context.close()
    moves = habitual_game(random.Random(7), plies + 10)
    drops = [drop(page, move) for move in moves[:plies]]
    page.wait_for_timeout(500)
    watcher, _ = opened(browser, page.url + "&side=watch")
    arrivals = []
    for move in moves[plies:]:
        watcher.evaluate("() => window.expectPly()")
        at = drop(page, move)["at"]
        arrivals.append(watcher.evaluate("() => window.arrived") - at)
    return {
        "open_s": round(first, 2),
        "open_again_s": round(second, 2),
        "plies": len(drops),
        **summary("cards", [seen["cards"] for seen in drops]),
        **summary("piece", [seen["piece"] for seen in drops]),
        **summary("other_window", arrivals),
    }


def arguments() -> argparse.Namespace:
    """Returns what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", help="a server that is up, instead of one of our own")
    parser.add_argument("--plies", type=int, default=80)
    parser.add_argument("--games", type=int, default=5000, help="games of each of the invented two")
    parser.add_argument("--pgn", type=Path, help="games of two real people instead")
    parser.add_argument("--white", default=ANN)
    parser.add_argument("--black", default=BERT)
    parser.add_argument("--home", type=Path, help="folder to keep the library in")
    parser.add_argument("--learn", action="store_true", help="learn both people first: minutes")
    return parser.parse_args()


def main() -> None:
    """Prints the times as JSON, and beside them which goals were missed."""
    options = arguments()
    browser_path = next(path for path in BROWSERS if Path(path).exists())
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=FLAGS)
        if options.url:
            report = measure(browser, options.url.rstrip("/") + "/", "", options.plies)
        else:
            home = options.home or Path(folder)
            home.mkdir(parents=True, exist_ok=True)
            link = prepare(home, options)
            with served(home) as url:
                report = measure(browser, url, link, options.plies)
        browser.close()
    missed = [name for name, goal in GOALS.items() if report[name] > goal]
    sys.stdout.write(json.dumps(report | {"missed": missed}) + "\n")


if __name__ == "__main__":
    main()
