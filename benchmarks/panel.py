"""Measures what learning a player gains, on players that the base model never saw.

    python benchmarks/panel.py PANEL.parquet PLAYERS.json --out RESULTS.jsonl

PANEL.parquet holds games as `Sequences.save` writes them, with names; PLAYERS.json lists the players to
measure (masters first, `--masters` of them), as `base_model.py prepare` writes both. Of each player the
latest 15 % of the games, at most 150, are the test, and histories of several sizes end where it begins.
Every part of the profile is switched off in turn. One JSON line a player, size and parts goes to
RESULTS.jsonl; what is there already is not measured again. `--strangers N` then scores each player's test
under the profiles of N others. `--table` prints means over players with 95 % intervals from a bootstrap
over players. Nobody is named.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from chessgru.checkpoint import Checkpoint, load_checkpoint
from chessgru.evaluation import without_book
from chessgru.game import TIME_CLASSES, Game, TimeClass, name_key
from chessgru.learning import LearningConfig, learn
from chessgru.own_moves import History, OwnMoves, history, read
from chessgru.profiles import Profile, adapted, load_profile, save_profile
from chessgru.sequences import Sequences

CONTROLS: dict[TimeClass | None, str] = {
    None: "",
    "bullet": "60+0",
    "blitz": "300+0",
    "rapid": "900+0",
    "classical": "5400+0",
    "correspondence": "1/86400",
}


def game_at(panel: Sequences, row: int) -> Game:
    """Returns one game of the panel; the time control is one of its time class."""
    white, black = (panel.names[player] if player >= 0 else "" for player in panel.players[row])
    date, speed = int(panel.date[row]), int(panel.speed[row])
    return Game(
        tokens=tuple(panel.tokens[panel.offsets[row] : panel.offsets[row + 1]].tolist()),
        white=white,
        black=black,
        white_rating=int(panel.ratings[row, 0]) or None,
        black_rating=int(panel.ratings[row, 1]) or None,
        date=f"{date // 10000:04d}.{date // 100 % 100:02d}.{date % 100:02d}",
        time_control=CONTROLS[TIME_CLASSES[speed - 1] if speed else None],
        index=row,
    )


def games_by_time(panel: Sequences, player: int) -> list[Game]:
    rows = np.flatnonzero((panel.players == player).any(1))
    return [game_at(panel, row) for row in rows[np.argsort(panel.date[rows], kind="stable")]]


@dataclass(frozen=True)
class Subject:
    """One player: his history before the test, and the test."""

    number: int
    key: str
    past: list[Game]
    test: History


def subject(panel: Sequences, number: int, player: int, most: int) -> Subject:
    played, key = games_by_time(panel, player), name_key(panel.names[player])
    count = min(150, round(0.15 * len(played)))
    test = played[-count:]
    shown = test[:: max(1, round(count / most))][:most]
    return Subject(number, key, played[:-count], history(shown, {key}))


def scores(moves: OwnMoves) -> dict[str, float]:
    """Returns top-1, NLL and ECE over all plies, and the first two from ply 10 on."""
    first, nll, late = moves.rank() == 1, moves.nll(), moves.ply >= 10
    top = np.zeros(len(moves))
    np.maximum.at(top, moves.position, moves.probability)
    place = np.minimum((top * 15).astype(int), 14)
    ece = sum(abs((first - top)[place == b].sum()) for b in range(15)) / len(moves)
    return {
        "n": len(moves),
        "top1": float(first.mean()),
        "nll": float(nll.mean()),
        "ece": float(ece),
        "top1_10": float(first[late].mean()),
        "nll_10": float(nll[late].mean()),
    }


def mixed(network: OwnMoves, profile: Profile, *, head_to_head: bool = True) -> OwnMoves:
    own = network.mixed(profile.memory, profile.k_own)
    return own.mixed_head_to_head(profile.memory.by_opponent(), profile.k_h2h) if head_to_head else own


def uniform(moves: OwnMoves) -> OwnMoves:
    choices = np.bincount(moves.position)
    return replace(moves, probability=1 / choices[moves.position])


def parts(
    base: Checkpoint, who: Subject, profile: Profile, network: OwnMoves
) -> Iterator[tuple[str, OwnMoves]]:
    """Yields the distributions over the test with parts switched off; `network` is the base's."""
    yield "base", network
    yield "base without book", read(without_book(base.model), who.test, None)
    yield "table alone", uniform(network).mixed(profile.memory, 1.0)
    yield "base + memory", mixed(network, profile)
    if not profile.adapters and not profile.style.any():
        yield "all", mixed(network, profile)
        return
    own = read(adapted(base.model, profile), who.test, profile.style)
    yield "all", mixed(own, profile)
    yield "no memory", own
    yield "no head-to-head", mixed(own, profile, head_to_head=False)
    if profile.adapters:
        yield "no adapters", mixed(read(base.model, who.test, profile.style), profile)
        yield "no style vector", mixed(read(adapted(base.model, profile), who.test, None), profile)


def measure(
    base: Checkpoint, who: Subject, size: int, config: LearningConfig, threads: int, folder: Path
) -> list[dict[str, object]]:
    past = who.past[-size:] if size else who.past
    start = time.perf_counter()
    profile = learn(base, past, {who.key}, name=str(who.number), config=config, threads=threads)
    seconds = time.perf_counter() - start
    save_profile(profile, folder / f"{who.number}-{size}.safetensors")
    network = read(base.model, who.test, None)
    about = {"player": who.number, "size": size, "games": len(past), "seconds": round(seconds, 1)}
    about |= {"k_own": profile.k_own, "k_h2h": profile.k_h2h}
    return [{**about, "parts": name, **scores(moves)} for name, moves in parts(base, who, profile, network)]


def strangers(
    base: Checkpoint, who: Subject, size: int, others: list[int], folder: Path
) -> list[dict[str, object]]:
    """Scores a player's test under the profiles of others."""
    rows: list[dict[str, object]] = []
    for other in others:
        path = folder / f"{other}-{size}.safetensors"
        profile = load_profile(path, base.digest, base.model)
        moves = mixed(read(adapted(base.model, profile), who.test, profile.style), profile)
        row = {"player": who.number, "size": size, "parts": f"stranger {other}"}
        rows.append({**row, **scores(moves)})
    return rows


def interval(values: np.ndarray) -> str:
    dice = np.random.default_rng(0)
    means = dice.choice(values, (2000, len(values))).mean(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return f"{values.mean():+.4f} [{low:+.4f}, {high:+.4f}]"


def table(rows: list[dict[str, float]], masters: int) -> str:
    """Returns differences to the base, means over players."""
    lines = []
    found = {(row["player"], row["size"], row["parts"]): row for row in rows}
    for group, chosen in (("masters", range(masters)), ("amateurs", range(masters, 1000))):
        names = sorted({(row["size"] or 10**9, row["parts"]) for row in rows if row["player"] in chosen})
        for size, name in names:
            size = 0 if size == 10**9 else size
            pairs = [
                (found[number, size, name], found[number, size, "base"])
                for number in chosen
                if (number, size, name) in found and (number, size, "base") in found
            ]
            if not pairs or str(name).startswith("stranger"):
                continue
            gains = [
                interval(np.array([one[score] - base[score] for one, base in pairs]))
                for score in ("top1", "nll", "top1_10")
            ]
            ece = np.mean([one["ece"] for one, _ in pairs])
            lines.append(
                f"{group} | {size or 'all'} | {name} | {len(pairs)} | {' | '.join(gains)} | {ece:.3f}"
            )
    header = "group | games | parts | players | top-1 | NLL | top-1 from ply 10 | ECE"
    return "\n".join([header, *lines, own_beats(found)])


def own_beats(found: dict[tuple[float, float, object], dict[str, float]]) -> str:
    """Returns how often a player's own profile predicts him better than a stranger's."""
    duels = [
        (number, found[number, size, "all"]["nll"] < row["nll"])
        for (number, size, name), row in found.items()
        if str(name).startswith("stranger") and (number, size, "all") in found
    ]
    players = {number for number, _ in duels}
    won = sum(all(better for other, better in duels if other == number) for number in players)
    return f"own profile beats every stranger's: {won} of {len(players)} players"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("panel", type=Path)
    parser.add_argument("players", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--sizes", default="5,20,100,200,1000,0", help="0 is all")
    parser.add_argument("--only", default="", help="numbers of players, such as 0,1,20")
    parser.add_argument("--test-games", type=int, default=150)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--masters", type=int, default=20)
    parser.add_argument("--strangers", type=int, default=0)
    parser.add_argument("--set", default="{}", help="LearningConfig as JSON")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    done = (
        [json.loads(line) for line in options.out.read_text().splitlines()] if options.out.exists() else []
    )
    if options.table:
        print(table(done, options.masters))
        return
    base = load_checkpoint(options.model)
    mark = {"base": base.digest, "set": options.set}
    if any(row[name] != mark[name] for row in done for name in mark):
        parser.error(f"{options.out}: holds results of another base model or --set; choose another file")
    run(options, base, mark, {(row["player"], row["size"], row["parts"]) for row in done})


def run(
    options: argparse.Namespace, base: Checkpoint, mark: dict[str, str], done: set[tuple[int, int, str]]
) -> None:
    torch.set_num_threads(options.threads)
    panel = Sequences.load(options.panel)
    players = [panel.names.index(name) for name in json.loads(options.players.read_text())]
    numbers = [int(n) for n in options.only.split(",")] if options.only else range(len(players))
    folder = options.out.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    sizes = [int(size) for size in options.sizes.split(",")]
    config = LearningConfig(**json.loads(options.set))
    with options.out.open("a") as out:
        for number in numbers:
            who = subject(panel, number, int(players[number]), options.test_games)
            for size in sizes:
                if (number, size, "all") in done or size > len(who.past):
                    continue
                write(out, mark, measure(base, who, size, config, options.threads, folder))
        for number in numbers if options.strangers else ():
            who = subject(panel, number, int(players[number]), options.test_games)
            there = sorted(
                int(path.stem.split("-")[0]) for path in folder.glob(f"*-{sizes[-1]}.safetensors")
            )
            others = [n for n in there if n != number]
            chosen = np.random.default_rng(number).permutation(others)[: options.strangers].tolist()
            new = [n for n in chosen if (number, sizes[-1], f"stranger {n}") not in done]
            write(out, mark, strangers(base, who, sizes[-1], new, folder))


def write(out: object, mark: dict[str, str], rows: list[dict[str, object]]) -> None:
    for row in rows:
        line = json.dumps(row | mark)
        print(line, file=out, flush=True)  # type: ignore[call-overload]
        print(line, flush=True)


if __name__ == "__main__":
    main()
