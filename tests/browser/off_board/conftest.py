"""A server for the pages beside the board, with a small model, a library, and two sites of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect
from site_server import ChessComSite, LichessSite, some_games

from chessgru.checkpoint import save_checkpoint
from chessgru.game import Game
from chessgru.library import Library
from chessgru.model import ModelConfig, MoveGRU
from chessgru.pgn import parse
from chessgru.samples import sample_games

from ..conftest import Server, is_search_for_the_server

EVIL = "<img src=x onerror=alert(1)>"
LONG = "Maximiliana " * 16 + "Augusta"
RIGHT_TO_LEFT = "שלום עולם"
DESKTOP: dict[str, object] = {"width": 1280, "height": 900}
PHONE: dict[str, object] = {"width": 390, "height": 844, "touch": True}
SIZES = [pytest.param(DESKTOP, id="desktop"), pytest.param(PHONE, id="phone")]
FEW = 12
"""Games of Lena and Otto."""
BINS = [
    {
        "low": low / 5,
        "high": (low + 1) / 5,
        "plies": 50,
        "confidence": low / 5 + 0.1,
        "accuracy": low / 5 + 0.12,
    }
    for low in range(5)
]

CARD = """# A small model

For tests: it has learned nothing.

```
chessgru evaluate a-very-long-name-of-a-file-that-does-not-fit-on-a-phone.pgn --player Somebody
```

| plies | model | games | top-1 % (95 % interval) | NLL, nats (95 % interval) | calibration error |
|---|---|---|---|---|---|
| all | base | 40 | 30.0 (28.0 to 32.0) | 1.800 (1.700 to 1.900) | 0.020 |
"""

Visit = Callable[..., Page]


def pgn(white: str, black: str, moves: str, result: str = "1-0") -> str:
    """Returns a game as text."""
    return f'[White "{white}"]\n[Black "{black}"]\n[Result "{result}"]\n\n{moves} {result}\n\n'


def _score(group: str, forecaster: str, top1: float) -> dict[str, object]:
    spread = [top1, top1 - 0.02, top1 + 0.02]
    found: dict[str, object] = {"group": group, "forecaster": forecaster, "games": 40, "plies": 2400}
    return found | {
        "top1": spread,
        "top3": spread,
        "top5": spread,
        "nll": [1.8, 1.7, 1.9],
        "ece": [0.02, 0.01, 0.03],
    }


def _renamed(game: Game) -> Game:
    """Returns a game of the sample players as one of two others, who have few."""
    names = {"Dad": "Lena", "Son": "Otto"}
    return replace(game, white=names[game.white], black=names[game.black])


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that is small, has learned nothing, and has scores and a card."""
    folder = tmp_path_factory.mktemp("model") / "small"
    groups = ("all", "rating: 1200-1599", "rating: 1600-1999", "phase: opening", "phase: endgame")
    scores = [_score(group, name, 0.3) for group in groups for name in ("base", "uniform")]
    about = {"scores": {"amateurs": scores}, "calibration": {"amateurs": BINS}, "games": 10, "plies": 700}
    save_checkpoint(folder, MoveGRU(ModelConfig(channels=8, blocks=1, hidden=12, head=8)), about)
    (folder / "README.md").write_text(CARD)
    return folder


@pytest.fixture(scope="session")
def lichess() -> Iterator[LichessSite]:
    with LichessSite() as site:
        site.accounts["anna"] = some_games("anna", 5)
        site.accounts["slow"] = some_games("slow", 400)
        yield site


@pytest.fixture(scope="session")
def chesscom() -> Iterator[ChessComSite]:
    with ChessComSite() as site:
        site.accounts["carl"] = some_games("carl", 4)
        yield site


@pytest.fixture(scope="session")
def environment(
    model_folder: Path, lichess: LichessSite, chesscom: ChessComSite
) -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHESSGRU_MODEL", str(model_folder))
        patch.setenv("CHESSGRU_LICHESS_URL", lichess.url)
        patch.setenv("CHESSGRU_CHESSCOM_URL", chesscom.url)
        yield patch


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a library: the sample players, and people with awkward names."""
    folder = tmp_path_factory.mktemp("pages")
    with Library(folder / "library.sqlite") as library:
        library.add(sample_games(), source="samples")
        library.add([_renamed(game) for game in sample_games()[:FEW]], source="a few")
        awkward = "".join(pgn(name, "Nobody", "1. d4 d5 2. c4 e6") for name in (EVIL, LONG, RIGHT_TO_LEFT))
        library.add(parse(awkward)[0], source="awkward")
    return folder


@pytest.fixture(scope="session")
def server(executable: str, environment: pytest.MonkeyPatch, home: Path) -> Iterator[Server]:
    running = Server(home, executable)
    yield running
    running.stop()


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[Visit]:
    """Returns a function that opens a page; at the end its console must be clean, no dialog opened."""
    complaints: list[str] = []
    contexts = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error" and not is_search_for_the_server(message):
            complaints.append(f"{message.text} ({message.location['url']})")

    def open_one(
        path: str, width: int = 1280, height: int = 900, touch: bool = False, url: str = ""
    ) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, has_touch=touch)
        contexts.append(context)
        context.set_default_timeout(30_000)
        context.set_default_navigation_timeout(60_000)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", hear)
        page.on("dialog", lambda dialog: complaints.append(f"a dialog opened: {dialog.message}"))
        page.goto(f"{url or server.url}/{path}")
        expect(page.locator("h1.page-name")).to_be_attached(timeout=60_000)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []
