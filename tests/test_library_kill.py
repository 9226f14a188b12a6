"""Killed, interrupted and crowded: what several processes do to one library file."""

from __future__ import annotations

import multiprocessing
import random
import sqlite3
import sys
import threading
import time
from multiprocessing.synchronize import Event
from pathlib import Path
from types import ModuleType

import pytest
from sample_games import some_games

from chessgru.game import Game
from chessgru.library import Library

GAMES = 120
KILLS = 50


@pytest.fixture(autouse=True)
def plain_main(monkeypatch):
    """Hides what another test put in place of the main module: new processes would run it."""
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))


@pytest.fixture(scope="module")
def processes():
    """Makes processes quickly: each is a copy of one that has read the library's code already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["chessgru.library", "sample_games"])
    return context


def games_of(number: int, count: int = GAMES) -> list[Game]:
    return some_games(count, seed=number, players=40)


def keep_adding(path: Path, number: int, ready: Event) -> None:
    """Adds one import after the other until the process is killed."""
    ready.set()
    with Library(path) as library:
        while True:
            library.add(games_of(number), source=f"import {number}")
            number += 1


def add_all(path: Path, numbers: list[int]) -> None:
    with Library(path) as library:
        for number in numbers:
            library.add(games_of(number), source=f"import {number}")


def check_whole(path: Path) -> int:
    """Returns the number of imports, each of which is there with all its games, names and counts."""
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        imports = connection.execute("SELECT accepted FROM imports").fetchall()
        counts = connection.execute("SELECT count(*) FROM games GROUP BY import_id").fetchall()
        assert set(imports) <= {(GAMES,)}
        assert counts == imports
        sides = connection.execute("SELECT sum(white_games), sum(black_games) FROM aliases").fetchone()
        assert sides == ((GAMES * len(imports),) * 2 if imports else (None, None))
    connection.close()
    return len(imports)


def kill_soon(processes, path: Path, number: int, seconds: float) -> None:
    """Starts adding and kills it after a time."""
    ready = processes.Event()
    process = processes.Process(target=keep_adding, args=(path, number, ready))
    process.start()
    assert ready.wait(60)
    time.sleep(seconds)
    process.kill()
    process.join()


def time_of_one(path: Path) -> float:
    """Returns how long opening a library and adding to it takes on this machine now."""
    start = time.perf_counter()
    with Library(path) as library:
        library.add(games_of(0), source="timed")
    return time.perf_counter() - start


def test_nothing_is_half_imported_after_a_kill(tmp_path, processes):
    path, rng, done = tmp_path / "library.sqlite", random.Random(1), 0
    Library(path).close()
    one = time_of_one(tmp_path / "timed.sqlite")
    for _ in range(KILLS):
        kill_soon(processes, path, done, rng.uniform(0, 2 * one))
        done = check_whole(path)
    assert done > 0
    with Library(path) as library:
        assert library.add(games_of(0), source="again").duplicates == GAMES


def test_a_kill_while_the_file_is_made_leaves_a_usable_place(tmp_path, processes):
    rng = random.Random(2)
    for number in range(10):
        path = tmp_path / str(number) / "library.sqlite"
        kill_soon(processes, path, 0, rng.uniform(0, 0.06))
        with Library(path) as library:
            library.add(games_of(1000), source="after")
        check_whole(path)


def test_processes_add_at_the_same_time(tmp_path, processes):
    path = tmp_path / "library.sqlite"
    workers = [
        processes.Process(target=add_all, args=(path, numbers)) for numbers in ([0, 1, 2, 3], [2, 3, 4, 5])
    ]
    for worker in workers:
        worker.start()
    with Library(path) as library:
        while any(worker.is_alive() for worker in workers):
            assert library.count() % GAMES == 0
            library.players()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    with Library(path) as library:
        assert library.count() == 6 * GAMES
        assert sum(player.white_games for player in library.players()) == 6 * GAMES


def test_threads_share_a_library(tmp_path):
    with Library(tmp_path / "library.sqlite") as library:
        failures: list[BaseException] = []

        def work(number: int) -> None:
            try:
                library.add(games_of(number, 50), source=str(number))
                library.players()
                library.save_live(library.create_live())
                assert len(library.games("Player 1")) > 0
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert library.count() == 400
        assert len(library.live_games()) == 8


def test_a_slow_download_keeps_nobody_waiting(tmp_path):
    with Library(tmp_path / "library.sqlite") as library, Library(library.path) as other:

        def slow():
            yield from games_of(0, 1500)
            assert other.add(games_of(1, 10), source="meanwhile").accepted == 10
            assert other.count() == 10

        assert library.add(slow(), source="slow").accepted == 1500
        assert library.count() == 1510
