"""Downloads of a player's own games from Lichess and chess.com.

    with download("lichess", "anna_k", mark=stored.get(key)) as games:
        for item in games:            # Game | Rejection, as they arrive
            keep(item)
        stored[key] = games.mark      # key = sync_key("lichess", "anna_k", Filters())

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
