"""Turns predictions into what the two cards beside the board say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chessgru.board import Answer, CardData, MoveRow, ReplyRow
from chessgru.game import Side
from chessgru.ui.contract import Prediction, Predictions, Reply, Suggestion
from chessgru.ui.state import Seating

TOP: Final = 5
_REPLIES: Final = 3
_ANSWERS: Final = 2


def other(side: Side) -> Side:
    """Returns the other color."""
    return "black" if side == "white" else "white"


def evidence(move: Suggestion, opponent: str) -> str:
    """Returns the counts behind a move, such as "23 of 31 times here, 4 of 5 against Son"; "" if none."""
    if not move.seen:
        return ""
    here = f"{move.seen} of {move.of} times here"
    if not move.h2h_of:
        return here
    if (move.h2h_seen, move.h2h_of) == (move.seen, move.of):
        return f"{here}, always against {opponent}"
    return f"{here}, {move.h2h_seen} of {move.h2h_of} against {opponent}"


def _row(move: Suggestion, opponent: str) -> MoveRow:
    return MoveRow(
        move.uci, move.san, move.probability, move.own, move.head_to_head, evidence(move, opponent)
    )


def _reply(reply: Reply) -> ReplyRow:
    answers = tuple(Answer(move.san, move.probability) for move in reply.suggestions[:_ANSWERS])
    return ReplyRow(reply.if_uci, reply.if_san, reply.probability_of_if, answers)


def card(side: Side, prediction: Prediction, seating: Seating, *, waiting: bool, note: str) -> CardData:
    """Returns one player's card; `note` stands where there is nothing to predict."""
    name = seating.shown(side)
    title = f"{name} is likely to answer" if waiting else f"{name} is likely to play"
    if not prediction.suggestions:
        return CardData(title=name, note=note)
    opponent = seating.shown(other(side))
    moves = tuple(_row(move, opponent) for move in prediction.suggestions[:TOP])
    replies = tuple(_reply(reply) for reply in prediction.replies[:_REPLIES] if reply.suggestions)
    return CardData(title, moves, replies if waiting else ())


def both_cards(predictions: Predictions, seating: Seating, note: str) -> dict[Side, CardData]:
    """Returns the cards of both players."""
    sides: tuple[tuple[Side, Prediction], ...] = (
        ("white", predictions.white),
        ("black", predictions.black),
    )
    return {
        side: card(side, prediction, seating, waiting=side != predictions.to_move, note=note)
        for side, prediction in sides
    }


def empty_cards(seating: Seating, note: str) -> dict[Side, CardData]:
    """Returns cards that say why there are no predictions."""
    return {
        "white": CardData(seating.shown("white"), note=note),
        "black": CardData(seating.shown("black"), note=note),
    }


def surprise_line(bits: Sequence[float], side: Side) -> str:
    """Returns how surprising a player's moves were, such as "2.1, last 0.4"."""
    own = bits[0 if side == "white" else 1 :: 2]
    if not own:
        return "–"
    return f"{sum(own) / len(own):.1f}, last {own[-1]:.1f}"
