"""The privacy curtain: at one board it covers a card, on two devices a player's own card for all others.

What is covered never leaves the server: neither the card, nor the arrows, nor what a screen reader says,
nor the opponent's answers to those moves. Who keeps his predictions to himself is known while the server
runs, by game; the player's own link brings it back after a restart.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from chessgru.board import CardData
from chessgru.game import Side
from chessgru.ui.cards import other
from chessgru.ui.state import SIDES, Table

PARAMETER: Final = "curtain"
"""The part of a player's own link that says he keeps his predictions to himself."""
_KEPT: Final[dict[str, frozenset[Side]]] = {}  # sides whose players keep theirs, by the game's link


def own_side(table: Table) -> Side | None:
    """Returns the side of a player who has this window to himself, None at a board for both."""
    alone = len(table.hands) == 1 and not table.modelled and table.record is not None
    return next(iter(table.hands)) if alone else None


def tell(table: Table) -> None:
    """Tells the other windows whether this window's player keeps his predictions to himself."""
    own = own_side(table)
    if own is None or table.record is None:
        return
    kept = _KEPT.get(table.record.slug, frozenset())
    _KEPT[table.record.slug] = kept | {own} if own in table.curtains else kept - {own}


def refresh(table: Table) -> bool:
    """Takes note of what others keep to themselves; returns whether that changed."""
    kept = _KEPT.get(table.record.slug, frozenset()) if table.record else frozenset()
    kept -= {own_side(table)}
    changed = kept != table.kept
    table.kept = kept
    return changed


def covered(cards: dict[Side, CardData], table: Table) -> dict[Side, CardData]:
    """Returns the cards as this window may show them, and what their buttons say."""
    own = own_side(table)
    hidden = table.kept | (table.curtains - {own})
    return {side: _card(side, cards[side], table, hidden) for side in SIDES if side in cards}


def _card(side: Side, card: CardData, table: Table, hidden: frozenset[Side]) -> CardData:
    closed = side in table.curtains
    card = replace(card, eye=_label(side, closed, own_side(table) == side), closed=closed)
    if other(side) in hidden:
        card = replace(card, replies=())
    name = table.seating.shown(side)
    if side in table.kept:
        return CardData(name, note=f"{name} keeps these predictions private.")
    if side in hidden:
        return CardData(name, note="Hidden. Press the eye to show it again.", eye=card.eye, closed=True)
    if closed:
        card = replace(card, note=f"{card.note} Nobody else sees this card.".strip())
    return card


def _label(side: Side, closed: bool, own: bool) -> str:
    whose = f"{'Show' if closed else 'Hide'} {side.capitalize()}'s predictions"
    return f"{whose} {'to' if closed else 'from'} the others" if own else whose
