"""The command as a process: its streams closed, full or unread, names that are not UTF-8, Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from legal_games import legal_games

from chessgru import __version__
from chessgru.library import Library
from chessgru.pgn import to_pgn

COMMAND = f"{sys.executable} -m chessgru"


@pytest.fixture(params=["", "1"], ids=["buffered", "unbuffered"])
def unbuffered(request):
    return request.param


@pytest.fixture
def shell(tmp_path):
    """Runs a line of shell, $C being the command; returns its exit code, output and errors."""

    def run_it(line: str | bytes, **more: str):
        surroundings = {
            "CHESSGRU_HOME": str(tmp_path / "home"),
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "C": COMMAND,
        }
        done = subprocess.run(
            ["bash", "-c", line], cwd=tmp_path, env=os.environ | surroundings | more, capture_output=True
        )
        out, err = done.stdout.decode(), done.stderr.decode()
        assert "Traceback" not in err
        assert "Exception ignored" not in err
        return done.returncode, out, err

    return run_it


@pytest.fixture
def files(tmp_path):
    for name, games in (("a", legal_games(20)[:10]), ("b", legal_games(20)[10:])):
        (tmp_path / f"{name}.pgn").write_text("\n".join(map(to_pgn, games)))


def stored(tmp_path) -> int:
    with Library(tmp_path / "home" / "library.sqlite") as library:
        return library.count()


def test_the_package_is_the_command(shell):
    assert shell("$C --version") == (0, f"chessgru {__version__}\n", "")
    assert "import" in shell("$C --help")[1]


def test_a_file_name_that_is_not_utf8(shell, tmp_path, files):
    (tmp_path / "a.pgn").rename(os.fsdecode(os.fsencode(tmp_path) + b"/M\xfcller.pgn"))
    code, out, err = shell("$C import .")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "M\\xfcller.pgn: 10 games: 10 accepted, 0 duplicates, 0 rejected",
        "b.pgn: 10 games: 10 accepted, 0 duplicates, 0 rejected",
    ]
    code, out, err = shell(b"$C import --json N\xfc.pgn")
    assert (code, err) == (1, "chessgru: N\\xfc.pgn: no such file: check the name\n")


@pytest.mark.parametrize("words", [b"learn M\xfc", b"predict --white M\xfc", b"delete M\xfc --yes"])
def test_a_name_that_is_not_utf8(shell, words):
    code, out, err = shell(b"$C " + words)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "is not UTF-8" in err


def test_an_import_goes_on_when_nobody_reads_its_report(shell, tmp_path, files, unbuffered):
    line = "{ sleep 0.2; $C import a.pgn b.pgn; echo $? >&2; } | true"
    assert shell(line, PYTHONUNBUFFERED=unbuffered)[2] == "0\n"
    assert stored(tmp_path) == 20


def test_an_import_goes_on_when_nobody_reads_its_errors(shell, tmp_path, files, unbuffered):
    line = "{ sleep 0.2; $C import none.pgn a.pgn none.pgn b.pgn; echo $? >code; } 2>&1 | true; cat code"
    assert shell(line, PYTHONUNBUFFERED=unbuffered)[1] == "1\n"
    assert stored(tmp_path) == 20


@pytest.mark.parametrize("words", ["players", "predict", "export -o - 2>/dev/null", "--help"])
def test_a_reader_that_leaves_is_no_failure(shell, files, words, unbuffered):
    shell("$C import a.pgn")
    line = f"{{ sleep 0.2; $C {words}; echo $? >&2; }} | true"
    assert shell(line, PYTHONUNBUFFERED=unbuffered)[2] == "0\n"


@pytest.mark.parametrize(
    "words", ["players", "export -o -", "import b.pgn", "--help", "import b.pgn --json"]
)
def test_a_full_output_is_one_line(shell, files, words, unbuffered):
    shell("$C import a.pgn")
    code, _, err = shell(f"$C {words} >/dev/full", PYTHONUNBUFFERED=unbuffered)
    assert code == 1
    assert err.splitlines()[-1].startswith("chessgru: standard output: cannot be written (No space left")
    assert len(err.splitlines()) == 1 + words.startswith("export") * (not unbuffered)


@pytest.mark.parametrize(
    ("words", "stream"),
    [
        ("import - <&-", "input"),
        ("export -o - >&-", "output"),
        ("uci <&-", "input"),
        ("uci >&-", "output"),
    ],
)
def test_a_closed_stream_is_one_line(shell, files, words, stream):
    shell("$C import a.pgn")
    code, out, err = shell(f"$C {words}")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert f"standard {stream} is closed" in err


def test_messages_to_nobody(shell, files):
    assert shell("$C import a.pgn 2>&-")[0] == 0
    assert shell("$C players --library nowhere 2>&-")[0] == 1
    for unbuffered in ("", "1"):
        line = "$C players --library nowhere 2>/dev/full"
        assert shell(line, PYTHONUNBUFFERED=unbuffered)[0] == 1
    assert shell("$C delete 'Anna B.' <&-")[0] in (1, 2)


def heed_ctrl_c():
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("salvage", [True, False])
def test_what_an_interrupted_import_kept_is_told(tmp_path, salvage):
    [game] = legal_games(1)
    text = "\n".join(to_pgn(replace(game, round=str(number))) for number in range(9000))
    process = subprocess.Popen(
        [*COMMAND.split(), "import", "-", *(["--salvage"] if salvage else [])],
        env=os.environ | {"CHESSGRU_HOME": str(tmp_path / "home")},
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=heed_ctrl_c,
    )
    process.stdin.write(text.encode())  # returns when all but what a pipe holds was read
    process.stdin.flush()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    told = err.decode().strip().splitlines()[-1]
    if salvage:
        assert f"{stored(tmp_path)} accepted" in out.decode()
        assert stored(tmp_path) > 0
        assert told == "chessgru: stopped: of standard input, the games read so far were stored"
    else:
        assert (stored(tmp_path), out) == (0, b"")
        assert told == "chessgru: stopped: nothing of standard input was stored"
