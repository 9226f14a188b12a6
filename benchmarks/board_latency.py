"""Measures the app in a real Chromium: from a move to both new predictions drawn, over a whole game.

    python benchmarks/board_latency.py http://127.0.0.1:8501 [--plies 80]

The server must be up. Times are taken inside the page: from the key that plays the move to the frame after
both cards have changed, and to the frame in which the piece stands on its new square.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from pathlib import Path

import chess
from playwright.sync_api import Page, sync_playwright

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
BROWSERS = ("/usr/bin/chromium", "/usr/bin/google-chrome", "/usr/bin/chromium-browser")
WATCH = """() => {
  const find = (node) => {
    for (const child of node.querySelectorAll('*')) {
      if (child.shadowRoot?.querySelector('.root')) return child.shadowRoot.querySelector('.root');
    }
  };
  const root = find(document);
  window.timing = (uci) => {
    const start = performance.now();
    const ply = root.querySelectorAll('.line button').length;
    window.done = new Promise((resolve) => {
      const check = () => {
        const drawn = root.querySelectorAll('.line button').length > ply && !root.querySelector('.pending');
        if (drawn && !root.classList.contains('pending')) {
          observer.disconnect();
          requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - start)));
        }
      };
      const observer = new MutationObserver(check);
      observer.observe(root, {subtree: true, childList: true, attributes: true});
    });
    const input = root.querySelector('input');
    input.value = uci;
    input.form.requestSubmit();
  };
}"""


def random_game(plies: int, seed: int) -> list[str]:
    """Returns a legal game of that many plies in which no piece is promoted."""
    rng = random.Random(seed)
    board = chess.Board()
    moves: list[str] = []
    while len(moves) < plies and not board.is_game_over():
        move = rng.choice([move for move in board.legal_moves if not move.promotion])
        moves.append(move.uci())
        board.push(move)
    return moves


def measure(page: Page, moves: list[str]) -> list[float]:
    """Plays the moves and returns milliseconds to both predictions, one a move."""
    page.evaluate(WATCH)
    times = []
    for move in moves:
        page.evaluate("uci => window.timing(uci)", move)
        times.append(page.evaluate("() => window.done"))
    return times


def main() -> None:
    """Prints the times as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--plies", type=int, default=80)
    arguments = parser.parse_args()
    browser_path = next(path for path in BROWSERS if Path(path).exists())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        start = time.perf_counter()
        page.goto(arguments.url)
        page.locator("cg-board piece").first.wait_for(timeout=30_000)
        opened = time.perf_counter() - start
        page.wait_for_timeout(500)
        times = sorted(measure(page, random_game(arguments.plies, seed=1)))
        browser.close()
    report = {
        "open_s": round(opened, 2),
        "plies": len(times),
        "median_ms": round(statistics.median(times)),
        "p95_ms": round(times[int(0.95 * (len(times) - 1))]),
        "max_ms": round(times[-1]),
    }
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    main()
