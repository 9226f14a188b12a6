"""Long work in the background: it has a progress, can be cancelled, and goes on while pages change."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import Final, Literal

from chessgru.errors import ChessgruError

State = Literal["running", "done", "failed", "cancelled"]
ESTIMATE_AFTER: Final = 1.0
"""Seconds to measure before a time left is given."""


class CancelledError(Exception):
    """Leaves the work of a job that was cancelled."""


@dataclass(slots=True, eq=False)
class Job:
    """One piece of work. Its own thread writes here; pages only read, and ask it to stop."""

    kind: str
    """What sort of work it is, such as "import"."""
    title: str
    person: str = ""
    """Whom the work is about, as he is called where it gets his games; "" if it is about nobody."""
    state: State = "running"
    fraction: float | None = None
    """How much is done, from 0 to 1; None where it cannot be known."""
    detail: str = ""
    """What is being done now."""
    results: list[object] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    ended: float | None = None
    _cancel: Event = field(default_factory=Event)
    abandoned: bool = False
    """Whether nobody wants what it has found so far."""

    def tell(self, fraction: float | None, detail: str) -> None:
        """Notes how far the work is, for its own thread; raises CancelledError once it was cancelled."""
        self.fraction = None if fraction is None else min(max(fraction, 0.0), 1.0)
        self.detail = detail
        self.check()

    def check(self) -> None:
        """Raises CancelledError once the job was cancelled."""
        if self._cancel.is_set():
            raise CancelledError

    def cancel(self) -> None:
        """Asks the work to stop; it does at its next step."""
        self._cancel.set()

    @property
    def cancelling(self) -> bool:
        """Whether it was asked to stop."""
        return self._cancel.is_set()

    @property
    def seconds(self) -> float:
        """Seconds it has run."""
        return (time.monotonic() if self.ended is None else self.ended) - self.started

    @property
    def seconds_left(self) -> float | None:
        """None as long as there is nothing to estimate it from."""
        if not self.fraction or self.seconds < ESTIMATE_AFTER:
            return None
        return self.seconds * (1 - self.fraction) / self.fraction

    def run(self, work: Callable[[Job], None]) -> None:
        """Does the work and notes how it ended; whatever goes wrong becomes a line in `errors`."""
        end: State = "failed"
        try:
            work(self)
            end = "cancelled" if self.cancelling else "failed" if self.errors else "done"
        except CancelledError:
            end = "cancelled"
        except ChessgruError as error:
            self.errors.append(str(error))
        except Exception as error:  # a thread has nobody to raise to: the page tells it
            self.errors.append(f"unexpected {type(error).__name__}: {error}; please report it")
        self.ended = time.monotonic()
        self.state = end


class Jobs:
    """The jobs of one server, the latest last."""

    def __init__(self) -> None:
        self._jobs: list[Job] = []
        self._lock = Lock()

    def start(self, kind: str, title: str, work: Callable[[Job], None], person: str = "") -> Job:
        """Starts work in a thread of its own."""
        job = Job(kind, title, person)
        with self._lock:
            self._jobs.append(job)
        Thread(target=job.run, args=(work,), name=f"chessgru-{kind}", daemon=True).start()
        return job

    def of(self, kind: str) -> list[Job]:
        """Returns the jobs of a kind that were not dismissed."""
        with self._lock:
            return [job for job in self._jobs if job.kind == kind]

    def clear(self) -> None:
        """Cancels and forgets all jobs."""
        with self._lock:
            for job in self._jobs:
                job.cancel()
            self._jobs.clear()

    def abandon(self, jobs: Iterable[Job]) -> None:
        """Cancels and forgets some jobs: nobody wants what comes of them any more."""
        for job in jobs:
            job.abandoned = True
            job.cancel()
            with self._lock:
                if job in self._jobs:
                    self._jobs.remove(job)

    def dismiss(self, job: Job) -> None:
        """Forgets a job that has ended."""
        with self._lock:
            if job in self._jobs and job.state != "running":
                self._jobs.remove(job)


JOBS: Final = Jobs()
"""Those of this server: every window sees them, and they outlive the window that started them."""


def time_text(seconds: float | None) -> str:
    """Returns a time left as people say it, "" if it is not known.

    >>> time_text(8.2), time_text(140), time_text(9000), time_text(None)
    ('8 s left', '2 min left', '2 h 30 min left', '')
    """
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{max(1, round(seconds))} s left"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min left" if hours else f"{minutes} min left"
