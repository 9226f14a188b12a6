from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chessgru.compiling import NOTICE, started, told_of_compiling
from chessgru.ui.importing import _preparation_told
from chessgru.ui.jobs import Job

GAME = '[White "Dad"]\n[Black "Son"]\n\n1. e4 {[%clk 0:10:00]} e5 1-0\n'


def test_only_who_is_waiting_is_told() -> None:
    told: list[str] = []
    with told_of_compiling(lambda: told.append("outer")):
        with told_of_compiling(lambda: told.append("inner")):
            started()
        started()
    started()
    assert told == ["outer", "inner"]


@pytest.mark.slow
def test_first_import_on_a_machine_says_what_it_waits_for_and_the_next_does_not(tmp_path: Path) -> None:
    (tmp_path / "game.pgn").write_text(GAME)
    command = [sys.executable, "-c", "from chessgru.cli import main; main()", "import", "game.pgn"]
    places = {"CHESSGRU_HOME": str(tmp_path / "home"), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    for expected in (f"chessgru: {NOTICE} …\n", ""):
        done = subprocess.run(
            command, cwd=tmp_path, env=os.environ | places, capture_output=True, text=True, check=True
        )
        assert done.stderr == expected
        assert "game.pgn: 1 game: " in done.stdout


def test_job_of_the_app_says_that_it_waits_for_the_compiler() -> None:
    job = Job("import", "games.pgn")
    with _preparation_told(job):
        started()
    assert (job.detail, job.errors) == (NOTICE, [])
