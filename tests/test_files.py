from __future__ import annotations

import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from permissions import plain_user

from chessgru.errors import OutputError
from chessgru.files import check_writable, write_atomically, written_whole


@contextmanager
def at_most(size: int) -> Iterator[None]:
    """Lets no file of this process grow above so many bytes: what a full disk does, on any disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_takes_the_old_ones_place_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.pgn"
    path.write_text("old")
    with written_whole(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_text() == "old"
    assert (path.read_text(), [*tmp_path.iterdir()]) == ("new", [path])
    plain = tmp_path / "plain"
    plain.write_text("")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_what_cannot_be_written_whole_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.pgn"
    path.write_text("old")
    with at_most(1000), pytest.raises(OutputError, match=r"a\.pgn: cannot be written \(File too large\)"):
        write_atomically(path, b"x" * 100_000)
    with suppress(KeyboardInterrupt), written_whole(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert (path.read_text(), [*tmp_path.iterdir()]) == ("old", [path])


def test_folders_are_made_but_not_by_looking(tmp_path: Path) -> None:
    path = tmp_path / "one" / "two" / "a"
    check_writable(path)
    assert [*tmp_path.iterdir()] == []
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("place", ["", "file/inside", "file/deep/inside"])
def test_what_is_in_the_way_is_told_at_once(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    for attempt in (check_writable, lambda path: write_atomically(path, b"new")):
        with pytest.raises(OutputError, match=r"cannot be written \(.*\): move away what is there"):
            attempt(tmp_path / place)


def test_a_folder_that_must_not_be_written_is_told_at_once(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with plain_user(), pytest.raises(OutputError, match="check the permissions"):
        check_writable(tmp_path / "a")
