"""The table that `snakemake fetch` ends with: what became of each source, and what is left to a person."""

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from brains45k.fetch.every import Report
from brains45k.fetch.source import Outcome

_STYLE = {
    Outcome.FETCHED: "green",
    Outcome.UNPACKED: "green",
    Outcome.THERE: "green",
    Outcome.BY_HAND: "yellow",
    Outcome.TERMS: "yellow",
    Outcome.CREDENTIALS: "yellow",
    None: "red",
}


def fetch_table(reports: Sequence[Report]) -> Table:
    """Return one line per source."""
    table = Table(title="Fetched", title_justify="left")
    for name in ("source", "state"):
        table.add_column(name)
    table.add_column("what was done, or what to do", overflow="fold")
    for report in reports:
        state = report.outcome.value if report.outcome else "failed"
        table.add_row(report.source.name, f"[{_STYLE[report.outcome]}]{state}[/]", escape(report.note))
    return table
