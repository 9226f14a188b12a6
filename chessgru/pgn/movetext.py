"""One pass over PGN bytes, compiled: where a game begins and ends, its moves as written, its clocks.

`scan` reads one game of a buffer and knows nothing of the rules of chess: it fills rows of written
moves (see `chessgru.pgn.rules`) and leaves their meaning to whoever knows the language of the letters.

A game ends where the next one begins: at a line with a tag after the moves; at a second Event tag; at
move number 1 after a result; and after a blank line at a move number that does not continue the game.
A blank line inside the moves therefore ends nothing. A comment that is never closed ends at a line
that begins with `[Event "`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chessgru.jit import jit
from chessgru.pgn.rules import LONG_CASTLING, NULL_MOVE, SHORT_CASTLING, UNREADABLE

Bytes = NDArray[np.uint8]

MAX_PLIES: Final = 2000
"""A longer game is not taken in; the longest known serious one has 538 plies."""

COMPLETE, NEED_MORE, NOTHING = range(3)
"""What became of a scan: a game; the buffer ends inside a game; nothing but blanks and comments."""

(STATUS, TAGS, MOVETEXT, END, COUNT, RESULT, FLAGS, TAG_LINE, LINES, LETTERS, CLOCKS, BLANK_PLY) = range(12)
"""The fields of `info` after a scan; lines are counted from the start of the scan."""

DEPTH, AFTER_BLANK = 12, 13
"""Fields of `info` while scanning: open parentheses, and whether a blank line came before this byte."""

NO_TAGS, OPEN_COMMENT, OPEN_VARIATION, AFTER_RESULT, TOO_LONG = 1, 2, 4, 8, 16
IN_TAGS, IN_MOVES, EVENT_SEEN, FAILED = 32, 64, 128, 256
"""The bits of `info[FLAGS]`; FAILED once the moves cannot be read any further."""

HAS_CLK, HAS_EMT, HAS_EGT = 1, 2, 4
"""The bits of `info[CLOCKS]`."""

CYRILLIC: Final = 1 << 26
"""The bit of `info[LETTERS]` for Russian letters; bits 0..25 stand for the letters A..Z."""

RESULTS: Final = ("", "1-0", "0-1", "1/2-1/2", "*")
"""The result token by `info[RESULT]`."""


_ENDS, _CASTLES, _MARKS, _PROMOTES, _CHECKS = 1, 2, 4, 8, 16


def _kinds() -> NDArray[np.uint8]:
    """Returns what each byte may be in a move: looking it up is much faster than comparing."""
    kinds = np.zeros(256, dtype=np.uint8)
    for kind, members in (
        (_ENDS, b' \t\n\v\f\r!"#$()*,.;?[]{}'),
        (_CASTLES, b"O0o"),
        (_MARKS, b"x-:"),
        (_PROMOTES, b"bnqr"),
        (_CHECKS, b"+#="),
    ):
        kinds[list(members)] |= kind
    return kinds


_KINDS: Final = _kinds()


class Scratch(NamedTuple):
    """The arrays that a scan writes to: one row a ply."""

    moves: NDArray[np.int16]  # (MAX_PLIES, 5)
    offsets: NDArray[np.int64]  # (MAX_PLIES, 2): first byte and end of the move in the buffer
    clocks: NDArray[np.float64]  # (MAX_PLIES, 3): seconds of %clk, %emt, %egt, NaN if none
    info: NDArray[np.int64]  # (14,)


def new_scratch() -> Scratch:
    """Returns fresh arrays for `scan`."""
    return Scratch(
        np.zeros((MAX_PLIES, 5), dtype=np.int16),
        np.zeros((MAX_PLIES, 2), dtype=np.int64),
        np.full((MAX_PLIES, 3), np.nan),
        np.zeros(14, dtype=np.int64),
    )


@jit
def _is_blank(byte: int) -> bool:
    return byte == 32 or 9 <= byte <= 13


@jit
def _ends_move(byte: int) -> bool:
    """Whether a byte may follow a move directly: a blank or one of `!"#$().;?[]{}*,`."""
    return bool(_KINDS[byte] & _ENDS)


@jit
def _is_word(byte: int) -> bool:
    """Whether a byte may stand in the name of a tag."""
    return 48 <= byte <= 57 or 65 <= byte <= 90 or 97 <= byte <= 122 or byte == 95


@jit
def _tag_at(buffer: Bytes, at: int, size: int) -> int:
    """Returns 0 if no tag begins at this byte, 1 if a tag does, 2 if it is the Event tag."""
    if at >= size or buffer[at] != 91:  # [
        return 0
    i = at + 1
    while i < size and i < at + 256 and _is_word(buffer[i]):
        i += 1
    length = i - at - 1
    if length == 0:
        return 0
    while i < size and i < at + 512 and (buffer[i] == 32 or buffer[i] == 9):
        i += 1
    if i >= size or buffer[i] != 34:  # "
        return 0
    b = buffer[at + 1 : at + 6]
    is_event = length == 5 and b[0] == 69 and b[1] == 118 and b[2] == 101 and b[3] == 110 and b[4] == 116
    return 2 if is_event else 1


@jit
def _seconds(buffer: Bytes, at: int, end: int) -> float:
    """Returns the duration `h:mm:ss`, `m:ss` or `s`, to the millisecond if it is so fine, or NaN."""
    while at < end and buffer[at] == 32:
        at += 1
    total, part, digits, unit = 0, 0, 0, 1000  # in seconds; the unit of the next decimal in milliseconds
    while at < end and digits < 16:
        byte = buffer[at]
        if 48 <= byte <= 57:
            digits += 1
            if unit == 1000:
                part = part * 10 + (int(byte) - 48)
            else:
                total += (int(byte) - 48) * unit
                unit //= 10
        elif byte == 58 and unit == 1000 and digits > 0:  # :
            total, part = (total + part) * 60, 0
        elif byte in (46, 44) and unit == 1000:  # . ,
            total, part, unit = (total + part) * 1000, 0, 100
        else:
            break
        at += 1
    if not 0 < digits < 16:
        return np.nan
    return (total + part) * 1.0 if unit == 1000 else total / 1000


@jit
def _comment_end(buffer: Bytes, at: int, size: int) -> tuple[int, bool, int]:
    """Returns the end of the comment whose text begins here, whether it is closed, and its line ends."""
    lines = 0
    while at < size:
        byte = buffer[at]
        if byte == 125:  # }
            return at + 1, True, lines
        if byte == 10:
            lines += 1
            if _tag_at(buffer, at + 1, size) == 2:
                return at + 1, False, lines
        at += 1
    return at, False, lines


@jit
def _read_clocks(buffer: Bytes, at: int, end: int, row: NDArray[np.float64]) -> int:
    """Reads `[%clk ...]`, `[%emt ...]` and `[%egt ...]` of a comment into a row; returns what was there."""
    found = 0
    while at < end - 6:
        if buffer[at] == 91 and buffer[at + 1] == 37:
            b0, b1, b2 = buffer[at + 2], buffer[at + 3], buffer[at + 4]
            if b0 == 99 and b1 == 108 and b2 == 107:  # clk
                row[0] = _seconds(buffer, at + 5, end)
                found |= HAS_CLK
            elif b0 == 101 and b1 == 109 and b2 == 116:  # emt
                row[1] = _seconds(buffer, at + 5, end)
                found |= HAS_EMT
            elif b0 == 101 and b1 == 103 and b2 == 116:  # egt
                row[2] = _seconds(buffer, at + 5, end)
                found |= HAS_EGT
        at += 1
    return found


@jit
def _letter_at(buffer: Bytes, at: int, size: int) -> tuple[int, int]:
    """Returns the code of the piece letter at this byte and its length in bytes; (0, 0) if there is none.

    ASCII capitals stand for themselves. Figurines are coded 1..6 (pawn to king); the Russian letters
    7..11 (knight, bishop, rook, queen, king), in UTF-8 and in Windows-1251.
    """
    byte = buffer[at]
    if byte < 128:
        return (int(byte), 1) if 65 <= byte <= 90 else (0, 0)
    following = buffer[at + 1] if at + 1 < size else 0
    if byte == 0xE2 and following == 0x99 and at + 2 < size and 0x94 <= buffer[at + 2] <= 0x9F:
        return 6 - (buffer[at + 2] - 0x94) % 6, 3
    if byte == 0xD0 and 0x9A <= following <= 0xA4:
        if following == 0x9A:  # K, or Kr for the king
            king = at + 3 < size and buffer[at + 2] == 0xD1 and buffer[at + 3] == 0x80
            return (11, 4) if king else (7, 2)
        if following == 0xA1:
            return 8, 2
        if following == 0x9B:
            return 9, 2
        return (10, 2) if following == 0xA4 else (0, 0)
    if following < 128 or following == 0xF0:
        if byte == 0xCA:
            return (11, 2) if following == 0xF0 else (7, 1)
        if byte == 0xD1:
            return 8, 1
        if byte == 0xCB:
            return 9, 1
        if byte == 0xD4:
            return 10, 1
    return 0, 0


@jit
def _castling_letter(buffer: Bytes, at: int, size: int) -> int:
    """Returns the length of one of the signs for castling (O, 0, o, the Russian O), or 0."""
    if at >= size:
        return 0
    if _KINDS[buffer[at]] & _CASTLES:
        return 1
    return 2 if buffer[at] == 0xD0 and at + 1 < size and buffer[at + 1] == 0x9E else 0


@jit
def _castling_at(buffer: Bytes, at: int, size: int) -> tuple[int, int]:
    """Returns the castling written at this byte and its end, with letters or zeros; (0, at) if none."""
    length = _castling_letter(buffer, at, size)
    second = at + length + 1
    if length == 0 or second >= size or buffer[second - 1] != 45:  # -
        return 0, at
    if _castling_letter(buffer, second, size) != length:
        return 0, at
    end = second + length
    if end < size and buffer[end] == 45 and _castling_letter(buffer, end + 1, size) == length:
        return LONG_CASTLING, end + 1 + length
    return SHORT_CASTLING, end


@jit
def _square_at(buffer: Bytes, at: int, size: int) -> int:
    """Returns the square named at this byte, or -1."""
    if at + 1 < size and 97 <= buffer[at] <= 104 and 49 <= buffer[at + 1] <= 56:
        return int(buffer[at]) - 97 + 8 * (int(buffer[at + 1]) - 49)
    return -1


@jit
def _skip_mark(buffer: Bytes, at: int, size: int) -> int:
    """Returns where the text goes on after a capture or hyphen, if one is here."""
    if at < size and _KINDS[buffer[at]] & _MARKS:
        return at + 1
    if at + 1 < size and buffer[at] == 0xC3 and buffer[at + 1] == 0x97:  # the multiplication sign
        return at + 2
    if at + 2 < size and buffer[at] == 0xE2 and buffer[at + 1] == 0x80 and 0x90 <= buffer[at + 2] <= 0x95:
        return at + 3  # a dash
    return at


@jit
def _promotion_at(buffer: Bytes, at: int, size: int) -> tuple[int, int]:
    """Returns the code of the promotion written at this byte and its end; (0, at) if there is none."""
    sign = at < size and (buffer[at] == 61 or buffer[at] == 47)  # = /
    i = at + 1 if sign else at
    if i >= size:
        return 0, at
    if _KINDS[buffer[i]] & _PROMOTES:
        return int(buffer[i]), i + 1
    letter, length = _letter_at(buffer, i, size)
    return (letter, i + length) if length else (0, at)


@jit
def _skip_suffix(buffer: Bytes, at: int, size: int) -> int:
    """Returns the end of the signs after a move: checks, mates and `e.p.`."""
    while at < size and _KINDS[buffer[at]] & _CHECKS:
        at += 1
    if at + 4 <= size and buffer[at] == 101 and buffer[at + 1] == 46:  # e.
        if buffer[at + 2] == 112 and buffer[at + 3] == 46:
            at += 4
    elif at + 2 <= size and buffer[at] == 101 and buffer[at + 1] == 112:
        at += 2
    while at < size and (buffer[at] == 43 or buffer[at] == 35):
        at += 1
    return at


@jit
def _is_end(buffer: Bytes, at: int, size: int) -> bool:
    """Whether a move that was read up to here may end here; typographic signs may follow it."""
    return at >= size or _ends_move(buffer[at]) or buffer[at] >= 128


@jit
def _read_move(buffer: Bytes, at: int, size: int, row: NDArray[np.int16]) -> int:
    """Reads the move that begins at this byte into a row; returns its end, or -1 if it is not readable.

    Looks at a byte before it calls a function that would: calls cost more than all the rest.
    """
    row[0], row[1], row[2], row[3], row[4] = 0, -1, -1, 0, 0
    byte = buffer[at]
    if _KINDS[byte] & _CASTLES or byte == 0xD0:
        castling, i = _castling_at(buffer, at, size)
        if castling:
            row[0] = castling
            i = _skip_suffix(buffer, i, size)
            return i if _is_end(buffer, i, size) else -1
    i = at
    if byte < 97 or byte >= 128:
        letter, length = _letter_at(buffer, at, size)
        row[0] = letter if letter != 1 else 0
        i = at + length
    target = -1
    square = _square_at(buffer, i, size)
    if square >= 0:
        target = square
        if i + 2 >= size or _KINDS[buffer[i + 2]] == _ENDS:
            row[3] = target
            return i + 2
        after = _square_at(buffer, _skip_mark(buffer, i + 2, size), size)
        if after >= 0:
            row[1], row[2] = square & 7, square >> 3
            i = _skip_mark(buffer, i + 2, size)
            target = after
    else:
        if i < size and 97 <= buffer[i] <= 104:
            row[1] = int(buffer[i]) - 97
            i += 1
        elif i < size and 49 <= buffer[i] <= 56:
            row[2] = int(buffer[i]) - 49
            i += 1
        i = _skip_mark(buffer, i, size)
        target = _square_at(buffer, i, size)
    if target < 0:
        return -1
    row[3] = target
    i += 2
    if i >= size or _KINDS[buffer[i]] == _ENDS:
        return i
    row[4], i = _promotion_at(buffer, i, size)
    i = _skip_suffix(buffer, i, size)
    return i if _is_end(buffer, i, size) else -1


@jit
def _word_end(buffer: Bytes, at: int, size: int) -> int:
    """Returns the end of whatever stands here, at least one byte on."""
    at += 1
    while at < size and not _KINDS[buffer[at]] & _ENDS:
        at += 1
    return at


@jit
def _command_end(buffer: Bytes, at: int, size: int) -> int:
    """Returns the end of a command such as `[%eval 0.3]` that stands outside of a comment."""
    end = at + 1
    while end < size and end < at + 64 and buffer[end] not in (10, 91, 93, 123, 125):
        end += 1
    return end + 1 if end < size and buffer[end] == 93 else at + 1


@jit
def _is_remark(buffer: Bytes, at: int, end: int) -> bool:
    """Whether a word is no move but a sign: e.p., ep, N, D, RR, %eval, or anything without a letter."""
    length = end - at
    if buffer[at] == 37:  # %
        return True
    if length == 1 and buffer[at] in (68, 78):
        return True
    if length == 2 and buffer[at] == 101 and buffer[at + 1] == 112:
        return True
    if length == 2 and buffer[at] == 82 and buffer[at + 1] == 82:
        return True
    if length == 1 and buffer[at] in (101, 112) and end < len(buffer) and buffer[end] == 46:
        return True
    for i in range(at, end):
        byte = buffer[i]
        if 48 <= byte <= 57 or 65 <= byte <= 90 or 97 <= byte <= 122:
            return False
        if byte > 0xC2 and byte not in (0xE2, 0xEF, 0xF0):  # these begin signs, others letters
            return False
    return True


@jit
def _result_at(buffer: Bytes, at: int, size: int) -> tuple[int, int]:
    """Returns the index in `RESULTS` of the result written at this byte and its end; (0, at) if none."""
    if buffer[at] == 42:  # *
        return 4, at + 1
    if at + 3 > size:
        return 0, at
    a, b, c = buffer[at], buffer[at + 1], buffer[at + 2]
    if at + 5 <= size and a == 0xC2 and b == 0xBD and buffer[at + 3] == 0xC2 and buffer[at + 4] == 0xBD:
        return 3, at + 5
    half = a == 49 and b == 47 and c == 50  # 1/2
    if half and at + 7 <= size:
        d, e, f, g = buffer[at + 3], buffer[at + 4], buffer[at + 5], buffer[at + 6]
        if d == 45 and e == 49 and f == 47 and g == 50:  # -1/2
            return 3, at + 7
    if at + 3 < size and not _ends_move(buffer[at + 3]):
        return 0, at
    if a == 49 and b == 45 and c == 48:
        return 1, at + 3
    if a == 48 and b == 45 and c == 49:
        return 2, at + 3
    return (3, at + 3) if half else (0, at)


@jit
def _is_null(buffer: Bytes, at: int, end: int) -> bool:
    """Whether a word is one of the null moves: `--`, `Z0`, `0000`, `@@@@`, `null`."""
    length = end - at
    if length == 2:
        dashes = buffer[at] == 45 and buffer[at + 1] == 45
        return bool(dashes or (buffer[at] == 90 and buffer[at + 1] == 48))
    if length == 4 and buffer[at] in (48, 64):
        first = buffer[at]
        return bool(buffer[at + 1] == first and buffer[at + 2] == first and buffer[at + 3] == first)
    return False


@jit
def _names_rank(buffer: Bytes, at: int, size: int) -> bool:
    """Whether a digit is the rank of a move such as `2d4`, not a move number."""
    after = _skip_mark(buffer, at + 1, size)
    return 49 <= buffer[at] <= 56 and _square_at(buffer, after, size) >= 0


@jit
def _white_space_at(buffer: Bytes, at: int, size: int) -> int:
    """Returns the length of an invisible or typographic character (no-break space, BOM, ellipsis), or 0."""
    if buffer[at] == 0xC2 and at + 1 < size and buffer[at + 1] == 0xA0:
        return 2
    if buffer[at] == 0xEF and at + 2 < size and buffer[at + 1] == 0xBB and buffer[at + 2] == 0xBF:
        return 3
    if buffer[at] == 0xE2 and at + 2 < size and buffer[at + 1] == 0x80 and 0x80 <= buffer[at + 2] <= 0xAF:
        return 3
    return 0


@jit
def _line_end(buffer: Bytes, at: int, size: int) -> int:
    while at < size and buffer[at] != 10:
        at += 1
    return at


@jit
def _next_line(buffer: Bytes, at: int, size: int, info: NDArray[np.int64]) -> int:
    """Counts the line that ends here, notes whether the next is blank, and returns where that begins."""
    info[LINES] += 1
    i = at + 1
    while i < size and buffer[i] in (32, 9, 13):
        i += 1
    if i < size and buffer[i] == 10:
        info[AFTER_BLANK] = 1
    return at + 1


@jit
def _start(at: int, flag: int, info: NDArray[np.int64]) -> None:
    """Notes that the tags or the moves begin here."""
    if not info[FLAGS] & (IN_TAGS | IN_MOVES):
        info[TAGS] = at
        info[TAG_LINE] = info[LINES]
        if flag == IN_MOVES:
            info[FLAGS] |= NO_TAGS
    if flag == IN_MOVES and not info[FLAGS] & IN_MOVES:
        info[MOVETEXT] = at
    info[FLAGS] |= flag


@jit
def _ends_game(tag: int, info: NDArray[np.int64]) -> bool:
    """Whether a tag (as `_tag_at` tells it) belongs to the next game."""
    return info[FLAGS] & IN_MOVES != 0 or (tag == 2 and info[FLAGS] & EVENT_SEEN != 0)


@jit
def _pass_comment(
    buffer: Bytes, at: int, size: int, clocks: NDArray[np.float64], info: NDArray[np.int64]
) -> int:
    """Reads the comment that opens here for its clocks, and returns its end."""
    end, closed, lines = _comment_end(buffer, at + 1, size)
    info[LINES] += lines
    if not closed:
        info[FLAGS] |= OPEN_COMMENT
    if info[DEPTH] == 0 and info[COUNT] > 0 and not info[FLAGS] & FAILED:
        info[CLOCKS] |= _read_clocks(buffer, at + 1, end, clocks[info[COUNT] - 1])
    return end


@jit
def _pass_aside(buffer: Bytes, at: int, size: int, info: NDArray[np.int64]) -> int:
    """Returns the end of what stands here beside the mainline, or the same place if that goes on here."""
    byte = buffer[at]
    if byte == 59:  # ;
        return _line_end(buffer, at, size)
    if byte == 91:  # [
        return _command_end(buffer, at, size)
    if byte == 40:  # (
        info[DEPTH] += 1
        return at + 1
    if byte == 41:  # )
        info[DEPTH] = max(info[DEPTH] - 1, 0)
        return at + 1
    if info[DEPTH] > 0:
        return at + 1
    if byte == 36:  # $
        at += 1
        while at < size and 48 <= buffer[at] <= 57:
            at += 1
        return at
    if byte >= 128:
        return at + _white_space_at(buffer, at, size)
    return at + 1 if byte != 42 and _ends_move(byte) else at


@jit
def _move_number_at(buffer: Bytes, at: int, size: int) -> tuple[int, int]:
    """Returns the move number written at this byte and its end; (-1, at) if there is none."""
    end, number = at, 0
    while end < size and 48 <= buffer[end] <= 57:
        number = min(number * 10 + (int(buffer[end]) - 48), 1000000)
        end += 1
    if number > 0 and end < size and buffer[end] == 46:  # a point
        return number, end
    if _is_null(buffer, at, end) or _names_rank(buffer, end - 1, size):
        return -1, at
    result, _ = _result_at(buffer, at, size)
    castling, _ = _castling_at(buffer, at, size)
    return (number, end) if result == 0 and castling == 0 else (-1, at)


@jit
def _starts_over(number: int, info: NDArray[np.int64]) -> bool:
    """Whether a move number is the first of another game, one without tags."""
    count, failed = info[COUNT], info[FLAGS] & FAILED != 0
    if not info[FLAGS] & IN_MOVES or not (count > 0 or info[RESULT] != 0):
        return False
    if number == 1 and info[RESULT] != 0:
        return True
    if not info[AFTER_BLANK]:
        return False
    return (number == 1 and count > 1) if failed else (count > 0 and number != count // 2 + 1)


@jit
def _leave_blank(info: NDArray[np.int64]) -> None:
    """Notes the first ply that a blank line stands before."""
    if info[AFTER_BLANK] and info[COUNT] > 0 and info[BLANK_PLY] < 0:
        info[BLANK_PLY] = info[COUNT]
    info[AFTER_BLANK] = 0


@jit
def _letter_bit(code: int) -> int:
    """Returns the bit of `info[LETTERS]` for the code of a letter, 0 for one that tells no language."""
    if 65 <= code <= 90:
        return 1 << (code - 65)
    return CYRILLIC if 7 <= code <= 11 else 0


@jit
def _add_move(
    buffer: Bytes, at: int, end: int, size: int, moves: NDArray[np.int16], info: NDArray[np.int64]
) -> int:
    """Reads the word between two places as the next move and returns its end."""
    row = moves[info[COUNT]]
    info[COUNT] += 1
    if buffer[at] <= 90 and _is_null(buffer, at, end):
        row[0] = NULL_MOVE
        info[FLAGS] |= FAILED
        return end
    move_end = _read_move(buffer, at, size, row)
    if move_end < 0:
        row[0] = UNREADABLE
        info[FLAGS] |= FAILED
        return end
    if row[0]:
        info[LETTERS] |= _letter_bit(row[0])
    if row[4]:
        info[LETTERS] |= _letter_bit(row[4])
    return move_end


@jit
def _pass_word(
    buffer: Bytes,
    at: int,
    size: int,
    moves: NDArray[np.int16],
    offsets: NDArray[np.int64],
    info: NDArray[np.int64],
) -> int:
    """Takes in the move, result or remark that stands here, and returns its end."""
    lettered = 65 <= buffer[at] <= 122
    if not lettered:
        result, end = _result_at(buffer, at, size)
        if result:
            info[RESULT] = result if info[RESULT] == 0 else info[RESULT]
            return end
    end = _word_end(buffer, at, size)
    if (not lettered or end - at < 3) and not _is_null(buffer, at, end) and _is_remark(buffer, at, end):
        return end
    if info[AFTER_BLANK]:
        _leave_blank(info)
    if info[RESULT] != 0 and info[COUNT] == 0:
        info[RESULT] = 0  # a result before the first move is none
    if info[RESULT] != 0:
        info[FLAGS] |= AFTER_RESULT
    elif info[COUNT] == MAX_PLIES:
        info[FLAGS] |= TOO_LONG | FAILED
    elif not info[FLAGS] & FAILED:
        ply = info[COUNT]
        offsets[ply, 0] = at
        offsets[ply, 1] = end = _add_move(buffer, at, end, size, moves, info)
    return end


@jit
def scan(
    buffer: Bytes,
    begin: int,
    size: int,
    final: bool,
    moves: NDArray[np.int16],
    offsets: NDArray[np.int64],
    clocks: NDArray[np.float64],
    info: NDArray[np.int64],
) -> int:
    """Scans one game from `begin` and returns where the next one begins.

    With `final` the buffer's end is the end of the file; else a game that reaches it is incomplete and
    `info[STATUS]` is NEED_MORE: scan again from `begin` with more bytes. Rows of `clocks` that were
    written must be reset to NaN by the caller.
    """
    info[:] = 0
    info[BLANK_PLY] = -1
    at, line_start, found_end = begin, True, False
    while at < size:
        byte = buffer[at]
        if byte == 10:
            at, line_start = _next_line(buffer, at, size, info), True
            continue
        if _is_blank(byte):
            at += 1
            continue
        tag = _tag_at(buffer, at, size) if line_start else 0
        if tag or (line_start and byte == 37):  # %
            if tag and _ends_game(tag, info):
                found_end = True
                break
            if tag:
                _start(at, IN_TAGS | (EVENT_SEEN if tag == 2 else 0), info)
                info[AFTER_BLANK] = 0
            at = _line_end(buffer, at, size)
            continue
        if byte == 123:  # {
            at = _pass_comment(buffer, at, size, clocks, info)
            line_start = buffer[at - 1] == 10
            continue
        line_start = False
        if _KINDS[byte] & _ENDS or byte >= 128 or info[DEPTH] > 0:
            end = _pass_aside(buffer, at, size, info)
            if end > at:
                at = end
                continue
        number, end = _move_number_at(buffer, at, size) if 48 <= byte <= 57 else (-1, at)
        if number >= 0:
            if _starts_over(number, info):
                found_end = True
                break
            _start(at, IN_MOVES, info)
            _leave_blank(info)
            while end < size and buffer[end] == 46:  # points
                end += 1
            at = end
            continue
        if not info[FLAGS] & IN_MOVES:
            _start(at, IN_MOVES, info)
        at = _pass_word(buffer, at, size, moves, offsets, info)
    if info[DEPTH] > 0:
        info[FLAGS] |= OPEN_VARIATION
    if not info[FLAGS] & IN_MOVES:
        info[MOVETEXT] = at
    info[END] = at
    if not found_end and not final:
        info[STATUS] = NEED_MORE
    else:
        info[STATUS] = COMPLETE if info[FLAGS] & (IN_TAGS | IN_MOVES) else NOTHING
    return at
