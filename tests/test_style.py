"""The checks that are not about behaviour: lint, format, types, direction of imports."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "chessgru"

# A module imports only from rows above its own, or from its own package.
ROWS = (
    ("errors", "compiling"),
    ("vocabulary", "game", "jit", "files"),
    ("pgn", "session", "openings"),
    ("library", "sources", "sequences", "samples", "movegen", "kernels", "products"),
    ("batches", "counts", "corpus", "replay", "exchanges", "cells", "threads"),
    ("tactics", "data_parallel", "gradients"),
    ("optimization", "book", "inference", "planes"),
    ("model", "memory", "positions"),
    ("adapters", "baselines", "trace", "checkpoint", "memory_task"),
    ("own_moves", "training", "profiles", "predictor", "scores"),
    ("learning", "evaluation", "seats", "sampling", "repertoire", "comparison", "overview"),
    ("identification", "player_evaluation", "habits", "charts"),
    ("report", "trace_charts", "overview_charts", "profile_charts", "tendencies"),
    ("uci",),
    ("cli", "ui", "board"),
    ("__main__",),
)
ROW = {name: number for number, row in enumerate(ROWS) for name in row}
ONLY_IN = {"typer": {"cli"}, "streamlit": {"ui", "board", "cli"}}  # the command `app` starts Streamlit


@pytest.mark.slow
@pytest.mark.parametrize(
    "check",
    [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]],
    ids=["lint", "format", "types"],
)
def test_checker_finds_nothing(check: list[str]) -> None:
    done = subprocess.run([sys.executable, "-m", *check], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def imports_of(path: Path) -> set[str]:
    """The modules a file imports, at its top or inside functions, as dotted names."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            if node.module == "chessgru":
                found |= {f"chessgru.{alias.name}" for alias in node.names}
    return found


SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if "node_modules" not in path.parts)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_up(path: Path) -> None:
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if own == "__init__":
        return
    assert own in ROW, f"give {own!r} a row"
    for module in imports_of(path):
        parts = module.split(".")
        if parts[0] == "chessgru" and len(parts) > 1 and parts[1] != own and parts[1][0] != "_":
            assert ROW[parts[1]] < ROW[own] or (own, parts[1]) == ("ui", "board"), (
                f"{own} imports {parts[1]}"
            )
        assert own in ONLY_IN.get(parts[0], {own}), f"{own} imports {parts[0]}"


def test_torch_stays_below_the_library() -> None:
    for path in SOURCES:
        own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if ROW.get(own, 99) <= ROW["library"]:
            assert "torch" not in {module.split(".")[0] for module in imports_of(path)}, own


def test_prediction_never_imports_training() -> None:
    for name in ("predictor.py", "seats.py", "sampling.py", "uci/conversation.py", "uci/people.py"):
        assert "chessgru.training" not in imports_of(PACKAGE / name)
