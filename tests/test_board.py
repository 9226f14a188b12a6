from __future__ import annotations

import json
import re
from dataclasses import asdict, fields
from pathlib import Path

import pytest

from chessgru import board
from chessgru.board import Action, parse_action
from chessgru.session import LiveGame
from chessgru.ui.screen import payload
from chessgru.ui.state import Seating, Table

SOURCE = Path(board.__file__).parent


def interface(name: str) -> set[str]:
    """Returns the fields of an interface of the TypeScript side."""
    text = (SOURCE / "src" / "types.ts").read_text()
    match = re.search(rf"interface {name} {{(.*?)}}", text, re.DOTALL)
    assert match is not None
    return set(re.findall(r"^\s+(\w+):", match[1], re.MULTILINE))


@pytest.mark.parametrize(
    ("python", "typescript"),
    [
        (board.Payload, "Payload"),
        (board.PlyRow, "Ply"),
        (board.MoveRow, "Suggestion"),
        (board.Answer, "Answer"),
        (board.ReplyRow, "Reply"),
        (board.CardData, "Card"),
        (board.PlayerStrip, "Player"),
    ],
)
def test_both_sides_of_the_board_agree_on_what_is_sent(python: type, typescript: str) -> None:
    assert {field.name for field in fields(python)} == interface(typescript)


def test_the_payload_is_json_and_holds_any_name_as_it_is() -> None:
    name = "<img src=x onerror=alert(1)>"
    table = Table(Seating(white=Seating().white.__class__(name)), game=LiveGame.from_moves(["e4"]))
    text = json.dumps(asdict(payload(table, {}, (), 0.0)))
    assert json.loads(text)["players"]["white"]["name"] == name
    assert json.loads(text)["legal"]["c7c5"] == "c5"


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"kind": "move"},
        {"kind": "x", "seq": 1},
        {"kind": "goto", "seq": "1"},
        {"kind": "goto", "seq": 1, "cursor": "2"},
    ],
)
def test_what_no_board_sends_is_not_an_action(raw: dict[str, object]) -> None:
    assert parse_action(raw) is None


def test_an_action_is_read_with_its_details() -> None:
    hidden = {"kind": "curtain", "seq": 2, "game": "g", "orientation": "black", "closed": True}
    assert parse_action(hidden) == Action("curtain", 2, "g", orientation="black", closed=True)
    raw = {"kind": "flip", "seq": 3, "game": "g", "orientation": "black"}
    assert parse_action(raw) == Action("flip", 3, "g", orientation="black")
    assert parse_action({"kind": "move", "seq": 4, "game": "g", "move": "e2e4", "fen": "f"}) == Action(
        "move", 4, "g", move="e2e4", fen="f"
    )


def test_text_reaches_the_page_as_text_only() -> None:
    code = "".join(path.read_text() for path in (SOURCE / "src").glob("*.ts"))
    assert "innerHTML" not in code
    assert "insertAdjacentHTML" not in code


def test_the_lock_file_names_no_registry() -> None:
    lock = json.loads((SOURCE / "package-lock.json").read_text())
    assert all("resolved" not in package for package in lock["packages"].values())
    assert lock["packages"]["node_modules/@lichess-org/chessground"]["version"] == "10.4.1"
