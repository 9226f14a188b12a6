"""The checks that are not about behaviour: lint, format, types, direction of imports."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROWS = (
    {"errors"},
    {"vocabulary", "game", "names", "pgn", "session"},
    {"library", "sources", "sequences"},
)


@pytest.mark.slow
@pytest.mark.parametrize(
    "check",
    [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]],
    ids=["lint", "format", "types"],
)
def test_checker_finds_nothing(check: list[str]) -> None:
    done = subprocess.run([sys.executable, "-m", *check], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
