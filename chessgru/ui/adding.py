"""Adding games: files by drop, accounts on the two sites, the sample games; progress and reports."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Final, cast

import pandas as pd
import streamlit as st

from chessgru.errors import ChessgruError
from chessgru.game import TIME_CLASSES, TimeClass
from chessgru.library import Library
from chessgru.library.intake import ImportReport
from chessgru.samples import sample_path
from chessgru.sources import Filters, SiteName, account_name
from chessgru.ui.importing import account_work, files_work
from chessgru.ui.jobs import JOBS, Job
from chessgru.ui.setup import plain
from chessgru.ui.state import people
from chessgru.ui.tables import download_csv

KIND: Final = "import"
_ENDINGS: Final = ["pgn", "gz", "bz2", "zst", "txt"]
_SITES: Final[dict[str, SiteName]] = {"Lichess": "lichess", "chess.com": "chess.com"}


def adding(library: Library) -> None:
    """Draws the ways to add games, and what came of those used."""
    files, account = st.tabs(["Files", "Lichess or chess.com account"])
    with files:
        _drop(library)
    with account:
        _account_form(library)


def _drop(library: Library) -> None:
    """Draws the place for files; a drop starts at once and empties it for the next."""
    key = f"games-{people().drops}"
    st.file_uploader(
        "Drop PGN files here, as many as you like",
        type=_ENDINGS,
        accept_multiple_files=True,
        key=key,
        on_change=_dropped,
        args=(library, key),
        help="Plain or compressed (.gz, .bz2, .zst). Games that are there already are not taken twice.",
    )


def _dropped(library: Library, key: str) -> None:
    uploads = people().fresh(st.session_state.get(key) or [])
    if uploads:
        start_files(library, uploads)
        people().drops += 1


def start_files(library: Library, uploads: Sequence[Any]) -> Job:
    """Starts storing the games of some files (open binary files with `name` and `size`)."""
    title = uploads[0].name if len(uploads) == 1 else f"{len(uploads)} files"
    return JOBS.start(KIND, title, files_work(library, uploads))


class _Sample(io.BytesIO):
    """The sample file as if it had been dropped."""

    def __init__(self) -> None:
        path = sample_path()
        super().__init__(path.read_bytes())
        self.name, self.size = path.name, path.stat().st_size


def add_samples(library: Library) -> None:
    """Starts storing the games of the sample players."""
    try:
        start_files(library, [_Sample()])
    except ChessgruError as error:
        st.toast(plain(str(error)), icon=":material/error:")


def _account_form(library: Library) -> None:
    with st.form("account", border=False):
        site = st.segmented_control("Site", list(_SITES), default="Lichess", key="account_site")
        st.text_input("Account", key="account_user", placeholder="name, or the address of the profile page")
        st.pills("Speeds (none chosen: all)", TIME_CLASSES, selection_mode="multi", key="account_speeds")
        st.number_input(
            "Only so many newest games", 1, None, None, 100, key="account_newest", placeholder="all of them"
        )
        st.checkbox("Only rated games", key="account_rated")
        st.form_submit_button("Download games", type="primary", on_click=_download, args=(library,))
    st.caption(f"This asks {site or 'Lichess'} for public games, and only when you press the button.")
    if problem := people().told():
        st.error(plain(problem))


def _download(library: Library) -> None:
    chosen = st.session_state
    try:
        name = chosen["account_site"] or "Lichess"
        site = _SITES[name]
        user = account_name(site, chosen["account_user"])
        filters = Filters(
            speeds=frozenset(cast("list[TimeClass]", chosen["account_speeds"])),
            rated_only=bool(chosen["account_rated"]),
            max=chosen["account_newest"],
        )
        JOBS.start(KIND, f"{name}: {user}", account_work(library, site, user, filters), user)
    except ChessgruError as error:
        people().problem = str(error)


# Progress and reports


def follow(kind: str) -> None:
    """Draws the jobs of a kind: a bar while they run, and the whole page anew when one ends."""
    running = [job for job in JOBS.of(kind) if job.state == "running"]
    if running:
        st.fragment(_bars, run_every="0.5s")(kind, len(running))


def _bars(kind: str, known: int) -> None:
    running = [job for job in JOBS.of(kind) if job.state == "running"]
    if len(running) != known:
        st.rerun()
    for job in running:
        bar, stop = st.columns([5, 1], vertical_alignment="center")
        text = "stopping …" if job.cancelling else job.detail or "starting …"
        bar.progress(job.fraction or 0.0, plain(f"{job.title}: {text}"))
        stop.button("Cancel", key=f"cancel {job.started}", on_click=job.cancel, width="stretch")


def reports() -> None:
    """Draws what came of the imports that have ended, the last first."""
    for job in reversed(JOBS.of(KIND)):
        if job.state != "running":
            _report(job)


def _report(job: Job) -> None:
    number = f"{job.started:.6f}".replace(".", "-")  # a key of its own: reports change places
    found = [result for result in job.results if isinstance(result, ImportReport)]
    with st.container(border=True, key=f"report-{number}"):
        title, close = st.columns([6, 1], vertical_alignment="center")
        ending = " (cancelled)" if job.state == "cancelled" else ""
        title.markdown(f"**{plain(job.title + ending)}**")
        close.button(
            "Dismiss", key=f"dismiss-{number}", on_click=JOBS.dismiss, args=(job,), width="stretch"
        )
        for error in job.errors:
            st.error(plain(error))
        if found:
            st.write(summary(found))
            _details(found, number)
        elif not job.errors:
            st.write("Nothing was stored.")


def summary(found: Sequence[ImportReport]) -> str:
    """Returns the counts of some reports in one line."""
    rejected = sum(sum(report.rejected.values()) for report in found)
    counts = [
        (sum(r.accepted for r in found), "accepted"),
        (sum(r.cut for r in found), "of them cut short"),
    ]
    counts += [(sum(r.duplicates for r in found), "there already"), (rejected, "rejected")]
    counts.append((sum(report.grown for report in found), "gone on"))
    always = ("accepted", "there already", "rejected")
    return " · ".join(f"{count:,} {what}" for count, what in counts if count or what in always)


def _details(found: Sequence[ImportReport], number: str) -> None:
    files = pd.DataFrame([_counts(report) for report in found])
    refused = pd.DataFrame([row for report in found for row in _rejections(report)])
    if len(found) > 1:
        st.dataframe(files, hide_index=True)
        download_csv(files, "imported.csv", key=f"files-{number}")
    if len(refused):
        st.dataframe(refused, hide_index=True)
        download_csv(refused, "rejected.csv", key=f"refused-{number}")


def _counts(report: ImportReport) -> dict[str, object]:
    return {
        "file": report.source,
        "accepted": report.accepted,
        "cut short": report.cut,
        "there already": report.duplicates,
        "rejected": sum(report.rejected.values()),
    }


def _rejections(report: ImportReport) -> list[dict[str, object]]:
    """Returns a row for each reason of rejection, with where it occurred first."""
    return [
        {
            "rejected because": reason,
            "games": count,
            "first at line": report.first_examples[reason].line,
            "there": report.first_examples[reason].detail,
            "file": report.source,
        }
        for reason, count in sorted(report.rejected.items(), key=lambda item: -item[1])
    ]
