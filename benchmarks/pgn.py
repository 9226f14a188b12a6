"""Compares chessgru's reading of PGN with python-chess, game by game, and times both side by side.

    python benchmarks/pgn.py games.pgn.zst …            every game of the files
    python benchmarks/pgn.py --mutated 100000 games.pgn.zst …   damaged copies of their games
    python benchmarks/pgn.py --time 1000 games.pgn.zst …   games a second of both, file by file
    python benchmarks/pgn.py --processes 1,2,4 games.pgn.zst …   games a second of several readers at once

Exits with 1 if a game differs for a reason that is not one of `EXPLANATIONS`.
"""

from __future__ import annotations

import argparse
import io
import itertools
import multiprocessing
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import chess.pgn

from chessgru import pgn
from chessgru.game import Game, Rejection
from chessgru.pgn.compression import open_source, text_blocks
from chessgru.vocabulary import UCI

EXPLANATIONS = {
    "null": "python-chess plays a null move, chessgru cuts there",
    "unreadable": "python-chess skips what it cannot read, or reads a part of it; chessgru cuts there",
    "blank": "python-chess ends the game at a blank line, chessgru reads on where the numbers do",
    "comment": "an unclosed comment",
    "result": "python-chess reads on after a result, chessgru does not",
    "variation": "python-chess plays a variation before the first move, chessgru leaves it out",
    "resume": "python-chess goes on after an illegal move at a stray closing parenthesis",
    "number": "a second move number 1 begins another game",
    "header": "python-chess skips a first line of moves that begins with [ as a broken tag",
    "letter": "a letter that only Dutch, say, has for a piece makes chessgru read that game as Dutch",
    "castling": "castling written with a letter and a zero, which only chessgru reads",
}


Verdict = tuple[list[str], str, bool]
"""What python-chess makes of a game: its moves, the last error, whether it is a variant or set up."""


class MainlineVisitor(chess.pgn.BaseVisitor[Verdict]):
    """Collects the mainline as UCI and whether python-chess found an error: faster than building a game."""

    def begin_game(self) -> None:  # noqa: D102
        self.moves: list[str] = []
        self.error = ""
        self.variant = False

    def visit_header(self, tagname: str, tagvalue: str) -> None:  # noqa: D102
        self.variant |= tagname == "FEN" or (tagname == "Variant" and tagvalue.lower() != "standard")

    def begin_variation(self) -> chess.pgn.SkipType:  # noqa: D102
        return chess.pgn.SKIP

    def visit_move(self, board: chess.Board, move: chess.Move) -> None:  # noqa: ARG002, D102
        self.moves.append(move.uci())

    def handle_error(self, error: Exception) -> None:  # noqa: D102
        self.error = str(error)

    def result(self) -> Verdict:  # noqa: D102
        return self.moves, self.error, self.variant


def text_of(path: Path) -> str:
    with open_source(path) as file:
        return b"".join(text_blocks(file, str(path))).decode("utf-8", errors="replace")


def referee(text: str) -> Iterator[Verdict]:
    handle = io.StringIO(text)
    while (game := chess.pgn.read_game(handle, Visitor=MainlineVisitor)) is not None:
        yield game


def uci(outcome: Game | Rejection) -> list[str]:
    return [UCI[token] for token in outcome.tokens] if isinstance(outcome, Game) else []


def compare_file(path: Path) -> tuple[int, int]:
    """Returns how many games were compared and how many differ."""
    count = differing = 0
    theirs = referee(text_of(path))
    for outcome in pgn.read_games(path):
        moves, error, variant = next(theirs, ([], "missing", False))
        count += 1
        cut = isinstance(outcome, Rejection) or any(w.startswith("cut") for w in outcome.warnings)
        if not variant and (moves != uci(outcome) or bool(error) != (cut and bool(moves))):
            differing += 1
            print(f"  {path.name} game {outcome.index}: {moves[-1:]} {error!r} against {outcome}"[:500])
    if next(theirs, None) is not None:
        print(f"  {path.name}: python-chess finds more games")
        differing += 1
    return count, differing


def time_both(path: Path, limit: int) -> None:
    """Times both on the first games of a file, on plain text in memory, the rounds interleaved."""
    text = text_of(path)
    starts = [match.start() for match in re.finditer(r"(?m)^\[Event ", text)]
    text = text[: starts[limit]] if len(starts) > limit else text
    pgn.parse(text[:2000])  # compiled, or loaded from the cache
    ours, theirs, count = [], [], 0
    for _ in range(3):
        begin = time.process_time()
        count = len(pgn.parse(text)[0])
        ours.append(time.process_time() - begin)
        begin, handle = time.process_time(), io.StringIO(text)
        while chess.pgn.read_game(handle) is not None:
            pass
        theirs.append(time.process_time() - begin)
    fast, slow = count / min(ours), count / min(theirs)
    print(f"  {path.name}: {count} games, {fast:.0f} games/s against {slow:.0f}: {fast / slow:.1f} times")


# Processes


def _read_part(part: bytes, barrier: Barrier, counts: Queue[int]) -> None:
    pgn.read_all(io.BytesIO(part[:2000]))
    barrier.wait()
    counts.put(sum(1 for _ in pgn.read_games(io.BytesIO(part))))


def time_split(text: bytes, processes: int) -> tuple[int, float]:
    """Returns the games of a text and the seconds from the moment that all readers of its parts begin."""
    places = [len(text) * part // processes for part in range(processes)]
    cuts = [text.find(b"\n[Event ", place) + 1 if place else 0 for place in places] + [len(text)]
    context = multiprocessing.get_context("fork")
    barrier, counts = context.Barrier(processes + 1), context.Queue()
    readers = [
        context.Process(target=_read_part, args=(text[begin:end], barrier, counts))
        for begin, end in itertools.pairwise(cuts)
    ]
    for reader in readers:
        reader.start()
    barrier.wait()
    begin = time.perf_counter()
    games = sum(counts.get() for _ in readers)
    seconds = time.perf_counter() - begin
    for reader in readers:
        reader.join()
    return games, seconds


def time_processes(paths: list[Path], numbers: list[int]) -> None:
    """Times several readers at once, each on its part of all files' text; best of 3 rounds, interleaved."""
    text = "\n".join(text_of(path) for path in paths).encode()
    games, best = 0, dict.fromkeys(numbers, float("inf"))
    for _ in range(3):
        for number in numbers:
            games, seconds = time_split(text, number)
            best[number] = min(best[number], seconds)
    for number, seconds in best.items():
        gain = best[numbers[0]] / seconds
        print(f"  {number} processes: {games} games, {games / seconds:.0f} games/s: {gain:.2f} times")


# Mutations

_SAN_CHARACTERS = "NBRQKPabcdefgh12345678x=+#-O0.!?"
_INSERTED = [
    "--",
    "Z0",
    "$5",
    "{a comment}",
    "(1. d4 d5)",
    "!?",
    "*",
    "; rest",
    "...",
    "e.p.",
    "\n",
    "{",
    "}",
]
_INSERTED += ["(", ")", "\n\n", "\n%escaped\n", "0000", "1-0", "N", "+-", "[%clk 0:01:00]", "O-O", "0-0-0"]


def mutated(moves: str, rng: random.Random) -> str:
    """Returns movetext with one to three damages."""
    words = moves.split(" ")
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(words))
        match rng.randrange(9):
            case 0:
                words[at] = rng.choice(words)
            case 1 if len(words) > 1:
                del words[at]
            case 2:
                words.insert(at, words[at])
            case 3:
                other = rng.randrange(len(words))
                words[at], words[other] = words[other], words[at]
            case 4 if words[at]:
                i = rng.randrange(len(words[at]))
                words[at] = words[at][:i] + rng.choice(_SAN_CHARACTERS) + words[at][i + 1 :]
            case 5:
                i = rng.randrange(len(words[at]) + 1)
                words[at] = words[at][:i] + rng.choice(_SAN_CHARACTERS) + words[at][i:]
            case 6 if words[at]:
                i = rng.randrange(len(words[at]))
                words[at] = words[at][:i] + words[at][i + 1 :]
            case 7:
                words.insert(at, rng.choice(_INSERTED))
            case 8:
                del words[at + 1 :]
    return " ".join(words)


def explained(text: str, ours: list[pgn.Outcome], moves: list[str], error: str) -> str:
    """Returns the key of what explains a difference, "" if nothing does, "same" if there is none."""
    first = ours[0] if ours else None
    mine = uci(first) if first is not None else []
    warnings = " ".join(first.warnings) if isinstance(first, Game) else getattr(first, "reason", "")
    cut = "cut" in warnings or isinstance(first, Rejection)
    if mine == moves and bool(error) == (cut and bool(error or moves)):
        return "same"
    common = next((i for i, pair in enumerate(zip(mine, moves, strict=False)) if len(set(pair)) > 1), 0)
    shared = mine == moves[: len(mine)]
    if shared and "null move" in warnings:
        return "null"
    if shared and "unreadable move" in warnings:
        return "unreadable"
    if mine[: len(moves)] == moves and re.search(r"(^|\n)\s*\n", text.partition("\n\n")[2]):
        return "blank"
    if "never closed" in warnings or text.count("{") != text.count("}"):
        return "comment"
    if shared and "after the result" in warnings:
        return "result"
    if shared and len(ours) > 1:
        return "number"
    castled = {"e1g1", "e1c1", "e8g8", "e8c8"}.intersection(mine[common : common + 1])
    if re.search("[Oo]-0|0-[Oo]", text) and (castled or mine[: len(moves)] == moves):
        return "castling"
    if text.partition("\n\n")[2].lstrip().startswith("["):
        return "header"
    if shared and error and ")" in text:
        return "resume"
    if re.search(r"\n\n(?:\{[^}]*\}|[\d. ])*\(", text):
        return "variation"
    if re.search(r"\b[PSLTDCFA][a-hx1-8]|[a-h][1-8]=?[PSLTDCFA]", text):
        return "letter"
    return ""


def compare_mutated(paths: list[Path], wanted: int, seed: int) -> int:
    """Damages games, compares the verdicts, prints the counts and returns how many stay unexplained."""
    rng = random.Random(seed)
    counts: Counter[str] = Counter()
    smallest_first = sorted(paths, key=lambda path: path.stat().st_size)
    for place, path in enumerate(smallest_first):
        share = -(-(wanted - counts.total()) // (len(paths) - place))
        games = re.findall(r"\n\n((?!\[)[^\n].*?)(?=\n\n|\Z)", text_of(path), re.DOTALL)
        for moves in rng.sample(games, min(len(games), share)):
            text = '[White "A"]\n\n' + mutated(moves, rng) + "\n"
            theirs, error, _ = next(referee(text), ([], "", False))
            if "0000" in theirs:
                error = error or "null"
            games_found, rejected = pgn.parse(text)
            outcomes = sorted([*games_found, *rejected], key=lambda outcome: outcome.index)
            key = explained(text, outcomes, theirs, error)
            counts[key or "UNEXPLAINED"] += 1
            if not key and counts["UNEXPLAINED"] <= 50:
                print(
                    f"  unexplained: {text!r}\n    theirs {theirs[-2:]} {error}\n    ours {outcomes}"[:3000]
                )
    for key, count in counts.most_common():
        print(f"  {count:7d} {key}: {EXPLANATIONS.get(key, '')}")
    return counts["UNEXPLAINED"]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--mutated", type=int, default=0, metavar="N")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--time", type=int, default=0, metavar="GAMES", help="only time both on so many games"
    )
    parser.add_argument("--processes", metavar="N,N,…", help="only time so many readers at once")
    options = parser.parse_args()
    if options.processes:
        time_processes(options.paths, [int(number) for number in options.processes.split(",")])
        return 0
    if options.time:
        for path in options.paths:
            time_both(path, options.time)
        return 0
    if options.mutated:
        return int(compare_mutated(options.paths, options.mutated, options.seed) > 0)
    results = [(path, *compare_file(path)) for path in options.paths]
    for path, count, differing in results:
        print(f"  {path.name}: {count} games, {differing} differ")
    print(f"{sum(count for _, count, _ in results)} games, {sum(bad for *_, bad in results)} differ")
    return int(any(bad for *_, bad in results))


if __name__ == "__main__":
    sys.exit(main())
