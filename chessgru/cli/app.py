"""The command that opens the app."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Annotated, Final

import typer

from chessgru.cli.options import check_model, open_library
from chessgru.cli.watching import watch_beside
from chessgru.errors import SettingsError

_PACKAGE: Final = Path(__file__).parents[1]
_LOCAL: Final = "127.0.0.1"
_TRIED: Final = 20
_HEAVY: Final = ("chessgru.predictor", "chessgru.seats", "pandas", "altair")


def entry_file() -> Path:
    """Returns the script that Streamlit runs: the packaged one, or app.py of the checkout."""
    packaged = _PACKAGE / "entry" / "app.py"
    return packaged if packaged.is_file() else _PACKAGE.parent / "app.py"


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def free_port(address: str, wanted: int | None) -> int:
    """Returns the port to serve on: `wanted`, or the first free one from 8501.

    Raises SettingsError if the wanted port, or everything up to 8520, is taken.
    """
    candidates: Iterator[int] = iter([wanted] if wanted is not None else range(8501, 8501 + _TRIED))
    for port in candidates:
        if _is_free(address, port):
            return port
    taken = wanted if wanted is not None else f"8501 to {8500 + _TRIED}"
    raise SettingsError(f"port {taken} is in use: stop what runs there, or choose another with --port")


def app_command(
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port; default: free from 8501.")
    ] = None,
    library: Annotated[
        Path | None, typer.Option("--library", metavar="FILE", help="Library to use instead of your own.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option("--model", metavar="DIR", help="Model to use instead of the shipped one.")
    ] = None,
    share: Annotated[
        bool, typer.Option("--share", help="Serve the home network too, for a game on two devices.")
    ] = False,
    watch: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="Take in the games written there, to follow them live."),
    ] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the browser.")] = True,
) -> None:
    """Opens the app in the browser: a board, and beside it what both players are likely to do."""
    if library is not None:
        open_library(library, create=True).close()
    check_model(model)
    os.environ["CHESSGRU_LIBRARY"] = "" if library is None else str(library.resolve())
    os.environ["CHESSGRU_MODEL"] = "" if model is None else str(model.resolve())
    address = "0.0.0.0" if share else _LOCAL
    if watch:
        watch_beside(library, watch)
    _serve(address, free_port(address, port), browser=browser)


def _import_ahead() -> None:
    """Imports what the first page needs while the server and the browser start: seconds saved."""
    for module in _HEAVY:
        import_module(module)


def _serve(address: str, port: int, *, browser: bool) -> None:
    """Runs Streamlit in this process until it is stopped."""
    from streamlit.web.cli import main as streamlit

    threading.Thread(target=_import_ahead, daemon=True).start()
    flags = {
        "server.address": address,
        "server.port": port,
        "server.headless": str(not browser).lower(),
        "server.showEmailPrompt": "false",
        "browser.gatherUsageStats": "false",
    }
    arguments = [part for name, value in flags.items() for part in (f"--{name}", str(value))]
    streamlit(["run", str(entry_file()), *arguments], standalone_mode=False)
