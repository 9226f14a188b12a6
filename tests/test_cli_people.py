from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from habits import games_of, tiny_base, tiny_model

from chessgru.checkpoint import save_checkpoint
from chessgru.cli.people import _text, app
from chessgru.cli.running import run
from chessgru.game import name_key
from chessgru.learning import memory_only
from chessgru.library import Library
from chessgru.pgn import to_pgn
from chessgru.profiles import profile_path, save_profile
from chessgru.samples import sample_games
from chessgru.seats import Person


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("CHESSGRU_HOME", str(tmp_path / "home"))
    with Library() as library:
        library.add([*games_of("Ann", 12), *games_of("Bob", 12)], source="club.pgn")
    return tmp_path / "home"


@pytest.fixture
def model(tmp_path):
    save_checkpoint(tmp_path / "model", tiny_model(), {})
    return tmp_path / "model"


@pytest.fixture
def call(capsys, model):
    """Runs a command with the tiny model; returns its exit code, standard output and standard error."""

    def run_it(*arguments: object):
        code = run(app, [*map(str, arguments), "--model", str(model)])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return code, printed.out, printed.err

    return run_it


def test_learning_writes_a_profile_and_tells_what_it_gained(call, home):
    code, out, _ = call("learn", "ann", "--threads", 1)
    assert code == 0
    assert "Ann: learned from 12 games (6 White, 6 Black), 12 of them new" in out
    assert "kept aside" in out
    assert profile_path(home, "Ann").is_file()
    code, out, _ = call("learn", "Ann", "--threads", 1)
    assert code == 0
    assert "nothing new" in out


def test_games_deleted_since_are_not_taken_for_new_ones(call):
    with Library() as library:
        library.add(games_of("Ann", 2, first=50, other="Eve"), source="more.pgn")
        call("learn", "Ann", "--threads", 1)
        library.delete_player("Eve")
        _, out, _ = call("learn", "Ann", "--threads", 1)
        assert "Ann: learned from 12 games (6 White, 6 Black), nothing new" in out
        library.delete_player("Dan")
        library.add(games_of("Ann", 3, first=70), source="more.pgn")
        _, out, _ = call("learn", "Ann", "--threads", 1)
        assert "Ann: learned from 3 games (1 White, 2 Black), 3 of them new" in out


def test_one_game_is_one_game(call):
    with Library() as library:
        library.add(games_of("Eve", 1), source="more.pgn")
    assert "Eve: learned from 1 game (" in call("learn", "Eve", "--threads", 1)[1]


def test_only_so_many_threads(call):
    assert call("learn", "Ann", "--threads", 100_000)[0] == 2


VARIANT = '[White "Zoe"]\n[Black "Bob"]\n[Variant "Chess960"]\n\n1. e4 *\n\n'


def test_identifying_tells_of_games_left_out(call, tmp_path):
    file = tmp_path / "who.pgn"
    file.write_text(VARIANT * 2)
    for words in (("--player", "Zoe"), ("--color", "white")):
        code, out, err = call("identify", file, *words)
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert "2 games left out: 2 as 'variant'" in err
    file.write_text(VARIANT + to_pgn(games_of("Bob", 1)[0]))
    code, _, err = call("identify", file, "--player", "Zoe")
    assert (code, err.count("\n")) == (1, 1)
    assert f"unknown player 'Zoe': give a name as it stands in the file ({file}: 1 game left out" in err


def test_learning_for_programs(call, home):
    code, out, _ = call("learn", "Ann", "--json", "--threads", 1)
    found = json.loads(out)
    assert code == 0
    assert (found["player"], found["games"], found["white"], found["black"]) == ("Ann", 12, 6, 6)
    assert found["file"] == str(profile_path(home, "Ann"))
    assert found["report"]["gains"][0]["parts"] == "base"


def test_a_damaged_profile_is_told_of_and_learned_afresh(call, home):
    call("learn", "Ann", "--threads", 1)
    path = profile_path(home, "Ann")
    path.write_bytes(path.read_bytes()[:100])
    code, out, err = call("learn", "Ann", "--threads", 1)
    assert code == 0
    assert "damaged profile" in err
    assert "learning afresh" in err
    assert "12 of them new" in out


def test_games_with_one_color_only_are_told_of(call, home):
    with Library() as library:
        library.add([game for game in games_of("Eve", 8) if game.white == "Eve"], source="more.pgn")
    _, out, _ = call("learn", "Eve", "--threads", 1)
    assert "No game with Black" in out


def test_what_a_missing_color_is_predicted_from_is_told() -> None:
    [game] = games_of("Eve", 1, first=1)
    eve = Person("Eve", frozenset({"eve"}), (game,))
    counts = memory_only(tiny_base(), eve.games, eve.names, name="Eve")
    styled = replace(counts, style=np.ones(4, np.float32))
    foretold = "No game with Black: his moves there are predicted"
    assert f"{foretold} as those of people of his rating." in _text(counts, eve, 1)
    assert f"{foretold} from his style alone." in _text(styled, eve, 1)


def test_unknown_people_are_a_mistake_of_one_line(call):
    code, out, err = call("learn", "Annn")
    assert (code, out) == (1, "")
    assert "did you mean 'Ann'" in err
    assert err.count("\n") == 1


def test_identifying(call, tmp_path):
    for name in ("Ann", "Bob"):
        call("learn", name, "--threads", 1)
    games = [game for game in games_of("Bob", 10, first=300) if game.white == "Bob"]
    file = tmp_path / "who.pgn"
    file.write_text("\n".join(to_pgn(game) for game in games))
    code, out, _ = call("identify", file, "--color", "white", "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["games"], found["candidates"][0]["name"]) == (5, "Bob")
    code, out, _ = call("identify", file, "--player", "Bob")
    assert code == 0
    assert "to 1  Bob" in out
    code, _, err = call("identify", file, "--player", "Nobody")
    assert code == 1
    assert "unknown player 'Nobody'" in err


def test_somebody_of_two_names_is_one_candidate(call, tmp_path):
    file = tmp_path / "who.pgn"
    file.write_text(to_pgn(games_of("Bob", 1)[0]))

    def candidates():
        code, out, err = call("identify", file, "--player", "Bob", "--json")
        assert code == 0
        return sorted(candidate["name"] for candidate in json.loads(out)["candidates"]), "left out" in err

    with Library() as library:
        library.add(games_of("Cid", 4), source="more.pgn")
        for name in ("Ann", "Bob", "Cid"):
            call("learn", name, "--threads", 1)
        library.merge("Annie", ["Ann"])
        call("learn", "Annie", "--threads", 1)
        assert candidates() == (["Annie", "Bob", "Cid"], False)
        library.merge("Annie", ["Cid"])
        library.unmerge("Ann")
        library.merge("Cid", ["Annie"])
        assert candidates() == (["Ann", "Bob"], True)


def test_sample_players_are_candidates_while_the_library_does_not_know_them(call, home, tmp_path):
    games, base = sample_games(), tiny_base()
    for name in ("Dad", "Son"):
        learned = memory_only(base, games[:40], {name_key(name)}, name=name)
        save_profile(learned, profile_path(home, name))
    file = tmp_path / "who.pgn"
    file.write_text("\n".join(map(to_pgn, games[40:44])))
    code, out, err = call("identify", file, "--color", "white", "--json")
    assert (code, err) == (0, "")
    assert {candidate["name"] for candidate in json.loads(out)["candidates"]} == {"Dad", "Son"}


def test_a_profile_that_cannot_be_saved_is_told_before_learning(call, home):
    path = profile_path(home, "Ann")
    path.mkdir(parents=True)
    code, out, err = call("learn", "Ann")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert f"{path}: cannot be written" in err
    path.rmdir()
    path.parent.rmdir()
    path.parent.write_text("in the way")
    code, out, err = call("learn", "Ann")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert f"{path}: cannot be written" in err


def test_identifying_needs_to_know_who_is_meant(call, tmp_path):
    file = tmp_path / "who.pgn"
    file.write_text(to_pgn(games_of("Bob", 1)[0]))
    assert call("identify", file)[0] == 2
    assert call("identify", file, "--color", "green")[0] == 2
    code, _, err = call("identify", file, "--color", "white")
    assert code == 1
    assert "0 profiles to choose from" in err
