"""What a visitor does on the pages, in his words."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, TimeoutError, expect

from ..conftest import eventually

_DROP = """(node, files) => {
    const carried = new DataTransfer()
    for (const [name, text] of Object.entries(files)) carried.items.add(new File([text], name))
    node.dispatchEvent(new DragEvent("drop", {dataTransfer: carried, bubbles: true, cancelable: true}))
}"""


def expect_to_fit(page: Page) -> None:
    """Waits until nothing on the page is wider than the page."""
    main = page.get_by_test_id("stMain")
    eventually(lambda: main.evaluate("node => node.scrollWidth <= node.clientWidth"), True)


def go_to(page: Page, name: str) -> None:
    """Follows the link to another page in the same window."""
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", name=name, level=1, exact=True)).to_be_attached()


def unfold(page: Page, title: str) -> Locator:
    """Opens a folded part of the page if it is not open, and returns what is in it."""
    part = page.get_by_test_id("stExpander").filter(has=page.locator("summary", has_text=title))
    expect(part.locator("summary")).to_be_visible()
    opened = part.locator("details[open]")
    try:
        expect(opened).to_be_attached(timeout=1500)
    except AssertionError:
        part.locator("summary").click()
        expect(opened).to_be_attached()
    return part.get_by_test_id("stExpanderDetails")


def drop(page: Page, files: Mapping[str, str]) -> None:
    """Drops files on the Players page as from a file manager."""
    place = unfold(page, "Add games").get_by_test_id("stFileUploaderDropzone")
    expect(place).to_be_visible()
    place.evaluate(_DROP, dict(files))


def pick_files(page: Page, files: Mapping[str, str]) -> None:
    """Chooses files with the button, as on a phone."""
    place = unfold(page, "Add games").locator("input[type=file]")
    chosen = [
        {"name": name, "mimeType": "text/plain", "buffer": text.encode()} for name, text in files.items()
    ]
    place.set_input_files(chosen)


def report_on(page: Page, title: str) -> Locator:
    """Returns what the page tells of an import that has ended."""
    return page.locator("[class*=st-key-report-]").filter(has_text=title).first


def press(button: Locator, then: Callable[[float], None]) -> None:
    """Presses a button until what it does is seen; what moves while the page is drawn is missed.

    `then` expects that, within so many milliseconds.
    """
    for _ in range(3):
        button.click()
        with suppress(AssertionError):
            return then(8_000)
    button.click()
    return then(15_000)


def dismiss(page: Page, title: str) -> None:
    """Waits for the report on an import, and puts it away."""
    report = report_on(page, title)
    expect(report).to_be_visible(timeout=60_000)
    press(
        report.get_by_role("button", name="Dismiss"),
        lambda wait: expect(report).to_have_count(0, timeout=wait),
    )


def choose_player(page: Page, name: str) -> None:
    """Opens the menu and chooses; it closes by itself where the page is drawn anew meanwhile."""
    menu = page.get_by_label("Player", exact=True)
    for _ in range(6):
        menu.click()
        menu.fill(name[:40])
        with suppress(TimeoutError):
            page.get_by_role("option", name=name, exact=True).click(timeout=4000)
            shown = re.compile(f"Yes, delete {re.escape(name)} and")  # drawn last, on a hidden tab
            expect(page.get_by_text(shown)).to_be_attached(timeout=30_000)
            return
    pytest.fail(f"the menu of players never offered {name!r}")


def download(place: Page | Locator, label: str) -> str:
    """Presses a download button of the page, or of a part of it, and returns the text of the file.

    Where the page has just been drawn anew the first press may ask for a file that is gone: as a person
    would, it presses again.
    """
    page = place if isinstance(place, Page) else place.page
    button = place.get_by_role("button", name=label).last
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    try:
        with page.expect_download(timeout=8_000) as found:
            button.click()
    except TimeoutError:
        with page.expect_download() as found:
            button.click()
    return Path(found.value.path()).read_text("utf-8-sig")


def paste(page: Page, text: str) -> None:
    """Pastes a text on the Review page."""
    unfold(page, "Open a game")
    page.get_by_role("tab", name="A file or text").click()
    field = page.get_by_label("Or paste a game")
    field.fill(text)
    field.press("Control+Enter")


def review_pasted(page: Page, text: str) -> None:
    """Pastes a game on the Review page and waits until every move is forecast."""
    paste(page, text)
    page.get_by_role("button", name="Review this game").last.click()
    expect_reviewed(page)


def expect_reviewed(page: Page) -> None:
    expect(page.get_by_role("tab", name="Missed most")).to_be_visible(timeout=60_000)


def chart(page: Page, said: str) -> Locator:
    """Returns a picture by what a screen reader says of it."""
    return page.locator(f'[role="graphics-document"][aria-label*="{said}"]').first
