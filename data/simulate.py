"""Writes dad-and-son.pgn: games between two people who do not exist, played by the base model.

"Dad" (about 1500) opens with the king's pawn and likes the Italian game; "Son" (about 1100) answers it with
the Sicilian. Their habits are the lines below; everything else is sampled from the shipped model at their
ratings. The same seed and model give the same games:

    python data/simulate.py
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import chess
import numpy as np
import torch

from chessgru import vocabulary
from chessgru.checkpoint import load_checkpoint
from chessgru.game import Game, Result
from chessgru.model import Context, MoveGRU, State, speed_index
from chessgru.pgn import write_pgn
from chessgru.planes import NO_MOVE
from chessgru.replay import push, start_boards

RATINGS = {"Dad": 1500, "Son": 1100}
LONGEST = 240  # plies; what is still open then is a draw by agreement
HOPELESS = 9  # points of material behind, from which a player resigns
RESIGNS = 0.25  # how often he does, a move
VALUES = {chess.PAWN: 1, chess.KNIGHT: 3, chess.BISHOP: 3, chess.ROOK: 5, chess.QUEEN: 9, chess.KING: 0}
HABIT = 0.85  # how often a habit is kept
TEMPERATURE = 0.85
HABITS = {
    "Dad": [
        "e4 e5 Nf3 Nc6 Bc4 Bc5 c3 Nf6 d3",
        "e4 c5 Nf3 d6 d4 cxd4 Nxd4 Nf6 Nc3 a6 Be2",
        "e4 c5 Nf3 Nc6 Bb5",
        "e4 e6 d4 d5 Nc3",
        "d4 d5 c4 e6 Nc3 Nf6",
        "e4 e5 Nf3 Nc6 Bc4 Nf6",
    ],
    "Son": [
        "e4 c5 Nf3 d6 d4 cxd4 Nxd4 Nf6 Nc3 a6",
        "e4 c5 Nc3 Nc6",
        "d4 d5 Nf3 Nf6",
        "d4 d5 c4 e6 Nc3 Nf6 Bg5",
    ],
}


@dataclass
class Table:
    """One game being simulated."""

    white: str
    black: str
    board: chess.Board
    tokens: list[int]
    resigned: bool = False

    @property
    def mover(self) -> str:
        """The name of whoever is to move."""
        return self.white if self.board.turn else self.black

    @property
    def is_over(self) -> bool:
        """Whether the rules, or the limit, end the game here."""
        return self.resigned or len(self.tokens) >= LONGEST or self.board.is_game_over(claim_draw=True)

    def play(self, token: int) -> None:
        """Plays one move."""
        self.board.push(vocabulary.MOVES[token])
        self.tokens.append(token)

    def is_hopeless(self) -> bool:
        """Whether the side to move is so far behind in material that it may resign."""
        own = sum(
            VALUES[p.piece_type] for p in self.board.piece_map().values() if p.color == self.board.turn
        )
        every = sum(VALUES[piece.piece_type] for piece in self.board.piece_map().values())
        return every - 2 * own >= HOPELESS

    @property
    def result(self) -> Result:
        """The result; a game stopped at the limit is a draw."""
        if self.resigned:
            return "0-1" if self.board.turn else "1-0"
        found = self.board.result(claim_draw=True)
        return "1/2-1/2" if found == "*" else found  # type: ignore[return-value]


def habits(name: str) -> dict[tuple[int, ...], list[int]]:
    """Returns the moves a person knows by heart: line so far -> his moves, the favourite first."""
    known: dict[tuple[int, ...], list[int]] = {}
    for line in HABITS[name]:
        board, tokens = chess.Board(), []
        for san in line.split():
            token = vocabulary.token_of(board.push_san(san))
            moves = known.setdefault(tuple(tokens), [])
            if token not in moves:
                moves.append(token)
            tokens.append(token)
    return known


def choose(network: np.ndarray, rng: np.random.Generator, known: list[int] | None) -> int:
    """Returns a move: a habit if there is one and it is kept today, else a sample from the network."""
    if known and rng.random() < HABIT:
        return known[min(rng.geometric(0.75), len(known)) - 1]
    sharpened = network ** (1 / TEMPERATURE)
    return int(rng.choice(len(network), p=sharpened / sharpened.sum()))


@torch.inference_mode()
def simulate(model: MoveGRU, games: int, rng: np.random.Generator) -> list[Table]:
    """Plays `games` games side by side, colors alternating."""
    tables = [
        Table(*(("Dad", "Son") if number % 2 == 0 else ("Son", "Dad")), chess.Board(), [])
        for number in range(games)
    ]
    known = {name: habits(name) for name in HABITS}
    ratings = torch.tensor([[float(RATINGS[table.white]), float(RATINGS[table.black])] for table in tables])
    context = Context(
        ratings, torch.full((games,), speed_index("rapid")), torch.zeros(games, 2, model.config.style)
    )
    boards, state = start_boards(games, torch.device("cpu")), model.new_state(games)
    last, live = torch.full((games,), NO_MOVE), list(range(games))
    while live:
        reading = model.step(state, boards, last, context)
        network = reading.log_probabilities.double().exp().numpy()
        chosen = []
        for row, number in enumerate(live):
            table = tables[number]
            token = choose(network[row], rng, known[table.mover].get(tuple(table.tokens)))
            table.play(token)
            table.resigned = table.is_hopeless() and rng.random() < RESIGNS
            chosen.append(token)
        last = torch.tensor(chosen)
        boards, state = push(boards, last), reading.state
        keep = [row for row, number in enumerate(live) if not tables[number].is_over]
        live = [live[row] for row in keep]
        rows = torch.tensor(keep, dtype=torch.int64)
        boards, last = boards.at(rows), last[rows]
        state, context = State(*(part[rows] for part in state)), Context(*(part[rows] for part in context))
    return tables


def as_game(table: Table, number: int, first: date) -> Game:
    """Returns one table as a game for the file: one a week, labelled as simulated."""
    return Game(
        tokens=tuple(table.tokens),
        white=table.white,
        black=table.black,
        white_rating=RATINGS[table.white],
        black_rating=RATINGS[table.black],
        result=table.result,
        date=(first + timedelta(days=7 * (number // 2))).strftime("%Y.%m.%d"),
        time_control="900+10",
        event="Simulated game",
        site="chessgru data/simulate.py",
        round=str(number + 1),
    )


def main() -> None:
    """Writes the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--games", type=int, default=240)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("dad-and-son.pgn"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    tables = simulate(load_checkpoint().model, options.games, np.random.default_rng(options.seed))
    games = [as_game(table, number, date(2023, 1, 7)) for number, table in enumerate(tables)]
    with options.out.open("w", encoding="utf-8") as file:
        write_pgn(games, file)


if __name__ == "__main__":
    main()
