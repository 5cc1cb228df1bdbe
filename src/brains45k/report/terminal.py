"""Tables in the terminal: what the survey found, and what a manifest says."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from brains45k.codes import Code
from brains45k.corpus.manifest import Status, read_manifest, read_metadata
from brains45k.corpus.survey import State, Surveyed
from brains45k.errors import DataError
from brains45k.sources.series import Kind

_STATE_STYLE = {
    State.FOUND: "green",
    State.TO_BE_WRITTEN: "cyan",
    State.MISSING: "red",
    State.WRONG_ROOT: "yellow",
    State.NOTHING_SELECTED: "yellow",
}


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


def funnel(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Count rows by what became of them: found = kept + excluded + duplicate."""
    counts = Counter(row["status"] for row in rows)
    return {"found": len(rows)} | {status.value: counts[status] for status in Status}


def reasons(rows: Iterable[Mapping[str, Any]]) -> list[tuple[Code, int, str]]:
    """List the reasons of rows that are not kept: code, count, and one path as an example; most frequent first."""
    counts: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for row in rows:
        if row["reason"]:
            counts[row["reason"]] += 1
            examples.setdefault(row["reason"], row["source_path"])
    return [(Code(code), count, examples[code]) for code, count in counts.most_common()]


def summary_lines(
    name: str,
    rows: Sequence[Mapping[str, Any]],
    *,
    expected: Mapping[str, Any] | None = None,
    seconds_per_volume: float | None = None,
) -> list[str]:
    """Say in a few lines what became of a source."""
    counts = funnel(rows)
    selected = sum(row["reference_selected"] for row in rows)
    line = f"{name}: found {counts['found']:,} = kept {counts['kept']:,} + excluded {counts['excluded']:,}"
    line += f" + duplicate {counts['duplicate']:,}"
    if seconds_per_volume is not None:
        line += f"; {seconds_per_volume:.2f} s per volume read"
    lines = [line]
    if expected and expected["volumes"]:
        wanted = f"expected {expected['volumes']:,} ({expected['basis']})"
        lines.append(f"  the reference selection took {selected:,} volumes, {wanted}")
    lines += [f"  {count:6,}  {code.value:<18} {code.sentence}" for code, count, _ in reasons(rows)]
    lines += [f"  {count:6,}  {code.value:<18} kept: {code.sentence}" for code, count in remarks(rows)]
    unknown = unknown_series(rows)
    if unknown:
        names = ", ".join(f"{series} ({count:,})" for series, count in unknown)
        lines.append(f"  series names that say nothing known of their contrast: {names}")
    return lines


def case_lines(task: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say in a few lines what became of a task's cases."""
    counts = funnel(rows)
    parts = Counter(row["part"] for row in rows if row["status"] == Status.KEPT)
    line = f"{task}: found {counts['found']:,} cases = kept {counts['kept']:,} + excluded {counts['excluded']:,}"
    line += f"; {parts['pool']:,} to train on, {parts['test']:,} to test on"
    left_out = Counter(Code(row["reason"]) for row in rows if row["reason"])
    return [line, *(f"  {count:6,}  {code.value:<18} {code.sentence}" for code, count in left_out.most_common())]


def remarks(rows: Iterable[Mapping[str, Any]]) -> list[tuple[Code, int]]:
    """List the repairs and flags of rows that are kept, and how often each occurs; most frequent first."""
    kept = (row for row in rows if row["status"] == Status.KEPT)
    counts = Counter(code for row in kept for code in [*(row["repairs"] or []), *(row["flags"] or [])])
    return [(Code(code), count) for code, count in counts.most_common()]


def remark_table(rows: Iterable[Mapping[str, Any]]) -> Table:
    """Return the table of what was mended or is remarkable in volumes that are kept."""
    table = Table(title="Kept with a remark", title_justify="left")
    table.add_column("count", justify="right")
    for name in ("remark", "meaning"):
        table.add_column(name, overflow="fold")
    for code, count in remarks(rows):
        table.add_row(f"{count:,}", code.value, code.sentence)
    return table


def unknown_series(rows: Iterable[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """List the series names of images that the table does not know, and how often each occurs: nothing is guessed."""
    counts = Counter(
        row["series"] for row in rows if row["series"] and row["layout"] and row["series_kind"] == Kind.UNKNOWN
    )
    return counts.most_common()


def unknown_table(rows: Iterable[Mapping[str, Any]]) -> Table:
    """Return the table of series names that a person has to decide on."""
    table = Table(title="Series names that say nothing known of their contrast", title_justify="left")
    table.add_column("count", justify="right")
    table.add_column("series", overflow="fold")
    for series, count in unknown_series(rows):
        table.add_row(f"{count:,}", escape(series))
    return table


def manifest_table(groups: Mapping[str, Sequence[Mapping[str, Any]]], expected: Mapping[str, int | None]) -> Table:
    """Return the table of ``brains45k inspect``: one line per source, and the sum."""
    table = Table(title="Corpus", title_justify="left")
    columns = (
        "source",
        "found",
        "kept",
        "excluded",
        "duplicate",
        "subjects",
        "train",
        "val",
        "reference took",
        "expected",
        "clean would take",
    )
    for name in columns:
        table.add_column(name, justify="left" if name == "source" else "right")
    for name, rows in groups.items():
        table.add_row(*_manifest_cells(name, rows, expected.get(name)))
    if len(groups) > 1:
        table.add_section()
        everything = [row for rows in groups.values() for row in rows]
        known = [value for value in expected.values() if value]
        complete = len(known) == len(groups)
        table.add_row(*_manifest_cells("all", everything, sum(known) if complete else None))
    return table


def inspect_tables(manifest: Path, source: str | None = None) -> list[Table]:
    """Return the tables that say what a manifest holds, of one source or of all.

    Raises
    ------
    DataError
        If the manifest cannot be read, or has no such source.
    """
    groups = rows_by_source(manifest, source)
    expected = {name: expected_volumes(manifest.with_name(f"{name}.parquet")) for name in groups}
    everything = [row for group in groups.values() for row in group]
    tables = [manifest_table(groups, expected), reason_table(everything), remark_table(everything)]
    return [*tables, unknown_table(everything)] if unknown_series(everything) else tables


def inspect_numbers(manifest: Path, source: str | None = None) -> dict[str, dict[str, Any]]:
    """Return the same numbers as plain data, by source.

    Raises
    ------
    DataError
        If the manifest cannot be read, or has no such source.
    """
    return {
        name: {
            **funnel(rows),
            "reference_selected": sum(row["reference_selected"] for row in rows),
            "clean_selected": sum(row["clean_selected"] for row in rows),
            "expected": expected_volumes(manifest.with_name(f"{name}.parquet")),
            "reasons": {code.value: count for code, count, _ in reasons(rows)},
            "remarks": {code.value: count for code, count in remarks(rows)},
            "unknown_series": dict(unknown_series(rows)),
        }
        for name, rows in rows_by_source(manifest, source).items()
    }


def rows_by_source(manifest: Path, source: str | None) -> dict[str, list[dict[str, Any]]]:
    """Read a manifest's rows, of one source or of all, in the order of the sources.

    Raises
    ------
    DataError
        If the manifest cannot be read, or has no such source.
    """
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in read_manifest(manifest).to_pylist():
        groups.setdefault(row["source"], []).append(row)
    if source is None:
        return groups
    if source not in groups:
        msg = f"{manifest}: no source {source!r}; it holds {', '.join(groups)}."
        raise DataError(msg)
    return {source: groups[source]}


def expected_volumes(manifest: Path) -> int | None:
    """Return the number of volumes that a source's manifest says the reference selection should take."""
    if not manifest.is_file():
        return None
    expected = json.loads(read_metadata(manifest).get("expected", "{}"))
    volumes = expected.get("volumes")
    return int(volumes) if volumes else None


def reason_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return the table of why rows are not kept."""
    table = Table(title="Not kept", title_justify="left")
    table.add_column("count", justify="right")
    for name in ("reason", "meaning", "example"):
        table.add_column(name, overflow="fold")
    for code, count, example in reasons(rows):
        table.add_row(f"{count:,}", code.value, code.sentence, escape(example))
    return table


def console() -> Console:
    """Return a console on standard error: standard output is for results. Wide where nobody sees the edge."""
    plain = Console(stderr=True)
    return plain if plain.is_terminal else Console(stderr=True, width=160)


def _manifest_cells(name: str, rows: Sequence[Mapping[str, Any]], expected: int | None) -> list[str]:
    counts = funnel(rows)
    kept = [row for row in rows if row["status"] == Status.KEPT]
    splits = Counter(row["split"] for row in kept)
    numbers = [
        *counts.values(),
        len({(row["source"], row["subject"]) for row in kept}),
        splits["train"],
        splits["val"],
        sum(row["reference_selected"] for row in rows),
    ]
    clean = sum(row["clean_selected"] for row in rows)
    return [name, *(f"{number:,}" for number in numbers), f"{expected:,}" if expected else "?", f"{clean:,}"]
