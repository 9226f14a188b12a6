"""The command that reports on a player."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from test_report import GAMES, TINY

from chessgru.checkpoint import save_checkpoint
from chessgru.cli import assemble
from chessgru.cli.running import run
from chessgru.library import Library
from chessgru.model import MoveGRU
from chessgru.pgn import to_pgn


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    torch.manual_seed(1)
    save_checkpoint(folder / "model", MoveGRU(TINY), {})
    (folder / "ann.pgn").write_text("\n".join(map(to_pgn, GAMES)))
    with Library(folder / "library.sqlite") as library:
        library.add(GAMES, source="test")
        library.merge("Ann", ["Bob"])
        library.unmerge("Bob")
    return folder


@pytest.fixture
def call(folder: Path, capsys: pytest.CaptureFixture[str]):
    def run_it(*arguments: object):
        code = run(assemble(), ["report", *map(str, arguments), "--model", str(folder / "model")])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run_it


def test_text_tells_everything(call, folder: Path) -> None:
    code, out, err = call("ann", "--pgn", folder / "ann.pgn", "--visits", 3)
    assert (code, err) == (0, "")
    assert out.startswith("ann: 21 games, 2020.01.01 to 2024.02.01, rated 1580\n")
    for title in (
        "Repertoire with white: 15 games  +6 =4 -2  67 %",
        "Repertoire with black: 6 games",
        "Answers to the opponents' main tries, with white",
        "Predictability in his latest 21 games",
        "Where he differs most from people of his rating",
        "Pieces and squares with black, in 6 moves",
    ):
        assert title in out
    assert "(+3 by transposition)" in out
    assert "the first move: e4 12 of 15" in out


def test_json_holds_the_same(call, folder: Path) -> None:
    code, out, _ = call("Ann", "--pgn", folder / "ann.pgn", "--json", "--read", 10, "--depth", 2)
    found = json.loads(out)
    assert code == 0
    assert (found["name"], found["games"], found["read"]) == ("Ann", 21, 10)
    [first, *_] = found["repertoires"][0]["branches"]
    assert (first["san"], first["tally"]["games"], first["here"]) == ("e4", 12, 12)
    assert set(found["reactions"]) == {"white", "black"}
    assert all(branch["branches"] == [] for branch in first["branches"])


def test_the_library_knows_the_player_too(call, folder: Path) -> None:
    library = folder / "library.sqlite"
    code, out, _ = call("ANN", "--library", library, "--json")
    with Library(library) as games:
        assert (code, json.loads(out)["games"]) == (0, games.count("Ann"))


def test_unknown_players_get_the_nearest_names(call, folder: Path) -> None:
    code, out, err = call("Anne", "--pgn", folder / "ann.pgn")
    assert (code, out, err.strip()) == (1, "", "chessgru: unknown player 'Anne': did you mean 'Ann'?")
    code, out, err = call("Anne", "--library", folder / "library.sqlite")
    assert (code, out) == (1, "")
    assert "did you mean 'Ann'" in err


def test_other_names_in_a_file(call, folder: Path) -> None:
    code, _, err = call("Ann", "--pgn", folder / "ann.pgn", "--alias", "Bob")
    assert (code, err.strip()) == (
        1,
        "chessgru: Ann: no game to report on; import some with `chessgru import`",
    )
    assert call("Ann", "--alias", "Bob")[0] == 2
    assert call("Ann", "--read", 0)[0] == 2


def test_games_left_out_are_told(call, folder: Path, tmp_path: Path) -> None:
    variant = '[White "Zoe"]\n[Black "Ann"]\n[Variant "Chess960"]\n\n1. e4 *\n\n'
    file = tmp_path / "odd.pgn"
    file.write_text(variant * 3)
    code, out, err = call("Zoe", "--pgn", file)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "3 games left out: 3 as 'variant'" in err
    file.write_text(variant + (folder / "ann.pgn").read_text())
    code, _, err = call("Zoe", "--pgn", file)
    assert (code, err.count("\n")) == (1, 1)
    assert "unknown player 'Zoe'" in err
    assert "1 game left out: 1 as 'variant'" in err
    assert call("Ann", "--pgn", file)[::2] == (0, f"{file}: 1 game left out: 1 as 'variant'\n")


def test_an_empty_path_is_a_wrong_call(call) -> None:
    assert call("Ann", "--pgn", "")[0] == 2


def test_a_missing_file_or_model_is_one_line(call, folder: Path, tmp_path: Path) -> None:
    code, out, err = call("Ann", "--pgn", tmp_path / "no.pgn")
    assert (code, out, len(err.splitlines())) == (1, "", 1)
