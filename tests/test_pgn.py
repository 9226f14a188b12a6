"""PGN as it really comes: each dirt has its case."""

from __future__ import annotations

import io
import re

import pytest

from chessgru.errors import PGNError
from chessgru.game import Game, Rejection
from chessgru.pgn import clocks_from_elapsed, parse, read_all, read_games
from chessgru.vocabulary import UCI

HEAD = '[Event "Home"]\n[White "Ann"]\n[Black "Bob"]\n[Result "1-0"]\n\n'
RUY = ["e2e4", "e7e5", "g1f3", "b8c6", "f1b5", "a7a6", "e1g1"]


def moves(game: Game) -> list[str]:
    return [UCI[token] for token in game.tokens]


def one(text: str | bytes) -> Game:
    """Returns the only game of a text, without tags of its own or with them."""
    raw = text if isinstance(text, bytes) else text.encode()
    games, rejections = read_all(io.BytesIO(raw))
    assert (len(games), rejections) == (1, [])
    return games[0]


def refused(text: str) -> Rejection:
    games, rejections = parse(text)
    assert (games, len(rejections)) == ([], 1)
    return rejections[0]


def test_all_fields_of_a_lichess_game():
    game = one(
        '[Event "Casual rapid game"]\n[Site "https://lichess.org/q7ZvsdUF"]\n[Date "2024.01.01"]\n'
        '[Round "-"]\n[White "Ann"]\n[Black "Bob"]\n[Result "0-1"]\n[UTCDate "2024.01.02"]\n'
        '[UTCTime "21:00:31"]\n[WhiteElo "1500"]\n[BlackElo "?"]\n[Variant "Standard"]\n'
        '[TimeControl "600+5"]\n[ECO "C20"]\n\n1. f3 { [%eval 0.1] [%clk 0:10:00] } 1... e5 '
        "{ [%clk 0:09:58.5] } 2. g4 { [%clk 0:09:50] } 2... Qh4# { [%clk 0:09:55] } 0-1\n"
    )
    assert game == Game(
        tokens=game.tokens,
        white="Ann",
        black="Bob",
        white_rating=1500,
        black_rating=None,
        result="0-1",
        date="2024.01.02",
        time="21:00:31",
        time_control="600+5",
        event="Casual rapid game",
        site="https://lichess.org/q7ZvsdUF",
        round="-",
        eco="C20",
        site_id="lichess:q7ZvsdUF",
        clocks=(600.0, 598.5, 590.0, 595.0),
        source="the upload",
    )
    assert moves(game) == ["f2f3", "e7e5", "g2g4", "d8h4"]


@pytest.mark.parametrize(
    "movetext",
    [
        "1. e4 e5 2. Nf3 Nc6 3. Bb5 a6 4. O-O 1-0",
        "1.e4 e5 2.Nf3 Nc6 3.Bb5 a6 4.0-0 1-0",
        "1. e4 1... e5 2. Nf3 2... Nc6 3. Bb5 3... a6 4. O-O 1-0",
        "1 e4 e5 2 Nf3 Nc6 3 Bb5 a6 4 O-O 1-0",
        "1. e2-e4 e7-e5 2. Ng1-f3 Nb8-c6 3. Bf1-b5 a7-a6 4. O-O 1-0",
        "1. e2e4 e7e5 2. N1f3 Nbc6 3. Bfb5 a7a6 4. e1g1 1-0",
        "1. e4! e5?? 2. Nf3!? $14 Nc6 $6 3. Bb5 = a6 += 4. O-O +- 1-0",
        "1. e4 (1. d4 d5 (1... Nf6 2. c4) 2. c4) e5 2. Nf3 {a (b} Nc6 3. Bb5 ; rest (\n a6 4. O-O 1-0",
        "1. e4 e5\n% 1. d4 d5 an escaped line\n2. Nf3 Nc6\r\n3. Bb5 a6 4. O-O\n1-0",
        "1. e4 e5 2. ♘f3 ♞c6 3. ♗b5 a6 4. O-O 1-0",
        "1. ♙e4 e5 2. Ng1–f3 Nc6 3. Bb5 a6 4. О-О 1-0",
        "1. e4\xa0e5 2. Nf3 Nc6± 3. Bb5† a6 ∞ 4. O-O□ 1-0",
        "1. e4 e5 2. Nf3 N Nc6 D 3. Bb5 RR a6 4. o-o 1-0",
        "1. e4 e5 2. Nf3 Nc6 3. Bb5 a6 4. O-O {[%clk 0:01:00]\n[%emt 0:00:01]} 1-0",
    ],
)
def test_spellings_of_the_same_game(movetext: str):
    game = one(HEAD + movetext)
    assert (moves(game), game.warnings) == (RUY, ())


@pytest.mark.parametrize(
    ("written", "played"),
    [
        ("1. e4 d5 2. e5 f5 3. exf6 e.p. h6 *", "e5f6"),
        ("1. e4 d5 2. e5 f5 3. exf6e.p. h6 *", "e5f6"),
        ("1. e4 d5 2. e5 f5 3. exf6 ep h6 *", "e5f6"),
        ("1. e4 d5 2. e5 f5 3. ef6 h6 *", "e5f6"),
        ("1. e4 d5 2. e5 f5 3. e5:f6 h6 *", "e5f6"),
        ("1. h4 g5 2. hxg5 h6 3. gxh6 Nf6 4. h7 Ne4 5. hxg8=N *", None),
    ],
)
def test_pawns(written: str, played: str | None):
    game = one(HEAD + written)
    assert moves(game)[4] == (played or "g5h6")


@pytest.mark.parametrize(
    "written",
    [
        "axb1=Q",
        "axb1Q",
        "axb1q",
        "axb1=q",
        "axb1/Q",
        "axb1=Q+",
        "a2xb1Q",
        "a2b1q",
        "axb1=Q++",
        "ab1=Q",
        "a:b1=Q",
    ],
)
def test_promotions(written: str):
    game = one(HEAD + f"1. b3 a5 2. h3 a4 3. h4 axb3 4. h5 bxa2 5. h6 {written} *")
    assert moves(game)[-1] == "a2b1q"


def test_a_promotion_must_name_its_piece():
    game = one(HEAD + "1. b3 a5 2. h3 a4 3. h4 axb3 4. h5 bxa2 5. h6 axb1 1-0")
    assert (len(game.tokens), game.warnings) == (9, ("cut at ply 9: illegal move 'axb1'",))


def test_several_games_and_their_places():
    text = HEAD + "1. e4 1-0\n\n" + HEAD + "1. Ke2 1-0\n\n" + HEAD + "1. d4 1-0\n"
    games, rejections = parse(text)
    assert [(game.index, game.line, moves(game)) for game in games] == [(0, 1, ["e2e4"]), (2, 15, ["d2d4"])]
    assert [(r.index, r.line, r.reason) for r in rejections] == [(1, 8, "illegal move")]


def test_games_without_a_blank_line_between_them():
    text = '[Event "A"]\n1. e4 e5 1-0\n[Event "B"]\n1. d4 d5 0-1\n[Event "C"]\n[Event "D"]\n1. c4 *'
    games, rejections = parse(text)
    assert [game.event for game in games] == ["A", "B", "D"]
    assert [(r.index, r.reason) for r in rejections] == [(2, "no moves")]


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_line_ends(end: str):
    games, _ = read_all(io.BytesIO((2 * (HEAD + "1. e4 e5\n2. Nf3 1-0\n\n")).replace("\n", end).encode()))
    assert [(moves(game), game.line) for game in games] == [(RUY[:3], 1), (RUY[:3], 9)]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252", "latin-1", "utf-8"])
def test_encodings(encoding: str):
    assert (
        one((HEAD.replace("Ann", "Björn Ödegård") + "1. e4 1-0").encode(encoding)).white == "Björn Ödegård"
    )


# Cut, rejected, mended


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("Nc4", "illegal move"),
        ("Bb6", "illegal move"),
        ("O-O", "illegal move"),
        ("--", "null move"),
        ("Z0", "null move"),
        ("0000", "null move"),
        ("Xb5", "unreadable move"),
        ("hello", "unreadable move"),
        ("Nf9", "unreadable move"),
    ],
)
def test_a_bad_move_cuts_the_game(bad: str, reason: str):
    game = one(HEAD + f"1. e4 e5 2. {bad} {{[%clk 0:01:00]}} Nc6 3. d4 1-0")
    assert (moves(game), game.warnings, game.clocks) == (RUY[:2], (f"cut at ply 2: {reason} {bad!r}",), ())
    assert refused(HEAD + f"1. {bad} e5 1-0").reason == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (HEAD + "1-0", "no moves"),
        (HEAD, "no moves"),
        (HEAD + "{only talk} *", "no moves"),
        ('[Variant "Chess960"]\n' + HEAD + "1. e4 *", "variant"),
        ('[Variant "Crazyhouse"]\n' + HEAD + "1. e4 *", "variant"),
        ('[SetUp "1"]\n[FEN "8/8/8/4k3/8/8/4P3/4K3 w - - 0 1"]\n' + HEAD + "1. e4 *", "set-up position"),
        (HEAD + "1. Ke2 *", "illegal move"),
        (HEAD + " ".join(["Nf3 Nf6 Ng1 Ng8"] * 501), "too long"),
    ],
)
def test_rejections(text: str, reason: str):
    assert refused(text).reason == reason


def test_a_standard_set_up_is_none():
    fen = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1"
    assert one(f'[Variant "From Position"]\n[FEN "{fen}"]\n' + HEAD + "1. e4 1-0").warnings == ()


def test_a_blank_line_inside_the_moves_is_read_over():
    game = one(HEAD + "1. e4 e5\n\n2. Nf3 Nc6\n \n3. Bb5 a6 4. O-O 1-0\n\n")
    assert (moves(game), game.warnings) == (RUY, ("blank line inside the moves at ply 2",))


def test_a_game_without_tags_is_taken_only_as_the_first():
    assert moves(one("1. e4 e5 2. Nf3")) == RUY[:3]
    games, rejections = parse("1. e4 e5 *\n\n1. d4 *\n\n" + HEAD + "1. c4 1-0\n\n7. Nf3 Nf6 1-0\n1. e4 *")
    assert [moves(game) for game in games] == [["e2e4", "e7e5"], ["c2c4"]]
    assert [(r.index, r.line, r.reason) for r in rejections] == [
        (1, 3, "game without tags"),
        (3, 12, "game without tags"),
        (4, 13, "game without tags"),
    ]


def test_moves_after_a_blank_line_that_continue_nothing():
    games, rejections = parse(HEAD + "1. e4 e5\n\n7. Nf3 Nf6 1-0")
    assert [moves(game) for game in games] == [RUY[:2]]
    assert [(r.reason, r.line) for r in rejections] == [("game without tags", 8)]


@pytest.mark.parametrize(
    ("movetext", "warning"),
    [
        ("1. e4 e5", "no result after the moves"),
        ("1. e4 e5 0-1", "the tag says 1-0 but the moves end with 0-1"),
        ("1. e4 e5 {never closed 1-0", "a comment is never closed"),
        ("1. e4 e5 (1... c5 1-0", "a variation is never closed"),
        ("1. e4 e5 1-0 2. Nf3", "text after the result was ignored"),
    ],
)
def test_warnings(movetext: str, warning: str):
    game = one(HEAD + movetext)
    assert moves(game) == RUY[:2]
    assert warning in game.warnings


def test_an_open_comment_does_not_swallow_the_next_game():
    games, _ = parse(HEAD + "1. e4 {oops\n\n" + HEAD + "1. d4 1-0")
    assert [moves(game) for game in games] == [["e2e4"], ["d2d4"]]
    assert games[1].line == 8


def test_the_result_comes_from_the_tag_or_else_from_the_moves():
    assert one('[White "A"]\n\n1. e4 0-1').result == "0-1"
    assert one('[Result "*"]\n\n1. e4 0-1').result == "0-1"
    assert one('[Result "1/2"]\n\n1. e4 ½-½').result == "1/2-1/2"
    assert one(HEAD + "1. e4 *").result == "1-0"


# Languages

FOREIGN = {
    "German": "1. e4 e5 2. Sf3 Sc6 3. Lb5 a6 4. Lxc6 dxc6 5. De2 Ta7 6. Kd1",
    "French": "1. e4 e5 2. Cf3 Cc6 3. Fb5 a6 4. Fxc6 dxc6 5. De2 Ta7 6. Rd1",
    "Spanish": "1. e4 e5 2. Cf3 Cc6 3. Ab5 a6 4. Axc6 dxc6 5. De2 Ta7 6. Rd1",
    "Dutch": "1. e4 e5 2. Pf3 Pc6 3. Lb5 a6 4. Lxc6 dxc6 5. De2 Ta7 6. Kd1",
    "Russian": "1. e4 e5 2. Кf3 Кc6 3. Сb5 a6 4. Сxc6 dxc6 5. Фe2 Лa7 6. Крd1",
    "figurines": "1. e4 e5 2. ♘f3 ♞c6 3. ♗b5 a6 4. ♗xc6 dxc6 5. ♕e2 ♜a7 6. ♔d1",
}
ENGLISH = "1. e4 e5 2. Nf3 Nc6 3. Bb5 a6 4. Bxc6 dxc6 5. Qe2 Ra7 6. Kd1"


@pytest.mark.parametrize("language", FOREIGN)
def test_letters_of_other_languages(language: str):
    assert one(HEAD + FOREIGN[language] + " 1-0").tokens == one(HEAD + ENGLISH + " 1-0").tokens


def test_russian_in_its_old_code_page():
    game = one((HEAD.replace("Ann", "Анна") + FOREIGN["Russian"] + " 1-0").encode("cp1251"))
    assert (game.white, game.tokens) == ("Анна", one(HEAD + ENGLISH + " 1-0").tokens)


def test_promotions_in_other_languages():
    line = HEAD + "1. b3 a5 2. h3 a4 3. h4 axb3 4. h5 bxa2 5. h6 axb1="
    assert moves(one(line + "D *"))[-1] == "a2b1q"
    assert moves(one(line + "S *"))[-1] == "a2b1n"
    assert moves(one(line + "Л *"))[-1] == "a2b1r"


def test_the_file_tells_the_language_of_a_game_that_does_not():
    """Alone, R is a rook; in a French file it is the king."""
    games, _ = parse(HEAD + "1. e4 e5 2. Re2 *\n\n" + HEAD + FOREIGN["French"] + " *")
    assert moves(games[0]) == ["e2e4", "e7e5", "e1e2"]
    games, _ = parse(HEAD + "1. h4 e5 2. Rh3 *\n\n" + HEAD + ENGLISH + " *")
    assert moves(games[0]) == ["h2h4", "e7e5", "h1h3"]


def test_a_file_of_several_languages():
    games, rejections = parse(
        "\n\n".join(HEAD + text + " *" for text in [ENGLISH, *FOREIGN.values(), ENGLISH])
    )
    assert rejections == []
    assert {game.tokens for game in games} == {games[0].tokens}


def test_two_readings_are_refused_unless_the_file_tells():
    """Rook and king can both go to f1, and nothing in the game says whether R is one or the other."""
    clash = HEAD + "1. e4 e5 2. f1c4 f8c5 3. g1f3 g8f6 4. Rf1 *\n\n"
    assert refused(clash).reason == "unreadable move"
    assert [moves(parse(clash + HEAD + text)[0][0])[-1] for text in (ENGLISH, FOREIGN["French"])] == [
        "h1f1",
        "e1f1",
    ]


def test_a_letter_of_no_language_is_never_read_as_a_pawn():
    assert refused(HEAD + "1. Xf3 e5 *").reason == "unreadable move"
    assert moves(one(HEAD + "1. e4 e5 2. Nf3 Sc6 *")) == RUY[:3]


# Clocks


@pytest.mark.parametrize(
    ("clock", "seconds"),
    [
        ("[%clk 1:02:03]", 3723.0),
        ("[%clk 0:00:59.3]", 59.3),
        ("[%clk 2:05]", 125.0),
        ("[%clk 45.25]", 45.25),
        ("[%eval 0.3] text [%clk 0:10:00] more", 600.0),
        ("[%clk 01:30:00,5]", 5400.5),
    ],
)
def test_clock_forms(clock: str, seconds: float):
    assert one(HEAD + f"1. e4 {{{clock}}} e5 1-0").clocks == (seconds, None)


def test_clocks_inside_variations_do_not_count():
    assert one(HEAD + "1. e4 {[%clk 0:01:00]} (1. d4 {[%clk 0:00:01]}) e5 1-0").clocks == (60.0, None)


def test_clocks_do_not_leak_into_the_next_game():
    games, _ = parse(
        HEAD + "1. e4 {[%clk 0:01:00]} e5 {[%clk 0:01:00]} 1-0\n\n" + HEAD + "1. e4 e5 {[%clk 1:00]} 1-0"
    )
    assert [game.clocks for game in games] == [(60.0, 60.0), (None, 60.0)]


def test_elapsed_times_become_clocks_where_the_time_control_allows():
    text = (
        '[TimeControl "60+2"]\n'
        + HEAD
        + "1. e4 {[%emt 0:00:05]} e5 {[%emt 0:00:01.5]} 2. Nf3 {[%emt 0:00:10]} 1-0"
    )
    assert one(text).clocks == (57.0, 60.5, 49.0)
    assert one(text.replace("60+2", "40/5400")).clocks == ()
    assert one(text.replace("emt", "egt")).clocks == (57.0, 60.5, 54.0)
    assert clocks_from_elapsed([5.0, float("nan"), 1.0, 2.0], "60") == (55.0, None, 54.0, None)
    assert clocks_from_elapsed([5.0], "?") == ()


def test_what_only_begins_like_a_draw_is_no_result():
    game = one(HEAD + "1. e4 e5 1/2-1c2")
    assert game.warnings[0] == "cut at ply 2: unreadable move '/2-1c2'"


# Sources


def test_a_file_that_is_not_pgn():
    for raw, words in [
        (b"", "is empty"),
        (b"\n \n", "holds no games"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "web page"),
        (bytes(range(256)) * 10, "binary"),
        (b"PK\x03\x04 and so on", "zip"),
        (b"Dear diary,\n\ntoday we played chess.\n", "holds no games"),
    ]:
        with pytest.raises(PGNError, match=words) as caught:
            read_all(io.BytesIO(raw), name="x.pgn")
        assert re.fullmatch(r"x\.pgn.*", str(caught.value))


def test_words_before_the_first_game_are_told_apart():
    games, rejections = parse("Downloaded from somewhere\n\n" + HEAD + "1. e4 1-0")
    assert len(games) == 1
    assert [r.reason for r in rejections] == ["not PGN"]


def test_a_missing_file(tmp_path):
    with pytest.raises(PGNError, match=r"nowhere\.pgn: no such file"):
        list(read_games(tmp_path / "nowhere.pgn"))
    with pytest.raises(PGNError, match="cannot be read"):
        list(read_games(tmp_path))


def test_the_source_is_named(tmp_path):
    path = tmp_path / "club.pgn"
    path.write_text(HEAD + "1. e4 1-0")
    assert next(read_games(path)).source == "club.pgn"
    assert next(read_games(str(path), name="ann@site")).source == "ann@site"


def test_progress_reaches_the_size_of_the_file():
    raw = (HEAD + "1. e4 1-0\n\n").encode() * 3000
    seen: list[int] = []
    games = sum(1 for _ in read_games(io.BytesIO(raw), progress=seen.append))
    assert (games, seen[-1], seen) == (3000, len(raw), sorted(seen))
