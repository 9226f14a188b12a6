from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chessgru.game import Game
from chessgru.library import Library
from chessgru.library.merging import NameRecord, suggest
from chessgru.library.names import likeness, readings, sound

SAME = [
    ("Carlsen,M", "Carlsen, Magnus"),
    ("Magnus Carlsen", "Carlsen, Magnus"),
    ("GM Carlsen, Magnus", "Carlsen,M."),
    ("Kortschnoj, Viktor", "Korchnoi,V"),
    ("Nielsen,PH", "Nielsen, Peter Heine"),
    ("Ivanov,IgorV", "Ivanov, Igor"),
    ("Hou Yifan", "Hou,Y"),
    ("Müller, Jörg", "Mueller,J"),
    ("Jussupow, Artur", "Jussupow,Ar"),
    ("Dominguez Perez, Leinier", "Dominguez Perez, Lenier"),
    ("anna_k", "Anna-K"),
]
DIFFERENT = [
    ("Polgar, Judit", "Polgar, Sofia"),
    ("Ivanov,AV USA", "Ivanov,AV RUS"),
    ("Adams,Mi", "Adams, Mark"),
    ("Wang Yue", "Wang Yuemin"),
    ("Georgiev,Ki", "Georgiev, Krum"),
    ("john", "jon"),
    ("player1", "player2"),
    ("-", "..."),
    ("", "Carlsen"),
    ("Smith, J / Miller, K", "Smith, J"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spellings_of_one_name_agree(one, other):
    assert likeness(one, other) >= 0.7
    assert likeness(one, other) == likeness(other, one)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_names_of_two_people_do_not(one, other):
    assert likeness(one, other) == 0


def test_a_full_name_agrees_better_than_an_initial():
    assert likeness("Carlsen, Magnus", "Magnus Carlsen") > likeness("Carlsen, Magnus", "Carlsen,M")


def test_a_number_makes_namesakes_doubtful():
    assert likeness("Li Chao", "Li Chao2") < likeness("Li Chao", "Li, Chao")


def test_several_people_are_no_name():
    assert readings("Kasparov, Garry:Crumiller, Jon") == ()


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_text_can_be_compared(one, other):
    assert 0 <= likeness(one, other) <= 1
    assert likeness(one, other) == likeness(other, one)
    assert sound(one) == sound(one.upper()) or not one.isascii()


# Suggestions


def people(*records: NameRecord) -> dict[str, NameRecord]:
    return {record.name: record for record in records}


def pairs(records, **more) -> set[frozenset[str]]:
    return {frozenset((found.name, found.alias)) for found in suggest(records, **more)}


def test_an_initial_is_suggested_with_the_name_with_more_games_first():
    [found] = suggest(people(NameRecord("Carlsen,M", 90), NameRecord("Carlsen, Magnus", 10)))
    assert (found.name, found.alias) == ("Carlsen,M", "Carlsen, Magnus")
    assert found.reason == "the same surname and initial, nobody else fits"


def test_an_initial_that_fits_two_people_is_left_alone():
    records = people(
        NameRecord("Smith,J", 30), NameRecord("Smith, John", 20), NameRecord("Smith, James", 20)
    )
    assert pairs(records) == set()


def test_whoever_played_each_other_is_two_people():
    one = NameRecord("Smith, J", 30, opponents={"Smith, John"})
    assert pairs(people(one, NameRecord("Smith, John", 20))) == set()


def test_whoever_played_in_one_tournament_on_one_day_is_two_people():
    one, other = NameRecord("Carlsen,M", 30, events={"Wijk|2020.01.11"}), NameRecord("Carlsen, Magnus", 20)
    assert len(pairs(people(one, other))) == 1
    there = NameRecord("Carlsen, Magnus", 20, events={"Wijk|2020.01.11", "Oslo|2020.02.11"})
    assert pairs(people(one, there)) == set()


@pytest.mark.parametrize(
    ("early", "late"),
    [
        (NameRecord("Bird, Henry", 9, 1850, 1899), NameRecord("Bird,H", 9, 1990, 2010)),
        (
            NameRecord("Bird, Henry", 9, 1990, 1999, rating=2600),
            NameRecord("Bird,H", 9, 2000, 2010, rating=1200),
        ),
    ],
)
def test_careers_that_do_not_fit_together(early, late):
    assert pairs(people(early, late)) == set()


def test_two_accounts_of_one_site_are_two():
    one, other = NameRecord("anna_k", 9, sites={"lichess"}), NameRecord("AnnaK", 9, sites={"lichess"})
    assert pairs(people(one, other)) == set()


def test_one_game_under_two_names_is_certain():
    records = people(NameRecord("old", 3), NameRecord("new", 5))
    [found] = suggest(records, same_games=[("old", "new")])
    assert (found.name, found.alias, found.score) == ("new", "old", 1.0)


def test_what_is_merged_is_not_suggested_and_its_names_all_count():
    records = people(
        NameRecord("Carlsen,M", 90),
        NameRecord("Carlsen, Magnus", 10, opponents={"Magnus Carlsen"}),
        NameRecord("Magnus Carlsen", 5),
    )
    merged = [("Carlsen,M", "Carlsen, Magnus")]
    assert pairs(records, merged=merged) == set()


def test_a_library_suggests_from_its_games(tmp_path):
    def game(number: int, white: str, black: str) -> Game:
        return Game(tokens=(number,), white=white, black=black, date=f"2024.01.{number:02}", event="Club")

    with Library(tmp_path / "library.sqlite") as library:
        games = [
            game(1, "Carlsen, Magnus", "X"),
            game(2, "Carlsen,M", "Y"),
            game(3, "Polgar,J", "Polgar, Judit"),
        ]
        library.add(games, source="a")
        [found] = library.suggest_merges()
        assert {found.name, found.alias} == {"Carlsen, Magnus", "Carlsen,M"}
        library.merge(found.name, [found.alias])
        assert library.suggest_merges() == []
