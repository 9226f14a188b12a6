"""The compiler behind the hot loops: numba, with its result kept on disk if possible."""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import TypeVar

import numba
from numba.core import codegen, config, event

from chessgru import compiling

Function = TypeVar("Function", bound=Callable[..., object])


def _use_wide_vectors() -> None:
    """Lets the compiler use vectors of 512 bits where the processor has them.

    LLVM keeps to 256 on Intel's, as their first processors with 512 slowed down for them. What the
    environment asks for (`NUMBA_CPU_NAME`, `NUMBA_CPU_FEATURES`) stands.
    """
    asked = config.CPU_NAME or config.CPU_FEATURES
    if not asked and platform.machine().lower() in {"x86_64", "amd64"}:
        config.CPU_FEATURES = f"{codegen.get_host_cpu_features()},-prefer-256-bit"


_use_wide_vectors()


def jit(function: Function) -> Function:
    """Returns the function compiled at its first call, from the disk cache where one can be written.

    numba refuses to cache where neither the package's folder nor the user's cache folder is writable;
    the function is then compiled anew in each process, which costs seconds but changes nothing else.
    The cache notices changes in the function's own file only: a compiled function must not call one
    of another file, and does not notice other options here. Other threads run meanwhile.
    """
    try:
        return numba.njit(cache=True, nogil=True)(function)  # type: ignore[no-any-return]
    except RuntimeError:
        return numba.njit(nogil=True)(function)  # type: ignore[no-any-return]


def fast_jit(function: Function) -> Function:
    """Returns the function compiled as `jit` does, with sums of floats in whatever order is quickest."""
    options = {"fastmath": {"contract", "nsz", "reassoc"}}
    try:
        return numba.njit(cache=True, nogil=True, **options)(function)  # type: ignore[no-any-return]
    except RuntimeError:
        return numba.njit(nogil=True, **options)(function)  # type: ignore[no-any-return]


_found: set[tuple[object, ...]] = set()


def on_disk(*functions: object) -> bool:
    """Tells whether functions of `jit` need not be compiled: all were, or lie in the disk cache."""
    try:
        if functions not in _found and all(
            function.signatures or function._cache._cache_file._load_index()  # type: ignore[attr-defined]
            for function in functions
        ):
            _found.add(functions)
    except (AttributeError, OSError):  # not promised by numba to stay; nothing is lost
        return False
    return functions in _found


class _Notice(event.Listener):  # type: ignore[misc]
    """Passes on that something is compiled; what comes from the disk cache is not."""

    def on_start(self, _event: event.Event) -> None:
        """Passes on that a function begins to be compiled."""
        compiling.started()

    def on_end(self, _event: event.Event) -> None:
        """Does nothing: one notice is enough."""


event.register("numba:compile", _Notice())
