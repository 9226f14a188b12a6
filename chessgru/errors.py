"""Every error that chessgru raises on purpose.

    ChessgruError
    ├── PGNError            a file or text that is not usable as PGN
    ├── MoveError           a move that is not legal, or not readable, in a position
    ├── LibraryError        the games library cannot be opened, read or written
    ├── UnknownPlayerError  nobody of that name; carries the nearest names
    ├── SourceError         a download from a site failed
    ├── CheckpointError     a model folder that cannot be used
    ├── ProfileError        a player's profile that cannot be used or learned
    ├── OutputError         a file that cannot be written
    └── SettingsError       a setting out of its range

The message of each is one line: what, where, the value, what to do next. The command line prints it on
standard error and exits with 1; the app shows it in place.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches


class ChessgruError(Exception):
    """Base class: catch this to catch every error that chessgru raises on purpose."""


class PGNError(ChessgruError):
    """A file or text is not usable as PGN."""


class MoveError(ChessgruError):
    """A move is not legal, or not readable, in its position."""


class LibraryError(ChessgruError):
    """The games library cannot be opened, read or written."""


class SourceError(ChessgruError):
    """A download from a chess site failed; what had arrived is kept."""


class CheckpointError(ChessgruError):
    """A model folder is missing, damaged or made for something else."""


class ProfileError(ChessgruError):
    """A player's profile is missing, damaged, or belongs to another base model."""


class OutputError(ChessgruError):
    """A file cannot be written; what was there before is still there."""


class SettingsError(ChessgruError):
    """A setting is out of its range."""


class UnknownPlayerError(ChessgruError):
    """Nobody of that name is known; `nearest` holds up to three similar names.

    Where there is none, `hint` says what to do.
    """

    def __init__(
        self, name: str, known: Sequence[str], hint: str = "list everyone with `chessgru players`"
    ) -> None:
        folded = {candidate.casefold(): candidate for candidate in known}
        matches = get_close_matches(name.casefold(), folded, n=3, cutoff=0.5)
        self.nearest = [folded[match] for match in matches]
        if self.nearest:
            hint = "did you mean " + " or ".join(repr(match) for match in self.nearest) + "?"
        super().__init__(f"unknown player {name!r}: {hint}")
