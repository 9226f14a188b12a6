"""Boards and legal moves of many games at once: compiled on the processor, array operations elsewhere.

`replay` turns move tokens into the position before every ply; `legal_moves` says which of the
vocabulary's moves are legal in each. Both are tested square by square and move by move against
python-chess, in either way (`chessgru.movegen` is the compiled one). Neither holds a Python object per
position: a whole training batch costs milliseconds.

Pieces are small integers: 0 empty, 1..6 = P N B R Q K of White (in `Boards`) or of the side to move (after
`from_mover`), 7..12 the same of the other side. Squares are numbered as in python-chess (a1 = 0, h8 = 63).
"""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

import chess
import torch
from torch import Tensor

from chessgru import movegen, vocabulary

PIECE_MOVES: Final = movegen.PIECE_MOVES
"""Tokens below this are piece moves (queen and knight geometry); the promotions follow."""
BLACK: Final = movegen.BLACK
"""Added to a piece type to get the code of the other side's piece."""
PAWN, KNIGHT, BISHOP, ROOK, QUEEN, KING = range(1, 7)


class Boards(NamedTuple):
    """Positions as arrays; the leading dimensions (here `...`) are the caller's."""

    squares: Tensor
    """(..., 64) int8, piece codes."""
    castling: Tensor
    """(..., 4) bool, rights as K Q k q: first the two of White (or of the mover)."""
    en_passant: Tensor
    """(...) int64, the square a pawn just jumped over, or 64."""
    black_to_move: Tensor
    """(...) bool."""
    halfmove_clock: Tensor
    """(...) int64, plies since the last capture or pawn move."""

    def flatten(self) -> Boards:
        """Returns the same positions with one leading dimension."""
        dims = self.black_to_move.dim()
        return Boards(*(field.flatten(0, dims - 1) for field in self))

    def at(self, index: Tensor | slice | int | tuple[int | slice, ...]) -> Boards:
        """Returns the positions that `index` selects, as it would from an array."""
        return Boards(*(field[index] for field in self))


class _Tables(NamedTuple):
    """Constants of the board's geometry on one device. P = PIECE_MOVES, S = vocabulary size."""

    from_square: Tensor  # (S,) int64
    to_square: Tensor  # (S,) int64
    promotion: Tensor  # (S,) int8, piece type or 0
    mirror: Tensor  # (S,) int64
    mirror_square: Tensor  # (64,) int64
    rights_kept: Tensor  # (64, 4) bool: rights that survive a move from or to the square
    start: Tensor  # (64,) int8
    rays: Tensor  # (64, 8, 7) int64: squares seen from a square in 8 directions, 64 = off the board
    direction: Tensor  # (P,) int64: 0..7, or 8 for a knight's move
    before: list[tuple[Tensor, Tensor, Tensor]]  # a distance: (pairs, pairs one nearer, squares between)
    origin_way: Tensor  # (P,) int64: from-square * 9 + direction
    slides: Tensor  # (14, 8) bool: the other side's piece code x direction -> slides that way
    single: Tensor  # (P,) bool: the pair is one step or a knight's move
    into: Tensor  # (64, 35) int64: the piece moves that end on a square, PIECE_MOVES where there are fewer
    knight_squares: Tensor  # (64, 8) int64: knight neighbours, 64 = off the board
    passing_pairs: Tensor  # (14,) int64: captures from rank 5 to rank 6
    pawn_push: Tensor  # (P,) bool: one square north
    pawn_jump: Tensor  # (P,) bool: two squares north from rank 2
    promotion_source: Tensor  # (S - P,) int64: the piece move with the same squares
    promotes_up: Tensor  # (S - P,) bool: White's promotions
    last_rank: Tensor  # (P,) bool: to-square on rank 8
    castle_tokens: Tensor  # (2,) int64: e1g1, e1c1


# Directions: N S E W NE NW SE SW, so that d ^ 1 is the opposite of d for the first four.
_DELTAS: Final = ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1))
_OPPOSITE: Final = (1, 0, 3, 2, 7, 6, 5, 4, 8)


def _ray(square: int, direction: int) -> list[int]:
    file, rank = chess.square_file(square), chess.square_rank(square)
    df, dr = _DELTAS[direction]
    squares = [(file + df * k, rank + dr * k) for k in range(1, 8)]
    return [chess.square(f, r) if 0 <= f < 8 and 0 <= r < 8 else 64 for f, r in squares]


def _sliders() -> list[list[bool]]:
    """Returns which way each piece code of the other side slides; 13 is the edge of the board."""
    slides = [[False] * 8 for _ in range(14)]
    for direction in range(8):
        slides[BLACK + (ROOK if direction < 4 else BISHOP)][direction] = True
        slides[BLACK + QUEEN][direction] = True
    return slides


@cache
def _tables(device: torch.device) -> _Tables:
    moves = vocabulary.MOVES
    rays = [[_ray(square, direction) for direction in range(8)] for square in range(64)]
    pair_of = {(move.from_square, move.to_square): token for token, move in enumerate(moves[:PIECE_MOVES])}
    direction, distance = [8] * PIECE_MOVES, [1] * PIECE_MOVES
    before = []
    for k in range(7):
        pairs, nearer, between = [], [], []
        for square in range(64):
            for way in range(8):
                target = rays[square][way][k]
                if target == 64:
                    continue
                pair = pair_of[square, target]
                direction[pair], distance[pair] = way, k + 1
                if k:
                    pairs.append(pair)
                    nearer.append(pair_of[square, rays[square][way][k - 1]])
                    between.append(rays[square][way][k - 1])
        if k:
            before.append((pairs, nearer, between))
    rights = [[True] * 4 for _ in range(64)]
    for square, lost in {chess.E1: (0, 1), chess.H1: (0,), chess.A1: (1,)}.items():
        for right in lost:
            rights[square][right] = False
            rights[chess.square_mirror(square)][right + 2] = False
    start = [0] * 64
    for square, piece in chess.Board().piece_map().items():
        start[square] = piece.piece_type + (0 if piece.color else BLACK)
    knights = [
        (list(chess.SquareSet(chess.BB_KNIGHT_ATTACKS[square])) + [64] * 8)[:8] for square in range(64)
    ]

    def longs(values: object) -> Tensor:
        return torch.tensor(values, dtype=torch.int64, device=device)

    def bools(values: object) -> Tensor:
        return torch.tensor(values, dtype=torch.bool, device=device)

    return _Tables(
        from_square=longs([move.from_square for move in moves]),
        to_square=longs([move.to_square for move in moves]),
        promotion=torch.tensor([move.promotion or 0 for move in moves], dtype=torch.int8, device=device),
        mirror=longs(vocabulary.MIRROR),
        mirror_square=longs([chess.square_mirror(square) for square in range(64)]),
        rights_kept=bools(rights),
        start=torch.tensor(start, dtype=torch.int8, device=device),
        rays=longs(rays),
        direction=longs(direction),
        before=[(longs(pairs), longs(nearer), longs(between)) for pairs, nearer, between in before],
        origin_way=longs(
            [m.from_square * 9 + d for m, d in zip(moves[:PIECE_MOVES], direction, strict=True)]
        ),
        slides=bools(_sliders()),
        single=bools([k == 1 for k in distance]),
        into=longs(
            [
                (
                    [p for p, m in enumerate(moves[:PIECE_MOVES]) if m.to_square == square]
                    + [PIECE_MOVES] * 35
                )[:35]
                for square in range(64)
            ]
        ),
        knight_squares=longs(knights),
        passing_pairs=longs(
            [
                pair
                for pair, (d, k) in enumerate(zip(direction, distance, strict=True))
                if d in (4, 5) and k == 1 and moves[pair].from_square // 8 == 4
            ]
        ),
        pawn_push=bools([d == 0 and k == 1 for d, k in zip(direction, distance, strict=True)]),
        pawn_jump=bools(
            [
                d == 0 and k == 2 and move.from_square // 8 == 1
                for d, k, move in zip(direction, distance, moves[:PIECE_MOVES], strict=True)
            ]
        ),
        promotion_source=longs([pair_of[m.from_square, m.to_square] for m in moves[PIECE_MOVES:]]),
        promotes_up=bools([move.to_square >= 56 for move in moves[PIECE_MOVES:]]),
        last_rank=bools([move.to_square >= 56 for move in moves[:PIECE_MOVES]]),
        castle_tokens=longs([pair_of[chess.E1, chess.G1], pair_of[chess.E1, chess.C1]]),
    )


def _compiled(turns: Tensor) -> bool:
    """Tells whether to use the compiled rules; `turns` has an element a position."""
    return turns.device.type == "cpu" and movegen.worth(turns.numel())


def start_boards(games: int, device: torch.device) -> Boards:
    """Returns the standard starting position, `games` times: fields of shape (games, ...)."""
    return Boards(
        squares=_tables(device).start.repeat(games, 1),
        castling=torch.ones(games, 4, dtype=torch.bool, device=device),
        en_passant=torch.full((games,), 64, device=device),
        black_to_move=torch.zeros(games, dtype=torch.bool, device=device),
        halfmove_clock=torch.zeros(games, dtype=torch.int64, device=device),
    )


def push(boards: Boards, tokens: Tensor) -> Boards:
    """Returns the positions after one move each.

    `tokens` is (N,) int64; the moves are taken to be legal and are not checked.
    """
    tables = _tables(tokens.device)
    row = torch.arange(len(tokens), device=tokens.device)
    origin, target = tables.from_square[tokens], tables.to_square[tokens]  # (N,)
    squares = boards.squares.clone()
    piece, captured = squares[row, origin], squares[row, target]
    kind = torch.where(piece > BLACK, piece - BLACK, piece)
    pawn = kind == PAWN
    # En passant: a pawn changes file onto an empty square; the pawn behind the target disappears.
    passing = pawn & (captured == 0) & ((origin - target) % 8 != 0)
    behind = target + torch.where(boards.black_to_move, 8, -8)
    victim = torch.where(passing, behind, target)
    squares[row, victim] = 0
    color = torch.where(boards.black_to_move, BLACK, 0).to(torch.int8)
    promotion = tables.promotion[tokens]
    squares[row, target] = torch.where(promotion > 0, promotion + color, piece)
    squares[row, origin] = 0
    # Castling: the king's two-file move brings the rook along. Others write their own square back.
    castles = (kind == KING) & ((target - origin).abs() == 2)
    short = target > origin
    rook_from = torch.where(castles, torch.where(short, target + 1, target - 2), target)
    rook_to = torch.where(castles, torch.where(short, target - 1, target + 1), target)
    rook = squares[row, rook_from]
    squares[row, rook_from] = torch.where(castles, torch.zeros_like(rook), rook)
    squares[row, rook_to] = rook
    jumps = pawn & ((target - origin).abs() == 16)
    return Boards(
        squares=squares,
        castling=boards.castling & tables.rights_kept[origin] & tables.rights_kept[target],
        en_passant=torch.where(jumps, (origin + target) // 2, 64),
        black_to_move=~boards.black_to_move,
        halfmove_clock=torch.where(pawn | (captured > 0), 0, boards.halfmove_clock + 1),
    )


def replay(tokens: Tensor) -> Boards:
    """Returns the position before every ply of B games, and the one after the last.

    `tokens` is (B, T) int64 from the standard start; the fields of the result are (B, T + 1, ...). What
    follows a game's own last ply (padding) is meaningless and costs nothing to ignore.
    """
    if _compiled(tokens):
        squares, castling, passing, clock = map(torch.from_numpy, movegen.replay(tokens.numpy()))
        black = (torch.arange(squares.shape[1]) % 2 == 1).repeat(len(squares), 1)
        return Boards(squares, castling, passing, black, clock)
    boards = start_boards(len(tokens), tokens.device)
    line = [boards]
    for ply in range(tokens.shape[1]):
        boards = push(boards, tokens[:, ply])
        line.append(boards)
    return Boards(*(torch.stack(field, dim=1) for field in zip(*line, strict=True)))


def from_mover(boards: Boards) -> Boards:
    """Returns the positions as the side to move sees them: own pieces are 1..6 and move up the board.

    Where Black is to move, ranks are mirrored and colors swapped; files stay. Takes and returns (N, ...).
    """
    if _compiled(boards.black_to_move):
        fields = (boards.squares, boards.castling, boards.en_passant, boards.black_to_move)
        squares, castling, en_passant = map(
            torch.from_numpy, movegen.mirror(*(field.numpy() for field in fields))
        )
        return boards._replace(squares=squares, castling=castling, en_passant=en_passant)
    tables = _tables(boards.squares.device)
    mirrored = boards.squares[:, tables.mirror_square]
    swapped = torch.where(mirrored > BLACK, mirrored - BLACK, mirrored + BLACK)
    swapped = torch.where(mirrored == 0, mirrored, swapped)
    black = boards.black_to_move
    passing = torch.where(black & (boards.en_passant < 64), boards.en_passant ^ 56, boards.en_passant)
    return Boards(
        squares=torch.where(black[:, None], swapped, boards.squares),
        castling=torch.where(black[:, None], boards.castling[:, [2, 3, 0, 1]], boards.castling),
        en_passant=passing,
        black_to_move=black,
        halfmove_clock=boards.halfmove_clock,
    )


def mirror_tokens(tokens: Tensor, black: Tensor) -> Tensor:
    """Returns tokens as the mover writes them: mirrored where `black` is true (its own inverse)."""
    return torch.where(black, _tables(tokens.device).mirror[tokens], tokens)


def _open_lines(empty: Tensor) -> Tensor:
    """Returns (P, N) bool: nothing stands between the two squares of a pair. `empty` is (64, N)."""
    tables = _tables(empty.device)
    lines = empty.new_ones(PIECE_MOVES, empty.shape[1])
    for pairs, nearer, between in tables.before:
        lines[pairs] = lines[nearer] & empty[between]
    return lines


def _attacks(board: Tensor, lines: Tensor) -> Tensor:
    """Returns (P, N) bool: the piece on the from-square, of either side, attacks the to-square."""
    tables = _tables(board.device)
    kind = torch.where(board > BLACK, board - BLACK, board)
    queen, king = kind == QUEEN, kind == KING
    straight, diagonal, none = (kind == ROOK) | queen, (kind == BISHOP) | queen, torch.zeros_like(king)
    up, down = king | (board == PAWN), king | (board == BLACK + PAWN)
    slides = torch.stack([straight] * 4 + [diagonal] * 4 + [none], dim=1)  # (64, 9, N)
    steps = torch.stack([king] * 4 + [up, up, down, down, kind == KNIGHT], dim=1)
    slides, steps = slides.flatten(0, 1), steps.flatten(0, 1)
    reach = slides[tables.origin_way] & lines
    return reach.logical_or_(steps[tables.origin_way] & tables.single[:, None])


def _attacked_squares(attacks: Tensor, by: Tensor) -> Tensor:
    """Returns (64, N) bool: squares attacked by the pieces on the squares where `by` (64, N) is true."""
    tables = _tables(attacks.device)
    hits = attacks & by[tables.from_square[:PIECE_MOVES]]
    padded = torch.cat([hits, hits.new_zeros(1, hits.shape[1])])
    return padded[tables.into].any(1)


class _KingView(NamedTuple):
    """What stands on the eight rays from the mover's king."""

    resolve: Tensor  # (64, N) int8: how many sliding checkers a move to the square blocks or captures
    checkers: Tensor  # (N,) int64: sliding checkers
    pinned: Tensor  # (65, N) int8: the ray a pinned piece stands on, else 8
    shadow: Tensor  # (64, N) bool: squares next to the king that a checker reaches through him


def _seen_from_king(board: Tensor, king: Tensor) -> _KingView:
    tables = _tables(board.device)
    count = board.shape[1]
    padded = torch.cat([board, board.new_full((1, count), 13)])  # 13 blocks: the edge of the board
    column = torch.arange(count, device=board.device)
    rays = tables.rays[king]  # (N, 8, 7)
    seen = padded[rays, column[:, None, None]]  # (N, 8, 7)
    slider = tables.slides[seen.long(), torch.arange(8, device=board.device)[:, None]]
    rank = (seen > 0).cumsum(-1)  # 1 from the first piece on, 2 from the second
    first = (rank == 1) & (seen > 0)
    second = (rank == 2) & (seen > 0)
    own_first = (first & (seen <= BLACK)).any(-1)
    checks = (first & slider).any(-1)  # (N, 8)
    on_line = checks[..., None] & (rank - (seen > 0).long() == 0)  # up to and with the checker
    resolve = torch.zeros(65, count, dtype=torch.int8, device=board.device)
    resolve.index_put_(
        (rays, column[:, None, None].expand_as(rays)), on_line.to(torch.int8), accumulate=True
    )
    pins = (own_first & (second & slider).any(-1))[..., None] & first  # (N, 8, 7)
    pinned = board.new_full((65, count), 8)
    at = pins.nonzero()
    pinned[rays[pins], at[:, 0]] = at[:, 1].to(torch.int8)
    beyond = rays[:, list(_OPPOSITE[:8]), 0]  # (N, 8)
    shadow = torch.zeros(65, count, dtype=torch.bool, device=board.device)
    shadow.index_put_((beyond, column[:, None].expand_as(beyond)), checks)
    return _KingView(resolve[:64], checks.sum(-1), pinned, shadow[:64])


def _leapers(board: Tensor, king: Tensor) -> Tensor:
    """Returns (64, N) int8: the other side's knights and pawns that give check, at their squares."""
    tables = _tables(board.device)
    count = board.shape[1]
    padded = torch.cat([board, board.new_zeros(1, count)])
    column = torch.arange(count, device=board.device)[:, None]
    near = torch.cat([tables.knight_squares[king], tables.rays[king][:, 4:6, 0]], dim=1)  # (N, 10)
    wanted = torch.tensor([BLACK + KNIGHT] * 8 + [BLACK + PAWN] * 2, device=board.device)
    hits = (padded[near, column] == wanted).to(torch.int8)
    checkers = torch.zeros(65, count, dtype=torch.int8, device=board.device)
    checkers.index_put_((near, column.expand_as(near)), hits, accumulate=True)
    return checkers[:64]


def _castles(boards: Boards, empty: Tensor, attacked: Tensor) -> Tensor:
    """Returns (2, N) bool: the mover may castle short, long. `attacked` is by the other side."""
    safe = ~attacked
    short = empty[5] & empty[6] & safe[4] & safe[5] & safe[6]
    long = empty[1] & empty[2] & empty[3] & safe[4] & safe[3] & safe[2]
    return torch.stack([short, long]) & boards.castling[:, :2].T


def _en_passant_is_safe(board: Tensor, origin: Tensor, passing: Tensor, king: Tensor) -> Tensor:
    """Returns (N,) bool: taking en passant leaves the king unattacked by sliders. `board` is (64, N)."""
    column = torch.arange(board.shape[1], device=board.device)
    after = board.clone()
    after[passing, column] = after[origin, column]
    after[origin, column] = 0
    after[passing - 8, column] = 0
    return (_seen_from_king(after, king).checkers == 0) & (_leapers(after, king).sum(0) == 0)


@cache
def _zobrist(device: torch.device) -> tuple[Tensor, Tensor]:
    """Returns random numbers: a piece code and square (64 * 13,); a castling right, file, turn (13,)."""
    dice = torch.Generator().manual_seed(20_261_122)
    bounds = torch.iinfo(torch.int64)
    pieces = torch.randint(bounds.min, bounds.max, (64, 13), generator=dice)
    pieces[:, 0] = 0
    rest = torch.randint(bounds.min, bounds.max, (13,), generator=dice)
    return pieces.flatten().to(device), rest.to(device)


def position_keys(boards: Boards) -> Tensor:
    """Returns (N,) int64 that are equal for equal positions, however they were reached.

    Zobrist hashing with sums in place of exclusive or. As in the laws of chess, the en passant square
    counts only where a pawn stands ready to take; unlike there, also if that pawn is pinned.
    """
    pieces, rest = _zobrist(boards.squares.device)
    count = len(boards.en_passant)
    square = torch.arange(64, device=boards.squares.device)
    keys = pieces[square * 13 + boards.squares.long()].sum(1)
    keys += (boards.castling * rest[:4]).sum(1)
    passing = boards.en_passant.clamp(max=63)
    file, rank = passing % 8, torch.where(boards.black_to_move, 3, 4)  # where the taker stands
    taker = torch.where(boards.black_to_move, BLACK + PAWN, PAWN)
    row = torch.arange(count, device=boards.squares.device)
    ready = torch.zeros_like(boards.black_to_move)
    for side in (-1, 1):
        beside = file + side
        inside = (beside >= 0) & (beside < 8)
        ready |= inside & (boards.squares[row, rank * 8 + beside.clamp(0, 7)] == taker)
    ready &= boards.en_passant < 64
    return keys + torch.where(ready, rest[4 + file], 0) + torch.where(boards.black_to_move, rest[12], 0)


class Legal(NamedTuple):
    """What `legal_moves` found in N positions, from the mover's side."""

    moves: Tensor
    """(N, vocabulary.SIZE) bool: legal moves."""
    attacks: Tensor
    """(N, PIECE_MOVES) bool: the piece on the from-square, of either side, attacks the to-square."""


def legal_moves(boards: Boards) -> Legal:
    """Returns the legal moves of N positions given by `from_mover`.

    Works by pins and checks rather than by trying every move: a piece that is not the king may move if it
    stays on its pin line and meets the check, if any; the king if the square is not attacked, also through
    himself; en passant is tried out.
    """
    if _compiled(boards.black_to_move):
        fields = (boards.squares, boards.castling, boards.en_passant)
        return Legal(*map(torch.from_numpy, movegen.legal_moves(*(field.numpy() for field in fields))))
    tables = _tables(boards.squares.device)
    origin, target = tables.from_square[:PIECE_MOVES], tables.to_square[:PIECE_MOVES]
    board = boards.squares.T.contiguous()  # (64, N): rows are contiguous over positions
    empty, own, other = board == 0, (board > 0) & (board <= BLACK), board > BLACK
    king = (board == KING).to(torch.int8).argmax(0)  # (N,)
    lines = _open_lines(empty)
    attacks = _attacks(board, lines)
    resolve, sliders, pinned, shadow = _seen_from_king(board, king)
    attacked = _attacked_squares(attacks, other) | shadow
    leapers = _leapers(board, king)
    checkers = sliders + leapers.sum(0)
    meets = (checkers == 0) | ((checkers == 1) & ((resolve + leapers) > 0))  # (64, N)
    way = tables.direction[:, None].to(torch.int8)
    opposite = board.new_tensor(_OPPOSITE)[tables.direction][:, None]
    pin = pinned[origin]  # (P, N)
    stays = (pin == 8) | ((way < 8) & ((pin == way) | (pin == opposite)))

    mover = board[origin]
    pawn, is_king = mover == PAWN, mover == KING
    pawn_moves = (attacks & other[target]) | (
        lines & empty[target] & (tables.pawn_push | tables.pawn_jump)[:, None]
    )
    legal = torch.where(pawn, pawn_moves, attacks & ~own[target]) & own[origin]
    legal &= torch.where(is_king, ~attacked[target], meets[target] & stays)
    pairs = tables.passing_pairs
    passing = (target[pairs][:, None] == boards.en_passant) & pawn[pairs] & attacks[pairs]  # (14, N)
    at = passing.nonzero()
    if len(at):
        pair, column = pairs[at[:, 0]], at[:, 1]
        legal[pair, column] = _en_passant_is_safe(
            board[:, column], origin[pair], boards.en_passant[column], king[column]
        )
    legal[tables.castle_tokens] |= _castles(boards, empty, attacked) & (board[4] == KING)
    promotions = legal[tables.promotion_source] & pawn[tables.promotion_source]
    promotions &= tables.promotes_up[:, None]
    legal &= ~(pawn & tables.last_rank[:, None])
    return Legal(torch.cat([legal, promotions]).T, attacks.T)
