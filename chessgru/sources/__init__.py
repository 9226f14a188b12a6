"""Downloads of a player's own games from Lichess and chess.com.

    key = sync_key("lichess", "anna_k", Filters())
    with download("lichess", "anna_k", mark=library.mark(key)) as games:
        report = library.add(games.until_failure(), source=games.name)
    if games.resume_mark:
        library.set_mark(key, games.resume_mark)
    if games.failure:
        raise games.failure

One request at a time, pauses when the site asks for them, and nothing but finished games: a game in
progress is never asked for.
"""

from __future__ import annotations

from chessgru.sources.download import Download, Surroundings, download
from chessgru.sources.filters import Filters, SiteName, account_name, sync_key
from chessgru.sources.progress import Progress, ProgressListener

__all__ = [
    "Download",
    "Filters",
    "Progress",
    "ProgressListener",
    "SiteName",
    "Surroundings",
    "account_name",
    "download",
    "sync_key",
]
