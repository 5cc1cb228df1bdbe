"""Write the table: CSV for programs, Markdown and HTML for readers."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from brains45k.corpus.manifest import write_if_changed
from brains45k.segmentation.table import Row, Summary, Table
from brains45k.segmentation.table_page import table_page
from brains45k.segmentation.table_text import (
    LEAKAGE,
    NOTHING,
    difference_remarks,
    difference_text,
    leakage_of,
    leakage_states,
    methods,
    metric_heading,
    missing_text,
    p_text,
    place_text,
    remarks,
    spread_text,
    value_text,
    verdict,
)

_SUMMARY_COLUMNS = ("run", "from", "mean", "std", "folds", "cases", "undefined", "failed")
_DIFFERENCE_COLUMNS = ("mean", "low", "high", "p", "p_corrected", "folds", "cases", "unpaired", "reason")

#: Columns of table.csv: a row per network, group, metric and region; ``all`` is the mean over the regions.
COLUMNS = (
    *("task", "group", "network", "metric", "region"),
    *(f"scratch_{name}" for name in _SUMMARY_COLUMNS if name != "from"),
    *(f"pretrained_{name}" for name in _SUMMARY_COLUMNS),
    *(f"difference_{name}" for name in _DIFFERENCE_COLUMNS),
    *("leakage", "paper_scratch", "paper_pretrained", "paper_read_at"),
)

Cell = str | int | float | None


def write_table_files(table: Table, folder: Path) -> list[Path]:
    """Write table.csv, table.md and table.html; a file that would hold the same stays untouched.

    Returns
    -------
    list of Path
        The files that were written.
    """
    texts = {"table.csv": table_csv(table), "table.md": table_markdown(table), "table.html": table_page(table)}
    return [folder / name for name, text in texts.items() if write_if_changed(folder / name, text.encode())]


def table_csv(table: Table) -> str:
    """Return all rows with all that was computed, shares as such; floats have six digits, an empty cell is nothing."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in (*table.rows, *table.secondary, *table.by_region):
        writer.writerow({name: _cell(value) for name, value in _record(row).items()})
    return buffer.getvalue()


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    # The last bits may differ between machines.
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _record(row: Row) -> dict[str, Cell]:
    name = f"absolute_{row.metric.column}" if row.metric.absolute else row.metric.column
    record: dict[str, Cell] = {"task": row.task, "group": row.group, "network": row.network, "metric": name}
    record["region"] = row.region or "all"
    for part, run, summary in (
        ("scratch", row.scratch_run, row.scratch),
        ("pretrained", row.pretrained_run, row.pretrained),
    ):
        record[f"{part}_run"] = run.name if run else None
        record |= _summary_cells(part, summary)
    record["pretrained_from"] = row.pretrained_run.pretrained if row.pretrained_run else None
    if row.difference:
        record |= {f"difference_{column}": getattr(row.difference, column) for column in _DIFFERENCE_COLUMNS}
    record["leakage"] = row.pretrained.leakage if row.pretrained else None
    if row.paper:
        record["paper_scratch"], record["paper_pretrained"] = row.paper.scratch, row.paper.pretrained
        record["paper_read_at"] = row.paper.read_at
    return record


def _summary_cells(part: str, summary: Summary | None) -> dict[str, Cell]:
    if summary is None:
        return {}
    return {
        f"{part}_mean": summary.mean,
        f"{part}_std": summary.deviation,
        f"{part}_folds": len(summary.folds),
        f"{part}_cases": summary.cases,
        f"{part}_undefined": summary.undefined,
        f"{part}_failed": summary.failed,
    }


def table_markdown(table: Table) -> str:
    """Return the table as Markdown."""
    return "\n".join(_sections(table)) + "\n"


def _sections(table: Table) -> Iterator[str]:
    yield from ("# Finetuning from scratch and pretrained", "", verdict(table), "")
    yield from ("## Dice, mean over the regions", "", *_dice_lines(table), "")
    if table.secondary:
        yield from ("## Other metrics", "", *_other_lines(table, table.secondary), "")
    if table.by_region:
        yield from ("## Dice of each region", "", *_other_lines(table, table.by_region), "")
    if table.missing:
        yield from ("## Missing", "", "`snakemake --cores all table` runs all of it; one by one:", "")
        yield from (f"- {missing_text(one, len(table.plan.folds))}: `{one.command}`" for one in table.missing)
        yield ""
    if states := leakage_states(table):
        yield from ("## Leakage", "", *(f"- **{state}**: {LEAKAGE[state]}" for state in states), "")
    yield from ("## The paper", "", *_paper_lines(table), "")
    yield from ("## How the figures were computed", "", *(f"- {sentence}" for sentence in methods(table)))


def _dice_lines(table: Table) -> Iterator[str]:
    known = bool(table.paper.figures)
    heading = ["Task", "Network", "From scratch", "Pretrained", "Difference [95 %]", "p (Holm)", "Leakage"]
    yield from _header(heading + (["Paper: from scratch", "Paper: pretrained"] if known else []), texts=2)
    for row in table.rows:
        paper = [row.paper.scratch, row.paper.pretrained] if row.paper else [None, None]
        cells = [
            *_common(row, len(table.plan.folds)),
            p_text(row.difference.p_corrected if row.difference else None),
            leakage_of(row),
            *([value_text(value, row.metric) if value is not None else "" for value in paper] if known else []),
        ]
        yield _line(cells)


def _other_lines(table: Table, rows: Sequence[Row]) -> Iterator[str]:
    yield from _header(["Measure", "Task", "Network", "From scratch", "Pretrained", "Difference"], texts=3)
    for row in rows:
        yield _line([row.region or metric_heading(row.metric), *_common(row, len(table.plan.folds))])


def _common(row: Row, folds: int) -> list[str]:
    scratch = _with(spread_text(row.scratch, row.metric), remarks(row.scratch, folds)) if row.scratch_run else NOTHING
    pretrained = (
        _with(spread_text(row.pretrained, row.metric), remarks(row.pretrained, folds))
        if row.pretrained_run
        else NOTHING
    )
    difference = _with(difference_text(row.difference, row.metric), difference_remarks(row.difference))
    return [place_text(row), row.network, scratch, pretrained, difference]


def _with(text: str, notes: Sequence[str]) -> str:
    return f"{text} ({'; '.join(notes)})" if notes else text


def _paper_lines(table: Table) -> Iterator[str]:
    if not table.paper.figures:
        yield f"The paper's figures ({table.paper.citation}) could not be read, so none stand beside ours."
        return
    yield f"{table.paper.citation}. What is blank is not known."
    read_at = dict.fromkeys(figure.read_at for figure in table.paper.figures)
    yield from ("", *(f"- read at {place}" for place in read_at))


def _header(names: Sequence[str], *, texts: int) -> Iterator[str]:
    yield _line(names)
    yield _line(["---"] * texts + ["---:"] * (len(names) - texts))


def _line(cells: Iterable[str]) -> str:
    escaped = (cell.replace("|", "\\|").replace("\n", " ") for cell in cells)
    return f"| {' | '.join(escaped)} |"
