from __future__ import annotations

import gzip
import io
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event

import pandas as pd
import pytest
import streamlit as st
from site_server import LichessSite, some_games
from streamlit.testing.v1 import AppTest
from tiny import open_tiny

from chessgru.checkpoint import Checkpoint, save_checkpoint
from chessgru.errors import LibraryError, MoveError
from chessgru.game import Game
from chessgru.habits import Deviation
from chessgru.learning import memory_only
from chessgru.library import Library
from chessgru.memory import remember
from chessgru.model import ModelConfig, MoveGRU
from chessgru.pgn import parse, to_pgn
from chessgru.profiles import Profile, profile_path, save_profile
from chessgru.report import PlayerReport
from chessgru.samples import sample_games
from chessgru.session import LiveGame
from chessgru.sources import Filters, Surroundings
from chessgru.ui import store
from chessgru.ui.adding import summary
from chessgru.ui.contract import Opened
from chessgru.ui.importing import account_work, files_work
from chessgru.ui.jobs import JOBS, Job
from chessgru.ui.learning_panel import base_model, learn_work
from chessgru.ui.measuring import calibration_table, scores_table
from chessgru.ui.model_page import card_parts
from chessgru.ui.opening_games import game_of_link, link_of
from chessgru.ui.predicting import _revision, opened
from chessgru.ui.review import verdict
from chessgru.ui.state import Chair, Seating
from chessgru.ui.study import Study, comments, guesses_table, new_study
from chessgru.ui.tables import csv_of
from chessgru.ui.tree import branches, line_text, other_orders, tree_of
from chessgru.ui.unseen import without

FAMILY = Seating(Chair("Dad", 1500), Chair("Son", 1100))
EVIL = "<img src=x onerror=alert(1)>"
PGN = """[White "Dad"]
[Black "Son"]
[Result "1-0"]

1. e4 c5 2. Nf3 d6 3. d4 1-0
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("CHESSGRU_HOME", str(tmp_path))
    for name in ("CHESSGRU_LIBRARY", "CHESSGRU_MODEL"):
        monkeypatch.delenv(name, raising=False)
    JOBS.clear()
    st.cache_resource.clear()
    st.cache_data.clear()
    yield tmp_path
    JOBS.clear()
    store.library().close()
    st.cache_resource.clear()


@pytest.fixture
def small_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Makes the app use a model that is small and has learned nothing."""
    folder = tmp_path / "small"
    model = MoveGRU(ModelConfig(channels=8, blocks=1, hidden=12, head=8))
    save_checkpoint(folder, model, {"games": 10, "plies": 700, "step": 3, "steps": 9})
    monkeypatch.setenv("CHESSGRU_MODEL", str(folder))
    return folder


def upload(text: str | bytes, name: str = "mine.pgn") -> io.BytesIO:
    file = io.BytesIO(text.encode() if isinstance(text, str) else text)
    file.name, file.size = name, len(file.getvalue())  # type: ignore[attr-defined]
    return file


def done(work: Callable[[Job], None]) -> Job:
    job = Job("test", "a job")
    job.run(work)
    return job


def finished(kind: str) -> Job:
    """Waits for the job of a kind."""
    deadline = time.monotonic() + 120
    while JOBS.of(kind)[-1].state == "running":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return JOBS.of(kind)[-1]


def game(text: str = PGN) -> Game:
    return parse(text)[0][0]


# Jobs


def test_a_job_ends_done_cancelled_or_failed_with_a_line() -> None:
    assert done(lambda job: job.tell(0.5, "half")).state == "done"
    cancelled = Job("test", "")
    cancelled.cancel()
    cancelled.run(lambda job: job.tell(0.5, "half"))
    assert (cancelled.state, cancelled.errors) == ("cancelled", [])

    def wrong(job: Job) -> None:
        raise LibraryError("the disk is full: make room")

    assert (done(wrong).state, done(wrong).errors) == ("failed", ["the disk is full: make room"])
    assert "ZeroDivisionError" in done(lambda job: job.results.append(1 / 0)).errors[0]


def test_the_time_left_follows_from_the_part_done() -> None:
    job = Job("test", "", fraction=0.25, started=time.monotonic() - 10)
    assert job.seconds_left == pytest.approx(30, abs=1)
    job.fraction = None
    assert job.seconds_left is None


# Importing


def test_many_files_are_stored_and_a_bad_one_does_not_stop_the_others() -> None:
    illegal = PGN.replace("2. Nf3", "2. Ke5").replace("Dad", "Uncle")
    files = [
        upload("<html>Error</html>", "page.pgn"),
        upload(PGN),
        upload(PGN, "again.pgn"),
        upload(illegal),
    ]
    job = done(files_work(store.library(), files))
    assert job.state == "failed"
    assert "page.pgn" in job.errors[0]
    assert [(r.accepted, r.duplicates, r.cut) for r in job.results] == [(1, 0, 0), (0, 1, 0), (1, 0, 1)]
    assert summary(job.results) == "2 accepted · 1 of them cut short · 1 there already · 0 rejected"
    assert job.fraction == 1.0
    assert "3 games" in job.detail


def test_a_damaged_file_gives_what_comes_before_the_damage() -> None:
    games = "\n".join(to_pgn(each) for each in sample_games()[:60])
    whole = gzip.compress(games.encode())
    job = done(files_work(store.library(), [upload(whole[: len(whole) * 3 // 4], "cut.pgn.gz")]))
    assert "were kept" in job.errors[0]
    assert 0 < store.library().count() < 60


def test_a_text_without_games_is_not_said_to_have_given_some() -> None:
    job = done(
        files_work(store.library(), [upload("Dear diary,\n\ntoday we played chess.\n", "diary.pgn")])
    )
    assert "diary.pgn" in job.errors[0]
    assert "were kept" not in job.errors[0]


def test_a_cancelled_import_leaves_out_the_file_being_read() -> None:
    games = "\n".join(to_pgn(each) for each in sample_games())
    job = Job("import", "")
    job.cancel()
    job.run(files_work(store.library(), [upload(games)]))
    assert job.state == "cancelled"
    assert store.library().count() == 0


def test_an_account_is_downloaded_once_and_then_only_what_is_new() -> None:
    with LichessSite() as site:
        site.accounts["anna"] = some_games("anna", 5)
        around = Surroundings(base_url=site.url)
        job = done(account_work(store.library(), "lichess", "anna", Filters(), around))
        assert (job.state, job.results[0].accepted) == ("done", 5)
        again = done(account_work(store.library(), "lichess", "anna", Filters(), around))
        assert again.results[0].accepted == 0
        nobody = done(account_work(store.library(), "lichess", "nobody", Filters(), around))
        assert nobody.state == "failed"
        assert "nobody" in nobody.errors[0]


# Tables and trees


def test_a_table_to_download_holds_no_formula() -> None:
    table = pd.DataFrame({"player": ["=HYPERLINK(1)", "Dad"], "games": [1, -2]})
    lines = csv_of(table).decode("utf-8-sig").splitlines()
    assert lines == ["player,games", "'=HYPERLINK(1),1", "Dad,-2"]


def test_the_repertoire_counts_moves_and_results_of_one_color() -> None:
    others = [
        PGN.replace("1-0", "0-1"),
        PGN.replace("c5 2. Nf3 d6 3. d4", "e5"),
        PGN.replace("1. e4 c5", "1. d4 d5"),
    ]
    games = [game(), *(game(text) for text in others)]
    tree = tree_of(games, {"dad"})
    first = branches(tree, "white", ())
    assert [(b.san, b.games, b.share) for b in first] == [("e4", 3, 0.75), ("d4", 1, 0.25)]
    assert (first[0].won, first[0].lost, first[0].score) == (2, 1, 2 / 3)
    assert [b.san for b in branches(tree, "white", (first[0].token,))] == ["c5", "e5"]
    assert branches(tree, "black", ()) == []
    assert other_orders(tree, "white", (first[0].token,)) == []


TRANSPOSING = (
    "1. d4 Nf6 2. c4 e6 3. Nc3 Bb4 1-0",
    "1. c4 e6 2. d4 Nf6 3. Nf3 0-1",
    "1. c4 Nf6 2. d4 e6 3. Nc3 1/2-1/2",
    "1. c4 e6 2. d4 Nf6 3. Nc3 1-0",
)


def transposing() -> list[Game]:
    return [game(f'[White "Dad"]\n[Black "Son"]\n\n{moves}') for moves in TRANSPOSING]


def test_a_branch_says_in_how_many_games_its_position_came_up_by_any_order() -> None:
    tree = tree_of(transposing(), {"dad"})
    queens_pawn = transposing()[0].tokens
    (e6,) = branches(tree, "white", queens_pawn[:3])
    assert (e6.san, e6.games, e6.here) == ("e6", 1, 4)
    (knight,) = branches(tree, "white", queens_pawn[:4])
    assert (knight.san, knight.games, knight.here) == ("Nc3", 1, 3)
    orders = other_orders(tree, "white", queens_pawn[:4])
    assert [(line_text(path), games) for path, games in orders] == [
        ("1. c4 e6 2. d4 Nf6", 2),
        ("1. c4 Nf6 2. d4 e6", 1),
    ]


def test_any_order_of_moves_counts_all_games_of_a_position() -> None:
    tree = tree_of(transposing(), {"dad"})
    found = branches(tree, "white", transposing()[0].tokens[:4], any_order=True)
    assert [(b.san, b.games, b.share) for b in found] == [("Nc3", 3, 0.75), ("Nf3", 1, 0.25)]
    assert (found[0].won, found[0].drawn, found[0].lost) == (2, 1, 0)


def test_a_repeated_position_counts_a_game_once() -> None:
    moves = "1. Nf3 Nf6 2. Ng1 Ng8 3. Nf3 Nf6 4. e4 1-0"
    tree = tree_of([game(f'[White "Dad"]\n\n{moves}')], {"dad"})
    (first,) = branches(tree, "white", (), any_order=True)
    assert (first.san, first.games, first.here) == ("Nf3", 1, 1)


def test_the_game_under_review_is_left_out_of_the_memory() -> None:
    games = sample_games()[:6]
    memory = remember(games, {"dad"})
    side = games[2].side_of({"dad"})
    assert side is not None
    less = without(memory, games[2], side)
    rest = remember([*games[:2], *games[3:]], {"dad"})
    assert sorted(zip(less.keys, less.tokens, strict=True)) == sorted(
        zip(rest.keys, rest.tokens, strict=True)
    )
    assert len(without(rest, games[2], side).keys) == len(rest.keys)


# A game under review


def studied() -> Study:
    study = new_study(game(), FAMILY, open_tiny(FAMILY).predictor)
    assert list(study.score_on()) == [1, 2, 3, 4, 5]
    return study


def test_every_move_has_probability_rank_and_surprise() -> None:
    study = studied()
    predicted = study.predictor.predict(())  # type: ignore[union-attr]
    e4 = next(move for move in predicted.white.suggestions if move.uci == "e2e4")
    first = study.scores[0]
    assert (first.written, first.side, first.legal) == ("1. e4", "white", 20)
    assert first.probability == e4.probability
    assert study.scores[1].written == "1… c5"
    assert study.worst(1)[0].bits == max(score.bits for score in study.scores)
    assert list(study.score_on()) == []


def test_the_pgn_has_the_probabilities_and_reads_back() -> None:
    study = studied()
    text = to_pgn(study.source, comments(study.scores))
    assert f"{{{100 * study.scores[0].probability:.1f} %, rank" in text.replace("\n", " ")
    assert game(text).tokens == study.source.tokens


def test_guessing_shows_nothing_of_what_comes_and_counts_against_the_model() -> None:
    study = studied()
    study.start_guessing("white")
    assert study.shown().game.sans == ()
    study.guess("d4")
    assert study.shown().game.sans == ("e4", "c5")
    study.guess("Ke5")
    assert "not a legal move" in study.table.error
    study.guess("Nf3")
    study.skip()
    assert study.finished
    assert [guess.right for guess in study.guesses] == [False, True, False]
    expected = [score.expected == score.san for score in study.of("white")]
    assert [guess.model_right for guess in study.guesses] == expected
    assert study.guesses[0].probability == study.scores[0].shares["d2d4"]
    table = guesses_table(study.guesses)
    assert table["move"].tolist() == ["1. e4", "2. Nf3", "3. d4"]
    assert table["you said"].tolist() == ["d4", "Nf3", ""]
    assert table["right"].tolist() == ["no", "yes", "no"]
    study.stop_guessing()
    assert len(study.shown().game.line) == 5


def test_a_guess_before_the_forecast_has_come_so_far_counts_the_same() -> None:
    early, late = new_study(game(), FAMILY, open_tiny(FAMILY).predictor), studied()
    for study in (early, late):
        study.start_guessing("white")
        study.guess("d4")
    assert early.guesses == late.guesses
    assert early.scores == []


def test_moves_after_an_automatic_draw_are_scored_too() -> None:
    shuffled = ["Nf3", "Nf6", "Ng1", "Ng8"] * 4
    tokens = (*LiveGame.from_moves(shuffled).tokens, *LiveGame.from_moves(["e4"]).tokens)
    study = new_study(replace(game(), tokens=tokens), FAMILY, open_tiny(FAMILY).predictor)
    assert list(study.score_on()) == list(range(1, 18))
    assert (study.scores[-1].san, study.scores[-1].legal) == ("e4", 20)


def test_a_guess_in_an_earlier_position_does_not_count() -> None:
    study = studied()
    study.start_guessing("black")
    start = LiveGame().fen
    study.guess("e5", start)
    assert study.guesses == []
    assert study.shown().hands == {"black"}
    study.table.game = study.game.at(0)
    assert study.shown().hands == frozenset()


def test_a_link_holds_the_game(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(st, "query_params", link_of(game()))
    found = game_of_link()
    assert found is not None
    assert (found.tokens, found.white) == (game().tokens, "Dad")
    monkeypatch.setattr(st, "query_params", {"moves": "e2e4.e2e4"})
    with pytest.raises(MoveError, match="ply 2"):
        game_of_link()


# Scores


def test_scores_are_read_in_every_shape_they_come_in() -> None:
    one = {
        "group": "all",
        "forecaster": "base",
        "games": 3,
        "plies": 9,
        "top1": {"value": 0.5, "low": 0.4, "high": 0.6},
    }
    for shape in ([one], {"scores": [one]}, {"masters": [one]}, {"masters": {"scores": [one]}}):
        table = scores_table(shape)
        assert table["top1"].tolist() == [0.5]
        assert table["top1_high"].tolist() == [0.6]
    assert scores_table(None).empty
    assert scores_table({"masters": "soon"}).empty
    bins = [{"low": 0.0, "high": 0.1, "plies": 4, "confidence": 0.05, "accuracy": 0.0}]
    assert calibration_table({"masters": {"reliability": bins}})["games scored"].tolist() == ["masters"]


# The pages


def players_app() -> None:
    from chessgru.ui.players import players_page

    players_page()


def review_app() -> None:
    from tiny import open_tiny

    from chessgru.ui.review import review_page

    review_page(open_tiny)


def model_app() -> None:
    from chessgru.ui.model_page import model_page

    model_page()


def run(page: Callable[[], None]) -> AppTest:
    app = AppTest.from_function(page, default_timeout=60).run()
    assert not app.exception
    return app


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label.startswith(label)).click().run()
    assert not app.exception
    return app


def texts(app: AppTest) -> str:
    shown = (*app.markdown, *app.caption, *app.success, *app.info, *app.warning, *app.error)
    return "\n".join(element.value for element in shown)


def fill(*texts: str) -> Library:
    library = store.library()
    for text in texts:
        library.add(parse(text)[0], source="test")
    return library


def test_an_empty_library_says_what_to_do_and_offers_the_samples() -> None:
    app = run(players_app)
    assert "No games yet" in texts(app)
    press(app, "Add the sample players")
    finished("import")
    app.run()
    assert "240 accepted" in texts(app)
    assert app.selectbox(key="player_choice-0").options == ["Dad", "Son"]
    press(app, "Dismiss")
    assert "240 accepted" not in texts(app)


def test_a_player_is_looked_through_move_by_move() -> None:
    fill(PGN, PGN.replace("Nf3", "Nc3").replace("3. d4", "3. f4"))
    app = run(players_app)
    press(app, "e4")
    press(app, "c5")
    assert "B20" in texts(app)
    assert [button.label for button in app.button if button.label in ("Nf3", "Nc3")] == ["Nc3", "Nf3"]


def test_another_order_of_moves_is_told_and_followed() -> None:
    store.library().add(transposing(), source="test")
    app = run(players_app)
    for label in ("d4", "Nf6", "c4", "e6"):
        press(app, label)
    assert "3 games came here by another order of moves" in texts(app)
    assert "Nf3" not in [button.label for button in app.button]
    app.toggle(key="repertoire_any_order").set_value(True).run()
    assert "Nf3" in [button.label for button in app.button]
    app.toggle(key="repertoire_any_order").set_value(False).run()
    press(app, r"1\. c4 e6 2\. d4 Nf6 · 2 games")
    assert "Nf3" in [button.label for button in app.button]
    assert "2 games came here by another order of moves" in texts(app)


@pytest.mark.parametrize(
    "name", [EVIL, "**bold** [x](http://a)", 200 * "x", "\u202eMoshe \u05de\u05e9\u05d4"]
)
def test_names_are_shown_as_they_are(name: str) -> None:
    library = fill(PGN.replace("Dad", name))
    stored = next(player.name for player in library.players() if player.name != "Son")
    app = run(players_app)
    app.selectbox(key="player_choice-0").set_value(stored).run()
    assert not app.exception
    assert EVIL not in "".join(element.proto.body for element in app.get("html"))


def test_a_player_is_deleted_with_his_profile_only_when_confirmed(home: Path) -> None:
    library = fill(PGN, PGN.replace("Son", "Aunt"))
    path = profile_path(home, "Son")
    path.parent.mkdir()
    path.write_bytes(b"learned")
    app = run(players_app)
    app.selectbox(key="player_choice-0").set_value("Son").run()
    assert next(b for b in app.button if b.label == "Delete for good").disabled
    next(box for box in app.checkbox if box.label.startswith("Yes, delete")).check().run()
    press(app, "Delete for good")
    assert [player.name for player in library.players()] == ["Dad", "Aunt"]
    assert not path.exists()


def test_work_for_a_deleted_player_is_stopped_and_forgotten() -> None:
    fill(PGN, PGN.replace("Son", "Aunt"))

    def endless(job: Job) -> None:
        while True:
            job.check()
            time.sleep(0.01)

    learning = JOBS.start("learn", "Son", endless, "Son")
    for name in ("Son", "Dad"):
        JOBS.start("report", name, lambda job: job.tell(None, "done"), name)
        finished("report")
    app = run(players_app)
    app.selectbox(key="player_choice-0").set_value("Son").run()
    next(box for box in app.checkbox if box.label.startswith("Yes, delete")).check().run()
    press(app, "Delete for good")
    assert learning.cancelling
    assert JOBS.of("learn") == []
    assert [job.title for job in JOBS.of("report")] == ["Dad"]


class SlowSite(LichessSite):
    """Sends one game and the others when told to."""

    def __enter__(self) -> SlowSite:
        self.waiting, self.go_on, self.sent = Event(), Event(), 0
        return super().__enter__()  # type: ignore[return-value]

    def record(self, *args: object) -> bytes:
        if self.sent:
            self.waiting.set()
            assert self.go_on.wait(60)
        self.sent += 1
        return super().record(*args)  # type: ignore[no-any-return]


def test_a_download_for_a_deleted_player_stores_nothing_more() -> None:
    fill(PGN)
    with SlowSite() as site:
        site.accounts["son"] = some_games("son", 5)
        work = account_work(store.library(), "lichess", "son", Filters(), Surroundings(base_url=site.url))
        job = JOBS.start("import", "Lichess: son", work, "son")
        assert site.waiting.wait(60)
        app = run(players_app)
        app.selectbox(key="player_choice-0").set_value("Son").run()
        next(box for box in app.checkbox if box.label.startswith("Yes, delete")).check().run()
        press(app, "Delete for good")
        site.go_on.set()
        while job.state == "running":
            time.sleep(0.01)
    assert job.state == "cancelled"
    assert JOBS.of("import") == []
    assert store.library().count() == 0


def test_what_another_program_merges_or_learns_shows(small_model: Path) -> None:
    library = store.library()
    library.add(sample_games()[:6], source="samples")
    before = _revision()
    _revision.clear()
    assert _revision() == before
    library.merge("Dad", ["Son"])
    _revision.clear()
    merged = _revision()
    assert merged != before
    profile = memory_only(base_model(), sample_games()[:6], frozenset({"dad"}), name="Dad")
    save_profile(profile, profile_path(library.path.parent, "Dad"))
    _revision.clear()
    assert _revision() != merged


def test_a_player_deleted_while_he_is_learned_stays_deleted(
    small_model: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = store.library()
    library.add(sample_games()[:4], source="samples")

    def learn(base: Checkpoint, games: list[Game], names: frozenset[str], **_: object) -> Profile:
        library.delete_player("Dad")
        return memory_only(base, games, names, name="Dad")

    monkeypatch.setattr("chessgru.learning.learn", learn)
    job = done(learn_work(library, library.player("Dad"), base_model()))
    assert (job.state, job.results) == ("failed", [])
    assert not profile_path(home, "Dad").exists()


def test_a_player_deleted_in_another_window_leaves_the_pages_at_work() -> None:
    library = fill(PGN, PGN.replace("Son", "Aunt"))
    people, review = run(players_app), run(review_app)
    people.selectbox(key="player_choice-0").set_value("Son").run()
    review.selectbox(key="review_player").set_value("Son").run()
    press(review, "Review this game")
    library.delete_player("Son")
    people.run()
    assert not people.exception
    assert people.selectbox(key="player_choice-0").options == ["Dad", "Aunt"]
    review.run()
    assert not review.exception
    assert review.session_state["chessgru_study"].source.black == "Son"
    assert "Son" not in review.selectbox(key="review_player").options


def test_two_names_become_one_person_and_two_again() -> None:
    library = fill(
        PGN.replace("Dad", "Smith, John"),
        PGN.replace("Dad", "John Smith").replace("Nf3", "Nc3").replace("3. d4", "3. f4"),
    )
    app = run(players_app)
    press(app, "One person")
    assert len(library.players()) == 2
    press(app, "Undo")
    assert len(library.players()) == 3


def test_a_pair_that_comes_up_while_somebody_presses_is_not_the_one_pressed() -> None:
    library = fill(
        PGN.replace("Dad", "Smith, John"), PGN.replace("Dad", "John Smith").replace("Nf3", "Nc3")
    )
    app = run(players_app)
    seen = next(button for button in app.button if button.label == "One person")
    for number, name in enumerate(("Adams, Jane", "Jane Adams")):
        library.add(
            parse(PGN.replace("Dad", name).replace("3. d4", ("3. f4", "3. h4")[number]))[0], source=""
        )
    app.run()
    assert [button.label for button in app.button].count("One person") == 2
    seen.click().run()
    assert library.player("John Smith").id == library.player("Smith, John").id
    assert library.player("Jane Adams").id != library.player("Adams, Jane").id


def test_predictors_are_opened_anew_when_two_names_become_one_person_or_two_again() -> None:
    fill(PGN.replace("Dad", "Smith, John"), PGN.replace("Dad", "John Smith").replace("Nf3", "Nc3"))
    seatings: list[Seating] = []

    def opener(seating: Seating) -> Opened:
        seatings.append(seating)
        return open_tiny(seating)

    def times_opened() -> int:
        opened(Seating(Chair("John Smith")), opener)
        return len(seatings)

    app = run(players_app)
    assert (times_opened(), times_opened()) == (1, 1)
    press(app, "One person")
    assert times_opened() == 2
    press(app, "Undo")
    assert times_opened() == 3
    app.selectbox(key="player_choice-0").set_value("John Smith").run()
    app.text_input(key="other_name").set_value("Smith, John")
    press(app, "It is the same person")
    assert times_opened() == 4
    press(app, "Take apart")
    assert times_opened() == 5


def test_a_profile_of_other_names_is_told_and_can_be_learned_again(small_model: Path, home: Path) -> None:
    library = store.library()
    library.add(sample_games()[:4], source="samples")
    profile = memory_only(base_model(), library.games("Dad"), {"dad", "papa"}, name="Dad")
    save_profile(profile, profile_path(home, "Dad"))
    app = run(players_app)
    assert "learned under other names; learn him again" in texts(app)
    assert "Learn from 4 games" in [button.label for button in app.button]


def test_a_player_is_learned_in_the_background(small_model: Path) -> None:
    store.library().add(sample_games()[:12], source="samples")
    app = run(players_app)
    press(app, "Learn from 12 games")
    assert finished("learn").errors == []
    app.run()
    assert profile_path(store.library().path.parent, "Dad").exists()
    assert "Learned from 12 games" in texts(app)
    assert "kept aside" in texts(app)


def test_what_is_a_players_own_is_told(small_model: Path) -> None:
    store.library().add(sample_games()[:12], source="samples")
    app = run(players_app)
    press(app, "Read his games")
    assert finished("report").errors == []
    app.run()
    assert not app.exception
    table = next(each.value for each in app.dataframe if "phase" in each.value)
    assert "all" in table["phase"].tolist()
    assert "As White: more often" in texts(app)


def test_a_pasted_game_is_reviewed() -> None:
    app = run(review_app)
    app.text_area(key="review_pasted").set_value("<html>Error 502</html>").run()
    assert len(app.error) == 1
    app.text_area(key="review_pasted").set_value(PGN.replace("Dad", EVIL)).run()
    press(app, "Review this game")
    study = app.session_state["chessgru_study"]
    assert finished(f"review {study.table.game_id}").errors == []
    app.run()
    assert not app.exception
    assert len(app.dataframe[-1].value) == 5
    press(app, "Start")
    assert study.guesser == "white"
    for _ in range(3):
        press(app, "Show the move")
    assert "You 0 of 3" in texts(app)
    assert app.dataframe[0].value["move"].tolist() == ["1. e4", "2. Nf3", "3. d4"]


def test_a_stored_game_is_reviewed() -> None:
    fill(PGN)
    app = run(review_app)
    press(app, "Review this game")
    assert app.session_state["chessgru_study"].source.white == "Dad"


def test_a_model_without_scores_says_so_and_is_measured(small_model: Path) -> None:
    fill(PGN)
    app = run(model_app)
    assert "No scores come with this model" in texts(app)
    assert "step 3 of 9" in texts(app)
    assert "Play some moves" in texts(app)
    press(app, "Measure on my latest games")
    assert finished("measure").errors == []
    app.run()
    assert not app.exception
    assert app.dataframe[0].value["forecaster"].tolist() == ["base model", "chance"]


def test_without_a_model_the_pages_say_so_and_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHESSGRU_MODEL", str(tmp_path / "nowhere"))
    fill(PGN)
    assert "nowhere" in texts(run(model_app))
    app = run(players_app)
    assert "nowhere" in texts(app)
    press(app, "e4")


def test_the_tables_of_a_model_card_are_taken_out_of_its_text() -> None:
    text = (
        "# Card\n\n| n | top-1 | n |\n|---|---|---|\n| 1 | 40 % | 3 |\n| 2 | 50 % | 4 |\n\nThe end | of it."
    )
    before, table, after = card_parts(text)
    assert isinstance(table, pd.DataFrame)
    assert table.columns.tolist() == ["n", "top-1", "n (3)"]
    assert table["top-1"].tolist() == ["40 %", "50 %"]
    assert (before, after) == ("# Card\n", "\nThe end | of it.")


def test_the_gates_of_the_game_under_review_are_shown(small_model: Path) -> None:
    app = AppTest.from_function(model_app, default_timeout=60)
    app.session_state["chessgru_study"] = studied()
    app.run()
    assert not app.exception
    table = app.dataframe[0].value
    assert table["position before"].tolist() == ["1.e4", "1…c5", "2.Nf3", "2…d6", "3.d4"]
    total = table["kept (update gate)"] + table["replaced"]
    assert total.tolist() == pytest.approx([1] * 5, abs=1e-3)


def guessed(text: str, *, right: bool) -> str:
    """Returns the verdict on a first move guessed, where the model's first choice was played or not."""
    predictor = open_tiny(FAMILY).predictor
    first, second, third = predictor.predict(()).white.suggestions[:3]
    played = first if right else second
    study = new_study(game(f"1. {played.san} *"), FAMILY, predictor)
    study.start_guessing("white")
    study.guess(text)
    expected = ", ".join(f"{move.san} {move.probability:.0%}" for move in (first, second, third))
    said = verdict(study.guesses[-1])
    assert said.startswith(f"**{played.san}** was played: ")
    assert said.endswith(f": {expected}.")
    return said


def test_a_verdict_tells_whether_the_model_had_the_move_played_and_what_it_expected() -> None:
    assert re.search(
        r"you said a3 \(\d+% by the model\), the model had it right: ", guessed("a3", right=True)
    )
    assert "the model had it wrong too: " in guessed("a3", right=False)


def test_a_move_passed_over_and_one_without_a_forecast_get_a_verdict() -> None:
    study = new_study(game(), FAMILY, "no model")
    study.start_guessing("white")
    study.skip()
    assert verdict(study.guesses[-1]) == "**e4** was played: you passed, the model tells nothing."
    study.guess("Nf3")
    assert verdict(study.guesses[-1]) == "**Nf3** was played: right! the model tells nothing."


def test_only_moves_that_were_not_the_first_choice_are_missed() -> None:
    study = studied()
    assert {score.ply for score in study.worst()} == {score.ply for score in study.scores if score.rank > 1}
    study.scores[:] = [replace(score, rank=1) for score in study.scores]
    assert study.worst() == []
    app = AppTest.from_function(review_app, default_timeout=60)
    app.session_state["chessgru_study"] = study
    app.run()
    assert not app.exception
    assert "every move that was played was the model's first guess" in texts(app)
    assert [len(table.value) for table in app.dataframe] == [5]


def habits_app(report: object) -> None:
    from chessgru.ui.habits_panel import _show

    _show(report)  # type: ignore[arg-type]


def test_the_whole_way_to_a_position_of_ones_own_is_shown() -> None:
    line = "1. e4 c5 2. Nf3 d6 3. d4 cxd4 4. Nxd4 Nf6 5. Nc3 a6 6. Be3 e5 7. Nb3 Be6"
    own = Deviation(
        side="white",
        line=line,
        ucis=(),
        fen="",
        uci="f2f3",
        san="f3",
        times=12,
        visits=31,
        expected=0.1,
        base_san="Qd2",
        base_expected=0.4,
        bits=2.0,
    )
    report = PlayerReport(
        name="Dad",
        games=40,
        first_date="",
        last_date="",
        rating=None,
        repertoires=(),
        reactions={},
        read=40,
        predictability=(),
        deviations=(own,),
        tendencies=(),
        notes=(),
    )
    app = AppTest.from_function(habits_app, args=(report,), default_timeout=60).run()
    assert not app.exception
    assert app.table[0].value["after"].tolist() == [line.replace(". ", ".\xa0")]
