"""`chessgru app` on a new machine: it opens at once, asks nothing, and tells nobody."""

from __future__ import annotations

import os
import pty
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

ROOT = Path(__file__).parents[1]
PROGRAM = (sys.executable, "-c", "from chessgru.cli import main; main()", "app", "--port")
FROM_A_CLONE = (
    sys.executable,
    "-m",
    "streamlit",
    "run",
    str(ROOT / "app.py"),
    "--server.headless=false",
    "--server.port",
)
PATIENCE = 60.0


@contextmanager
def first_start(command: list[str], home: Path, terminal: int) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a command as somebody who never used it, with a browser that opens nothing."""
    programs = home / "bin"
    programs.mkdir()
    for name in ("xdg-open", "open"):
        (programs / name).symlink_to("/bin/true")
    own = {"HOME": str(home), "BROWSER": "true", "CHESSGRU_HOME": str(home / "data")}
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("STREAMLIT_")}
    process = subprocess.Popen(
        command,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=inherited | own | {"PATH": path},
        cwd=home if command[1] == "-c" else ROOT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=20)


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    with (
        suppress(URLError, OSError),
        urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5) as reply,
    ):
        return bool(reply.read() == b"ok")
    return False


def printed_in(terminal: int) -> str:
    """Returns what was printed in a terminal and not read yet."""
    text = b""
    while select.select([terminal], [], [], 0.3)[0]:
        text += os.read(terminal, 10_000)
    return text.decode()


@pytest.mark.parametrize("command", [PROGRAM, FROM_A_CLONE], ids=["chessgru app", "streamlit run app.py"])
def test_the_app_opens_on_a_new_machine_without_a_question(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    port = unused_port()
    ours, its = pty.openpty()
    printed, end = "", time.monotonic() + PATIENCE
    with first_start([*command, str(port)], tmp_path, its) as process:
        while not ("URL" in printed and answers(port)) and time.monotonic() < end:
            printed += printed_in(ours)
            assert "Email" not in printed
            assert process.poll() is None, printed
        assert answers(port), printed
    os.close(its)
    os.close(ours)
    for word in ("Welcome to Streamlit", "usage statistics"):
        assert word not in printed
    assert not (tmp_path / ".streamlit").exists()
