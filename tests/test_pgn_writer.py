from __future__ import annotations

import io
from dataclasses import replace

import chess.pgn
import pytest

from chessgru.game import Game
from chessgru.pgn import parse
from chessgru.pgn.writer import san_line, to_pgn, write_pgn
from chessgru.vocabulary import UCI

TOKENS = tuple(UCI.index(uci) for uci in ["e2e4", "d7d5", "e4d5", "d8d5", "b1c3"])
FULL = Game(
    tokens=TOKENS,
    white='Ann "the rook" O\\Neill',
    black="Боб Ödegård",
    white_rating=1500,
    black_rating=1432,
    result="1-0",
    date="2024.01.02",
    time="03:04:05",
    time_control="600+5",
    event="Casual  rapid game",
    site="https://lichess.org/q7ZvsdUF",
    round="3.1",
    eco="B01",
    site_id="lichess:q7ZvsdUF",
    clocks=(600.0, 599.3, None, 3723.25, 0.0),
    source="home.pgn",
)
BARE = Game(tokens=TOKENS[:1])


def placed_nowhere(game: Game) -> Game:
    return replace(game, source="", index=0, line=1, warnings=())


@pytest.mark.parametrize(
    "game",
    [
        FULL,
        BARE,
        replace(BARE, clocks=(59.9,)),
        replace(BARE, date="1999.??.??", time="03:04:05"),
        replace(FULL, site="Home", site_id="chess.com:1334448464"),
        replace(FULL, site="Chess.com", site_id="chess.com:daily/86995012"),
        replace(FULL, site="", site_id="lichess:q7ZvsdUF"),
        replace(FULL, site="", site_id="elsewhere:12"),
        replace(FULL, result="*", clocks=()),
    ],
)
def test_reading_the_export_changes_nothing(game: Game):
    (again,), rejections = parse(to_pgn(game))
    assert rejections == []
    assert again.warnings == ()
    assert placed_nowhere(again) == placed_nowhere(game)


def test_python_chess_reads_the_export():
    read = chess.pgn.read_game(io.StringIO(to_pgn(FULL, {0: "best by test"})))
    assert read is not None
    assert read.errors == []
    assert [move.uci() for move in read.mainline_moves()] == [UCI[token] for token in TOKENS]
    assert (read.headers["White"], read.headers["Black"]) == (
        FULL.white.replace("\\", "\\\\").replace('"', '\\"'),
        FULL.black,
    )
    assert [node.clock() for node in read.mainline()] == list(FULL.clocks)
    assert read.next().comment.endswith("best by test")


def test_comments_lie_at_their_plies_and_cannot_break_the_text():
    text = to_pgn(FULL, {-1: "before", 0: 'a } b\n[Event "x"]', 4: "last"})
    assert "{before} 1. e4" in text
    assert '{[%clk 0:10:00] a ) b [Event "x"]} 1...' in text
    (again,), rejections = parse(text)
    assert (again.tokens, again.clocks, rejections) == (TOKENS, FULL.clocks, [])


def test_lines_stay_within_80_characters():
    tokens = tuple(UCI.index(uci) for uci in ["g1f3", "g8f6", "f3g1", "f6g8"]) * 50
    long = replace(FULL, tokens=tokens, clocks=())
    lines = to_pgn(long).split("\n\n")[1].splitlines()
    assert len(lines) > 5
    assert max(map(len, lines)) <= 80


def test_many_games_to_one_file():
    file = io.StringIO()
    assert write_pgn(iter([FULL, BARE, FULL]), file) == 3
    games, rejections = parse(file.getvalue())
    assert [placed_nowhere(game) for game in games] == [placed_nowhere(game) for game in (FULL, BARE, FULL)]
    assert rejections == []
    assert write_pgn([], io.StringIO()) == 0


def test_an_illegal_token_is_no_game():
    with pytest.raises(ValueError, match="at ply 1"):
        san_line([TOKENS[0], TOKENS[0]])
