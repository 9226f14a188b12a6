"""Playing as a person: the conversation line by line, and the real command with python-chess's client."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import chess
import chess.engine
import numpy as np
import pytest
import torch

from chessgru.checkpoint import save_checkpoint
from chessgru.errors import MoveError, SettingsError
from chessgru.game import Game
from chessgru.library import Library
from chessgru.model import ModelConfig, MoveGRU
from chessgru.sampling import Clock
from chessgru.uci import Conversation, Sitting
from chessgru.uci.people import LibraryPeople
from chessgru.uci.words import Settings, changed, read_limits, read_position, told_options
from chessgru.vocabulary import UCI

TINY = ModelConfig(
    channels=8, blocks=1, late_blocks=1, hidden=16, condition=8, style=4, head=8, move_embedding=8
)
SPANISH = tuple(UCI.index(move) for move in ("e2e4", "e7e5", "g1f3", "b8c6", "f1b5"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny model and a library where Ann always plays the Spanish against Bob."""
    folder = tmp_path_factory.mktemp("home")
    torch.manual_seed(1)
    save_checkpoint(folder / "model", MoveGRU(TINY), {})
    with Library(folder / "library.sqlite") as library:
        library.add(
            [
                Game(tokens=SPANISH, white="Ann", black="Bob", white_rating=1500, date=f"2024.01.{day:02}")
                for day in range(1, 29)
            ],
            source="test",
        )
    return folder


@pytest.fixture
def people(home: Path) -> Iterator[LibraryPeople]:
    with Library(home / "library.sqlite") as library:
        yield LibraryPeople(library, home / "model")


class Talk:
    """A conversation, and what was said in it."""

    def __init__(self, people: LibraryPeople, **settings: object) -> None:
        self.said: list[str] = []
        self._changed = threading.Condition()
        self.conversation = Conversation(
            people,
            self._say,
            np.random.default_rng(1),
            settings=Settings(**settings),  # type: ignore[arg-type]
        )

    def _say(self, line: str) -> None:
        with self._changed:
            self.said.append(line)
            self._changed.notify_all()

    def hear(self, *lines: str) -> list[str]:
        before = len(self.said)
        for line in lines:
            self.conversation.hear(line)
        return self.said[before:]

    def move(self, *lines: str) -> list[str]:
        """Returns what was said until the move, included."""
        before = len(self.said)
        self.hear(*lines)
        with self._changed:
            assert self._changed.wait_for(
                lambda: any(line.startswith("bestmove") for line in self.said[before:]), 60
            )
        return self.said[before:]


# Words


def test_options_name_everybody_and_hold_the_settings(people: LibraryPeople) -> None:
    said = Talk(people, player="Ann", temperature=80).hear("uci")
    assert said[-1] == "uciok"
    assert said[0].startswith("id name chessgru")
    assert "option name Player type combo default Ann var anybody var Ann var Bob var Dad var Son" in said
    assert "option name Temperature type spin default 80 min 0 max 300" in said
    assert "option name Pacing type check default false" in said


def test_many_or_confusing_names_are_asked_for_as_text() -> None:
    many = told_options(Settings(), [f"Player {number}" for number in range(500)])
    assert many[0] == "option name Player type string default <empty>"
    assert told_options(Settings(), ["max value"])[0].endswith("string default <empty>")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name Player value Ann B, C", Settings(player="Ann B, C")),
        ("name player value anybody", Settings()),
        ("name PACING value true", Settings(pacing=True)),
        ("name Speed value Blitz", Settings(speed="blitz")),
        ("name UCI_Opponent value GM 2800 human Gary K", Settings(opponent="Gary K", opponent_rating=2800)),
        ("name UCI_Opponent value none none computer X 1", Settings(opponent="X 1")),
        ("name Opponent value", Settings()),
    ],
)
def test_options_are_set(text: str, expected: Settings) -> None:
    assert changed(Settings(), text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "name Temperature value 301",
        "name Rating value high",
        "name Hash value 64",
        "Player Ann",
        "",
        "name",
    ],
)
def test_wrong_options_are_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        changed(Settings(), text)


def test_a_position_is_read_with_its_moves() -> None:
    found = read_position("startpos moves e2e4 e7e5 g1f3")
    assert [UCI[token] for token in found.tokens] == ["e2e4", "e7e5", "g1f3"]
    assert (found.side, found.start) == ("black", "")
    assert read_position(f"fen {chess.STARTING_FEN} moves e2e4").start == ""
    set_up = read_position("fen 4k3/P7/8/8/8/8/8/4K3 w - - 0 1 moves a7a8q")
    assert set_up.side == "black"
    assert set_up.start == "4k3/P7/8/8/8/8/8/4K3 w - - 0 1"


@pytest.mark.parametrize(
    "text",
    [
        "startpos moves e2e5",
        "startpos moves e2e4 0000",
        "fen 8/8/8/8/8/8/8/8 w - - 0 1",
        "fen rubbish",
        "here",
        "",
        "fen nrkbbqrn/pppppppp/8/8/8/8/PPPPPPPP/NRKBBQRN w GBgb - 0 1",
    ],
)
def test_wrong_positions_are_refused(text: str) -> None:
    with pytest.raises(MoveError):
        read_position(text)


def test_limits_are_the_movers() -> None:
    found = read_limits("wtime 60000 btime 30000 winc 1000 binc 2000 movestogo 10", "black")
    assert found.clock == Clock(remaining=30, increment=2, moves_to_go=10)
    assert found.time_class == "bullet"
    assert read_limits("movetime 500", "white").clock.per_move == 0.5
    assert read_limits("infinite searchmoves e2e4 d2d4", "white").only == {"e2e4", "d2d4"}
    assert read_limits("wtime -20 btime x depth", "white").clock.remaining == 0
    assert read_limits("ponder depth 3", "white").ponder


# Conversation


def test_a_person_plays_what_he_always_played(people: LibraryPeople) -> None:
    talk = Talk(people, player="Ann", opponent="Bob", temperature=0)
    said = talk.move("isready", "position startpos moves e2e4 e7e5", "go wtime 60000 btime 60000")
    assert said[0] == "readyok"
    assert said[-1].startswith("bestmove g1f3 ponder b8c6")
    assert any(line.startswith("info string Ann: Nf3") and "(28 of 28)" in line for line in said)
    assert [line for line in said if "score" in line] == []
    assert sum(" multipv " in line for line in said) == 3


def test_temperature_varies_the_moves(people: LibraryPeople) -> None:
    talk = Talk(people, temperature=300)
    found = {talk.move("position startpos", "go depth 5")[-1].split()[1] for _ in range(12)}
    assert len(found) > 3


def test_searchmoves_are_kept_to(people: LibraryPeople) -> None:
    talk = Talk(people, player="Ann")
    assert talk.move("position startpos", "go nodes 1 searchmoves a2a3")[-1].startswith("bestmove a2a3")


def test_infinite_waits_for_stop_and_stop_answers_at_once(people: LibraryPeople) -> None:
    talk = Talk(people)
    talk.hear("isready", "position startpos", "go infinite")
    time.sleep(0.3)
    assert not any(line.startswith("bestmove") for line in talk.said)
    began = time.monotonic()
    assert talk.hear("stop")[-1].startswith("bestmove")
    assert time.monotonic() - began < 2
    assert talk.hear("stop") == []


def test_pacing_pauses_and_stop_ends_the_pause(people: LibraryPeople) -> None:
    talk = Talk(people, pacing=True)
    talk.hear("isready", "position startpos", "go wtime 3600000 btime 3600000")
    time.sleep(0.3)
    assert not any(line.startswith("bestmove") for line in talk.said)
    began = time.monotonic()
    assert talk.hear("stop")[-1].startswith("bestmove")
    assert time.monotonic() - began < 2
    began = time.monotonic()
    talk.move("go wtime 600 btime 600")
    assert time.monotonic() - began < 2


def test_pondering_waits_for_the_move(people: LibraryPeople) -> None:
    talk = Talk(people)
    talk.hear("position startpos moves e2e4", "go ponder wtime 60000 btime 60000")
    time.sleep(0.3)
    assert not any(line.startswith("bestmove") for line in talk.said)
    assert talk.move("ponderhit")[-1].startswith("bestmove")


def test_a_set_up_position_is_played_and_a_finished_game_is_not(people: LibraryPeople) -> None:
    talk = Talk(people, player="Ann")
    fen = "7k/5Q2/8/8/8/8/8/K7 b - - 0 1"
    assert talk.move(f"position fen {fen}", "go")[-1] == "bestmove (none)"
    fen = "4k3/P7/8/8/8/8/8/4K3 w - - 0 1"
    move = chess.Move.from_uci(talk.move(f"position fen {fen}", "go")[-1].split()[1])
    assert chess.Board(fen).is_legal(move)
    dead = "8/8/4k3/8/8/4K3/8/8 w - - 0 1"
    said = talk.move(f"position fen {dead}", "go")
    assert chess.Board(dead).is_legal(chess.Move.from_uci(said[-1].split()[1]))
    assert any(line.startswith("info depth 1 multipv 1 ") for line in said)


def test_memory_speaks_in_a_set_up_position(people: LibraryPeople) -> None:
    board = chess.Board()
    for token in SPANISH[:4]:
        board.push_uci(UCI[token])
    talk = Talk(people, player="Ann", temperature=0)
    said = talk.move(f"position fen {board.fen()}", "go")
    assert said[-1].startswith("bestmove f1b5")
    assert any("(28 of 28)" in line for line in said)


def test_mistakes_are_told_and_nothing_is_played_from_them(people: LibraryPeople) -> None:
    talk = Talk(people, player="Ann")
    [said] = talk.hear("position startpos moves e2e5")
    assert said.startswith("info string ply 1: 'e2e5' is not legal here")
    assert talk.move("go")[-1] == "bestmove (none)"
    assert "'Ann'" in talk.hear("setoption name Player value Anne")[0]
    assert talk.move("position startpos", "go")[-2].startswith("info string Ann:")
    assert talk.hear("gibberish", "", "   ") == []
    assert talk.hear("debug on", "gibberish") == ["info string not understood: 'gibberish'"]
    assert talk.hear("debug off", "joho isready") == ["readyok"]


def test_an_unknown_opponent_is_anybody_of_his_rating(people: LibraryPeople) -> None:
    talk = Talk(people, player="Ann")
    said = talk.move("setoption name UCI_Opponent value none 1800 human Zoe", "position startpos", "go")
    assert any("unknown player 'Zoe'" in line and "anybody" in line for line in said)
    assert said[-1].startswith("bestmove")


def test_a_model_that_is_missing_is_told_and_legal_moves_are_played(tmp_path: Path) -> None:
    talk = Talk(LibraryPeople(None, tmp_path / "nowhere"))
    said = talk.move("isready", "position startpos", "go")
    assert "readyok" in said
    assert any("no model here" in line for line in said)
    assert chess.Board().is_legal(chess.Move.from_uci(said[-1].split()[1]))


def test_the_speed_is_that_of_the_first_clock(people: LibraryPeople) -> None:
    asked: list[Sitting] = []

    class Watched(LibraryPeople):
        def predictor(self, sitting, tell):
            asked.append(sitting)
            return people.predictor(sitting, tell)

    talk = Talk(Watched(None))
    talk.move("position startpos", "go wtime 300000 btime 300000 winc 3000 binc 3000")
    talk.move("position startpos moves e2e4", "go wtime 9000 btime 9000 winc 3000 binc 3000")
    talk.move("ucinewgame", "position startpos", "go wtime 60000 btime 60000")
    talk.move("setoption name Speed value classical", "position startpos", "go wtime 60000 btime 60000")
    assert [each.speed for each in asked] == ["blitz", "blitz", "bullet", "classical"]
    assert [each.side for each in asked] == ["white", "black", "white", "white"]


def test_the_end_of_the_lines_waits_for_the_move_and_quit_does_not(people: LibraryPeople) -> None:
    talk = Talk(people)
    talk.conversation.run(["uci", "position startpos", "go", ""])
    assert talk.said[-1].startswith("bestmove")
    talk.conversation.run(["go infinite", "quit", "uci"])
    assert talk.said[-1].startswith("bestmove")
    talk.conversation.run(["go infinite"])
    assert talk.said[-1].startswith("bestmove")


# The real command


def command(home: Path, *more: str) -> list[str]:
    start = "import sys; from chessgru.cli import main; main()"
    options = ["--library", str(home / "library.sqlite"), "--model", str(home / "model"), *more]
    return [sys.executable, "-c", start, "uci", *options]


def environment(home: Path) -> dict[str, str]:
    return os.environ | {
        "CHESSGRU_HOME": str(home),
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "OMP_NUM_THREADS": "1",
    }


def test_it_plays_a_whole_game_against_itself_in_a_real_client(home: Path) -> None:
    with chess.engine.SimpleEngine.popen_uci(
        command(home, "--player", "ann", "--seed", "1"), env=environment(home), timeout=120
    ) as engine:
        assert engine.id["name"].startswith("chessgru")
        assert engine.options["Player"].default == "Ann"
        assert engine.options["Player"].var == ["anybody", "Ann", "Bob", "Dad", "Son"]
        board = chess.Board()
        clock = chess.engine.Limit(white_clock=60, black_clock=60, white_inc=1, black_inc=1)
        while not board.is_game_over() and board.ply() < 160:
            player = "Ann" if board.turn else "Bob"
            options = {"Player": player, "Opponent": "Bob" if board.turn else "Ann"}
            result = engine.play(board, clock, info=chess.engine.INFO_ALL, options=options, game="one")
            assert result.move is not None
            assert "score" not in result.info
            assert result.info["string"].startswith(f"{player}: ")
            board.push(result.move)
        assert board.ply() > 20
        candidates = engine.analyse(chess.Board(), chess.engine.Limit(depth=1), multipv=5)
        assert [info["multipv"] for info in candidates] == [1, 2, 3, 4, 5]
        assert candidates[0]["pv"][0] == chess.Move.from_uci("e2e4")
        with engine.analysis(chess.Board(), chess.engine.Limit()) as analysis:
            assert analysis.get()
            analysis.stop()
            assert analysis.wait().move is not None


def test_an_unknown_player_is_one_line_and_1(home: Path) -> None:
    done = subprocess.run(
        command(home, "--player", "Anne"), env=environment(home), capture_output=True, text=True, input=""
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == ["chessgru: unknown player 'Anne': did you mean 'Ann'?"]


def test_a_pipe_gets_its_answer(home: Path) -> None:
    lines = "uci\nisready\nposition startpos moves e2e4 e7e5\ngo movetime 100\n"
    done = subprocess.run(
        command(home, "--player", "Ann", "--temperature", "0"),
        env=environment(home),
        capture_output=True,
        text=True,
        input=lines,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].startswith("bestmove g1f3 ponder ")


def test_a_chess_program_that_dies_leaves_no_traceback(home: Path) -> None:
    with subprocess.Popen(
        command(home),
        env=environment(home),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdin.write("isready\n")
        process.stdin.flush()
        assert process.stdout.readline() == "readyok\n"
        process.stdout.close()
        process.stdin.write("uci\nposition startpos\ngo\nisready\n")
        process.stdin.close()
        assert process.stderr.read() == ""
        assert process.wait(60) == 0


def test_the_handshake_does_not_wait_for_torch(home: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from chessgru.library import Library;"
        "import numpy; from chessgru.uci import Conversation;"
        "from chessgru.uci.people import LibraryPeople;"
        f"people = LibraryPeople(Library(Path({str(home / 'library.sqlite')!r})));"
        "Conversation(people, print, numpy.random.default_rng(1)).run(['uci']);"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment(home), capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "uciok"
