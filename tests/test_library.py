from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from legal_games import legal_games
from permissions import plain_user
from sample_games import some_games

from chessgru.errors import LibraryError, UnknownPlayerError
from chessgru.game import Game, Rejection
from chessgru.library import Example, Library, LiveConflictError, LiveGame, default_home
from chessgru.library.following import WATCHING
from chessgru.library.schema import VERSION, pack_clocks, pack_tokens, unpack_clocks, unpack_tokens


@pytest.fixture
def path(tmp_path):
    return tmp_path / "home" / "library.sqlite"


@pytest.fixture
def library(path):
    with Library(path, now=lambda: 1_700_000_000.0) as opened:
        yield opened


def game(*tokens: int, white: str = "Dad", black: str = "Son", **more) -> Game:
    return Game(**{"tokens": tokens or (1, 2, 3), "white": white, "black": black, "result": "1-0", **more})


def stored_twice(library: Library, games: list[Game]) -> None:
    """The counts kept beside the names are those of the games themselves."""
    listed = {player.name: (player.white_games, player.black_games) for player in library.players()}
    found: dict[str, list[int]] = {}
    for one in library.games():
        found.setdefault(library.player(one.white).name, [0, 0])[0] += 1
        found.setdefault(library.player(one.black).name, [0, 0])[1] += 1
    assert listed == {name: tuple(counts) for name, counts in found.items()}
    assert len(library.games()) == len(games)


# Games in, games out


def test_games_come_back_as_they_were(library):
    games = some_games(200)
    report = library.add(games, source="evening.pgn")
    assert (report.accepted, report.duplicates, report.read) == (200, 0, 200)
    assert sorted(library.games(), key=lambda g: g.index) == games
    stored_twice(library, games)


def test_a_second_import_adds_nothing(library):
    library.add(some_games(50), source="a")
    before = library.players()
    report = library.add(some_games(50), source="b")
    assert (report.accepted, report.duplicates) == (0, 50)
    assert library.players() == before


def test_names_in_another_case_and_spacing_are_the_same_game(library):
    library.add([game(white="Carlsen, Magnus")], source="a")
    assert library.add([game(white="CARLSEN,Magnus")], source="a").duplicates == 1


def test_games_of_one_file_that_are_alike_are_stored_once(library):
    report = library.add([game(), game(), game(round="2")], source="a")
    assert (report.accepted, report.duplicates) == (2, 1)


def test_the_site_id_decides_where_there_is_one(library):
    library.add([game(1, 2, site_id="lichess:abc"), game(1, 2, site_id="lichess:abd")], source="a")
    assert library.count() == 2
    assert library.add([game(1, 2, date="2024.01.01", site_id="lichess:abc")], source="b").duplicates == 1


def test_rejections_are_counted_with_their_first_example(library):
    items = [
        game(),
        Rejection(reason="variant", detail="Chess960", line=9),
        Rejection(reason="variant", detail="Atomic", line=90),
        Rejection(reason="no moves", detail="an empty game", line=30),
    ]
    report = library.add(items, source="a")
    assert report.rejected == {"variant": 2, "no moves": 1}
    assert report.first_examples["variant"] == Example(9, "Chess960")
    assert report.read == 4
    assert [(past.time, past.report) for past in library.imports()] == [(1_700_000_000.0, report)]


def test_cut_games_are_counted(library):
    games = [
        game(1, warnings=("cut at ply 1: illegal move 'Qh9'",)),
        game(2, warnings=("odd", "cut at ply 1")),
    ]
    assert library.add([*games, game(3)], source="a").cut == 2


def test_a_game_without_names_makes_no_player(library):
    library.add([game(white="", black="Son")], source="a")
    assert [player.name for player in library.players()] == ["Son"]
    assert library.games()[0].white == ""


def test_when_reading_fails_nothing_is_stored(library):
    def broken():
        yield from some_games(3000)
        raise RuntimeError("the disk was pulled")

    library.add([game()], source="before")
    with pytest.raises(RuntimeError, match="pulled"):
        library.add(broken(), source="broken")
    assert library.count() == 1
    assert [player.name for player in library.players()] == ["Dad", "Son"]
    assert library.add(some_games(3), source="after").accepted == 3


def test_progress_tells_how_many_games_were_read(library):
    seen: list[int] = []
    library.add(
        [*some_games(1500), Rejection(reason="no moves", detail="")], source="a", progress=seen.append
    )
    assert seen == [1000, 1501]


@given(st.lists(st.one_of(st.none(), st.floats(0, 2_000_000)), max_size=20))
def test_clocks_keep_milliseconds(clocks):
    back = unpack_clocks(pack_clocks(clocks))
    assert [None if c is None else round(c, 3) for c in clocks] == [*back]


@given(st.lists(st.integers(0, 1967)))
def test_tokens_take_two_bytes_each(tokens):
    assert len(pack_tokens(tokens)) == 2 * len(tokens)
    assert unpack_tokens(pack_tokens(tokens)) == tuple(tokens)


# Games in progress


def test_a_game_in_progress_grows(library):
    library.add([game(1, 2, result="*")], source="live.pgn")
    report = library.add([game(1, 2, 3, result="*")], source="live.pgn")
    assert (report.grown, report.accepted) == (1, 0)
    assert [one.tokens for one in library.unfinished()] == [(1, 2, 3)]
    assert library.add([game(1, 2, 3, 4)], source="live.pgn").grown == 1
    assert library.unfinished() == []
    assert [(one.tokens, one.result) for one in library.games()] == [((1, 2, 3, 4), "1-0")]
    stored_twice(library, library.games())
    assert library.add([game(1, 2, 3, 4)], source="live.pgn").duplicates == 1


def test_an_older_state_of_a_game_changes_nothing(library):
    library.add([game(1, 2, 3, result="*")], source="live.pgn")
    assert library.add([game(1, 2, result="*")], source="copy.pgn").duplicates == 1
    assert library.unfinished()[0].tokens == (1, 2, 3)


def test_moves_may_be_taken_back_where_they_are_written(library):
    library.add([game(1, 2, 3, 4, result="*", index=1)], source="live.pgn")
    assert library.add([game(1, 2, 9, result="*", index=1)], source="live.pgn").grown == 1
    assert [one.tokens for one in library.games()] == [(1, 2, 9)]


def test_another_game_of_the_same_players_is_not_taken_for_a_continuation(library):
    library.add([game(1, 2, 3, result="*")], source="a")
    assert library.add([game(5, 6, 7, 8, result="*")], source="b").accepted == 1
    assert library.add([game(1, 2, 3, 4, round="2")], source="b").accepted == 1
    assert library.count() == 3


def test_two_games_of_one_file_that_begin_alike_are_both_kept(library):
    games = [game(1, result="*", index=0), game(1, 2, result="*", index=1), game(1, 2, 3, index=2)]
    assert library.add(games, source="a").accepted == 3
    assert library.add(games, source="a").duplicates == 3
    assert library.count() == 3


def test_two_games_of_one_file_that_begin_alike_both_grow(library):
    def games(first: int, second: int) -> list[Game]:
        lengths = enumerate((first, second))
        return [game(*range(1, length + 1), result="*", index=index) for index, length in lengths]

    library.add(games(3, 2), source="a")
    assert library.add(games(3, 4), source="a").grown == 1
    assert library.add(games(6, 4), source="a").grown == 1
    assert sorted(len(one.tokens) for one in library.unfinished()) == [4, 6]


def test_a_cut_game_grows_when_its_file_is_mended(library):
    cut = game(1, 2, warnings=("cut at ply 2: illegal move 'Qh9'",))
    library.add([cut], source="a")
    assert library.add([cut], source="a").duplicates == 1
    assert library.add([game(1, 2, 3, 4)], source="a").grown == 1
    assert [one.tokens for one in library.games()] == [(1, 2, 3, 4)]


def test_a_cut_copy_of_a_stored_game_is_a_duplicate(library):
    library.add([game(1, 2, 3, 4)], source="a")
    cut = game(1, 2, warnings=("no result after the moves",))
    assert library.add([cut], source="b").duplicates == 1
    assert library.add([replace(cut, result="0-1")], source="b").accepted == 1
    assert library.add([game(1, result="*", round="1")], source="b").accepted == 1


def test_the_export_of_a_cut_game_changes_nothing(library):
    cut = game(1, 2, warnings=("cut at ply 2: illegal move 'Qh9'",))
    library.add([cut], source="a")
    assert library.add([replace(cut, warnings=())], source="export").duplicates == 1
    assert library.games() == [replace(cut, source="a")]


def test_a_game_of_a_site_grows_by_its_id(library):
    library.add([game(1, 2, result="*", site_id="lichess:x")], source="a")
    assert library.add([game(1, 2, 3, date="2024.01.01", site_id="lichess:x")], source="b").grown == 1
    assert library.count() == 1


def test_following_a_game_leaves_one_line_in_the_history(library):
    for length in range(1, 20):
        library.add([game(*range(length + 1), result="*")], source="live.pgn")
    assert [past.report.accepted for past in library.imports()] == [1]


def test_a_game_whose_tags_are_mended_while_it_goes_on_stays_one(library):
    moves = tuple(range(1, 9))
    library.add([game(*moves, white="?", result="*")], source="live.pgn")
    assert library.add([game(*moves, 9, white="Dad", result="*")], source="live.pgn").grown == 1
    assert [(one.white, len(one.tokens)) for one in library.unfinished()] == [("Dad", 9)]
    assert library.add([game(1, 2, 3, white="Mum", result="*")], source="live.pgn").accepted == 1
    assert library.add([game(*moves, 9, 10, white="Aunt", result="*")], source="else.pgn").accepted == 1


def test_a_game_that_goes_on_in_another_file_is_found_there(library):
    library.add([game(1, 2, result="*")], source="once.pgn")
    library.add([game(1, 2, 3, result="*")], source="live.pgn")
    assert [one.source for one in library.unfinished()] == ["live.pgn"]
    library.add([game(1, 2, 3, 4, result="*")], source="live.pgn")
    assert [past.report.source for past in library.imports()] == ["live.pgn", "once.pgn"]


def watched_file(library: Library, folder: Path, name: str = "board.pgn") -> str:
    """Returns the name of a file that was just written, in a folder that is watched."""
    (folder / name).write_text("written now")
    library.set_mark(f"{WATCHING}{folder}", "0")
    return str(folder / name)


def test_games_in_progress_are_those_of_watched_files_written_lately(tmp_path):
    with Library(tmp_path / "library.sqlite") as library:
        file = watched_file(library, tmp_path)
        library.add([game(1, 2, 3, result="*", white="Elsewhere")], source="upload.pgn")
        library.add([game(1, 2), game(1, 2, 3, result="*", index=1)], source=file)
        [found] = library.in_progress()
        assert (found.game.source, found.game.tokens) == (file, (1, 2, 3))
        library.add([game(1, 2), game(1, 2, 3, 4, index=1)], source=file)
        assert library.in_progress() == []
        ended = library.followed(found.id)
        assert ended is not None
        assert (ended.game.tokens, ended.game.result) == ((1, 2, 3, 4), "1-0")
        assert library.followed(99) is None
        library.add([game(5, 6, result="*", index=2)], source=file)
        assert len(library.in_progress()) == 1
        os.utime(file, (1.0, 1.0))
        assert library.in_progress() == []


def test_a_game_that_another_took_the_place_of_is_not_in_progress(tmp_path):
    with Library(tmp_path / "library.sqlite") as library:
        file = watched_file(library, tmp_path)
        library.add([game(1, 2, 3, result="*", round="1")], source=file)
        library.add([game(1, 5, 6, result="*", round="2")], source=file)
        assert [one.game.round for one in library.in_progress()] == ["2"]
        library.add([game(1, 5, 6, 7, round="2")], source=file)
        assert library.in_progress() == []


def test_one_game_may_be_left_out(library):
    library.add([game(1), game(1, 2), game(1, 2, 3)], source="a")
    assert [len(one.tokens) for one in library.games("Dad", without=2)] == [1, 3]


# Choosing games


def test_games_of_a_player_by_color_opponent_and_date(library):
    games = [
        game(1, date="2023.06.01"),
        game(2, white="Son", black="Dad", date="2024.01.01"),
        game(3, black="Aunt", date="2024.??.??"),
        game(4, white="Aunt", black="Son", date="2024.02.01"),
        game(5, date=""),
    ]
    library.add(games, source="a")

    def chosen(*names, **how):
        return [one.tokens[0] for one in library.games(*names, **how)]

    assert chosen() == [5, 1, 3, 2, 4]
    assert chosen("dad") == [5, 1, 3, 2]
    assert chosen("Dad", color="black") == [2]
    assert chosen("Dad", opponent="Son") == [5, 1, 2]
    assert chosen("Dad", opponent="Son", color="white") == [5, 1]
    assert chosen(since="2024") == [3, 2, 4]
    assert chosen(until="2023") == [1]
    assert chosen(since="2024-01-01", until="2024-01") == [2]
    assert chosen("Dad", limit=2) == [3, 2]
    assert library.count("Dad") == 4


def test_a_stream_left_early_holds_nothing_back(library):
    library.add(some_games(2000), source="a")
    stream = library.stream()
    next(stream)
    stream.close()
    assert library.add([game()], source="b").accepted == 1


@pytest.mark.parametrize("date", ["yesterday", "2024-13", "2024-??-05", "24"])
def test_a_date_that_is_none_is_refused(library, date):
    with pytest.raises(LibraryError, match="not a date"):
        library.games(since=date)


# Players


def test_players_are_listed_with_dates_and_latest_rating(library):
    library.add(
        [
            game(1, date="2023.06.01", white_rating=1500),
            game(2, date="2024.06.01", white_rating=1600),
            game(3, date="2024.??.??", white_rating=1700),
            game(4, white="Aunt", black="Dad", date="", black_rating=9),
        ],
        source="a",
    )
    dad = library.players()[0]
    assert (dad.name, dad.games, dad.white_games, dad.black_games) == ("Dad", 4, 3, 1)
    assert (dad.first_date, dad.last_date, dad.rating) == ("2023.06.01", "2024.06.01", 1600)
    son = next(player for player in library.players() if player.name == "Son")
    assert son.rating is None


def test_some_players_are_listed(library):
    library.add(some_games(200), source="a")
    library.merge("Dad", ["Player 1", "Player 2"])
    everyone = library.players()
    assert library.players(limit=3) == everyone[:3]
    assert library.players(find="PLAYER  2") == [player for player in everyone if player.name == "Dad"]
    assert library.players(find="%") == []


def test_an_unknown_player_is_told_with_the_nearest(library):
    library.add([game(white="Carlsen, Magnus")], source="a")
    with pytest.raises(UnknownPlayerError, match="did you mean 'Carlsen, Magnus'"):
        library.games("Carlsen, Mangus")


def test_merging_and_taking_apart_again(library):
    library.add([game(1), game(2, white="dad_99"), game(3, white="Son", black="D. Smith")], source="a")
    before = library.players()
    merged = library.merge("Dad", ["DAD_99", "D. Smith"])
    assert set(merged.aliases) == {"Dad", "dad_99", "D. Smith"}
    assert merged.keys == {"dad", "dad_99", "d. smith"}
    assert len(library.games("d. smith")) == 3
    assert library.players()[0].games == 3
    assert [one.side_of(merged.keys) for one in library.games("Dad")] == ["white", "white", "black"]
    library.unmerge("dad_99")
    library.unmerge("D. Smith")
    assert sorted(library.players(), key=lambda p: p.name) == sorted(before, key=lambda p: p.name)


def test_merging_under_a_new_name(library):
    library.add([game(1), game(2, white="dad_99")], source="a")
    assert library.merge("Father", ["Dad", "dad_99"]).name == "Father"
    assert library.player("dad").name == "Father"
    library.unmerge("dad_99")
    library.unmerge("Dad")
    assert {player.name for player in library.players()} == {"Dad", "dad_99", "Son"}


def test_the_name_merged_into_is_the_one_shown(library):
    library.add([game(1), game(2, white="dad_99")], source="a")
    library.merge("Dad", ["dad_99"])
    assert library.merge("DAD_99", ["Dad"]).name == "dad_99"
    assert library.player("Dad").name == "dad_99"


def test_the_shown_name_may_be_taken_out(library):
    library.add([game(1), game(2, white="dad_99")], source="a")
    library.merge("Dad", ["dad_99"])
    assert library.unmerge("Dad").aliases == ("Dad",)
    assert library.player("dad_99").name == "dad_99"


def test_games_between_two_names_of_one_person_are_listed_once(library):
    library.add([game(1)], source="a")
    library.merge("Dad", ["Son"])
    assert len(library.games("Dad")) == 1


def test_merging_what_is_not_there_changes_nothing(library):
    library.add([game(1), game(2, white="dad_99")], source="a")
    with pytest.raises(UnknownPlayerError):
        library.merge("Dad", ["dad_99", "grandpa"])
    with pytest.raises(LibraryError, match="needs a name"):
        library.merge(" ", ["dad_99"])
    with pytest.raises(LibraryError, match="nothing to take apart"):
        library.unmerge("Dad")
    assert len(library.players()) == 3


def test_a_renamed_account_is_suggested(library):
    library.add([game(1, 2, white="old_name", site_id="chess.com:1")], source="a")
    library.add([game(5, white="brand_new", black="Aunt")], source="a")
    assert library.add([game(1, 2, white="brand_new", site_id="chess.com:1")], source="b").duplicates == 1
    [suggestion] = library.suggest_merges()
    assert {suggestion.name, suggestion.alias} == {"old_name", "brand_new"}
    assert suggestion.score == 1
    library.merge(suggestion.name, [suggestion.alias])
    assert library.suggest_merges() == []


def test_deleting_a_player_leaves_no_byte_of_him(library, path):
    secret = "Zebulon Quux"
    games = [game(1, white=secret, date="2024.01.01"), game(2, white=secret, black="Only Him"), game(3)]
    library.add(games, source="a")
    library.merge(secret, ["Only Him"])
    library.add([game(4, black=secret)], source="private.pgn")
    library.set_mark("lichess:zebulon quux?rated_only=True", "1")
    library.set_mark("lichess:someone", "2")
    library.create_live(LiveGame(slug="", white=secret))
    assert library.delete_player("zebulon quux") == 3
    assert {player.name: player.games for player in library.players()} == {"Dad": 1, "Son": 1}
    assert library.mark("lichess:zebulon quux?rated_only=True") is None
    assert library.mark("lichess:someone") == "2"
    assert library.live_games(None) == []
    assert [past.report.source for past in library.imports()] == ["a"]
    library.close()
    for file in path.parent.iterdir():
        assert secret.encode() not in file.read_bytes()


# Games being played


def test_a_live_game_is_saved_finished_and_kept(library):
    live = library.create_live(LiveGame(slug="", white="Dad", black="Son", white_rating=1500))
    live = library.save_live(replace(live, tokens=(1, 2), clocks=(300.0, None)))
    assert library.load_live(live.slug) == live
    assert library.live_games() == [live]
    done = library.finish_live(live, "1-0")
    assert (done.state, library.live_games(), library.live_games(None)) == ("finished", [], [done])
    [kept] = library.games("Dad")
    assert (kept.tokens, kept.result, kept.date) == ((1, 2), "1-0", "2023.11.14")
    with pytest.raises(LibraryError, match="no live game"):
        library.load_live("elsewhere")


def test_a_game_that_goes_on_leaves_its_players_their_names(library):
    live = library.create_live(LiveGame(slug="", white="Ann", black="Bob", tokens=(1,)))
    live = library.finish_live(live, "1-0")
    library.merge("Anna Smith", ["Ann"])
    live = library.save_live(replace(live, result="*", state="playing"))
    assert (library.count(), library.players()) == (0, [])
    library.finish_live(live, "0-1")
    assert [(who.name, who.games) for who in library.players()] == [("Anna Smith", 1), ("Bob", 1)]


def test_a_game_ends_among_the_games_too_or_not_at_all(library, monkeypatch):
    live = library.create_live(LiveGame(slug="", white="Ann", black="Bob", tokens=(1,)))
    with monkeypatch.context() as broken:
        broken.setattr("chessgru.library.intake.add_counts", _killed)
        with pytest.raises(KeyboardInterrupt):
            library.finish_live(live, "1-0")
    assert (library.count(), library.live_games()) == (0, [live])
    assert (library.finish_live(live, "1-0").version, library.count()) == (live.version + 1, 1)


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_two_windows_do_not_overwrite_each_other(library):
    live = library.create_live()
    library.save_live(replace(live, tokens=(1,)))
    with pytest.raises(LiveConflictError, match="changed elsewhere"):
        library.save_live(replace(live, tokens=(2,)))
    assert library.load_live(live.slug).tokens == (1,)


def test_a_live_game_without_moves_is_not_kept(library):
    library.finish_live(library.create_live(), "*")
    assert library.count() == 0


# The file


def test_marks_are_kept(library):
    assert library.mark("k") is None
    library.set_mark("k", "1")
    library.set_mark("k", "2")
    assert library.mark("k") == "2"


def test_the_home_folder_is_chosen_by_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("CHESSGRU_HOME", str(tmp_path / "mine"))
    with Library() as library:
        assert library.path == tmp_path / "mine" / "library.sqlite"
    monkeypatch.delenv("CHESSGRU_HOME")
    assert default_home().name == "chessgru"


@pytest.mark.parametrize(
    "content", [b"not a database at all " * 100, b"SQLite format 3\x00" + bytes(range(256)) * 40]
)
def test_a_damaged_file_is_refused_and_left(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(LibraryError, match=str(path)) as caught:
        Library(path)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == content


def test_damage_inside_is_told_in_one_line(library, path):
    library.add(some_games(500), source="a")
    library.close()
    whole = bytearray(path.read_bytes())
    for start in range(4096, len(whole), 4096):
        whole[start : start + 2048] = b"\xff" * 2048
    path.write_bytes(whole)
    with pytest.raises(LibraryError, match="damaged") as caught, Library(path) as broken:
        broken.games()
    assert "\n" not in str(caught.value)


def test_a_library_of_the_first_version_is_brought_up_to_date(library, path):
    library.add(some_games(5), source="a")
    old = library.create_live(LiveGame(slug="", white="Dad", black="Son", tokens=(1, 2)))
    library.close()
    with closing(sqlite3.connect(path)) as connection:
        for column in ("ending", "model"):
            connection.execute(f"ALTER TABLE live_games DROP COLUMN {column}")
        connection.execute("PRAGMA user_version=1")
    with Library(path) as again, Library(path) as beside:
        assert (again.count(), beside.load_live(old.slug)) == (5, old)
        done = again.finish_live(replace(old, ending="Son resigned", model="black"), "1-0")
        assert beside.load_live(old.slug) == done


def test_a_newer_library_is_refused_and_left(library, path):
    library.close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version={VERSION + 1}")
    connection.close()
    with pytest.raises(LibraryError, match=f"version {VERSION + 1}, newer than {VERSION}"):
        Library(path)


def test_a_database_of_another_program_is_refused_and_left(path):
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE notes(text)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(LibraryError, match="another program"):
        Library(path)
    assert path.read_bytes() == before


def test_a_folder_or_a_place_that_cannot_be_is_told(tmp_path):
    with pytest.raises(LibraryError, match="cannot be opened"):
        Library(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(LibraryError, match=r"Not a directory|File exists"):
        Library(tmp_path / "file" / "library.sqlite")


def test_a_library_can_be_opened_again(library, path):
    library.add(some_games(5), source="a")
    library.close()
    with Library(path) as again:
        assert again.count() == 5


@settings(max_examples=30, deadline=None)
@given(
    st.text(max_size=20), st.text(max_size=20), st.sampled_from(["", "2024.01.01", "x.y.z", "99999.1.1"])
)
def test_whatever_names_and_dates_say_comes_back(tmp_path_factory, white, black, date):
    written = game(white=white, black=black, date=date)
    with Library(tmp_path_factory.mktemp("any") / "library.sqlite") as library:
        library.add([written], source="")
        assert library.games() == [written]
        library.suggest_merges()


@pytest.mark.timeout(60)
def test_many_games_that_lost_their_end_do_not_slow_an_import(library):
    """Whatever has to be looked at closely is found by an index: 4,000 games took minutes otherwise."""
    games = [replace(one, warnings=("no result after the moves",)) for one in some_games(4000, plies=8)]
    assert library.add(games, source="a").accepted == 4000
    assert library.add(games, source="a").duplicates == 4000


def test_the_revision_rises_with_every_change_and_with_nothing_else(library):
    seen = [library.revision()]

    def changed() -> bool:
        seen.append(library.revision())
        return seen[-1] > seen[-2]

    library.add([game(1, 2, result="*")], source="a.pgn")
    assert changed()
    library.add([game(1, 2, 3)], source="a.pgn")  # it went on
    assert changed()
    library.add([game(1, 2, 3)], source="a.pgn")
    assert not changed()
    library.merge("Dad", ["Son"])
    assert changed()
    library.unmerge("Son")
    assert changed()
    library.delete_player("Dad")
    assert changed()
    library.add([game(1, 2, 3)], source="a.pgn")  # as many as before, with the same numbers
    assert changed()
    library.set_mark("a", "b")
    assert not changed()


@pytest.fixture
def public(library) -> Iterator[Path]:
    """A folder that everybody may enter, which pytest's own is not."""
    folder = Path(tempfile.mkdtemp())
    yield folder
    folder.chmod(0o700)
    shutil.rmtree(folder)


@pytest.mark.parametrize("in_use", [False, True])
def test_a_library_in_a_folder_that_must_not_be_written_can_be_read(library, path, public, in_use):
    library.add([game(1, 2), game(3, 4, white="Aunt")], source="a")
    if not in_use:
        library.close()
    for file in path.parent.iterdir():
        Path(shutil.copy(file, public)).chmod(0o444)
    copy = public / path.name
    public.chmod(0o555)
    before = {file.name: file.read_bytes() for file in public.iterdir()}
    assert (f"{path.name}-wal" in before) == in_use
    with plain_user(), Library(copy) as kept:
        assert [one.name for one in kept.players()] == ["Son", "Aunt", "Dad"]
        assert len(kept.games("Dad")) == 1
        with pytest.raises(LibraryError, match="the library cannot be written: check the permissions"):
            kept.add([game(5)], source="b")
    assert {file.name: file.read_bytes() for file in public.iterdir()} == before


def test_a_full_disk_is_named_and_nothing_is_stored(path):
    with Library(path) as library:
        library.add(legal_games(3), source="before")
        revision = library.revision()
        with library._reading() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 8}").close()
        with pytest.raises(LibraryError, match="the disk is full: nothing was stored"):
            library.add(legal_games(400, seed=7), source="too many")
        assert (library.count(), library.revision()) == (3, revision)
        assert [one.report.source for one in library.imports()] == ["before"]
