"""What was learned about a player, what it gained, and the button that learns him, in the background."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pandas as pd
import streamlit as st

from chessgru.errors import ChessgruError, ProfileError
from chessgru.library import Library, Player
from chessgru.ui.adding import follow
from chessgru.ui.jobs import JOBS, Job, time_text
from chessgru.ui.predicting import MODEL_VARIABLE, forget_predictors
from chessgru.ui.setup import plain
from chessgru.ui.tables import download_csv, facts, file_name, games_text

if TYPE_CHECKING:
    from chessgru.checkpoint import Checkpoint
    from chessgru.profiles import Profile

KIND: Final = "learn"
ENOUGH: Final = 5
"""Fewer games than this say little."""


@st.cache_resource(max_entries=2, show_spinner="Waking the model …")
def _loaded(folder: str, changed: float) -> Checkpoint:  # noqa: ARG001
    from chessgru.checkpoint import load_checkpoint

    return load_checkpoint(Path(folder))


def base_model() -> Checkpoint:
    """Returns the chosen base model, by default the shipped one, read again when its files change.

    Raises CheckpointError if it cannot be used.
    """
    from chessgru.checkpoint import CONFIG, shipped_model

    chosen = os.environ.get(MODEL_VARIABLE, "")
    folder = Path(chosen) if chosen else shipped_model()
    config = folder / CONFIG
    return _loaded(str(folder), config.stat().st_mtime if config.exists() else 0.0)


def learn_work(library: Library, player: Player, base: Checkpoint) -> Callable[[Job], None]:
    """Returns the work of learning a player and storing his profile; its result is the profile."""

    def work(job: Job) -> None:
        from chessgru.learning import learn
        from chessgru.profiles import profile_path, save_profile
        from chessgru.threads import half_the_cores

        job.tell(0.0, "reading the games")
        games = library.games(player.name)

        def listen(share: float, what: str) -> None:
            job.tell(share, " · ".join(part for part in (what, time_text(job.seconds_left)) if part))

        path = profile_path(library.path.parent, player.name)
        profile = learn(
            base,
            games,
            player.keys,
            name=player.name,
            previous=_earlier(path, base),
            progress=listen,
            threads=half_the_cores(),  # the others answer at the board
        )
        job.check()
        library.player(player.name)  # raises UnknownPlayerError if he was deleted meanwhile
        save_profile(profile, path)
        forget_predictors()
        job.results.append(profile)

    return work


def _earlier(path: Path, base: Checkpoint) -> Profile | None:
    """Returns the profile to go on from, None if there is none that can be used."""
    from chessgru.profiles import load_profile

    try:
        return load_profile(path, base.digest, base.model)
    except ProfileError:
        return None


def learning_panel(library: Library, player: Player) -> None:
    """Draws a player's profile and the button that makes it, or goes on from it with the games since."""
    try:
        base = base_model()
    except ChessgruError as error:
        st.warning(plain(str(error)))
        return
    profile = _stored(library, player, base)
    _ended(player)
    if profile is None:
        st.write(
            "Not learned yet. His past moves count already; learning also fits the model to his style."
        )
    else:
        _gains(profile)
    games = library.count(player.name)
    if games < ENOUGH:
        st.caption(f"Only {games_text(games)}: more make a better profile.")
    running = [job for job in JOBS.of(KIND) if job.state == "running"]
    label = "Learn" if profile is None else "Learn again"
    st.button(
        f"{label} from {games_text(games)}",
        type="primary",
        icon=":material/school:",
        key=f"learn-{player.id}",
        disabled=bool(running),
        on_click=_start,
        args=(library, player, base),
    )
    if running and running[0].title != player.name:
        st.caption("One player is learned at a time.")
    follow(KIND)


def _start(library: Library, player: Player, base: Checkpoint) -> None:
    for job in JOBS.of(KIND):
        JOBS.dismiss(job)
    JOBS.start(KIND, player.name, learn_work(library, player, base), player.name)


def _ended(player: Player) -> None:
    """Tells how the last learning of this player ended, if not well."""
    for job in JOBS.of(KIND):
        if job.title == player.name and job.state == "cancelled":
            st.info("Learning was cancelled: nothing changed.")
        for error in job.errors if job.title == player.name else ():
            st.error(plain(error))


def _stored(library: Library, player: Player, base: Checkpoint) -> Profile | None:
    from chessgru.seats import open_profile

    try:
        return open_profile(player.name, player.keys, library, base)
    except ChessgruError as error:
        st.warning(plain(str(error)))
        return None


def gains_table(profile: Profile) -> pd.DataFrame:
    """Returns how well each part predicted the games kept aside: one row a part."""
    return pd.DataFrame(
        [
            {
                "with": gain.parts.replace("base", "base model alone"),
                "first guess right, %": round(100 * gain.top1, 1),
                "surprise, bits a move": round(gain.nll / math.log(2), 3),
                "used": "yes" if gain.used else "no, it did not help",
            }
            for gain in profile.report.gains
        ]
    )


def _gains(profile: Profile) -> None:
    report = profile.report
    st.write(f"Learned from {games_text(profile.games)}.")
    if not report.gains:
        st.caption(
            "Too few games to keep some aside and measure what it gained: only his moves are counted."
        )
        return
    used = [gain for gain in report.gains if gain.used]
    first, last = report.gains[0], used[-1] if used else report.gains[0]
    facts(
        (
            ("First guess right", f"{first.top1:.1%} → {last.top1:.1%}"),
            ("Surprise a move", f"{first.nll / math.log(2):.2f} → {last.nll / math.log(2):.2f} bits"),
            ("Profile uses", last.parts.replace("base", "base model")),
        )
    )
    table = gains_table(profile)
    st.dataframe(table, hide_index=True)
    older = len(profile.fitted) < profile.games
    among = f" of the {len(profile.fitted):,} that his style knows" if older else ""
    st.caption(
        f"Measured on {report.moves:,} moves of the latest {report.games:,} games{among}, kept aside."
    )
    download_csv(table, file_name(profile.name, "profile", ending="csv"), key="gains-csv")
