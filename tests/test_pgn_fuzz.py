"""Whatever bytes come, reading them raises nothing but PGNError, and what is accepted is a legal game."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from fuzz.fuzz_pgn import check
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SEEDS = sorted((Path(__file__).parent / "fuzz" / "seeds").iterdir())
BASE = [path.read_bytes() for path in SEEDS]
PIECES = [
    *(
        b'[Event "A"]\n',
        b'[White "\xe9"]\n',
        b'[FEN "',
        b'[Variant "Atomic"]\n',
        b'[Event "\\"]\n',
        b"\n\n",
        b"\n",
    ),
    *(
        b"1. ",
        b"2... ",
        b"e4 ",
        b"e5 ",
        b"Nf3 ",
        b"Sf3 ",
        b"Kd1 ",
        b"\xd0\x9ae2 ",
        b"\xca\xf0e2 ",
        b"O-O ",
        b"e8=Q ",
    ),
    *(
        b"{",
        b"}",
        b"(",
        b")",
        b";",
        b"%",
        b"$",
        b"[%clk 1:02:03]",
        b"[%emt 0:00:09]",
        b"[%egt 9]",
        b"-- ",
        b"1-0 ",
        b"* ",
    ),
    *(
        b"e.p.",
        b"\xe2\x99\x98f3 ",
        b"\xc2\xbd-\xc2\xbd ",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"0-0-0 ",
        b"x",
        b"=+",
    ),
    *(b"\x00", b"\r"),
]
bounded = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.name)
def test_seeds(path: Path):
    check(path.read_bytes())


def test_the_interpreted_code_that_is_fuzzed_reads_the_same():
    """The fuzzer runs by hand, so that nobody else would notice that it does not start any more."""
    folder = Path(__file__).parent / "fuzz"
    program = (
        "import fuzz_pgn, pathlib; fuzz_pgn._interpreted(); folder = pathlib.Path('seeds')\n"
        "print([fuzz_pgn.check(path.read_bytes()) for path in sorted(folder.iterdir())])"
    )
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(folder.parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str([check(data) for data in BASE])


@bounded
@given(st.binary(max_size=400))
def test_any_bytes(data: bytes):
    check(data)
    check(b'[White "A"]\n\n1. e4 e5 ' + data)


@bounded
@given(st.lists(st.sampled_from(PIECES), max_size=60))
def test_any_order_of_the_pieces_of_pgn(pieces: list[bytes]):
    check(b"".join(pieces))


@bounded
@given(st.text(max_size=80), st.text(max_size=80))
def test_any_names(white: str, event: str):
    text = f'[Event "{event}"]\n[White "{white}"]\n\n1. e4 {{{event}}} e5 *\n'
    check(text.encode(errors="replace"))


@pytest.mark.parametrize("seed", range(200))
def test_seeds_spliced_and_damaged(seed: int):
    rng = random.Random(seed)
    left, right = rng.choice(BASE), rng.choice(BASE)
    data = bytearray(left[: rng.randrange(len(left) + 1)] + right[rng.randrange(len(right) + 1) :])
    for _ in range(rng.randrange(8)):
        data[rng.randrange(len(data) + 1) : rng.randrange(len(data) + 1)] = rng.choice(PIECES)
    check(bytes(data))
