"""PGN in and out: `read_games`, `read_all`, `parse`; `to_pgn`, `write_pgn`.

`reader` turns sources into games, with `compression` (opening files), `movetext` (the compiled scanner),
`rules` (compiled chess rules), `tags` and `dialects` (languages of the pieces); `writer` turns games back
into text.
"""

from chessgru.pgn.reader import (
    MAX_GAME_BYTES,
    Outcome,
    clocks_from_elapsed,
    parse,
    read_all,
    read_games,
)
from chessgru.pgn.writer import to_pgn, write_pgn

__all__ = [
    "MAX_GAME_BYTES",
    "Outcome",
    "clocks_from_elapsed",
    "parse",
    "read_all",
    "read_games",
    "to_pgn",
    "write_pgn",
]
