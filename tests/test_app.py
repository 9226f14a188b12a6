from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from tiny import TinyPredictor, open_tiny

from chessgru.board import Action, Kind
from chessgru.checkpoint import save_checkpoint
from chessgru.errors import CheckpointError, LibraryError, UnknownPlayerError
from chessgru.game import Game, Side
from chessgru.library.live import LiveGame as Record
from chessgru.model import ModelConfig, MoveGRU
from chessgru.samples import sample_games
from chessgru.seats import find_person
from chessgru.session import LiveGame
from chessgru.ui import curtain, store
from chessgru.ui.arriving import table_of_link
from chessgru.ui.cards import both_cards, evidence, surprise_line
from chessgru.ui.clock import Clock
from chessgru.ui.contract import Opened
from chessgru.ui.opponent import SHORTEST_PAUSE, is_due, pause, take_turn
from chessgru.ui.play import FAIR_PLAY, screen
from chessgru.ui.predicting import open_shipped
from chessgru.ui.setup import _chair, _swap, clean_name, game_label, record_label, seating_of
from chessgru.ui.state import Chair, Seating, Table, menu_key

APP = Path(__file__).with_name("browser") / "tiny_app.py"
FAMILY = Seating(Chair("Dad", 1500), Chair("Son", 1100), "rapid")
COUPLE = Seating(Chair("Lena"), Chair("Otto"))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("CHESSGRU_HOME", str(tmp_path))
    monkeypatch.delenv("CHESSGRU_LIBRARY", raising=False)
    st.cache_resource.clear()
    st.cache_data.clear()
    yield tmp_path
    store.library().close()
    st.cache_resource.clear()


def move(table: Table, text: str, *, seq: int | None = None, fen: str | None = None) -> None:
    number = table.done + 1 if seq is None else seq
    table.handle(
        Action("move", number, table.game_id, move=text, fen=table.game.fen if fen is None else fen)
    )


def test_one_module_writes_what_a_window_remembers() -> None:
    """The others only read what their own widgets hold, or let a widget take a new start."""
    for path in Path(store.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            targets = node.targets if isinstance(node, ast.Assign) else ()
            written = [target for target in targets if "session_state[" in ast.unparse(target)]
            assert path.name == "state.py" or not written, f"{path.name}: {ast.unparse(node)}"


# The table


def test_a_move_is_played_once_however_often_it_is_sent() -> None:
    table = Table(FAMILY)
    move(table, "e4", seq=1)
    move(table, "e5", seq=1)
    assert table.game.sans == ("e4",)
    assert table.done == 1


def test_a_move_seen_in_another_position_or_game_is_ignored() -> None:
    table = Table(FAMILY)
    start = table.game.fen
    move(table, "e4")
    move(table, "d4", fen=start)
    table.handle(Action("move", 9, "another game", move="e5", fen=table.game.fen))
    assert table.game.sans == ("e4",)
    assert table.done == 9


def test_an_illegal_move_is_told_and_the_next_action_clears_it() -> None:
    table = Table(FAMILY)
    move(table, "Ke2")
    assert "not a legal move" in table.error
    move(table, "e4")
    assert table.error == ""


def test_one_device_moves_and_resigns_its_own_side_only() -> None:
    table = Table(FAMILY, seat=frozenset({"black"}))
    move(table, "e4")
    assert "other device" in table.error
    table.game = LiveGame.from_moves(["e4"])
    move(table, "c5")
    assert table.game.sans == ("e4", "c5")
    table.handle(Action("resign", 9, table.game_id))
    assert table.game.ending == "Black resigned"


def test_who_watches_changes_nothing_but_may_look_back() -> None:
    table = Table(FAMILY, game=LiveGame.from_moves(["e4"]), seat=frozenset())
    for number, kind in enumerate(("back", "resign", "draw", "move"), start=1):
        table.handle(Action(kind, number, table.game_id, move="c5", fen=table.game.fen))  # type: ignore[arg-type]
        assert "watching" in table.error
    table.handle(Action("goto", 9, table.game_id, cursor=0))
    assert (table.game.cursor, table.game.result, table.error) == (0, "*", "")


# The clock


def clocked(base: float = 60, increment: float = 2) -> Table:
    table = Table(Seating(Chair("Dad"), Chair("Son"), clock=Clock(base, increment)))
    move(table, "e4")
    store.save(table)
    return table


def test_the_clock_runs_for_the_side_to_move_and_adds_the_increment() -> None:
    table = clocked()
    assert table.record is not None
    moved = table.record.updated
    assert table.left("black", moved + 10) == 50
    assert table.left("white", moved + 10) == 62
    table.handle(Action("move", 2, table.game_id, move="e5", fen=table.game.fen), now=moved + 10)
    assert table.game.line[1].clock == 52
    assert table.seating.pace == "bullet"


def test_who_has_no_time_left_loses_and_cannot_move() -> None:
    table = clocked()
    assert table.record is not None
    late = table.record.updated + 61
    assert not table.flag(late - 2)
    table.handle(Action("move", 2, table.game_id, move="e5", fen=table.game.fen), now=late)
    assert table.game.sans == ("e4",)
    assert (table.game.result, table.game.ending) == ("1-0", "Black ran out of time")


def test_clocks_are_stored_and_told_in_the_pgn() -> None:
    table = clocked()
    assert table.record is not None
    again = store.opened(table.record.slug, "")
    assert again.seating.clock == Clock(60, 2)
    assert again.game.line[0].clock == 62
    shown = screen(again, open_tiny)
    assert '[TimeControl "60+2"]' in shown.pgn
    assert (shown.ticking, shown.players["white"].clock) == ("black", 62)


def test_with_a_clock_only_the_last_position_is_played_from() -> None:
    table = clocked()
    table.game = table.game.start()
    move(table, "d4")
    assert "clock runs" in table.error
    assert table.game.sans == ("e4",)


def test_without_a_clock_none_is_shown() -> None:
    shown = screen(Table(FAMILY, game=LiveGame.from_moves(["e4"])), open_tiny)
    assert (shown.ticking, shown.players["white"].clock) == ("", None)


# Playing against the model


def test_the_model_plays_its_side_after_a_pause_and_leaves_the_other() -> None:
    table = Table(FAMILY)
    table.let_model_play(frozenset({"white"}))
    predicted = TinyPredictor().predict(())
    rng = np.random.default_rng(1)
    assert not take_turn(table, predicted, 100.0, rng)
    assert table.game.line == ()
    assert take_turn(table, predicted, 116.0, rng)
    assert len(table.game.line) == 1
    assert not take_turn(table, predicted, 140.0, rng)
    assert table.hands == {"black"}


def model_move(temperature: float, rng: np.random.Generator) -> str:
    """Returns the move of White as the model plays it after 1. e4 d5."""
    table = Table(FAMILY, game=LiveGame.from_moves(["e4", "d5"]), temperature=temperature, thinks_until=0.0)
    table.let_model_play(frozenset({"white"}))
    assert take_turn(table, TinyPredictor().predict(table.game.tokens), 1.0, rng)
    return table.game.line[-1].uci


def test_a_low_temperature_plays_the_usual_move() -> None:
    usual = TinyPredictor().predict(LiveGame.from_moves(["e4", "d5"]).tokens).white.suggestions[0].uci
    rng = np.random.default_rng(2)
    assert {model_move(0.05, rng) for _ in range(40)} == {usual}
    assert len({model_move(1.0, rng) for _ in range(40)}) > 3


def test_the_model_thinks_as_its_clock_allows() -> None:
    rng = np.random.default_rng(3)
    moves = TinyPredictor().predict(()).white.suggestions
    hurried = replace(FAMILY, clock=Clock(2, 0))
    assert pause(Table(hurried), moves, 0.0, rng) == SHORTEST_PAUSE
    table = Table(FAMILY, game=LiveGame.from_moves(["Nf3", "Nf6", "Ng1", "Ng8"] * 3))
    moves = TinyPredictor().predict(table.game.tokens).white.suggestions
    pauses = [pause(table, moves, 0.0, rng) for _ in range(200)]
    assert len(set(pauses)) > 100
    assert max(pauses) <= 15


def test_taking_back_against_the_model_takes_back_its_answer_too() -> None:
    table = Table(FAMILY, game=LiveGame.from_moves(["e4", "e5"]))
    table.let_model_play(frozenset({"black"}))
    table.handle(Action("back", 1, table.game_id))
    assert table.game.sans == ()


def test_taking_back_a_resignation_against_the_model_takes_back_that_alone() -> None:
    table = Table(FAMILY, game=LiveGame.from_moves(["e4"]).resign("white"))
    table.let_model_play(frozenset({"black"}))
    table.handle(Action("back", 1, table.game_id))
    assert (table.game.sans, table.game.result) == (("e4",), "*")


def test_who_watches_cannot_let_the_model_play_and_then_move() -> None:
    table = Table(FAMILY, seat=frozenset())
    for sides in (frozenset({"black"}), frozenset()):
        table.let_model_play(sides)
        assert (table.hands, table.modelled) == (frozenset(), frozenset())


def test_a_player_on_one_device_does_not_get_the_other_side_from_the_model() -> None:
    table = Table(FAMILY, seat=frozenset({"white"}))
    table.let_model_play(frozenset({"black"}))
    move(table, "e4")
    move(table, "e5", seq=table.done + 1)
    assert (table.game.sans, table.error) == (("e4",), "it is Black's move, and the model thinks")
    table.let_model_play(frozenset())
    assert table.hands == {"white"}


def test_moves_replaced_from_an_earlier_position_can_be_brought_back() -> None:
    whole = LiveGame.from_moves(["e4", "c5", "Nf3", "d6", "d4"]).resign("black")
    table = Table(FAMILY, game=whole.at(2))
    move(table, "Nf3")
    assert (table.game, table.error) == (whole.at(3), "")
    table.game = whole.at(2)
    move(table, "Nc3")
    move(table, "a6", seq=table.done + 1)
    assert table.game.sans == ("e4", "c5", "Nc3", "a6")
    for number in range(2):
        assert table.game.sans == ("e4", "c5", "Nc3", "a6")[: 4 - number]
        table.handle(Action("back", table.done + 1, table.game_id))
    assert table.game == whole.at(2)
    table.handle(Action("back", table.done + 1, table.game_id))
    assert (table.game.result, table.game.sans) == ("*", whole.sans)


def test_who_replaces_moves_is_told_how_many_until_the_next() -> None:
    table = Table(FAMILY, game=LiveGame.from_moves(["e4", "c5", "Nf3"]).at(1))
    move(table, "e5")
    assert table.error == "This replaced 2 moves: Take back brings the old line back."
    move(table, "Nf3", seq=table.done + 1)
    assert table.error == ""


def test_moves_replaced_in_a_game_against_the_model_come_back_with_its_answer() -> None:
    whole = LiveGame.from_moves(["e4", "c5", "Nf3", "d6"])
    table = Table(FAMILY, game=whole.at(2))
    table.let_model_play(frozenset({"black"}))
    move(table, "d4")
    table.play_model("cxd4", 0.0)
    table.handle(Action("back", table.done + 1, table.game_id))
    assert table.game == whole.at(2)


def test_the_model_waits_while_an_earlier_position_is_looked_at() -> None:
    table = Table(FAMILY, game=LiveGame.from_moves(["e4", "e5"]).at(1))
    table.let_model_play(frozenset({"black"}))
    assert not is_due(table)
    table.game = table.game.end()
    assert not is_due(table)


# The curtain


def hide(table: Table, side: Side, *, closed: bool = True) -> None:
    table.handle(Action("curtain", table.done + 1, table.game_id, orientation=side, closed=closed))


def test_at_one_board_a_curtain_covers_everything_that_tells_a_players_moves() -> None:
    table = Table(FAMILY, game=LiveGame.from_moves(["e4"]))
    hide(table, "black")
    shown = screen(table, open_tiny)
    assert shown.cards["black"].moves == ()
    assert shown.cards["white"].moves != ()
    assert shown.cards["white"].replies == ()
    assert "Son is likely" not in shown.say
    assert (shown.cards["black"].eye, shown.cards["black"].closed) == ("Show Black's predictions", True)
    hide(table, "black", closed=False)
    assert screen(table, open_tiny).cards["black"].moves != ()


def test_on_two_devices_a_player_keeps_his_predictions_from_all_others_alone() -> None:
    table = Table(FAMILY, game=LiveGame.from_moves(["e4"]))
    slug = store.share(table)
    son, dad, watcher = (store.opened(slug, side) for side in ("black", "white", "watch"))
    hide(son, "black")
    curtain.tell(son)
    assert curtain.refresh(dad)
    assert not curtain.refresh(dad)
    assert not curtain.refresh(son)
    assert curtain.refresh(watcher)
    for other in (dad, watcher):
        card = screen(other, open_tiny).cards["black"]
        assert (card.moves, card.eye) == ((), "")
        assert card.note == "Son keeps these predictions private."
    own = screen(son, open_tiny).cards["black"]
    assert own.moves != ()
    assert own.eye == "Show Black's predictions to the others"
    hide(son, "black", closed=False)
    curtain.tell(son)
    assert curtain.refresh(dad)
    assert screen(dad, open_tiny).cards["black"].moves != ()


# Cards


def test_both_cards_say_who_does_what_and_why() -> None:
    game = LiveGame.from_moves(["e4"])
    cards = both_cards(TinyPredictor().predict(game.tokens), FAMILY, "")
    assert cards["white"].title == "Dad is likely to answer"
    assert cards["black"].title == "Son is likely to play"
    assert len(cards["black"].moves) == 5
    assert cards["black"].replies == ()
    assert cards["white"].replies[0].san == cards["black"].moves[0].san
    assert "of 31 times here, " in cards["black"].moves[0].evidence
    assert cards["black"].moves[0].evidence.endswith("of 5 against Dad")


def test_no_counts_no_evidence() -> None:
    row = TinyPredictor().predict(LiveGame().tokens).white.suggestions[0]
    assert evidence(row, "Son").count("of") == 2
    late = TinyPredictor().predict(LiveGame.from_moves(["Nf3", "Nf6", "Ng1", "Ng8"] * 3).tokens)
    assert evidence(late.white.suggestions[0], "Son") == ""


def test_a_finished_game_predicts_nothing() -> None:
    table = Table(FAMILY, game=LiveGame.from_moves(["f3", "e5", "g4", "Qh4"]))
    shown = screen(table, open_tiny)
    assert shown.cards["white"].moves == ()
    assert shown.cards["white"].note == "The game is over."
    assert shown.legal == {}
    assert shown.say == "Son played Qh4#. The game is over: 0–1 · checkmate."


def test_a_game_that_was_agreed_drawn_predicts_nothing_but_its_earlier_positions_do() -> None:
    table = Table(FAMILY, game=LiveGame.from_moves(["e4", "e5"]).draw())
    shown = screen(table, open_tiny)
    assert shown.cards["white"].moves == ()
    assert shown.cards["black"].note == "The game is over."
    table.game = table.game.back()
    assert screen(table, open_tiny).cards["black"].moves


def test_surprise_is_each_players_own() -> None:
    assert surprise_line([1.0, 5.0, 3.0], "white") == "2.0, last 3.0"
    assert surprise_line([1.0, 5.0, 3.0], "black") == "5.0, last 5.0"
    assert surprise_line([], "black") == "–"


def no_model(seating: Seating) -> Opened:
    raise CheckpointError("no model in 'runs/base': train one, or reinstall chessgru")


def test_without_a_model_the_board_works_and_says_why_nothing_is_predicted() -> None:
    table = Table(FAMILY, game=LiveGame.from_moves(["e4"]))
    shown = screen(table, no_model)
    assert shown.cards["white"].note.startswith("no model in 'runs/base'")
    assert len(shown.legal) == 20
    assert shown.line[0].bits is None


def test_the_shipped_predictor_knows_what_the_players_did_before(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = MoveGRU(ModelConfig(channels=8, blocks=1, hidden=16))
    save_checkpoint(home / "model", model, {})
    monkeypatch.setenv("CHESSGRU_MODEL", str(home / "model"))
    tokens = tuple(ply.token for ply in LiveGame.from_moves(["e4", "c5"]).line)
    games = [Game(tokens=tokens, white="Dad", black="Son", date=f"2025.01.0{n}") for n in (1, 2, 3)]
    other = Game(tokens=tokens, white="Dad", black="Neighbor")
    store.library().add([*games, other], source="samples")
    shown = screen(Table(FAMILY), open_shipped)
    first = shown.cards["white"].moves[0]
    assert (first.san, first.evidence) == ("e4", "4 of 4 times here, 3 of 3 against Son")
    assert 0.5 < first.own + first.h2h < first.p
    reply = next(reply for reply in shown.cards["black"].replies if reply.san == "e4")
    assert reply.answers[0].san == "c5"


# Storing


def test_every_move_is_stored_and_found_again() -> None:
    table = Table(FAMILY)
    store.save(table)
    assert table.record is None
    for text in ("e4", "c5"):
        move(table, text)
        store.save(table)
    assert table.record is not None
    again = store.opened(table.record.slug, "black")
    assert again.game.sans == ("e4", "c5")
    assert (again.seating, again.orientation, again.hands) == (FAMILY, "black", frozenset({"black"}))
    assert store.opened(table.record.slug, "watch").hands == frozenset()
    assert store.opened(table.record.slug, "").hands == frozenset({"white", "black"})


@pytest.mark.parametrize(
    ("clock", "kind", "told"),
    [
        (None, "resign", "Black resigned"),
        (Clock(600), "resign", "Black resigned"),
        (None, "draw", "draw agreed"),
    ],
)
def test_another_window_is_told_why_the_game_ended(clock: Clock | None, kind: Kind, told: str) -> None:
    table = Table(replace(FAMILY, clock=clock))
    move(table, "e4")
    table.handle(Action(kind, 2, table.game_id))
    store.save(table)
    assert table.record is not None
    assert store.opened(table.record.slug, "").game.ending == told


def test_looking_at_another_position_stores_nothing() -> None:
    table = Table(FAMILY)
    move(table, "e4")
    store.save(table)
    assert table.record is not None
    version = table.record.version
    table.game = table.game.start()
    store.save(table)
    assert table.record.version == version


def test_a_finished_game_joins_the_library_once() -> None:
    table = Table(COUPLE)
    for text in ("f3", "e5", "g4", "Qh4"):
        move(table, text)
        store.save(table)
    store.save(table)
    assert [(game.white, game.result) for game in store.library().games()] == [("Lena", "0-1")]


def test_another_window_is_told_whose_time_was_up() -> None:
    table = Table(replace(FAMILY, clock=Clock(60)), game=LiveGame.from_moves(["e4", "e5"]).flag("white"))
    store.save(table)
    assert table.record is not None
    again = store.opened(table.record.slug, "")
    assert again.game.ending == "White ran out of time"
    assert again.left("white", table.record.updated) == 0.0


def test_the_model_goes_on_after_a_reload() -> None:
    table = Table(COUPLE, game=LiveGame.from_moves(["e4", "e5"]))
    store.save(table)
    assert table.record is not None
    link = {"game": table.record.slug, "side": "white", "model": "black"}
    again = table_of_link(link)
    assert (again.modelled, again.hands) == ({"black"}, {"white"})
    assert table_of_link(link | {"model": "red"}).modelled == frozenset()


def mated(modelled: frozenset[Side] = frozenset()) -> Table:
    """Returns a stored game that has just ended."""
    table = Table(COUPLE, game=LiveGame.from_moves(["f3", "e5", "g4"]))
    table.let_model_play(modelled)
    store.save(table)
    move(table, "Qh4")
    store.save(table)
    return table


def test_another_move_in_a_finished_game_begins_another_game() -> None:
    table = mated()
    finished = table.record
    table.game = table.game.at(2)
    move(table, "e4")
    store.save(table)
    assert table.error.startswith("This began another game")
    assert [game.result for game in store.library().games()] == ["0-1"]
    assert [len(live.tokens) for live in store.library().live_games()] == [3]
    table.handle(Action("back", table.done + 1, table.game_id))
    store.save(table)
    assert (table.record, table.game.result, store.library().count()) == (finished, "0-1", 1)


def test_another_game_that_ends_with_its_first_move_joins_the_library_too() -> None:
    table = mated()
    table.game = table.game.at(3)
    table.game = LiveGame.from_tokens(table.game.tokens).play("Nc6").resign("white").at(3)
    store.save(table)
    move(table, "Qh4")
    store.save(table)
    assert sorted(game.result for game in store.library().games()) == ["0-1", "0-1"]


def test_a_promise_to_bring_moves_back_ends_when_another_window_goes_on() -> None:
    table = Table(COUPLE, game=LiveGame.from_moves(["e4", "c5", "Nf3"]))
    store.save(table)
    assert table.record is not None
    table.game = table.game.at(1)
    move(table, "e5")
    store.save(table)
    other = store.opened(table.record.slug, "")
    move(other, "Nf3")
    store.save(other)
    assert "brings the old line back" in table.error
    assert store.refresh(table)
    assert (table.error, table.replaced) == ("", None)


def test_the_clock_runs_on_while_players_are_renamed() -> None:
    table = Table(replace(COUPLE, clock=Clock(60)), game=LiveGame.from_moves(["e4", "e5"]))
    store.save(table)
    assert table.record is not None
    moved = table.record.updated
    table.seating = replace(table.seating, white=Chair("Lena M.", 1700))
    store.save(table)
    assert (table.record.version, table.record.updated) == (2, moved)
    move(table, "Nf3")
    store.save(table)
    assert table.record.updated > moved


def test_who_plays_on_in_a_deleted_game_is_told_that_nothing_is_stored() -> None:
    table = mated()
    store.library().delete_player("Lena")
    assert not store.refresh(table)
    assert "not stored" in table.error
    table.error = ""
    table.game = table.game.take_back()
    store.save(table)
    assert "not stored" in table.error


def test_what_the_model_plays_for_somebody_is_not_his() -> None:
    mated(frozenset({"white"}))
    assert [(game.white, game.black) for game in store.library().games()] == [("Lena (model)", "Otto")]
    assert store.library().suggest_merges() == []


def test_another_device_keeps_whom_the_model_plays() -> None:
    table = Table(COUPLE, game=LiveGame.from_moves(["e4", "e5"]))
    table.let_model_play(frozenset({"black"}))
    store.save(table)
    assert table.record is not None
    other = store.opened(table.record.slug, "white")
    move(other, "Nf3")
    store.save(other)
    assert store.library().load_live(table.record.slug).model == "black"


def test_who_runs_out_of_time_has_none_left() -> None:
    table = Table(replace(COUPLE, clock=Clock(60)), game=LiveGame.from_moves(["e4", "e5"]).flag("white"))
    assert (table.left("white", 0.0), table.left("black", 0.0)) == (0.0, 60.0)


def test_a_rating_stays_with_him_who_sat_there() -> None:
    before, known = Chair("Son", 1100), {"Dad": 1500}
    assert _chair(before, "Dad", 1100, known) == Chair("Dad", 1500)
    assert _chair(before, "Aunt", 1100, known) == Chair("Aunt")
    assert _chair(before, "Aunt", 1700, known) == Chair("Aunt", 1700)
    assert _chair(before, "Son", 1100, known) == before
    assert _chair(before, "Dad", None, known) == Chair("Dad", 1500)


def test_the_model_stays_who_it_was_when_colors_are_swapped() -> None:
    table = Table(COUPLE)
    table.let_model_play(frozenset({"black"}))
    _swap(table)
    assert (table.seating.white.name, table.modelled, table.hands) == ("Otto", {"white"}, {"black"})


def test_a_game_taken_back_joins_the_library_again_as_it_ends() -> None:
    table = Table(COUPLE, game=LiveGame.from_moves(["e4", "e5", "Nf3"]))
    store.save(table)
    kept = []
    for change in (
        lambda game: game.resign("black"),
        LiveGame.take_back,
        lambda game: game.play("Nc6"),
        LiveGame.draw,
    ):
        table.game = change(table.game)
        store.save(table)
        kept.append([(len(game.tokens), game.result) for game in store.library().games()])
    assert kept == [[(3, "1-0")], [], [], [(4, "1/2-1/2")]]
    assert [(one.name, one.games) for one in store.library().players()] == [("Lena", 1), ("Otto", 1)]


def test_names_mended_after_the_end_are_mended_in_the_library() -> None:
    table = Table(COUPLE, game=LiveGame.from_moves(["f3", "e5", "g4"]))
    store.save(table)
    move(table, "Qh4")
    store.save(table)
    table.seating = replace(COUPLE, white=Chair("Lena M."))
    store.save(table)
    assert [game.white for game in store.library().games()] == ["Lena M."]
    assert [one.name for one in store.library().players()] == ["Otto", "Lena M."]
    with pytest.raises(UnknownPlayerError):
        store.library().player("Lena")


def test_a_sample_player_keeps_his_games_when_one_at_the_board_ends() -> None:
    table = Table(FAMILY, game=LiveGame.from_moves(["f3", "e5", "g4"]))
    store.save(table)
    move(table, "Qh4")
    store.save(table)
    table.start(LiveGame.from_moves(["e4"]))
    store.save(table)
    table.game = table.game.resign("black")
    store.save(table)
    assert store.library().count("Dad") == len(sample_games()) + 2
    assert len(find_person("Son", store.library()).games) == len(sample_games()) + 2


def test_somebody_who_is_called_as_a_sample_player_is_not_given_his_games() -> None:
    tokens = tuple(ply.token for ply in LiveGame.from_moves(["d4", "d5"]).line)
    store.library().add([Game(tokens=tokens, white="Dad", black="Aunt")], source="ours")
    table = Table(FAMILY, game=LiveGame.from_moves(["e4"]))
    store.save(table)
    table.game = table.game.resign("black")
    store.save(table)
    assert store.library().count() == 2


def test_two_windows_see_each_others_moves_and_the_later_one_yields() -> None:
    one = Table(FAMILY)
    move(one, "e4")
    store.save(one)
    assert one.record is not None
    two = store.opened(one.record.slug, "")
    move(two, "c5")
    store.save(two)
    move(one, "e5")
    store.save(one)
    assert one.game.sans == ("e4", "c5")
    assert "another window" in one.error
    assert not store.refresh(one)
    move(one, "Nf3")
    store.save(one)
    assert store.refresh(two)
    assert two.game.sans == ("e4", "c5", "Nf3")


def test_a_window_that_looks_back_is_not_torn_away() -> None:
    one = Table(FAMILY, game=LiveGame.from_moves(["e4", "c5"]))
    store.save(one)
    assert one.record is not None
    two = store.opened(one.record.slug, "")
    two.game = two.game.start()
    move(one, "Nf3")
    store.save(one)
    assert store.refresh(two)
    assert (two.game.cursor, len(two.game.line)) == (0, 3)


def test_the_sample_players_sit_at_a_new_board_with_their_latest_ratings() -> None:
    assert store.first_seating() == Seating(Chair("Dad", 1500), Chair("Son", 1100), "rapid")
    tokens = tuple(ply.token for ply in LiveGame.from_moves(["e4", "c5"]).line)
    store.library().add([Game(tokens=tokens, white="Dad", black="Son", white_rating=1523)], source="ours")
    assert store.first_seating() == Seating(Chair("Dad", 1523), Chair("Son", 1100), "rapid")


def test_a_wrong_link_is_told() -> None:
    with pytest.raises(LibraryError, match="no live game 'nothing'"):
        store.opened("nothing", "")


# The page


def test_names_are_one_line_of_bounded_length() -> None:
    assert clean_name(" A\n B ") == "A B"
    assert len(clean_name("x" * 999)) == 200
    assert clean_name(None) == "Guest"


def test_a_game_of_a_file_is_listed_and_seated() -> None:
    game = Game(
        tokens=(0,), white="Ann", white_rating=1432, date="2024.05.07", time_control="300+3", index=2
    )
    assert game_label(game) == "3. Ann – ? *, 2024.05.07"
    assert seating_of(game) == Seating(Chair("Ann", 1432), Chair(), "blitz")


def test_the_page_opens_for_a_first_visitor() -> None:
    app = AppTest.from_file(str(APP), default_timeout=30).run()
    assert not app.exception
    assert FAIR_PLAY in [caption.value for caption in app.caption]


def opened_menu(label: str) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=30)
    app.session_state[menu_key(label)] = True
    return app.run()


def test_a_stored_game_is_listed_with_what_tells_it_from_others() -> None:
    record = Record(slug="x", white="W" * 200, black="Son", tokens=(1, 2, 3), updated=1.7e9)
    shown = record_label(record)
    assert re.fullmatch(r"W{40}… – Son, move 2, 1[45] Nov \d\d:\d\d", shown), shown


def test_players_sit_down_from_the_form() -> None:
    app = opened_menu("Players")
    app.selectbox(key="white_name").set_value("Guest")
    app.number_input(key="white_rating").set_value(1650)
    app.selectbox(key="speed").set_value("blitz")
    next(button for button in app.button if button.label == "Sit down").click().run()
    assert not app.exception
    seating = app.session_state["chessgru"].seating
    assert seating.white == Chair("Guest", 1650)
    assert seating.speed == "blitz"


def test_a_pasted_game_opens_and_nonsense_is_told() -> None:
    app = opened_menu("Open")
    app.text_area(key="pasted").set_value("<html>Error 502</html>").run()
    assert len(app.error) == 1
    app.text_area(key="pasted").set_value('[White "Ann"]\n\n1. d4 d5 1-0').run()
    next(button for button in app.button if button.label == "Open this game").click().run()
    assert not app.exception
    table = app.session_state["chessgru"]
    assert (table.game.sans, table.game.result, table.seating.white.name) == (("d4", "d5"), "1-0", "Ann")
