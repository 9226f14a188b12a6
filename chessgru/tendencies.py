"""What gives a player away: surprises, habits against the crowd, how soon he is recognized, a game live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import chess
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chessgru import vocabulary
from chessgru.checkpoint import Checkpoint
from chessgru.game import Game
from chessgru.memory import remember
from chessgru.own_moves import OwnMoves, by_time, games_of, history, read
from chessgru.predictor import Predictor, Seat
from chessgru.profiles import Profile, adapted


def line_of(tokens: Sequence[int]) -> str:
    """Returns moves as they are written in a row.

    >>> from chessgru.vocabulary import UCI
    >>> line_of([UCI.index("e2e4"), UCI.index("c7c5"), UCI.index("g1f3")])
    '1. e4 c5 2. Nf3'
    """
    return chess.Board().variation_san([vocabulary.MOVES[token] for token in tokens])


def as_himself(
    base: Checkpoint, profile: Profile, games: Sequence[Game], names: frozenset[str]
) -> OwnMoves:
    """Returns the moves of the player with these `name_key`s, predicted as if `profile` played them."""
    network = read(adapted(base.model, profile), history(games, names), profile.style)
    own = network.mixed(profile.memory, profile.k_own)
    return own.mixed_head_to_head(profile.memory.by_opponent(), profile.k_h2h)


def surprise_by_move(
    base: Checkpoint, profiles: Sequence[Profile], games: Sequence[Game], *, width: int = 5, most: int = 40
) -> pd.DataFrame:
    """Returns mean surprise (`bits`) of each player by stretches of `width` moves, up to move `most`.

    Columns: `player`, `move` (the middle of the stretch), `by` ("the average person" or "his profile"),
    `bits`.
    """
    tables = []
    for profile in profiles:
        crowd = read(base.model, history(games, profile.names))
        himself = as_himself(base, profile, games, profile.names)
        for by, moves in (("the average person", crowd), ("his profile", himself)):
            stretch = moves.ply // 2 // width
            table = pd.DataFrame({"move": (stretch + 0.5) * width + 0.5, "bits": moves.nll() / np.log(2)})
            mean = table[table["move"] < most].groupby("move", as_index=False)["bits"].mean()
            tables.append(mean.assign(player=profile.name, by=by))
    result: pd.DataFrame = pd.concat(tables, ignore_index=True)
    return result


def saved_by_games(
    base: Checkpoint,
    profile: Profile,
    earlier: Sequence[Game],
    later: Sequence[Game],
    counts: Sequence[int],
) -> pd.DataFrame:
    """Returns how much remembering the last few of a player's earlier games saves on his later ones.

    The memory alone speaks, at the profile's concentration. Columns: `games` (one of `counts`, or as many
    as there are), `stretch` ("first ten moves" or "later moves"), `bits` saved a move.
    """
    own = by_time(games_of(earlier, profile.names))
    network = read(base.model, history(later, profile.names))
    stretch = np.where(network.ply < 20, "first ten moves", "later moves")
    tables = []
    for count in sorted({min(count, len(own)) for count in counts}):
        memory = remember(own[len(own) - count :], profile.names)
        saved = (network.nll() - network.mixed(memory, profile.k_own).nll()) / np.log(2)
        table = pd.DataFrame({"stretch": stretch, "bits": saved})
        tables.append(table.groupby("stretch", as_index=False)["bits"].mean().assign(games=count))
    result: pd.DataFrame = pd.concat(tables, ignore_index=True)
    return result


def habits(
    base: Checkpoint, profiles: Sequence[Profile], games: Sequence[Game], *, times: int = 8, plies: int = 14
) -> pd.DataFrame:
    """Returns moves that a player makes more often than the base model expects, the most telling first.

    Positions he reached at least `times` times within the first `plies` plies. Columns: `player`, `line`
    (one way there, with his move), `times`, `share` (how often he made it), `crowd` (the base model's mean
    probability) and `nats`: what knowing this habit saves in all.
    """
    rows = []
    for profile in profiles:
        moves = read(base.model, history(games, profile.names))
        own = games_of(games, profile.names)
        table = pd.DataFrame(
            {
                "key": moves.key,
                "token": moves.token[moves.played],
                "crowd": moves.probability[moves.played],
                "line": [
                    tuple(own[game].tokens[: ply + 1])
                    for game, ply in zip(moves.game, moves.ply, strict=True)
                ],
            }
        )[moves.ply < plies]
        found = table.groupby(["key", "token"]).agg(
            made=("crowd", "size"), crowd=("crowd", "mean"), line=("line", "first")
        )
        found["times"] = table.groupby("key").size().reindex(found.index.get_level_values("key")).to_numpy()
        found = found[found["times"] >= times].assign(player=profile.name)
        rows.append(found.reset_index(drop=True))
    result = pd.concat(rows, ignore_index=True)
    result["share"] = result["made"] / result["times"]
    result["nats"] = result["made"] * np.log(result["share"] / result["crowd"])
    result["line"] = [line_of(line) for line in result["line"]]
    result = result.sort_values("nats", ascending=False, ignore_index=True)
    return result[["player", "line", "times", "share", "crowd", "nats"]]


def recognized(
    base: Checkpoint,
    profiles: Sequence[Profile],
    games: Sequence[Game],
    rng: np.random.Generator,
    *,
    counts: Sequence[int] = (1, 2, 3, 5, 8, 12),
    draws: int = 200,
    independence: float = 0.25,
) -> pd.DataFrame:
    """Returns how firmly each player is recognized from a few games that he played.

    Columns: `player`, `games` (how many were seen), `probability` (belief in the right one of `profiles`,
    mean over random draws of games). Evidence is weighed as in `identification`: a game's moves are not
    independent, so each counts for `independence`.
    """
    rows = []
    for truth, player in enumerate(profiles):
        fits = np.stack(
            [_fit_by_game(base, profile, games, player.names) for profile in profiles]
        )  # (P, G)
        for count in (count for count in counts if count <= fits.shape[1]):
            picks = [rng.choice(fits.shape[1], count, replace=False) for _ in range(draws)]
            evidence = independence * np.stack(
                [fits[:, pick].sum(1) for pick in picks], axis=1
            )  # (P, draws)
            weights = np.exp(evidence - evidence.max(0))
            belief = float((weights[truth] / weights.sum(0)).mean())
            rows.append({"player": player.name, "games": count, "probability": belief})
    return pd.DataFrame(rows)


def _fit_by_game(
    base: Checkpoint, profile: Profile, games: Sequence[Game], names: frozenset[str]
) -> NDArray[np.float64]:
    """Returns (G,): the log likelihood of a player's moves in each of his games, were he `profile`.

    Head-to-head counts stay out: who the opponent is would give the answer away.
    """
    network = read(adapted(base.model, profile), history(games, names), profile.style)
    moves = network.mixed(profile.memory, profile.k_own)
    return -np.bincount(moves.game, moves.nll()).astype(np.float64)


def seat_of(base: Checkpoint, profile: Profile, opponent: Profile, rating: int | None) -> Seat:
    """Returns a player's seat at a game against another."""
    return Seat(
        name=profile.name,
        rating=rating,
        style=profile.style,
        model=adapted(base.model, profile),
        memory=profile.memory,
        head_to_head=profile.memory.against(opponent.names),
        concentration=profile.k_own,
        head_to_head_concentration=profile.k_h2h,
    )


def live(base: Checkpoint, game: Game, profiles: Mapping[str, Profile]) -> tuple[Predictor, pd.DataFrame]:
    """Follows a game between two known players, as the app does.

    Returns the predictor, and one row a ply: `ply`, `move`, `player`, and the probability that the move
    played had beforehand for anybody of that rating (`base`) and for this player (`known`). `profiles` is
    by name, as the game has it.
    """
    white, black = profiles[game.white], profiles[game.black]
    seats = (
        seat_of(base, white, black, game.white_rating),
        seat_of(base, black, white, game.black_rating),
    )
    strangers = tuple(Seat(rating=seat.rating) for seat in seats)
    known = Predictor(base.model, *seats, time_class=game.time_class)
    crowd = Predictor(base.model, *strangers, time_class=game.time_class)
    bits = [np.array(predictor.predict(game.tokens).surprise_bits) for predictor in (crowd, known)]
    ply = np.arange(len(game.tokens))
    table = pd.DataFrame(
        {"ply": ply, "move": 1 + ply / 2, "player": np.where(ply % 2 == 0, game.white, game.black)}
    )
    return known, table.assign(base=2.0 ** -bits[0], known=2.0 ** -bits[1])
