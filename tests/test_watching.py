from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest
from sample_games import some_games

from chessgru.errors import LibraryError
from chessgru.library import Library
from chessgru.library.watching import check_folders, is_pgn, pgn_files, watch
from chessgru.pgn import to_pgn
from chessgru.vocabulary import UCI

MOVES = tuple(UCI.index(move) for move in ("e2e4", "e7e5", "g1f3", "b8c6", "f1b5", "a7a6"))


@pytest.fixture
def watched(tmp_path):
    """A folder, a library that takes in what appears there, and the changes so far."""
    folder = tmp_path / "games"
    folder.mkdir()
    changes, stop = [], threading.Event()
    with Library(tmp_path / "library.sqlite") as library:

        def run():
            changes.extend(watch(library, [folder], stop=stop))

        thread = threading.Thread(target=run)
        thread.start()
        yield folder, library, changes
        stop.set()
        thread.join(timeout=10)
        assert not thread.is_alive()


def wait_for(condition, seconds: float = 10.0) -> float:
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < seconds, "did not happen in time"
        time.sleep(0.02)
    return time.monotonic() - start


def live(plies: int, result: str = "*"):
    [game] = some_games(1)
    return replace(game, tokens=MOVES[:plies], clocks=(), result=result, warnings=())


def test_a_game_is_followed_while_it_is_written(watched):
    folder, library, changes = watched
    file = folder / "board1.pgn"
    for plies in (2, 4, 6):
        file.write_text(to_pgn(live(plies)))
        waited = wait_for(lambda n=plies: [len(g.tokens) for g in library.unfinished()] == [n])
        assert waited < 5, "aims at one second; five on a busy machine"
    file.write_text(to_pgn(live(6, "1-0")))
    wait_for(lambda: library.unfinished() == [] and library.count() == 1)
    assert changes[0].report.accepted == 1


def test_broken_files_are_told_and_the_others_taken_in(watched):
    folder, library, changes = watched
    (folder / "page.pgn").write_text("<!DOCTYPE html><html><body>Not found</body></html>")
    (folder / "notes.txt").write_text("not watched")
    (folder / "deep").mkdir()
    (folder / "deep" / "good.pgn").write_text(to_pgn(live(4, "1-0")))
    wait_for(lambda: library.count() == 1 and any(change.error for change in changes))
    assert {change.path.name for change in changes} == {"page.pgn", "good.pgn"}
    (folder / "page.pgn").write_text(to_pgn(live(6, "0-1")))
    wait_for(lambda: library.count() == 2)


def test_files_that_are_there_already_come_first(tmp_path):
    (tmp_path / "old.pgn").write_text(to_pgn(live(4, "1-0")))
    with Library(tmp_path / "library.sqlite") as library:
        change = next(watch(library, [tmp_path]))
    assert change.report.accepted == 1


def test_a_missing_folder_is_told(tmp_path):
    with (
        Library(tmp_path / "library.sqlite") as library,
        pytest.raises(LibraryError, match="no such folder to watch"),
    ):
        next(watch(library, [tmp_path / "nowhere"]))
    (tmp_path / "games.pgn").write_text("x")
    with pytest.raises(LibraryError, match="is a file: give the folder"):
        check_folders([tmp_path / "games.pgn"])


def test_which_files_are_pgn(tmp_path):
    for name in ("b.PGN", "a.pgn.zst", "c.pgn.gz", ".hidden.pgn", "d.txt", "pgn"):
        (tmp_path / name).write_text("x")
    assert [path.name for path in pgn_files(tmp_path)] == ["a.pgn.zst", "b.PGN", "c.pgn.gz"]
    assert not is_pgn(tmp_path / "d.txt")
