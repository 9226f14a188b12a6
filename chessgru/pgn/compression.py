"""Opening files of games, compressed or not, as a stream of text bytes that stays small in memory."""

from __future__ import annotations

import bz2
import codecs
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, Protocol

import zstandard

from chessgru.errors import PGNError

Progress = Callable[[int], None]
"""Is called with the number of bytes of the file (compressed, if it is) that were read so far."""

CHUNK: Final = 1 << 16
_ZSTD_CHUNK: Final = 1 << 11
"""zstd has no limit on its output: 4 bytes may stand for 128 KB, so 2 KB for 64 MB at most."""
_OUTPUT: Final = 1 << 20

_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_FOREIGN: Final = {
    b"PK\x03\x04": "a zip archive: unpack it first",
    b"7z\xbc\xaf": "a 7z archive: unpack it first",
    b"Rar!": "a rar archive: unpack it first",
    b"\xfd7zXZ": "an xz archive: unpack it first",
    b"%PDF": "a PDF document: export the games as PGN",
    b"SQLite format 3": "a database: export the games as PGN",
    b"PAR1": "a Parquet table: export the games as PGN",
}


class _Decoder(Protocol):
    """Turns compressed chunks into text bytes; `whole` tells whether the data ended where it should."""

    whole: bool

    def feed(self, data: bytes) -> Iterator[bytes]: ...


class _Plain:
    whole = True

    def feed(self, data: bytes) -> Iterator[bytes]:
        yield data


class _Gzip:
    whole = True

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            self.whole = False
            yield self._member.decompress(data, _OUTPUT)
            data = self._member.unconsumed_tail
            if self._member.eof:
                self.whole = True
                data = self._member.unused_data.lstrip(b"\0")
                self._member = zlib.decompressobj(wbits=31)


class _Bzip2:
    whole = True

    def __init__(self) -> None:
        self._stream = bz2.BZ2Decompressor()

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data or not (self._stream.needs_input or self.whole):
            self.whole = False
            yield self._stream.decompress(data, _OUTPUT)
            data = b""
            if self._stream.eof:
                self.whole = True
                data = self._stream.unused_data
                self._stream = bz2.BZ2Decompressor()


class _Zstd:
    whole = True

    def __init__(self) -> None:
        self._frame = zstandard.ZstdDecompressor().decompressobj()

    def feed(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), _ZSTD_CHUNK):
            part = data[start : start + _ZSTD_CHUNK]
            while part:
                self.whole = False
                yield self._frame.decompress(part)
                part = b""
                if self._frame.eof:
                    self.whole = True
                    part = self._frame.unused_data
                    self._frame = zstandard.ZstdDecompressor().decompressobj()


def _decoder(head: bytes) -> _Decoder:
    """Returns the decoder for a file that begins with these bytes."""
    if head.startswith(b"\x1f\x8b"):
        return _Gzip()
    if head.startswith(b"BZh"):
        return _Bzip2()
    if head.startswith(_ZSTD_MAGIC) or (head[1:4] == b"\x2a\x4d\x18" and 0x50 <= head[0] <= 0x5F):
        return _Zstd()
    return _Plain()


def _chunks(file: BinaryIO, progress: Progress | None) -> Iterator[bytes]:
    """Yields the file's bytes, at least four at first if there are so many."""
    data, read = file.read(CHUNK), 0
    while len(data) < 4 and (more := file.read(CHUNK)):
        data += more
    while data:
        read += len(data)
        yield data
        if progress is not None:
            progress(read)
        data = file.read(CHUNK)


def _decompressed(file: BinaryIO, name: str, progress: Progress | None) -> Iterator[bytes]:
    """Yields the text bytes; raises PGNError after the last good ones if the file is cut or damaged."""
    decoder: _Decoder | None = None
    try:
        for data in _chunks(file, progress):
            if decoder is None:
                decoder = _decoder(data)
            yield from filter(None, decoder.feed(data))
    except (zlib.error, OSError, EOFError, zstandard.ZstdError) as error:
        raise PGNError(f"{name}: damaged compressed file ({error}): download or copy it again") from error
    if decoder is None:
        raise PGNError(f"{name} is empty: choose a file with games in PGN")
    if not decoder.whole:
        raise PGNError(f"{name} is cut off in the middle: download or copy it again")


def _check_head(head: bytes, name: str) -> None:
    """Raises PGNError if the text does not begin as PGN may."""
    for magic, what in _FOREIGN.items():
        if head.startswith(magic):
            raise PGNError(f"{name} is not PGN but {what}")
    start = head[:1024].lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<body")):
        raise PGNError(f"{name} is not PGN but a web page: download the games themselves")
    if b"\0" in head or sum(byte < 9 or 13 < byte < 27 for byte in head[:4096]) > 40:
        raise PGNError(f"{name} is not PGN but a binary file: choose a .pgn, .gz, .bz2 or .zst file")


def _as_utf8(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yields text with its byte order mark removed, UTF-16 turned to UTF-8 and lone CR to LF."""
    first = next(blocks, b"")
    while 0 < len(first) < 4 and (more := next(blocks, b"")):
        first += more
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        decode = codecs.getincrementaldecoder("utf-16")(errors="replace").decode
        yield decode(first).encode()
        for block in blocks:
            yield decode(block).encode()
        return
    first = first.removeprefix(codecs.BOM_UTF8)
    old_mac = b"\r" in first and b"\n" not in first
    yield first.replace(b"\r", b"\n") if old_mac else first
    for block in blocks:
        yield block.replace(b"\r", b"\n") if old_mac else block


def text_blocks(file: BinaryIO, name: str, progress: Progress | None = None) -> Iterator[bytes]:
    """Yields the text of an open file in blocks of bounded size, decompressed if its first bytes say so.

    Raises PGNError, naming the file, if it is empty, no text, or a web page; if it is damaged or cut
    off, then only after everything before the cut.
    """
    checked = False
    for block in _as_utf8(_decompressed(file, name, progress)):
        if not checked and block:
            _check_head(block, name)
            checked = True
        yield block


def open_source(source: str | Path) -> BinaryIO:
    """Opens a file of games for `text_blocks`; raises PGNError if it is missing or not readable."""
    try:
        return open(source, "rb")
    except FileNotFoundError as error:
        raise PGNError(f"{source}: no such file: check the name") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise PGNError(f"{source} cannot be read ({reason}): choose a readable file") from error
