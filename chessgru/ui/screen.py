"""Puts together what the board shows: the game, the players, the predictions. Pure, no Streamlit."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence

import chess

from chessgru.board import CardData, Payload, PlayerStrip, PlyRow
from chessgru.game import Side
from chessgru.openings import opening_of
from chessgru.session import LiveGame
from chessgru.ui.cards import surprise_line
from chessgru.ui.clock import running
from chessgru.ui.curtain import covered
from chessgru.ui.state import SIDES, Seating, Table

_SCORE = {"1-0": "1–0", "0-1": "0–1", "1/2-1/2": "½–½"}


def status_line(game: LiveGame) -> str:
    """Returns how the game ended, "" while it runs.

    >>> status_line(LiveGame.from_moves("f3 e5 g4 Qh4".split()))
    '0–1 · checkmate'
    """
    if not game.is_over:
        return ""
    score = _SCORE[game.result]
    return f"{score} · {game.ending}" if game.ending else score


def spoken(game: LiveGame, seating: Seating, cards: dict[Side, CardData]) -> str:
    """Returns what a screen reader says: the last move, and each player's likeliest moves."""
    parts = []
    if game.cursor:
        mover: Side = "black" if game.to_move == "white" else "white"
        parts.append(f"{seating.shown(mover)} played {game.line[game.cursor - 1].san}.")
    if game.is_over and game.at_end:
        return " ".join([*parts, f"The game is over: {status_line(game)}."])
    parts += [_spoken_card(card) for card in cards.values() if card.moves]
    return " ".join(parts)


def _spoken_card(card: CardData) -> str:
    moves = ", ".join(f"{move.san} {round(100 * move.p)} percent" for move in card.moves[:3])
    return f"{card.title}: {moves}."


def _strip(side: Side, table: Table, bits: Sequence[float], now: float) -> PlayerStrip:
    rating = table.seating.of(side).rating
    shown = "" if rating is None else str(rating)
    surprise = surprise_line(bits, side)
    return PlayerStrip(
        table.seating.shown(side), shown, side in table.hands, surprise, table.left(side, now)
    )


def _rows(game: LiveGame, bits: Sequence[float]) -> tuple[PlyRow, ...]:
    known = [*bits, *([None] * (len(game.line) - len(bits)))]
    return tuple(PlyRow(ply.san, ply.uci, ply.fen, b) for ply, b in zip(game.line, known, strict=True))


def headers(seating: Seating) -> dict[str, str]:
    """Returns the PGN tags of a game played now."""
    tags = {
        "White": seating.white.name,
        "Black": seating.black.name,
        "Date": datetime.datetime.now().astimezone().strftime("%Y.%m.%d"),
    }
    for chair, tag in ((seating.white, "WhiteElo"), (seating.black, "BlackElo")):
        if chair.rating is not None:
            tags[tag] = str(chair.rating)
    if seating.clock:
        tags["TimeControl"] = str(seating.clock)
    return tags


def _file_name(seating: Seating) -> str:
    names = f"{seating.white.name}-{seating.black.name}"
    return (re.sub(r"[^\w-]+", "_", names).strip("_")[:80] or "game") + ".pgn"


def _opening_line(game: LiveGame) -> str:
    opening = opening_of(ply.fen for ply in game.line[: game.cursor])
    return f"{opening.eco} · {opening.name}" if opening else ""


def payload(table: Table, cards: dict[Side, CardData], bits: Sequence[float], now: float) -> Payload:
    """Returns everything the board needs; `bits` has the surprise of each ply so far, or is empty."""
    game, seating = table.game, table.seating
    cards = covered(cards, table)
    board = chess.Board(game.fen)
    return Payload(
        session=table.session,
        game=table.game_id,
        ack=table.done,
        orientation=table.orientation,
        fen=game.fen,
        start=chess.STARTING_FEN,
        cursor=game.cursor,
        line=_rows(game, bits),
        legal=game.moves(),
        check=board.is_check(),
        over=game.is_over,
        resigns=table.resigns,
        ticking=(running(game) if seating.clock else None) or "",
        status=status_line(game),
        opening=_opening_line(game),
        players={side: _strip(side, table, bits, now) for side in SIDES},
        cards=cards,
        error=table.error,
        say=spoken(game, seating, cards),
        pgn=game.to_pgn(headers(seating)),
        file=_file_name(seating),
    )
