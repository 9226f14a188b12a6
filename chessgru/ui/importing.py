"""What an import does in the background: dropped files, and accounts on the two sites."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO, Final, Protocol, cast

from chessgru.compiling import NOTICE, told_of_compiling
from chessgru.errors import ChessgruError, PGNError
from chessgru.game import Game, Rejection
from chessgru.library import Library
from chessgru.library.intake import ImportReport
from chessgru.pgn import read_games
from chessgru.sources import Download, Filters, Progress, SiteName, Surroundings, download, sync_key
from chessgru.ui.jobs import CancelledError, Job, time_text

STORED_AT_A_TIME: Final = 500


class Upload(Protocol):
    """A dropped file, in memory."""

    name: str
    size: int


@dataclass(slots=True)
class _Counter:
    """How far all files of one import are, in bytes and games."""

    job: Job
    total: int
    before: int = 0
    """Bytes of the files already read."""
    read: int = 0
    games: int = 0
    name: str = ""
    error: PGNError | None = field(default=None)

    def bytes_read(self, count: int) -> None:
        self.read = count
        self.tell()

    def tell(self, doing: str = "") -> None:
        rate = self.games / max(self.job.seconds, 0.01)
        pace = [f"{self.games:,} games", f"{rate:,.0f} games/s", doing or time_text(self.job.seconds_left)]
        done = (self.before + self.read) / max(self.total, 1)
        self.job.tell(done, " · ".join(part for part in (*pace, self.name) if part))

    def counted(self, outcomes: Iterator[Game | Rejection]) -> Iterator[Game | Rejection]:
        """Yields the games up to a damaged place; `error` then tells it."""
        try:
            for outcome in outcomes:
                self.games += 1
                if self.games % 64 == 0:
                    self.tell()
                yield outcome
        except PGNError as error:
            self.error = error
        self.tell("storing")


def files_work(library: Library, uploads: Sequence[Upload]) -> Callable[[Job], None]:
    """Returns the work of storing dropped files, each as a whole; a bad one does not stop the others.

    Cancelled, the file being read is left out and those before it stay. The job's results are reports.
    """

    def work(job: Job) -> None:
        counter = _Counter(job, sum(upload.size for upload in uploads))
        for upload in uploads:
            counter.name = upload.name if len(uploads) > 1 else ""
            counter.read, counter.error = 0, None
            _take_in(library, upload, counter)
            counter.before, counter.read = counter.before + upload.size, 0
            counter.tell()

    return work


def _take_in(library: Library, upload: Upload, counter: _Counter) -> None:
    file = cast(BinaryIO, upload)
    outcomes = read_games(file, name=upload.name, progress=counter.bytes_read)
    try:
        with _preparation_told(counter.job):
            report = library.add(counter.counted(outcomes), source=upload.name)
    except ChessgruError as error:
        counter.job.errors.append(str(error))
        return
    if report.read:
        counter.job.results.append(report)
    if counter.error is not None:
        there = report.read > sum(report.rejected.values())
        kept = " (the games before that place were kept)" if there else ""
        counter.job.errors.append(f"{counter.error}{kept}")


def _preparation_told(job: Job) -> AbstractContextManager[None]:
    """Returns a context in which the job says so when it waits for the compiler."""

    def tell() -> None:
        job.detail = NOTICE

    return told_of_compiling(tell)


def account_work(
    library: Library, site: SiteName, user: str, filters: Filters, surroundings: Surroundings | None = None
) -> Callable[[Job], None]:
    """Returns the work of storing what is new of an account, in parts, so that nothing arrives in vain.

    `surroundings` None: the site itself, or the address in CHESSGRU_LICHESS_URL or CHESSGRU_CHESSCOM_URL.
    """

    def work(job: Job) -> None:
        key = sync_key(site, user, filters)
        games = download(
            site,
            user,
            filters=filters,
            mark=library.mark(key),
            token=os.environ.get("LICHESS_TOKEN") if site == "lichess" else None,
            contact=os.environ.get("CHESSGRU_CONTACT"),
            progress=lambda progress: _listen(job, progress, games),
            surroundings=surroundings or _around(site),
        )
        with games, _preparation_told(job):
            _store(library, games, key, job)

    return work


def _store(library: Library, games: Download, key: str, job: Job) -> None:
    arriving, read = games.until_failure(), STORED_AT_A_TIME
    while read == STORED_AT_A_TIME:
        part = islice(_until_cancelled(arriving, job), STORED_AT_A_TIME)
        report = library.add(_wanted(part, job), source=games.name)
        if job.abandoned:
            raise CancelledError
        job.results[:] = [added([*_reports(job), report])]
        if games.resume_mark is not None:
            library.set_mark(key, games.resume_mark)
        read = report.read
    if games.failure is not None:
        job.errors.append(str(games.failure))


def _reports(job: Job) -> list[ImportReport]:
    return [result for result in job.results if isinstance(result, ImportReport)]


def _until_cancelled(items: Iterator[Game | Rejection], job: Job) -> Iterator[Game | Rejection]:
    for item in items:
        yield item
        if job.cancelling:
            return


def _wanted(items: Iterator[Game | Rejection], job: Job) -> Iterator[Game | Rejection]:
    """Yields the items; raises CancelledError at the end, so that none is stored, if nobody wants them."""
    yield from items
    if job.abandoned:
        raise CancelledError


def _listen(job: Job, progress: Progress, games: Download) -> None:
    """Notes how far a download is; ends it in the middle of a pause too."""
    if job.cancelling:
        games.cancel()
    pace = [f"{progress.rate:,.0f} games/s", time_text(progress.seconds_left)]
    if progress.waiting:
        pace = [f"waiting {progress.waiting:.0f} s: {progress.why}"]
    parts = [f"{progress.games:,} games", *pace]
    job.fraction, job.detail = progress.fraction, " · ".join(part for part in parts if part)


def _around(site: SiteName) -> Surroundings | None:
    url = os.environ.get(f"CHESSGRU_{site.replace('.', '').upper()}_URL")
    return Surroundings(base_url=url) if url else None


def added(reports: Sequence[ImportReport]) -> ImportReport:
    """Returns the sum of several reports of one source; the first examples come from the first of them."""
    rejected: dict[str, int] = {}
    for report in reports:
        for reason, count in report.rejected.items():
            rejected[reason] = rejected.get(reason, 0) + count
    examples = [report.first_examples for report in reversed(reports)]
    return ImportReport(
        source=reports[0].source,
        accepted=sum(report.accepted for report in reports),
        duplicates=sum(report.duplicates for report in reports),
        grown=sum(report.grown for report in reports),
        cut=sum(report.cut for report in reports),
        rejected=rejected,
        first_examples={reason: one for each in examples for reason, one in each.items()},
    )
