"""The demo's result: one JSON object for programs, one table for people."""

from pathlib import Path
from statistics import quantiles
from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from local.demo.audit import Audit
from local.demo.journal import Journal


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds from `send` to commit, None if nothing was applied."""

    p50: float | None
    p99: float | None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What `REPORT=` holds. `sent` are distinct events that the stream acknowledged; `resent`
    those handed over again; `not_sent` those the producer gave up; `duplicates` what the consumer
    recognised and skipped, re-sends and repeated deliveries. `ok`: every promise was kept.
    """

    ok: bool
    sent: int
    applied: int
    parked: int
    duplicates: int
    order_violations: int
    lost: int
    orders: int
    seconds: float
    events_per_second: float
    latency_ms: Latency
    resent: int
    not_sent: int
    projection_differences: int | None
    parked_reasons: dict[str, int]
    setup: dict[str, Any]


def make_report(
    audit: Audit,
    journal: Journal,
    *,
    duplicates: int,
    seconds: float,
    setup: dict[str, Any],
    projection_checked: bool,
) -> Report:
    """Everything that is reported, from the audit and the journal."""
    return Report(
        ok=audit.clean and not journal.refused,
        sent=audit.sent,
        applied=audit.applied,
        parked=audit.parked,
        duplicates=duplicates,
        order_violations=audit.order_violations,
        lost=audit.lost,
        orders=audit.orders,
        seconds=round(seconds, 3),
        events_per_second=round(audit.sent / seconds, 1) if seconds else 0.0,
        latency_ms=_latency(audit.latencies),
        resent=journal.resent,
        not_sent=journal.refused,
        projection_differences=audit.projection_differences if projection_checked else None,
        parked_reasons={
            f"{kind}: {reason}": count for (kind, reason), count in audit.reasons.most_common()
        },
        setup=setup,
    )


def write(report: Report, file: Path) -> None:
    """Write the report as one JSON object."""
    file.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")


def show(report: Report, audit: Audit, journal: Journal, console: Console) -> None:
    """Print the report as a person would want it."""
    if audit.reasons:
        console.print(_parked(audit))
    console.print(_summary(report))
    for finding in audit.findings:
        console.print(f"[red]order {escape(finding.order_id)}[/]: {escape(finding.problem)}")
    for problem in list(journal.problems())[:10]:
        console.print(f"[red]not sent[/] {escape(problem)}")


def _parked(audit: Audit) -> Table:
    table = Table(title="Parked", title_justify="left", expand=False)
    for name in ("events", "kind", "reason", "for example"):
        table.add_column(name, justify="right" if name == "events" else "left")
    for (kind, reason), count in audit.reasons.most_common():
        table.add_row(f"{count:,}", kind, reason, escape(audit.examples[kind, reason]))
    return table


def _summary(report: Report) -> Table:
    table = Table(title="Audit", title_justify="left", show_header=False, expand=False)
    table.add_column()
    table.add_column(justify="right")
    rows = {
        "sent": f"{report.sent:,}",
        "applied": f"{report.applied:,}",
        "parked": f"{report.parked:,}",
        "duplicates dropped": f"{report.duplicates:,}",
        "order violations": _bad(report.order_violations),
        "lost": _bad(report.lost),
        "not sent": _bad(report.not_sent) if report.not_sent else None,
        "orders": f"{report.orders:,}",
        "orders that differ from a replay": None
        if report.projection_differences is None
        else _bad(report.projection_differences),
        "seconds": f"{report.seconds:,.1f}",
        "events/s": f"{report.events_per_second:,.0f}",
        "send to commit, p50": _milliseconds(report.latency_ms.p50),
        "send to commit, p99": _milliseconds(report.latency_ms.p99),
    }
    for name, value in rows.items():
        if value is not None:
            table.add_row(name, value)
    table.add_section()
    table.add_row("promises kept", "[green]yes[/]" if report.ok else "[red]NO[/]")
    return table


def _bad(count: int) -> str:
    return f"[red]{count:,}[/]" if count else "0"


def _milliseconds(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f} ms"


def _latency(milliseconds: list[float]) -> Latency:
    if len(milliseconds) < 2:  # noqa: PLR2004 - quantiles needs two
        only = round(milliseconds[0], 1) if milliseconds else None
        return Latency(p50=only, p99=only)
    cuts = quantiles(milliseconds, n=100, method="inclusive")
    return Latency(p50=round(cuts[49], 1), p99=round(cuts[98], 1))
