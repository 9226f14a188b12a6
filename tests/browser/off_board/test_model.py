"""The Model page in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from ..conftest import Screen
from .conftest import SIZES, Visit
from .steps import chart, download, expect_to_fit, go_to, unfold

LINK = "review?white=Ann&black=Bob&moves=e2e4.c7c5.g1f3.d7d6.d2d4"


@pytest.mark.parametrize("size", SIZES)
def test_scores_stand_beside_baselines_with_their_pictures(visit: Visit, size: dict[str, object]) -> None:
    page = visit("model", **size)
    expect(page.get_by_role("tab", name="Scores")).to_be_visible(timeout=60_000)
    expect(chart(page, "against how likely it was said to be")).to_be_visible()
    expect(page.get_by_role("heading", name="By rating")).to_be_visible()
    expect(page.get_by_role("heading", name="By phase of the game")).to_be_visible()
    rows = download(page, "All scores as CSV").splitlines()
    assert {row.split(",")[2] for row in rows[1:]} == {"base", "uniform"}
    assert len(download(page, "Download as CSV").splitlines()) == 6
    expect_to_fit(page)
    page.get_by_role("tab", name="Model card").click()
    expect(page.get_by_role("heading", name="A small model")).to_be_visible()
    expect(page.get_by_test_id("stDataFrame").locator("visible=true")).to_have_count(1)
    expect_to_fit(page)


@pytest.mark.parametrize("size", SIZES)
def test_the_gates_of_the_games_at_hand_are_drawn(visit: Visit, size: dict[str, object]) -> None:
    page = visit("", **size)
    screen = Screen(page)
    page.locator("cg-board piece").first.wait_for()
    screen.type("e4", "c5", "Nf3")
    go_to(page, "Model")
    page.get_by_role("tab", name="Gates on a game").click()
    expect(page.get_by_text("3 plies")).to_be_visible(timeout=60_000)
    expect(chart(page, "The mean gates at every move")).to_be_visible()
    expect(chart(page, "What each unit kept")).to_be_visible()
    panel = page.get_by_role("tabpanel", name="Gates on a game")
    rows = download(panel, "Download as CSV").splitlines()
    assert rows[0].startswith("ply,position before,kept (update gate),replaced,past seen (reset gate)")
    assert len(rows) == 4
    expect_to_fit(page)


def test_the_gates_of_a_game_under_review_can_be_chosen(visit: Visit) -> None:
    page = visit(LINK)
    expect(page.get_by_text("Ann – Bob")).to_be_visible()
    go_to(page, "Model")
    page.get_by_role("tab", name="Gates on a game").click()
    expect(page.get_by_text("Under review")).to_be_visible()
    expect(page.get_by_text("Ann – Bob, 5 plies")).to_be_visible(timeout=60_000)
    unfold(page, "As a table")


def test_measuring_adds_the_scores_of_the_latest_games(visit: Visit) -> None:
    page = visit("model")
    measure = page.get_by_role("button", name="Measure on my latest games")
    measure.click()
    expect(page.get_by_label("Games scored")).to_have_value(
        re.compile(r"^the latest \d+ games here$"), timeout=90_000
    )
    expect(measure).to_be_enabled()
    expect(page.get_by_role("progressbar")).to_have_count(0)
