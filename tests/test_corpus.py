from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from legal_games import legal_games

from chessgru.corpus import cached_corpus, read_corpus
from chessgru.errors import PGNError
from chessgru.pgn import to_pgn
from chessgru.sequences import encode


def write(path, games):
    path.write_text("\n".join(to_pgn(game) for game in games))
    return path


def test_every_game_of_all_files_is_there_once(tmp_path):
    games = legal_games(20)
    short = replace(games[0], tokens=games[0].tokens[:4], date="2020.01.01")
    one, two = write(tmp_path / "1.pgn", games[:12]), write(tmp_path / "2.pgn", [*games[8:], short])
    found = read_corpus([one, two])
    assert (len(found.games), found.duplicates, found.left_out) == (20, 4, {"too short": 1})
    whole = encode(games)
    assert np.array_equal(found.games.tokens, whole.tokens)
    assert np.array_equal(found.games.offsets, whole.offsets)
    assert np.array_equal(found.games.players, whole.players)  # Anna and Bert keep their numbers over files
    assert np.array_equal(found.games.ratings, whole.ratings)
    assert found.games.names == ()


def test_files_are_read_once_and_again_when_they_change(tmp_path):
    file, folder, reads = write(tmp_path / "1.pgn", legal_games(5)), tmp_path / "run", []
    for _ in range(2):
        found = cached_corpus([file], folder, lambda path, done: reads.append(done))
        assert len(found.games) == 5
    once = len(reads)
    assert once > 0
    write(file, legal_games(7))
    assert len(cached_corpus([file], folder, lambda path, done: reads.append(done)).games) == 7
    assert len(reads) > once


@pytest.mark.parametrize("left", [b"", b"{", b"[]", b"{}", b"\xff"])
def test_counts_that_a_crash_left_damaged_are_counted_again(tmp_path, left):
    file, folder = write(tmp_path / "1.pgn", legal_games(5)), tmp_path / "run"
    cached_corpus([file], folder)
    (folder / "games.json").write_bytes(left)
    assert len(cached_corpus([file], folder).games) == 5
    assert json.loads((folder / "games.json").read_bytes())["duplicates"] == 0


def test_a_missing_file_is_told_and_so_is_one_without_games(tmp_path):
    with pytest.raises(PGNError, match="no such file"):
        cached_corpus([tmp_path / "none.pgn"], tmp_path)
    short = [replace(game, tokens=game.tokens[:2]) for game in legal_games(3)]
    with pytest.raises(PGNError, match="no game to train on"):
        read_corpus([write(tmp_path / "short.pgn", short)])
