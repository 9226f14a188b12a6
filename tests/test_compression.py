from __future__ import annotations

import bz2
import gzip
import io
import resource

import pytest
import zstandard

from chessgru.errors import PGNError
from chessgru.pgn import read_games
from chessgru.pgn.compression import text_blocks

GAME = b'[Event "Home"]\n[White "Ann"]\n\n1. e4 e5 2. Nf3 Nc6 1-0\n\n'
zstd = zstandard.ZstdCompressor(write_checksum=True).compress
SKIPPABLE = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"hello"

PACKED = {
    "plain": lambda text: text,
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "zst": zstd,
    "gz of several members": lambda text: gzip.compress(text[:1000]) + gzip.compress(text[1000:]),
    "bz2 of several streams": lambda text: bz2.compress(text[:1000]) + bz2.compress(text[1000:]),
    "zst of several frames": lambda text: zstd(text[:1000]) + zstd(text[1000:]) + zstd(b""),
    "zst with skippable frames": lambda text: SKIPPABLE + zstd(text[:1000]) + SKIPPABLE + zstd(text[1000:]),
}


class Dribble(io.RawIOBase):
    """A file that gives a few bytes at a time, as a socket or an upload may."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self._data.read(min(size, 3))


@pytest.mark.parametrize("kind", PACKED)
@pytest.mark.parametrize("suffix", [".pgn", ".zst", ".txt"])
def test_every_packing_is_known_by_its_first_bytes(tmp_path, kind: str, suffix: str):
    path = tmp_path / f"games{suffix}"
    path.write_bytes(PACKED[kind](GAME * 100))
    assert sum(1 for _ in read_games(path)) == 100


@pytest.mark.parametrize("kind", PACKED)
def test_every_packing_in_small_pieces(kind: str):
    text = b"".join(text_blocks(Dribble(PACKED[kind](GAME * 100)), "x"))
    assert text == GAME * 100


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, zstd])
def test_a_cut_file_gives_its_games_before_the_error(pack):
    text = b"".join(GAME.replace(b"Ann", b"Ann %d" % number) for number in range(40000))
    raw = pack(text)
    outcomes = []
    with pytest.raises(PGNError, match=r"games\.pgn is cut off"):
        outcomes.extend(read_games(io.BytesIO(raw[: len(raw) // 2]), name="games.pgn"))
    assert 0 < len(outcomes) < 40000
    assert all(len(outcome.tokens) == 4 for outcome in outcomes)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, zstd])
def test_a_damaged_file_is_named(pack):
    raw = bytearray(pack(GAME * 1000 + bytes(range(32, 127)) * 100))
    for at in range(len(raw) // 3, len(raw) // 2):
        raw[at] ^= 0xFF
    with pytest.raises(PGNError, match=r"^games\.pgn"):
        list(read_games(io.BytesIO(bytes(raw)), name="games.pgn"))


def test_a_packed_nothing_is_no_game_file():
    for pack in (gzip.compress, bz2.compress, zstd):
        with pytest.raises(PGNError, match="holds no games"):
            list(read_games(io.BytesIO(pack(b"")), name="x.pgn"))


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.mark.slow
@pytest.mark.parametrize("filler", [b" ", b"\n", b"a", b"\0"])
@pytest.mark.parametrize("kind", ["zst", "gz", "bz2"])
def test_a_bomb_costs_neither_memory_nor_time(filler: bytes, kind: str):
    """A gigabyte of one byte, in a file of some kilobytes to a megabyte."""
    block = filler * (1 << 20)
    if kind == "zst":
        raw = zstandard.ZstdCompressor(level=1).compress(block) * 1024
    else:
        raw = PACKED[kind](block * 8) * 128
    list(read_games(io.BytesIO(GAME)))  # compiled before memory is measured
    before = _megabytes()
    with pytest.raises(PGNError):
        list(read_games(io.BytesIO(raw), name="bomb"))
    assert _megabytes() - before < 300


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"x" * 100_000_000, "too long"),
        (b"(" * 1_000_000 + b" e4", "no moves"),
        (b"1. e4 " + b"(" * 1_000_000 + b")" * 1_000_000 + b" e5 1-0", None),
        (b"1. e4 " + b"{" * 1_000_000, None),
        (b"Nf3 Nf6 Ng1 Ng8 " * 250_000, "too long"),
        (b"1. e4 e5 {" + b"long " * 1_000_000 + b"}", "too long"),
        (b"9" * 1_000_000, "no moves"),
        (b"[" * 1_000_000, "no moves"),
        (b"\n" * 1_000_000 + b"1. e4", None),
    ],
)
def test_monsters(body: bytes, reason: str | None):
    """A line of 100 MB, a million brackets, a million plies: one game is judged, the next one is read."""
    before = _megabytes()
    outcomes = list(read_games(io.BytesIO(GAME + b'[Event "M"]\n\n' + body + b"\n\n" + GAME)))
    assert _megabytes() - before < 400
    assert [len(outcome.tokens) for outcome in (outcomes[0], outcomes[-1])] == [4, 4]
    assert len(outcomes) == 3
    assert getattr(outcomes[1], "reason", None) == reason
    assert outcomes[-1].line == 10 + body.count(b"\n")
