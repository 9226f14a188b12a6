"""Measures the suggested merges against people whose spellings are known.

    python benchmarks/aliases.py GAMES.pgn.zst ALIASES.json

ALIASES.json maps a person to the names he has in the games. A pair of names is judged if both are listed:
right if they are listed with one person. Suggestions are followed through: if A goes with B and B with C,
then A goes with C. Pairs with a name that is not listed are only counted.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path

from chessgru.game import name_key
from chessgru.library import Library, Suggestion
from chessgru.pgn import read_games

Pair = frozenset[str]


def pairs_within(groups: Iterable[Iterable[str]]) -> set[Pair]:
    """Returns the pairs of names that stand in one group."""
    return {frozenset(pair) for group in groups for pair in combinations(set(group), 2)}


def follow(suggestions: Iterable[Suggestion]) -> list[set[str]]:
    """Returns the groups of names that the suggestions make, by key."""
    groups: dict[str, set[str]] = {}
    for suggestion in suggestions:
        one, other = name_key(suggestion.name), name_key(suggestion.alias)
        together = groups.get(one, {one}) | groups.get(other, {other})
        groups.update((name, together) for name in together)
    return list({id(group): group for group in groups.values()}.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("games", type=Path)
    parser.add_argument("aliases", type=Path)
    parser.add_argument("--wrong", action="store_true", help="name the wrong and the missed pairs")
    options = parser.parse_args()
    people = [
        [name_key(name) for name in names] for names in json.loads(options.aliases.read_text()).values()
    ]
    with tempfile.TemporaryDirectory() as folder, Library(Path(folder) / "library.sqlite") as library:
        start = time.perf_counter()
        report = library.add(read_games(options.games), source=options.games.name)
        print(
            f"{report.accepted} games, {len(library.players())} names, {time.perf_counter() - start:.0f} s"
        )
        start = time.perf_counter()
        suggestions = library.suggest_merges()
        print(f"{len(suggestions)} suggestions in {time.perf_counter() - start:.1f} s")
    listed = {name for names in people for name in names}
    found, true = pairs_within(follow(suggestions)), pairs_within(people)
    judged = {pair for pair in found if pair <= listed}
    right = judged & true
    print(f"pairs found {len(found)}, judged {len(judged)}, right {len(right)}, known {len(true)}")
    print(f"precision {len(right) / max(1, len(judged)):.3f}, recall {len(right) / max(1, len(true)):.3f}")
    if options.wrong:
        for title, pairs in (("wrong", judged - true), ("missed", true - found)):
            sys.stdout.writelines(
                f"{title}: {' | '.join(sorted(pair))}\n" for pair in sorted(pairs, key=sorted)
            )


if __name__ == "__main__":
    main()
