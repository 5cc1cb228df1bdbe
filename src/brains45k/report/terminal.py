"""What the terminal says: what the survey found, what became of a source, and what a manifest holds."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from brains45k.codes import Code
from brains45k.corpus.manifest import MANIFEST, Status
from brains45k.corpus.survey import State, Surveyed
from brains45k.errors import DataError
from brains45k.report.numbers_corpus import read_numbers
from brains45k.report.numbers_data import as_data
from brains45k.report.numbers_model import CorpusNumbers, SourceNumbers
from brains45k.report.numbers_source import source_numbers
from brains45k.report.terminal_tables import clean_took, corpus_tables, remarks_of, source_tables

_STATE_STYLE = {
    State.FOUND: "green",
    State.TO_BE_WRITTEN: "cyan",
    State.MISSING: "red",
    State.WRONG_ROOT: "yellow",
    State.NOTHING_SELECTED: "yellow",
}
# Where a run leaves its times, beside the folder of the manifests.
_LOGS = Path("logs/write_shard")


def survey_table(surveyed: Sequence[Surveyed]) -> Table:
    """Return the table that a run begins with: each source, where it was found, or how to get it."""
    table = Table(title="Sources", title_justify="left")
    for name, justify in (("source", "left"), ("state", "left"), ("files", "right"), ("selected", "right")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    table.add_column("root", overflow="fold")
    table.add_column("layouts, or what to do", overflow="fold")
    for source in surveyed:
        state = f"[{_STATE_STYLE[source.state]}]{source.state.value}[/]"
        counts = (f"{source.candidates:,}", f"{source.selected:,}") if source.state is State.FOUND else ("", "")
        table.add_row(source.name, state, *counts, escape(str(source.root)), escape(source.note))
    return table


def summary_lines(
    name: str,
    rows: Sequence[Mapping[str, Any]],
    *,
    expected: Mapping[str, Any] | None = None,
    seconds_per_volume: float | None = None,
) -> list[str]:
    """Say in a few lines what became of a source."""
    table = pa.Table.from_pylist(list(rows), schema=MANIFEST).to_pandas()
    metadata = {"expected": json.dumps(expected)} if expected else {}
    numbers = source_numbers(table, metadata, name=name, seconds_per_volume=seconds_per_volume)
    lines = [_sum_line(numbers)]
    if numbers.expected.volumes:
        wanted = f"expected {numbers.expected.volumes:,} ({numbers.expected.basis})"
        lines.append(f"  the reference selection took {numbers.expected.took_volumes:,} volumes, {wanted}")
    lines += [f"  {each.count:6,}  {each.code.value:<18} {each.sentence}" for each in numbers.reasons]
    lines += [f"  {each.count:6,}  {each.code.value:<18} kept: {each.sentence}" for each in remarks_of(numbers)]
    if numbers.unknown_series:
        names = ", ".join(f"{unknown.series} ({unknown.count:,})" for unknown in numbers.unknown_series)
        lines.append(f"  series names that say nothing known of their contrast: {names}")
    return lines


def case_lines(task: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say in a few lines what became of a task's cases."""
    counts = Counter(row["status"] for row in rows)
    parts = Counter(row["part"] for row in rows if row["status"] == Status.KEPT)
    line = f"{task}: found {len(rows):,} cases = kept {counts[Status.KEPT]:,} + excluded {counts[Status.EXCLUDED]:,}"
    line += f"; {parts['pool']:,} to train on, {parts['test']:,} to test on"
    left_out = Counter(Code(row["reason"]) for row in rows if row["reason"])
    return [line, *(f"  {count:6,}  {code.value:<18} {code.sentence}" for code, count in left_out.most_common())]


def inspect_tables(manifest: Path, source: str | None = None) -> list[Table]:
    """Return the tables that say what a manifest holds: of all sources in short, or of one in full.

    Raises
    ------
    DataError
        If the manifest cannot be read, or has no such source.
    """
    numbers = _read(manifest)
    return corpus_tables(numbers) if source is None else source_tables(_source(numbers, source, manifest))


def inspect_numbers(manifest: Path, source: str | None = None) -> dict[str, dict[str, Any]]:
    """Return the same numbers as plain data, by source.

    They are those of :class:`brains45k.report.numbers_model.SourceNumbers` but for the positions of rows, and besides,
    as they are asked for most: the accounts, what each selection takes, and the counts of reasons and remarks by code.

    Raises
    ------
    DataError
        If the manifest cannot be read, or has no such source.
    """
    numbers = _read(manifest)
    asked = numbers.sources if source is None else {source: _source(numbers, source, manifest)}
    return {name: _as_data(each) for name, each in asked.items()}


def console() -> Console:
    """Return a console on standard error: standard output is for results. Wide where nobody sees the edge."""
    plain = Console(stderr=True)
    return plain if plain.is_terminal else Console(stderr=True, width=160)


def _read(manifest: Path) -> CorpusNumbers:
    return read_numbers(manifest, logs=manifest.parent.parent / _LOGS)


def _source(numbers: CorpusNumbers, source: str, manifest: Path) -> SourceNumbers:
    if source not in numbers.sources:
        msg = f"{manifest}: no source {source!r}; it holds {', '.join(numbers.sources)}."
        raise DataError(msg)
    return numbers.sources[source]


def _sum_line(numbers: SourceNumbers) -> str:
    accounts = numbers.accounts
    line = f"{numbers.name}: found {accounts.found:,} = kept {accounts.kept:,} + excluded {accounts.excluded:,}"
    line += f" + duplicate {accounts.duplicate:,}"
    timed = numbers.seconds_per_volume
    return line if timed is None else f"{line}; {timed:.2f} s per volume read"


def _as_data(numbers: SourceNumbers) -> dict[str, Any]:
    data = as_data(numbers)
    selected = {"reference_selected": numbers.expected.took_volumes, "clean_selected": clean_took(numbers)}
    reasons = {reason.code.value: reason.count for reason in numbers.reasons}
    remarks = {remark.code.value: remark.count for remark in remarks_of(numbers)}
    return {**data.pop("accounts"), **selected, **data, "reasons": reasons, "remarks": remarks}
