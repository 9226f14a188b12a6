"""Storing an account's games as they arrive, so that an interrupted download goes on where it stopped."""

from __future__ import annotations

import os
from collections import Counter
from itertools import islice
from typing import Final

from chessgru.cli.progress import downloading
from chessgru.cli.salvage import UntilFailure
from chessgru.library import Library
from chessgru.library.intake import Example, ImportReport
from chessgru.sources import Filters, SiteName, Surroundings, download, sync_key

STORED_AT_A_TIME: Final = 500


def store_account(
    library: Library, site: SiteName, user: str, filters: Filters, *, anew: bool = False
) -> tuple[ImportReport, BaseException | None]:
    """Downloads what is new of an account; returns the counts, and what ended the download early or None.

    `anew` downloads everything, known games becoming duplicates.
    """
    key = sync_key(site, user, filters)
    mark = None if anew else library.mark(key)
    token = os.environ.get("LICHESS_TOKEN") if site == "lichess" else None
    reports = []
    with (
        downloading(f"{site}:{user}") as listener,
        download(
            site,
            user,
            filters=filters,
            mark=mark,
            token=token,
            contact=os.environ.get("CHESSGRU_CONTACT"),
            progress=listener,
            surroundings=_around(site),
        ) as games,
    ):
        arriving = UntilFailure(games)
        while True:
            reports.append(library.add(islice(arriving, STORED_AT_A_TIME), source=games.name))
            if games.resume_mark is not None:
                library.set_mark(key, games.resume_mark)
            if arriving.over:
                return _total(reports), arriving.error


def _around(site: SiteName) -> Surroundings | None:
    """Returns another address for a site, from CHESSGRU_LICHESS_URL or CHESSGRU_CHESSCOM_URL."""
    url = os.environ.get(f"CHESSGRU_{site.replace('.', '').upper()}_URL")
    return Surroundings(base_url=url) if url else None


def _total(reports: list[ImportReport]) -> ImportReport:
    """Returns the sum of several reports of one source."""
    rejected: Counter[str] = Counter()
    examples: dict[str, Example] = {}
    for report in reports:
        rejected.update(report.rejected)
        examples = report.first_examples | examples
    return ImportReport(
        source=reports[0].source,
        accepted=sum(report.accepted for report in reports),
        duplicates=sum(report.duplicates for report in reports),
        grown=sum(report.grown for report in reports),
        cut=sum(report.cut for report in reports),
        rejected=dict(rejected),
        first_examples=examples,
    )
