"""What became of an import, as text for people and as values for JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chessgru.library.intake import ImportReport


def as_dict(report: ImportReport) -> dict[str, Any]:
    """Returns a report as values for JSON."""
    rejected = {
        reason: {"count": count, **report.first_examples[reason]._asdict()}
        for reason, count in report.rejected.items()
    }
    names = ("source", "read", "accepted", "cut", "duplicates", "grown")
    return {name: getattr(report, name) for name in names} | {"rejected": rejected}


def nothing_taken(report: ImportReport) -> str:
    """Returns one line about a file whose every game was rejected."""
    firsts = report.first_examples
    reasons = [
        f"{count} as {reason!r} (line {firsts[reason].line}: {firsts[reason].detail})"
        for reason, count in report.rejected.items()
    ]
    return f"{report.source}: no game was taken in, rejected {', '.join(reasons)}; choose another file"


def as_text(report: ImportReport) -> str:
    """Returns a report as lines: the counts, then each reason of rejection with its first example."""
    parts = [f"{report.accepted} accepted" + (f" ({report.cut} cut short)" if report.cut else "")]
    parts.append(f"{report.duplicates} duplicates")
    if report.grown:
        parts.append(f"{report.grown} gone on")
    parts.append(f"{sum(report.rejected.values())} rejected")
    games = "game" if report.read == 1 else "games"
    lines = [f"{report.source}: {report.read} {games}: {', '.join(parts)}"]
    for reason, count in sorted(report.rejected.items(), key=lambda item: -item[1]):
        example = report.first_examples[reason]
        lines.append(f"  {count} rejected as {reason!r}, first at line {example.line}: {example.detail}")
    return "\n".join(lines)
