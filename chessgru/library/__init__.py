"""The games library, one SQLite file: `Library` (in `store`) and the values it gives.

`schema` holds the tables; games come in through `staging`, `intake`, `continuing` and `tallies`;
`selection` finds them again; `players`, `names` and `merging` know who is who; `live` keeps games being
played here; `watching` takes in what folders get, `following` finds the games in progress there.
"""

from chessgru.library.following import Followed
from chessgru.library.intake import Example, ImportReport
from chessgru.library.live import LiveConflictError, LiveGame
from chessgru.library.merging import Suggestion
from chessgru.library.players import Player, PlayerSummary
from chessgru.library.store import Library, PastImport, default_home

__all__ = [
    "Example",
    "Followed",
    "ImportReport",
    "Library",
    "LiveConflictError",
    "LiveGame",
    "PastImport",
    "Player",
    "PlayerSummary",
    "Suggestion",
    "default_home",
]
