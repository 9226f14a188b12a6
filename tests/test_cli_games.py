from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import typer
import zstandard
from sample_games import some_games
from site_server import ChessComSite, Fault, LichessSite
from site_server import some_games as site_games

from chessgru.cli import assemble
from chessgru.cli.games import app
from chessgru.cli.running import run
from chessgru.library import Library, default_home
from chessgru.pgn import to_pgn
from chessgru.profiles import profile_path
from chessgru.vocabulary import UCI

MOVES = tuple(UCI.index(move) for move in ("e2e4", "e7e5", "g1f3", "b8c6", "f1b5", "a7a6"))


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("CHESSGRU_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("LICHESS_TOKEN", raising=False)
    return tmp_path / "home"


@pytest.fixture
def call(capsys):
    """Runs a command; returns its exit code, standard output and standard error."""

    def run_it(*arguments: object):
        code = run(app, [str(argument) for argument in arguments])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return code, printed.out, printed.err

    return run_it


@pytest.fixture
def call_all(capsys):
    """Runs any command as `call` runs those of the library."""

    def run_it(*arguments: object):
        code = run(assemble(), [str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run_it


def legal_games(count: int, **more):
    return [
        replace(game, tokens=MOVES[: 1 + number % 6], clocks=(), warnings=(), **more)
        for number, game in enumerate(some_games(count))
    ]


def write(path, games):
    path.write_text("\n".join(to_pgn(game) for game in games))
    return path


@pytest.fixture
def evening(tmp_path):
    return write(tmp_path / "evening.pgn", legal_games(30))


def test_a_file_is_imported_once(call, evening):
    assert call("import", evening) == (
        0,
        f"{evening}: 30 games: 30 accepted, 0 duplicates, 0 rejected\n",
        "",
    )
    code, out, _ = call("import", evening, "--json")
    assert code == 0
    [report] = json.loads(out)["imports"]
    assert (report["read"], report["accepted"], report["duplicates"]) == (30, 0, 30)


def test_rejected_and_cut_games_are_told_with_the_line(call, tmp_path):
    fen = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR b KQkq - 0 1"
    text = '[White "A"]\n[Black "B"]\n\n1. e4 e5 2. Ke3 *\n\n'
    text += f'[White "A"]\n[SetUp "1"]\n[FEN "{fen}"]\n\n1... e5 *\n'
    file = tmp_path / "odd.pgn"
    file.write_text(text)
    code, out, _ = call("import", file)
    assert code == 0
    assert "2 games: 1 accepted (1 cut short), 0 duplicates, 1 rejected" in out
    assert "1 rejected as 'set-up position', first at line 6: " in out


def test_folders_patterns_and_several_files(call, tmp_path):
    folder = tmp_path / "many"
    (folder / "deep").mkdir(parents=True)
    games = legal_games(9)
    write(folder / "a.pgn", games[:3])
    (folder / "deep" / "b.pgn.gz").write_bytes(gzip.compress(to_pgn(games[3]).encode()))
    (folder / "c.pgn.zst").write_bytes(zstandard.compress(to_pgn(games[4]).encode()))
    write(folder / "notes.txt", games[5:7])
    assert call("import", folder)[0] == 0
    with Library() as library:
        assert library.count() == 5
    assert call("import", folder / "*.txt")[0] == 0
    with Library() as library:
        assert library.count() == 7


def test_one_bad_file_among_many_does_not_stop_the_others(call, tmp_path, evening):
    page = tmp_path / "page.pgn"
    page.write_text("<!DOCTYPE html><html><body>Not found</body></html>")
    code, out, err = call("import", page, tmp_path / "missing.pgn", tmp_path / "*.none", evening)
    assert code == 1
    assert "30 accepted" in out
    lines = err.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("chessgru: ") for line in lines)
    assert json.loads(call("import", page, "--json")[1])["errors"]


def test_a_cut_off_file_adds_nothing_unless_salvaged(call, tmp_path):
    whole = zstandard.compress("\n".join(map(to_pgn, some_legal_text())).encode())
    file = tmp_path / "cut.pgn.zst"
    file.write_bytes(whole[: len(whole) * 3 // 4])
    code, out, err = call("import", file)
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert "cut off in the middle" in err
    assert "--salvage" in err
    with Library() as library:
        assert library.count() == 0
    code, out, err = call("import", file, "--salvage")
    assert (code, len(err.splitlines())) == (1, 1)
    assert "--salvage" not in err
    with Library() as library:
        assert 0 < library.count() < 20_000


def test_salvage_is_advised_only_where_there_is_something_to_keep(call, tmp_path):
    file = tmp_path / "cut.pgn.gz"
    variant = '[White "A"]\n[Variant "Chess960"]\n\n1. e4 *\n\n'
    file.write_bytes(gzip.compress(variant.encode() * 9)[:-8])
    code, _, err = call("import", file)
    assert (code, err.count("\n")) == (1, 1)
    assert "--salvage" not in err


def some_legal_text():
    return [replace(game, round=str(number)) for number, game in enumerate(legal_games(20_000))]


def test_a_pipe_is_read(tmp_path, evening):
    done = subprocess.run(
        [sys.executable, "-m", "chessgru.cli.games", "import", "-"],
        input=evening.read_bytes(),
        capture_output=True,
        env=os.environ | {"CHESSGRU_HOME": str(tmp_path / "home")},
    )
    assert (done.returncode, done.stdout) == (
        0,
        b"standard input: 30 games: 30 accepted, 0 duplicates, 0 rejected\n",
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["import"],
        ["import", "x.pgn", "--rated"],
        ["import", "--lichess", "anna", "--speed", "warp"],
        ["import", "--lichess", "anna", "--color", "red"],
        ["export", "-o", "x.pgn", "--color", "white"],
        ["players", "merge", "Dad"],
        ["import", ""],
        ["import", "x.pgn", "--library", ""],
        ["import", "--watch", ""],
        ["players", "--library", ""],
        ["export", "-o", ""],
        ["nonsense"],
    ],
)
def test_a_wrong_call_is_2(call, arguments):
    assert call(*arguments)[0] == 2


def test_players_are_listed_merged_and_taken_apart(call, evening):
    call("import", evening)
    code, out, _ = call("players", "--limit", "3")
    assert code == 0
    assert out.splitlines()[0].split()[:4] == ["name", "games", "white", "black"]
    assert "… and more" in out
    assert call("players", "merge", "Dad", "player 1", "Player 2")[1].startswith("Dad: also Player ")
    listed = json.loads(call("players", "--json", "--find", "dad")[1])
    assert [set(player["aliases"]) for player in listed] == [{"Dad", "Player 1", "Player 2"}]
    assert call("players", "unmerge", "Player 2")[0] == 0
    assert [p["name"] for p in json.loads(call("players", "--json", "--find", "player 2")[1])] == [
        "Player 2"
    ]
    code, _, err = call("players", "merge", "Dad", "Plyer 3")
    assert code == 1
    assert "did you mean 'Player" in err


def test_suggestions_are_listed(call, tmp_path):
    games = legal_games(2, black="Aunt")
    file = write(
        tmp_path / "x.pgn",
        [replace(games[0], white="Carlsen,M"), replace(games[1], white="Carlsen, Magnus")],
    )
    assert "No two names" in call("players", "suggest")[1]
    call("import", file)
    assert "Carlsen, Magnus" in call("players", "suggest")[1]
    [found] = json.loads(call("players", "suggest", "--json")[1])
    assert {found["name"], found["alias"]} == {"Carlsen,M", "Carlsen, Magnus"}


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("out.pgn", b"[Event "),
        ("out.pgn.gz", b"\x1f\x8b"),
        ("out.pgn.bz2", b"BZh"),
        ("out.PGN.ZST", b"\x28\xb5\x2f\xfd"),
    ],
)
def test_an_export_imports_as_nothing_new(call, tmp_path, evening, name, head):
    call("import", evening)
    assert call("export", "-o", tmp_path / name) == (0, f"{tmp_path / name}: 30 games\n", "")
    assert (tmp_path / name).read_bytes().startswith(head)
    assert "0 accepted, 30 duplicates" in call("import", tmp_path / name)[1]
    with Library(tmp_path / "second.sqlite") as second, Library() as first:
        assert call("import", tmp_path / name, "--library", second.path)[0] == 0
        blank = {"source": "", "index": 0, "line": 1}
        assert [replace(g, **blank) for g in second.games()] == [replace(g, **blank) for g in first.games()]


def test_an_export_of_some_games(call, tmp_path, evening):
    call("import", evening)
    with Library() as library:
        player = library.players()[0].name
        expected = len(library.games(player, color="white", since="2024"))
    code, out, _ = call(
        *("export", "-o", tmp_path / "some.pgn", "--player", player.upper()),
        *("--color", "white", "--since", "2024", "--json"),
    )
    assert (code, json.loads(out)["games"]) == (0, expected)
    code, out, err = call("export", "-o", "-", "--limit", 1)
    assert (code, out.count("[White "), err) == (0, 1, "-: 1 games\n")


def test_a_failed_export_leaves_the_old_file(call, tmp_path, evening):
    call("import", evening)
    old = tmp_path / "out.pgn"
    old.write_text("old")
    before = sorted(tmp_path.iterdir())
    for words, told in (
        (("--player", "Nobody"), "unknown player 'Nobody'"),
        (("--until", "1066"), "no game in the library fits"),
        (("--since", "2024-02-30"), "there is no such month or day"),
    ):
        code, out, err = call("export", "-o", old, *words)
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert told in err
        assert (old.read_text(), sorted(tmp_path.iterdir())) == ("old", before)
    for place, told in ((tmp_path / "no" / "folder.pgn", "No such file"), (tmp_path, "no ordinary file")):
        code, _, err = call("export", "-o", place)
        assert (code, err.count("\n")) == (1, 1)
        assert f"{place}: cannot be written ({told}" in err


def test_an_export_touches_no_other_file(call, tmp_path, evening):
    call("import", evening)
    mine = tmp_path / "out.pgn.part"
    mine.write_text("mine")
    assert call("export", "-o", tmp_path / "out.pgn")[0] == 0
    assert mine.read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {evening.name, "home", "out.pgn", mine.name}


def test_deleting_asks_first(call, evening):
    call("import", evening)
    code, _, err = call("delete", "Player 1")
    assert code == 2
    assert "confirm with --yes" in err
    with Library() as library:
        count = library.count("Player 1")
        assert count > 0
    learned = profile_path(default_home(), "Player 1")
    learned.parent.mkdir(parents=True)
    learned.write_bytes(b"what was learned")
    assert call("delete", "player 1", "--yes")[1] == f"Player 1: {count} games deleted\n"
    assert not learned.exists()
    assert call("delete", "Player 1", "--yes")[0] == 1


def test_deleting_takes_what_was_learned_under_any_name(call, evening):
    call("import", evening)
    call("players", "merge", "Grandpa", "Player 1")
    learned = [profile_path(default_home(), name) for name in ("Grandpa", "Player 1")]
    learned[0].parent.mkdir(parents=True)
    for path in learned:
        path.write_bytes(b"what was learned")
    assert call("delete", "Grandpa", "--yes")[0] == 0
    assert [path for path in learned if path.exists()] == []


def test_a_library_that_is_none_is_one_line(call, tmp_path):
    (tmp_path / "x.sqlite").write_text("hello " * 1000)
    code, out, err = call("players", "--library", tmp_path / "x.sqlite")
    assert (code, out, len(err.splitlines())) == (1, "", 1)


@pytest.mark.parametrize(
    "words",
    [
        ["players"],
        ["players", "suggest"],
        ["players", "merge", "Dad", "Son"],
        ["export", "-o", "-"],
        ["delete", "Dad", "--yes"],
        ["predict"],
        ["report", "Dad"],
        ["learn", "Dad"],
        ["uci"],
    ],
    ids=" ".join,
)
def test_a_library_that_is_missing_is_not_made(call_all, tmp_path, words):
    mistyped = tmp_path / "ilbrary" / "games.sqlite"
    code, out, err = call_all(*words, "--library", mistyped)
    assert (code, out) == (1, "")
    assert err.startswith(f"chessgru: {mistyped}: no library there: ")
    assert err.count("\n") == 1
    assert not mistyped.parent.exists()


def test_an_import_makes_the_library_and_the_own_one_is_always_there(call, tmp_path, evening):
    new = tmp_path / "new" / "games.sqlite"
    assert call("import", evening, "--library", new)[0] == 0
    assert call("players", "--library", new)[0] == 0
    assert call("players")[0] == 0


def test_every_command_but_two_speaks_json():
    whole = typer.main.get_command(assemble())
    commands = whole.commands | whole.commands["players"].commands
    without = [
        name
        for name, command in commands.items()
        if not any("--json" in parameter.opts for parameter in command.params)
    ]
    assert without == ["app", "uci"]


def test_what_nobody_foresaw_is_one_line(call, monkeypatch):
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr("chessgru.library.Library.players", broken)
    code, _, err = call("players")
    assert (code, err.count("\n")) == (1, 1)
    assert "unexpected RuntimeError: two lines" in err


# Accounts


@pytest.fixture
def lichess(monkeypatch):
    with LichessSite() as site:
        monkeypatch.setenv("CHESSGRU_LICHESS_URL", site.url)
        yield site


def test_an_account_is_downloaded_and_then_only_what_is_new(call, lichess, monkeypatch):
    monkeypatch.setenv("LICHESS_TOKEN", "lip_good")
    lichess.accounts["anna"] = site_games("anna", 7)
    assert "lichess:anna: 7 games: 7 accepted" in call("import", "--lichess", "anna")[1]
    lichess.accounts["anna"] = site_games("anna", 9)
    code, out, _ = call("import", "--lichess", "anna", "--json")
    [report] = json.loads(out)["imports"]
    assert (code, report["accepted"]) == (0, 2)
    assert report["duplicates"] <= 1
    code, out, _ = call("import", "--lichess", "anna", "--anew", "--json")
    assert json.loads(out)["imports"][0]["duplicates"] == 9


def test_what_arrived_before_a_failure_is_kept(call, lichess):
    lichess.accounts["anna"] = site_games("anna", 6)
    lichess.faults += [Fault("/api/games", cut_after=4), Fault("/api/games", status=401)]
    code, out, err = call("import", "--lichess", "anna")
    assert (code, len(err.splitlines())) == (1, 1)
    assert "lichess:anna: 4 games: 4 accepted" in out
    assert "2 accepted" in call("import", "--lichess", "anna")[1]


def test_an_unknown_account_or_a_refused_token_is_one_line(call, lichess, monkeypatch):
    code, out, err = call("import", "--lichess", "nobody_there")
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    monkeypatch.setenv("LICHESS_TOKEN", "lip_stale")
    lichess.accounts["anna"] = site_games("anna", 6)
    code, out, err = call("import", "--lichess", "anna")
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert "lip_stale" not in err


def test_filters_reach_the_site(call, lichess):
    lichess.accounts["anna"] = site_games("anna", 6)
    code, out, _ = call("import", "--lichess", "anna", "--color", "white", "--since", "2023-11", "--json")
    assert (code, json.loads(out)["imports"][0]["accepted"]) == (0, 3)


def test_chess_com_too(call, monkeypatch):
    with ChessComSite() as site:
        monkeypatch.setenv("CHESSGRU_CHESSCOM_URL", site.url)
        site.accounts["bert"] = site_games("bert", 4)
        monkeypatch.setenv("CHESSGRU_CONTACT", "anna@example.org")
        assert "4 accepted" in call("import", "--chesscom", "bert")[1]
        assert all("anna@example.org" in request.headers["user-agent"] for request in site.requests)


# The process


def test_help_is_quick_and_imports_nothing_heavy():
    check = (
        "import sys; from chessgru.cli.games import app; from chessgru.cli.running import run;"
        "code = run(app, ['import', '--help']);"
        "heavy = {'torch', 'sqlalchemy', 'numba', 'numpy', 'pandas', 'httpx'} & set(sys.modules);"
        "sys.exit(code or ' '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def heed_ctrl_c():
    """A shell lets what it starts in the background ignore Ctrl-C, and processes inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_watching_ends_with_ctrl_c(tmp_path, evening):
    folder = tmp_path / "watched"
    folder.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "chessgru.cli.games", "import", "--watch", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"CHESSGRU_HOME": str(tmp_path / "home")},
        preexec_fn=heed_ctrl_c,
    )
    assert "watching" in process.stderr.readline()
    write(folder / "new.pgn", legal_games(3))
    assert "3 games: 3 accepted" in process.stdout.readline()
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", "stopped watching\n")


def test_app_watches_folders_beside_its_pages(tmp_path):
    folder, library = tmp_path / "boards", tmp_path / "library.sqlite"
    folder.mkdir()
    [game] = legal_games(1)
    write(folder / "board1.pgn", [replace(game, result="*")])
    command = [sys.executable, "-c", "from chessgru.cli import main; main()", "app", "--no-browser"]
    process = subprocess.Popen(
        [*command, "--library", str(library), "--watch", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"CHESSGRU_HOME": str(tmp_path / "home")},
    )
    try:
        told = next(line for line in process.stdout if "accepted" in line)
        assert "board1.pgn: 1 game: 1 accepted" in told
        with Library(library) as games:
            assert [one.game.tokens for one in games.in_progress()] == [game.tokens]
    finally:
        process.terminate()
        process.communicate(timeout=20)


def test_app_tells_of_a_folder_that_is_missing(tmp_path, capsys):
    assert run(assemble(), ["app", "--no-browser", "--watch", str(tmp_path / "nowhere")]) == 1
    assert "no such folder to watch" in capsys.readouterr().err
    assert run(app, ["import", "--watch", str(tmp_path / "nowhere")]) == 1
    assert capsys.readouterr().err.startswith("chessgru: ")


def test_app_and_uci_refuse_a_bad_model_or_library_at_once(call_all, tmp_path):
    (tmp_path / "x.sqlite").write_text("hello " * 1000)
    for command in (["app", "--no-browser"], ["uci"]):
        for words, told in (
            (["--model", tmp_path / "nowhere"], "no model here"),
            (["--model", tmp_path], "no model here"),
            (["--library", tmp_path / "x.sqlite"], "not a chessgru library"),
        ):
            code, out, err = call_all(*command, *words)
            assert (code, out, err.count("\n")) == (1, "", 1)
            assert told in err


def test_file_without_a_single_game_to_take_is_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "960.pgn"
    path.write_text('[Event "x"]\n[Variant "Chess960"]\n\n1. e4 e5 1-0\n')
    library = tmp_path / "library.sqlite"
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from chessgru.cli import main; main()",
            "import",
            str(path),
            "--library",
            library,
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "no game was taken in" in done.stderr
    assert "'variant' (line 1: " in done.stderr
    assert len(done.stderr.splitlines()) == 1
