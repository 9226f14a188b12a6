r"""Games out of PGN text, quickly and forgivingly: files, compressed files, uploads, exports of the sites.

Every game of the source becomes a `Game` or a `Rejection` with its reason. Only the mainline is read;
comments serve for their clocks. What is mended or cut is told in `Game.warnings`:

- an illegal, null or unreadable move cuts the game there (the legal moves before it are kept);
- a blank line inside the moves is read over where the move numbers go on; moves that continue nothing
  are a "game without tags", rejected unless it is the first of the source;
- letters of other languages are read by the language of the file, or, if the file does not tell, of the
  game; where two languages would give different games, it is rejected.

    >>> games, rejections = parse('[White "Dad"]\n\n1. e4 {best} e5 2. Nf3 1-0')
    >>> games[0].white, len(games[0].tokens), rejections
    ('Dad', 3, [])
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from chessgru.errors import PGNError
from chessgru.game import Game, Rejection, RejectionReason
from chessgru.pgn import tags as tag_fields
from chessgru.pgn.compression import Progress, open_source, text_blocks
from chessgru.pgn.dialects import LANGUAGES, PIECES, Language, common_language, languages_of

MAX_GAME_BYTES: Final = 1 << 22
"""A game with more text than this is rejected as too long, whatever it holds."""

_TOO_MUCH_TEXT: Final = f"more than {MAX_GAME_BYTES >> 20} MB of text in one game"
_MAX_FOREIGN_BYTES: Final = 1 << 28
"""So much text without one game is not read any further."""

_BUFFER: Final = 1 << 20
_SAMPLE: Final = 100

Outcome = Game | Rejection


def read_games(
    source: str | Path | BinaryIO, *, name: str = "", progress: Progress | None = None
) -> Iterator[Outcome]:
    """Yields every game of a file or open binary file, in order, with memory flat however large it is.

    Plain, .gz, .bz2 and .zst (of several frames, too) are told apart by their first bytes. `name` is
    kept in each game's `source`, by default the file's own name; `progress` is called with the number
    of bytes read from the file so far, to be compared with its size.

    Raises PGNError if the file is missing, empty, no text, a web page, or holds nothing like a game.
    If it is cut off or damaged, the error comes after the games before the cut; the game that the
    cut goes through is left out.
    """
    if isinstance(source, str | Path):
        with open_source(source) as file:
            yield from _Reader(file, str(source), name or Path(source).name, progress).outcomes()
    else:
        title = name or str(getattr(source, "name", "")) or "the upload"
        yield from _Reader(source, title, name or title, progress).outcomes()


def read_all(
    source: str | Path | BinaryIO, *, name: str = "", progress: Progress | None = None
) -> tuple[list[Game], list[Rejection]]:
    """Returns all accepted and all rejected games of a source; see `read_games`."""
    games: list[Game] = []
    rejections: list[Rejection] = []
    for outcome in read_games(source, name=name, progress=progress):
        if isinstance(outcome, Game):
            games.append(outcome)
        else:
            rejections.append(outcome)
    return games, rejections


def parse(text: str, *, name: str = "pasted text") -> tuple[list[Game], list[Rejection]]:
    """Returns the accepted and rejected games of a text; see `read_games`."""
    return read_all(io.BytesIO(text.encode(errors="replace")), name=name)


class _Reader:
    """Reads one source: holds the buffer, the place in the file and the language of the file."""

    def __init__(self, file: BinaryIO, title: str, source: str, progress: Progress | None) -> None:
        from chessgru.pgn import movetext, rules  # numba takes a moment to import

        self._text, self._rules = movetext, rules
        self._scratch = movetext.new_scratch()
        self._info: list[int] = []
        self._tokens: NDArray[np.uint16] = np.zeros(movetext.MAX_PLIES, dtype=np.uint16)
        self._blocks = text_blocks(file, title, progress)
        self._title, self._source = title, source
        self._data, self._at, self._line, self._index = b"", 0, 1, 0
        self._language: Language | None = None
        self._anything = False

    # Reading on

    def outcomes(self) -> Iterator[Outcome]:
        """Yields the games; raises what `read_games` promises."""
        seen, final, skipping = 0, False, False
        fault: PGNError | None = None
        while not final:
            more, fault = self._fill()
            final = more == 0
            seen += more
            if fault is not None:
                final = False
            if skipping:
                skipping = not self._skip_to_event(final)
            elif seen == more:
                self._language = self._sample_language(final)
            if not skipping:
                yield from self._buffered(final)
                if len(self._data) - self._at > MAX_GAME_BYTES:
                    yield from self._give_up()
                    skipping = not self._skip_to_event(final)
            if fault is not None:
                raise fault
            if seen > _MAX_FOREIGN_BYTES and not self._anything:
                break
        if not self._anything:
            raise PGNError(f"{self._title} holds no games: choose a file in PGN")

    def _fill(self) -> tuple[int, PGNError | None]:
        """Adds the next blocks to the unread rest; returns how many bytes, and the fault at their end."""
        parts, size = [self._data[self._at :]], 0
        wanted = max(_BUFFER, len(parts[0]))
        fault = None
        try:
            while size < wanted and (block := next(self._blocks, None)) is not None:
                parts.append(block)
                size += len(block)
        except PGNError as error:
            fault = error
        self._data, self._at = b"".join(parts), 0
        return size, fault

    def _scan(self, at: int, final: bool) -> int:
        """Scans the game at this byte of the buffer and returns its status."""
        scratch = self._scratch
        self._text.scan(
            self._array,
            at,
            len(self._data),
            final,
            scratch.moves,
            scratch.offsets,
            scratch.clocks,
            scratch.info,
        )
        self._info = scratch.info.tolist()
        return self._info[self._text.STATUS]

    def _buffered(self, final: bool) -> Iterator[Outcome]:
        """Yields the games that lie in the buffer as a whole."""
        text = self._text
        self._array = np.frombuffer(self._data, dtype=np.uint8)
        while self._at < len(self._data):
            status = self._scan(self._at, final)
            if status == text.COMPLETE:
                yield self._outcome()
                self._index += 1
            self._forget_clocks()
            if status == text.NEED_MORE:
                return
            self._line += self._info[text.LINES]
            self._at = self._info[text.END]

    def _forget_clocks(self) -> None:
        if self._info[self._text.CLOCKS]:
            self._scratch.clocks[: self._info[self._text.COUNT]] = np.nan

    def _sample_language(self, final: bool) -> Language | None:
        """Returns the language of the first games in the buffer, or None if they do not tell."""
        text = self._text
        self._array = np.frombuffer(self._data, dtype=np.uint8)
        letters: list[int] = []
        at = 0
        while at < len(self._data) and len(letters) < _SAMPLE:
            status = self._scan(at, final)
            self._forget_clocks()
            letters.append(self._info[text.LETTERS])
            if status != text.COMPLETE:
                break
            at = self._info[text.END]
        return common_language(letters)

    def _give_up(self) -> Iterator[Rejection]:
        """Rejects the game at hand for its size."""
        if self._info[self._text.FLAGS] & (self._text.IN_TAGS | self._text.IN_MOVES):
            yield self._reject("too long", _TOO_MUCH_TEXT)
            self._index += 1

    def _skip_to_event(self, final: bool) -> bool:
        """Drops text up to the next Event tag; returns whether there is one in the buffer."""
        found = self._data.find(b'\n[Event "', self._at)
        end = found + 1 if found >= 0 else len(self._data) if final else max(self._at, len(self._data) - 9)
        self._line += self._data.count(b"\n", self._at, end)
        self._at = end
        return found >= 0

    # One game

    def _reject(self, reason: RejectionReason, detail: str) -> Rejection:
        line = self._line + self._info[self._text.TAG_LINE]
        return Rejection(reason=reason, detail=detail, source=self._source, index=self._index, line=line)

    def _outcome(self) -> Outcome:
        """Returns the game that was just scanned, or why it is not taken in."""
        text, info = self._text, self._info
        flags = info[text.FLAGS]
        tagless = bool(flags & text.NO_TAGS)
        if tagless and self._index > 0:
            return self._reject("game without tags", f"begins with {self._written(0)!r}")
        raw = b"" if tagless else self._data[info[text.TAGS] : info[text.MOVETEXT]]
        older = "cp1251" if info[text.LETTERS] & text.CYRILLIC else "cp1252"
        tags = tag_fields.read_tags(tag_fields.decode(raw, older)) if raw else {}
        self._anything = self._anything or bool(tags)
        if flags & text.TOO_LONG:
            return self._reject("too long", f"more than {text.MAX_PLIES} plies")
        if info[text.END] - info[text.TAGS] > MAX_GAME_BYTES:
            return self._reject("too long", _TOO_MUCH_TEXT)
        if tag_fields.is_variant(tags):
            return self._reject("variant", f"Variant {tags['Variant']!r}")
        if tag_fields.is_set_up(tags):
            return self._reject("set-up position", f"FEN {tags['FEN']!r}")
        return self._played(tags)

    def _played(self, tags: dict[str, str]) -> Outcome:
        count = self._info[self._text.COUNT]
        if count == 0:
            return self._reject("no moves", "nothing was played")
        plies, why, clash = self._play(count)
        if clash:
            return self._reject("unreadable move", f"could be {clash}: the games would differ")
        if plies == 0:
            return self._unplayable(why, bool(tags))
        self._anything = True
        return self._game(tags, plies, self._warnings(plies, why))

    def _unplayable(self, why: int, tagged: bool) -> Rejection:
        reason, detail = self._reason(why), f"{self._written(0)!r} as the first move"
        if reason == "unreadable move" and not tagged:
            reason = "not PGN"
        return self._reject(reason, detail)

    def _reason(self, why: int) -> RejectionReason:
        reasons: dict[int, RejectionReason] = {
            self._rules.ILLEGAL: "illegal move",
            self._rules.NULL: "null move",
        }
        return reasons.get(why, "unreadable move")

    def _written(self, ply: int) -> str:
        """Returns a move as the file has it, shortened if it is endless."""
        first, end = self._scratch.offsets[ply]
        if self._info[self._text.COUNT] <= ply:
            return ""
        return tag_fields.decode(self._data[first : min(end, first + 20)])

    # Its moves

    def _play_in(self, language: Language, count: int) -> tuple[int, int]:
        """Plays the scanned moves, read in a language, into `_tokens`; returns how many and why no more."""
        rules = self._rules
        plies, why = rules.play_written(
            self._scratch.moves, count, PIECES[language], rules.START, rules.TOKENS, self._tokens
        )
        return int(plies), int(why)

    def _play(self, count: int) -> tuple[int, int, str]:
        """Plays the scanned moves in the language of the file, or in the one that the game tells.

        Returns how many plies are legal, why no more, and the languages that contradict each other.
        """
        letters = self._info[self._text.LETTERS]
        candidates = languages_of(letters)
        home = self._language or LANGUAGES[0]
        if not letters or not candidates or (self._language and home in candidates):
            return *self._play_in(home, count), ""
        return self._play_undecided(candidates, count)

    def _play_undecided(self, candidates: tuple[Language, ...], count: int) -> tuple[int, int, str]:
        """Plays the moves in each language and keeps the reading that goes furthest."""
        best: tuple[int, int] = (-1, 0)
        chosen = self._tokens
        rivals: list[Language] = []
        for language in candidates:
            plies, why = self._play_in(language, count)
            tokens = self._tokens[:plies].copy()
            if plies > best[0]:
                best, chosen, rivals = (plies, why), tokens, [language]
            elif plies == best[0] and not np.array_equal(tokens, chosen):
                rivals.append(language)
        self._tokens[: best[0]] = chosen
        return *best, " or ".join(rivals) if len(rivals) > 1 else ""

    # Its fields

    def _warnings(self, plies: int, why: int) -> list[str]:
        text, info = self._text, self._info
        flags = info[text.FLAGS]
        warnings = []
        if 0 < info[text.BLANK_PLY] <= plies:
            warnings.append(f"blank line inside the moves at ply {info[text.BLANK_PLY]}")
        if why != self._rules.OK:
            warnings.append(f"cut at ply {plies}: {self._reason(why)} {self._written(plies)!r}")
        for flag, sentence in (
            (text.OPEN_COMMENT, "a comment is never closed"),
            (text.OPEN_VARIATION, "a variation is never closed"),
            (text.AFTER_RESULT, "text after the result was ignored"),
        ):
            if flags & flag:
                warnings.append(sentence)
        return warnings

    def _game(self, tags: dict[str, str], plies: int, warnings: list[str]) -> Game:
        known = tag_fields.known
        token = self._text.RESULTS[self._info[self._text.RESULT]]
        told = tag_fields.result_of(tags.get("Result", ""))
        result = told if told and told != "*" else tag_fields.result_of(token) or "*"
        if not token:
            warnings.append("no result after the moves")
        elif told and told != token:
            warnings.append(f"the tag says {told} but the moves end with {token}")
        time_control = known(tags, "TimeControl")
        return Game(
            tokens=tuple(self._tokens[:plies].tolist()),
            white=known(tags, "White"),
            black=known(tags, "Black"),
            white_rating=tag_fields.rating_of(tags.get("WhiteElo", "")),
            black_rating=tag_fields.rating_of(tags.get("BlackElo", "")),
            result=result,
            date=tag_fields.game_date(tags),
            time=tag_fields.utc_time(tags),
            time_control=time_control,
            event=known(tags, "Event"),
            site=known(tags, "Site"),
            round=known(tags, "Round"),
            eco=known(tags, "ECO"),
            site_id=tag_fields.site_id(tags),
            clocks=self._clocks(plies, time_control),
            source=self._source,
            index=self._index,
            line=self._line + self._info[self._text.TAG_LINE],
            warnings=tuple(warnings),
        )

    def _clocks(self, plies: int, time_control: str) -> tuple[float | None, ...]:
        text = self._text
        kinds = self._info[text.CLOCKS]
        if kinds & text.HAS_CLK:
            left = self._scratch.clocks[:plies, 0]
            if not np.isnan(left).any():
                return tuple(left.tolist())
            return _unless_unknown([None if seconds != seconds else seconds for seconds in left.tolist()])
        if kinds & text.HAS_EMT:
            return clocks_from_elapsed(self._scratch.clocks[:plies, 1].tolist(), time_control)
        if kinds & text.HAS_EGT:  # the time of a side since the game began
            totals = self._scratch.clocks[:plies, 2].tolist()
            before = [0.0, 0.0, *totals]
            spent = [total - earlier for total, earlier in zip(totals, before, strict=False)]
            return clocks_from_elapsed(spent, time_control)
        return ()


def _unless_unknown(clocks: list[float | None]) -> tuple[float | None, ...]:
    return tuple(clocks) if any(clock is not None for clock in clocks) else ()


def clocks_from_elapsed(elapsed: list[float], time_control: str) -> tuple[float | None, ...]:
    """Returns the clocks that follow from the time spent on each ply, or () if they do not follow.

    They do for a time control of a base and an increment, as long as each side's times are complete (a
    missing one is NaN) and fit into it.
    """
    base, _, increment = time_control.partition("+")
    if not base.isdigit() or not (increment or "0").replace(".", "", 1).isdigit():
        return ()
    left = [float(base), float(base)]
    clocks: list[float | None] = []
    for ply, seconds in enumerate(elapsed):
        left[ply % 2] += float(increment or 0) - seconds
        clocks.append(round(left[ply % 2], 3) if left[ply % 2] >= 0 else None)
        if clocks[-1] is None:
            left[ply % 2] = float("nan")
    return _unless_unknown(clocks)
