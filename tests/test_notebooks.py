from __future__ import annotations

import ast
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "notebooks"
NAMES = [
    "1-your-games-as-sequences",
    "2-the-gru-gate-by-gate",
    "3-train-on-your-own-games",
    "4-gru-lstm-or-rnn",
    "5-what-gives-you-away",
]
CPU_SECONDS = 120
MACHINE_PATH = re.compile(r"/(home|Users|root|tmp|work|var|opt)/|[A-Z]:\\\\")


def read(name: str) -> nbformat.NotebookNode:
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def code_cells(name: str) -> list[nbformat.NotebookNode]:
    return [cell for cell in read(name).cells if cell.cell_type == "code"]


@pytest.mark.parametrize("name", NAMES)
def test_committed_as_executed(name: str) -> None:
    cells = code_cells(name)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 3


@pytest.mark.parametrize("name", NAMES)
def test_opens_with_a_question_a_seed_and_ends_with_your_own_games(name: str) -> None:
    cells = read(name).cells
    assert cells[0].source.startswith("# ")
    assert "?**" in cells[0].source
    assert "You need" in cells[0].source
    assert "SEED = " in code_cells(name)[0].source
    assert "with your own" in cells[-1].source.lower()


@pytest.mark.parametrize("name", NAMES)
def test_is_small_and_names_no_machine(name: str) -> None:
    text = (FOLDER / f"{name}.ipynb").read_text("utf-8")
    assert len(text.encode()) < 1_000_000
    words = [cell.source for cell in read(name).cells]
    for cell in code_cells(name):
        words += [
            output.get("text", "") or str(output.data.get("text/plain", "")) for output in cell.outputs
        ]
    assert not [found[0] for word in words if (found := MACHINE_PATH.search(word))]


@pytest.mark.parametrize("name", NAMES)
def test_no_function_is_longer_than_five_lines(name: str) -> None:
    for cell in code_cells(name):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
                assert (node.end_lineno or 0) - node.lineno < 5, node.name


@pytest.mark.parametrize("name", NAMES)
def test_the_overview_lists_it_with_a_picture(name: str) -> None:
    overview = (FOLDER / "README.md").read_text("utf-8")
    assert f"({name}.ipynb)" in overview
    assert f"(images/{name}.png)" in overview
    assert (FOLDER / "images" / f"{name}.png").stat().st_size > 5_000


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", NAMES)
def test_runs_from_top_to_bottom(name: str, tmp_path: Path) -> None:
    notebook = read(name)
    clock = "import time; print(time.process_time())"
    notebook.cells.append(nbformat.v4.new_code_cell(clock))
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert float(notebook.cells[-1].outputs[0].text) < CPU_SECONDS
