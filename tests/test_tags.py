from __future__ import annotations

import pytest

from chessgru.pgn.tags import (
    date_of,
    game_date,
    is_set_up,
    is_variant,
    rating_of,
    read_tags,
    result_of,
    site_id,
    utc_time,
)


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ('[White "Ann"]\n[Black "Bob"]\n', {"White": "Ann", "Black": "Bob"}),
        ('[White "Ann"]\r\n[Black "Bob"]\r\n', {"White": "Ann", "Black": "Bob"}),
        ('  [White   "Ann" ]  \n', {"White": "Ann"}),
        ('[White "Ann"] [Black "Bob"]\n', {"White": "Ann", "Black": "Bob"}),
        (r'[Event "The \"Big\" one \\ two"]', {"Event": r'The "Big" one \ two'}),
        ('[Event "The "Big" one"]\n[White "Ann"]', {"Event": 'The "Big" one', "White": "Ann"}),
        ('[White "Ann"\n[Black "Bob"]', {"White": "Ann", "Black": "Bob"}),
        ('[White "Ann"]\n[White "Eve"]', {"White": "Eve"}),
        ('[White Ann]\n[Black ""]\n% note\n', {"Black": ""}),
    ],
)
def test_reading_tags(text: str, tags: dict[str, str]):
    assert read_tags(text) == tags


@pytest.mark.parametrize(
    ("value", "rating"),
    [
        ("1500", 1500),
        (" 1500 ", 1500),
        ("1500?", 1500),
        ("1500P", 1500),
        ("800", 800),
        ("", None),
        ("?", None),
        ("-", None),
        ("0", None),
        ("unrated", None),
        ("99999", None),
        ("4500", None),
    ],
)
def test_ratings(value: str, rating: int | None):
    assert rating_of(value) == rating


@pytest.mark.parametrize(
    ("value", "date"),
    [
        ("2024.01.31", "2024.01.31"),
        ("2024.1.3", "2024.01.03"),
        ("2024-01-31", "2024.01.31"),
        ("2024/01/31", "2024.01.31"),
        ("31.01.2024", "2024.01.31"),
        ("1999.??.??", "1999.??.??"),
        ("1999.05.??", "1999.05.??"),
        ("1999", "1999.??.??"),
        ("1999.13.40", "1999.??.??"),
        ("????.??.??", ""),
        ("", ""),
        ("yesterday", ""),
        ("²024.01.01", ""),
    ],
)
def test_dates(value: str, date: str):
    assert date_of(value) == date


def test_a_complete_utc_date_comes_before_the_date():
    assert game_date({"Date": "2024.01.01", "UTCDate": "2024.01.02"}) == "2024.01.02"
    assert game_date({"Date": "2024.01.01", "UTCDate": "2024.??.??"}) == "2024.01.01"
    assert game_date({"UTCDate": "2024.??.??"}) == "2024.??.??"
    assert game_date({}) == ""
    assert (utc_time({"UTCTime": "21:00:31"}), utc_time({"UTCTime": "9 pm"})) == ("21:00:31", "")


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"Site": "https://lichess.org/q7ZvsdUF"}, "lichess:q7ZvsdUF"),
        ({"Site": "https://lichess.org/q7ZvsdUFabcd"}, "lichess:q7ZvsdUF"),
        ({"Site": "https://lichess.org/q7ZvsdUF/black#12"}, "lichess:q7ZvsdUF"),
        ({"Site": "lichess.org", "GameId": "q7ZvsdUF"}, "lichess:q7ZvsdUF"),
        ({"Site": "https://lichess.org/analysis"}, ""),
        ({"Site": "https://lichess.org/study/abcdefgh/ijklmnop"}, ""),
        (
            {"Site": "Chess.com", "Link": "https://www.chess.com/game/live/1334448464"},
            "chess.com:1334448464",
        ),
        ({"Link": "https://www.chess.com/live/game/1334448464"}, "chess.com:1334448464"),
        ({"Link": "https://www.chess.com/live#g=1334448464"}, "chess.com:1334448464"),
        ({"Link": "https://www.chess.com/game/daily/86995012"}, "chess.com:daily/86995012"),
        ({"Link": "https://www.chess.com/daily/game/86995012"}, "chess.com:daily/86995012"),
        ({"Site": "London", "GameId": "12345678"}, ""),
        ({}, ""),
    ],
)
def test_site_ids(tags: dict[str, str], expected: str):
    assert site_id(tags) == expected


def test_variants_and_set_ups():
    assert [
        is_variant({"Variant": v}) for v in ("Standard", "standard", "From Position", "?", "", "Rapid")
    ] == [False] * 6
    assert [is_variant({"Variant": v}) for v in ("Chess960", "Fischerandom", "Atomic", "Giveaway")] == [
        True
    ] * 4
    start = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR"
    assert not any(
        is_set_up({"FEN": fen}) for fen in ("", "?", start, f"{start} w KQkq -", f"{start} w KQkq - 0 1")
    )
    assert is_set_up({"FEN": f"{start} b KQkq - 0 1"})
    assert is_set_up({"FEN": f"{start} w Qkq - 0 1"})


def test_results():
    assert [result_of(text) for text in ("1-0", "1:0", "1/2", "½-½", "*", "", "won")] == [
        "1-0",
        "1-0",
        "1/2-1/2",
        "1/2-1/2",
        "*",
        None,
        None,
    ]
