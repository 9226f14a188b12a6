"""Runs the notebooks from top to bottom, in place, and renews the pictures of README.md.

    python notebooks/execute.py            # all five
    python notebooks/execute.py 2 4        # some

Outputs are kept without times and machine paths, so that a run that changes nothing shows no difference.
"""

from __future__ import annotations

import base64
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
SHOWN = {"1": 1, "2": 0, "3": 1, "4": 0, "5": 1}
"""Which of its pictures stands for a notebook in README.md."""


def pictures(notebook: nbformat.NotebookNode) -> list[bytes]:
    """Returns the PNG outputs, in order."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    found = [output.data["image/png"] for output in outputs if "image/png" in output.get("data", {})]
    return [base64.b64decode(png) for png in found]


def execute(path: Path) -> None:
    """Runs one notebook in its own folder and writes it back."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=900, record_timing=False, resources={"metadata": {"path": str(FOLDER)}}
    )
    client.execute()
    notebook.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    path.write_text(nbformat.writes(notebook) + "\n", "utf-8")
    picture = pictures(notebook)[SHOWN[path.name[0]]]
    (FOLDER / "images" / f"{path.stem}.png").write_bytes(picture)


def main(wanted: list[str]) -> None:
    """Runs the notebooks with these numbers, all if none is given."""
    for path in sorted(FOLDER.glob("[1-9]-*.ipynb")):
        if not wanted or path.name[0] in wanted:
            start = time.monotonic()
            execute(path)
            print(f"{path.name}: {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
