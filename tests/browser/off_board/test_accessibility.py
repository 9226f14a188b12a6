"""axe-core on every page, wide and narrow, light and dark: nothing serious."""

from __future__ import annotations

from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from ..conftest import eventually
from .conftest import EVIL, Visit
from .steps import choose_player, expect_reviewed, unfold

Scheme = Literal["light", "dark"]
LOOKS: tuple[tuple[int, Scheme], ...] = ((1280, "light"), (390, "light"), (390, "dark"), (1280, "dark"))
KNOWN: dict[tuple[str, str], str] = {}
"""What comes from Streamlit itself and cannot be mended here: why, by rule and part of the selector."""


def expect_accessible(page: Page) -> None:
    """Asks axe-core about the page in every look."""
    found = [line for width, scheme in LOOKS for line in complaints(page, width, scheme)]
    assert found == []


def complaints(page: Page, width: int, scheme: Scheme) -> list[str]:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    look = "getComputedStyle(document.querySelector('.stApp')).colorScheme"
    eventually(lambda: page.evaluate(look), scheme)
    page.wait_for_timeout(400)  # colors change gradually
    return [
        f"{width} {scheme}: {each['impact']} {each['id']} at {node['target']}: {node['failureSummary']}"
        for each in Axe().run(page).response["violations"]
        for node in each["nodes"]
        if each["impact"] in ("serious", "critical") and not _is_known(each["id"], str(node["target"]))
    ]


def _is_known(rule: str, target: str) -> bool:
    return any(rule == known and selector in target for known, selector in KNOWN)


def test_play_with_a_menu_open(visit: Visit) -> None:
    page = visit("")
    expect(page.locator(".card.white .moves b").first).to_be_visible()
    expect_accessible(page)
    page.get_by_role("button", name="Players", exact=True).click()
    expect(page.get_by_role("button", name="Sit down")).to_be_visible()
    expect_accessible(page)


def test_review_and_guessing(visit: Visit) -> None:
    page = visit("review?white=Ann&black=Bob&moves=e2e4.c7c5.g1f3")
    expect_reviewed(page)
    unfold(page, "Open a game")
    expect_accessible(page)
    page.get_by_role("button", name="Guess the moves").click()
    expect(page.get_by_role("button", name="Start")).to_be_visible()
    expect_accessible(page)
    page.get_by_role("button", name="Start").click()
    page.get_by_role("button", name="Show the move").click()
    expect(page.get_by_text("You 0 of 1")).to_be_visible()
    expect_accessible(page)


def test_a_player_and_ways_to_add_games(visit: Visit) -> None:
    page = visit("players")
    unfold(page, "Add games")
    unfold(page, "Everyone as a table")
    choose_player(page, EVIL)
    page.get_by_role("button", name="d4", exact=True).click()
    expect(page.get_by_role("img", name="Position after 1. d4")).to_be_visible()
    expect_accessible(page)
    page.get_by_role("tab", name="Lichess or chess.com account").click()
    for tab, shown in (
        ("Habits", "Read his games"),
        ("Profile", "Learn from"),
        ("Delete", "Delete for good"),
    ):
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_role("button", name=shown)).to_be_visible()
        expect_accessible(page)


def test_the_model_and_its_card(visit: Visit) -> None:
    page = visit("model")
    expect(page.get_by_role("heading", name="By rating")).to_be_visible(timeout=60_000)
    expect_accessible(page)
    page.get_by_role("tab", name="Model card").click()
    expect(page.get_by_role("heading", name="A small model")).to_be_visible()
    expect_accessible(page)
