"""The commands evaluate, predict and train, on a tiny model of our own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from legal_games import ANNA, BERT, legal_games

from chessgru.checkpoint import save_checkpoint
from chessgru.cli.running import run
from chessgru.cli.scoring import app
from chessgru.compiling import NOTICE
from chessgru.library import Library
from chessgru.model import ModelConfig, MoveGRU
from chessgru.pgn import to_pgn

TINY = ModelConfig(channels=8, blocks=1, hidden=16, condition=8, style=4, head=8, move_embedding=8)
BROKEN = '[White "A"]\n[Black "B"]\n[SetUp "1"]\n[FEN "8/8/8/8/8/8/8/K1k5 w - - 0 1"]\n\n1. Ka2 *\n'
TINY_RUN = (
    *("--channels", 8, "--hidden", 16, "--blocks", 1, "--plies-per-batch", 256, "--threads", 1),
    *("--validate-every", 4, "--warmup", 3),
)


@pytest.fixture(autouse=True)
def surroundings(tmp_path, monkeypatch):
    monkeypatch.setenv("CHESSGRU_HOME", str(tmp_path / "home"))
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def call(capsys):
    """Runs a command; returns its exit code, standard output and standard error."""

    def run_it(*arguments: object):
        code = run(app, [str(argument) for argument in arguments])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return code, printed.out, printed.err

    return run_it


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("model")
    save_checkpoint(folder, MoveGRU(TINY), {})
    return folder


def write(path: Path, games, extra: str = "") -> Path:
    path.write_text(extra + "\n".join(to_pgn(game) for game in games))
    return path


@pytest.fixture
def past(tmp_path):
    return write(tmp_path / "past.pgn", legal_games(20))


@pytest.fixture
def later(tmp_path):
    return write(tmp_path / "later.pgn", legal_games(26)[20:], extra=BROKEN + "\n")


# evaluate


def test_all_games_are_scored_beside_uniform(call, later, model, tmp_path):
    out = tmp_path / "plies.parquet"
    code, printed, _ = call("evaluate", later, "--model", model, "--plies", out, "--json")
    assert code == 0
    found = json.loads(printed)
    assert (found["games"], found["rejected"]) == (6, {"set-up position": 1})
    plies = pd.read_parquet(out)
    assert list(plies) == ["game", "ply", "uci", "probability", "rank", "top1"]
    assert sorted(set(plies["game"])) == [1, 2, 3, 4, 5, 6]  # the rejected game counts
    everything = {s["forecaster"]: s for s in found["scores"] if s["group"] == "all"}
    assert everything.keys() == {"base", "uniform"}
    assert everything["base"]["plies"] == found["plies"] == len(plies)
    assert everything["base"]["top1"]["value"] == pytest.approx((plies["rank"] == 1).mean())
    assert everything["base"]["top1"]["low"] <= everything["base"]["top1"]["value"]
    assert [c["second"] for c in found["comparisons"]] == ["uniform"]
    assert sum(each["plies"] for each in found["calibration"]) == len(plies)


def test_the_scores_can_be_read(call, later, past, model):
    code, printed, _ = call("evaluate", later, "--model", model, "--history", past)
    assert code == 0
    lines = printed.splitlines()
    assert lines[0].startswith(f"{later}: 6 games, 1 rejected; model ")
    for name in ("base", "uniform", "count table", "n-gram"):
        assert any(name in line for line in lines)
    assert lines[-1].startswith("base less n-gram: top-1 ")


def test_a_player_is_scored_after_learning_from_the_past(call, later, past, model, tmp_path):
    out = tmp_path / "plies.parquet"
    words = ("evaluate", later, "--player", "anna", "--alias", "Anna B.", "--history", past)
    code, printed, _ = call(*words, "--model", model, "--plies", out, "--json")
    assert code == 0
    found = json.loads(printed)
    assert (found["scored_games"], found["history"], found["repeated"]) == (6, 20, 0)
    names = {score["forecaster"] for score in found["scores"]}
    assert names == {"personal", "base", "memory", "uniform"}
    plies = pd.read_parquet(out)
    assert list(plies)[3:] == [
        *("probability", "rank", "top1"),
        *("base_probability", "base_rank", "memory_probability", "memory_rank"),
    ]
    white = plies["game"].isin(range(1, 7, 2))  # Anna is White in every other game
    assert (plies["ply"] % 2 == 0).eq(white).all()
    assert {"memory: seen", "memory: unseen"} <= {score["group"] for score in found["scores"]}


def test_hidden_ratings_change_the_forecast(call, later, model, tmp_path):
    for name, more in (("with", ()), ("without", ("--without-ratings",))):
        assert call("evaluate", later, "--model", model, "--plies", tmp_path / name, *more)[0] == 0
    one, other = (pd.read_parquet(tmp_path / name) for name in ("with", "without"))
    assert one["uci"].equals(other["uci"])
    assert not one["probability"].equals(other["probability"])


def test_mistakes_are_one_line(call, later, past, model, tmp_path):
    nothing = tmp_path / "nothing.pgn"
    nothing.write_text(BROKEN)
    page = tmp_path / "page.pgn"
    page.write_text("<!DOCTYPE html><html><body>Not found</body></html>")
    for words, told in (
        ((tmp_path / "none.pgn",), "no such file"),
        ((page,), "page.pgn"),
        ((nothing,), "1 set-up position"),
        ((later, "--model", tmp_path), "no model here"),
        ((later, "--player", "Berd", "--history", past), f"did you mean '{BERT}'?"),
        ((later, "--player", "Zoe", "--history", past), "'Zoe': give a name as it stands in the file"),
        ((later, "--player", ANNA, "--history", nothing), "set-up position"),
        ((later, "--plies", tmp_path), "cannot be written (no ordinary file)"),
    ):
        more = () if "--model" in words else ("--model", model)
        code, printed, err = call("evaluate", *words, *more)
        assert (code, printed) == (1, ""), words
        assert told in err
        assert err.count("\n") == 1
    for words in (
        (later, "--player", ANNA),
        (later, "--alias", "x"),
        (later, "--plies", tmp_path / "no/x"),
    ):
        assert call("evaluate", *words)[0] == 2


# predict


def test_predictions_of_both_sides_sum_to_one(call, model):
    code, printed, _ = call("predict", "--model", model, "--moves", "1. e4 c7c5", "--top", 0, "--json")
    assert code == 0
    found = json.loads(printed)
    assert list(found) == ["to_move", "white", "black"]
    assert found["to_move"] == "white"
    assert len(found["white"]) == 30
    for side in ("white", "black"):
        chances = [move["probability"] for move in found[side]]
        assert sum(chances) == pytest.approx(1, abs=1e-6)
        assert chances == sorted(chances, reverse=True)
        for move in found[side]:
            assert list(move) == ["uci", "san", "probability", "sources", "seen", "of"]
            assert sum(move["sources"].values()) == pytest.approx(move["probability"], abs=1e-9)
            assert move["sources"]["own"] == move["of"] == 0


def test_what_a_player_of_the_library_did_is_known(call, model, tmp_path):
    file = tmp_path / "games.sqlite"
    with Library(file) as library:
        library.add(legal_games(20), source="past.pgn")
    words = ("predict", "--white", "anna", "--black", "Bert", "--library", file, "--model", model)
    code, printed, _ = call(*words, "--json", "--top", 2)
    assert code == 0
    found = json.loads(printed)
    assert found["white"][0]["uci"] in ("e2e4", "d2d4")
    assert found["white"][0]["of"] == 10
    assert found["white"][0]["sources"]["head_to_head"] > 0
    assert len(found["white"]) == len(found["black"]) == 2
    code, printed, _ = call(*words)
    assert code == 0
    assert "of 10 times" in printed
    assert "if " in printed


def test_ratings_and_speed_serve_people_without_a_profile(call, model):
    words = ("predict", "--model", model, "--white-rating", 1500, "--json")
    low, high = (json.loads(call(*words, "--black-rating", rating)[1]) for rating in (900, 2400))
    assert low["black"] != high["black"]
    code, _, err = call(*words, "--white", "Nobody Known", "--speed", "blitz")
    assert code == 0
    assert "taken for anybody rated 1500" in err


def test_wrong_moves_names_and_speeds(call, model):
    for words, told in (
        (("--moves", "e2e4 e7e5 e1e3"), "ply 3: 'e1e3' is not a legal move for White"),
        (("--white", "Dadd"), "did you mean 'Dad'"),
    ):
        code, printed, err = call("predict", "--model", model, *words)
        assert (code, printed) == (1, "")
        assert told in err
        assert err.count("\n") == 1
    assert call("predict", "--speed", "hasty")[0] == 2


def test_a_game_that_is_over_has_no_next_move(call, model):
    code, printed, _ = call("predict", "--model", model, "--moves", "f3 e5 g4 Qh4#", "--json")
    assert code == 0
    assert json.loads(printed) == {"to_move": "white", "white": [], "black": []}


# train


def test_a_model_is_trained_scored_and_used(call, past, later, tmp_path):
    out = tmp_path / "run"
    code, printed, _ = call("train", past, past, later, "--out", out, *TINY_RUN, "--cell", "rnn", "--json")
    assert code == 0
    found = json.loads(printed)
    assert found["games"] + found["validation"]["games"] == 26  # each once
    assert 0.01 < found["temperature"] < 5
    config = json.loads((out / "config.json").read_text())
    assert config["model"]["cell"] == "rnn"
    assert config["about"]["temperature"] == found["temperature"]
    assert config["about"]["sources"] == ["past.pgn", "past.pgn", "later.pgn"]
    assert b"anna" not in (out / "games.parquet").read_bytes().lower()
    assert call("evaluate", later, "--model", out)[0] == 0
    again = call("train", past, "--out", out, *TINY_RUN)
    assert again[0] == 1
    assert "a run is there; go on with --resume" in again[2]
    tokens = tmp_path / "tokens"
    assert call("train", out / "games.parquet", "--out", tokens, *TINY_RUN)[0] == 0


def test_wrong_training_calls(call, past, tmp_path):
    out = tmp_path / "run"
    for words in (
        ("--cell", "transformer"),
        ("--seed", 2**64),
        ("--hidden", 10**7),
        ("--channels", 10**7),
        ("--blocks", 10**7),
        ("--threads", 10**5),
        ("--plies-per-batch", 10**12),
    ):
        assert call("train", past, "--out", out, *words)[0] == 2
    assert call("train", past, "--out", "")[0] == 2
    assert not out.exists()
    for words, told in (
        ((tmp_path / "none.pgn", "--out", out), "no such file"),
        ((past, "--out", out, "--passes", 0), "passes must be above 0"),
        ((past, "--out", out, "--passes", "nan"), "passes must be finite"),
        ((past, "--out", out, "--passes", "inf"), "passes must be finite"),
        ((past, "--out", out, "--passes", 1e300), "passes must be at most"),
        ((past, "--out", out, "--learning-rate", "nan"), "learning_rate must be finite"),
        ((past, "--out", out, "--clip", "nan"), "clip must be finite"),
        ((past, "--out", out, "--weight-decay", "inf"), "weight_decay must be finite"),
        *(
            ((past, "--out", out, "--device", device), "not usable here")
            for device in ("tpu", "meta", "privateuseone", "")
        ),
        ((past, "--out", past), "is a file: give --out a folder"),
        ((past, "--out", past / "run"), "cannot be written"),
    ):
        code, _, err = call("train", *words)
        assert code == 1, words
        assert told in err
        assert err.count("\n") == 1


def test_the_largest_seed_trains(call, past, tmp_path):
    assert call("train", past, "--out", tmp_path / "run", *TINY_RUN, "--seed", 2**32 - 1)[0] == 0


def test_a_run_that_diverges_says_so(call, past, tmp_path):
    for more in ((), ("--resume",)):
        words = ("--out", tmp_path / "run", *TINY_RUN, "--passes", 9, "--learning-rate", 1e30, *more)
        code, _, err = call("train", past, *words)
        assert (code, err.count("\n")) == (1, 1)
        assert "the loss is not finite from step " in err
        assert "lower --learning-rate" in err


def test_training_tells_what_was_left_out(call, past, later, tmp_path):
    words = (past, past, later, "--out", tmp_path / "run", *TINY_RUN)
    code, out, _ = call("train", *words)
    assert code == 0
    assert out.splitlines()[-1] == "games left out: 1 set-up position, 20 repeated"
    found = json.loads(call("train", *words, "--resume", "--json")[1])
    assert (found["duplicates"], found["left_out"]) == (20, {"set-up position": 1})


def test_a_history_of_nothing_but_the_test_is_named(call, later, past, model):
    words = ("evaluate", later, "--player", ANNA, "--model", model)
    code, _, err = call(*words, "--history", later)
    assert (code, err) == (
        1,
        f"chessgru: {later}: no game of {ANNA!r} there but the 6 that are scored, which are left out; "
        "give his earlier games\n",
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_run_says_so_in_one_line_and_goes_on(call, past, tmp_path, number):
    out = tmp_path / "run"
    words = [
        str(word) for word in ("train", past, "--out", out, *TINY_RUN, "--passes", 200, "--patience", 999)
    ]
    code = "import sys; from chessgru.cli.running import run; from chessgru.cli.scoring import app; "
    process = subprocess.Popen(
        [sys.executable, "-c", f"{code}sys.exit(run(app, sys.argv[1:]))", *words],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1]), "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (out / "run.safetensors").exists():
        assert process.poll() is None, process.communicate()
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    lines = [line for line in err.splitlines() if NOTICE not in line]  # compiled here, or before
    assert len(lines) == 1
    assert "stopped at step" in lines[0]
    step = int(err.split("stopped at step ")[1].split()[0])
    code, _, err = call(*words[:-4], "--resume")
    assert code == 1  # other settings: more passes were wanted
    assert "config.passes 200.0, not 1.0" in err
    assert step >= 4
