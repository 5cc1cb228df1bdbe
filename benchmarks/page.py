"""Render docs/benchmarks.md from the results, and the tables of results that other pages show.

    python benchmarks/page.py

A page shows a benchmark's first table between the lines ``<!-- table NAME 0 -->`` and ``<!-- end -->``.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from common import PAGE, RESULTS, Cell

_MARKED = re.compile(
    r"(?P<begin><!-- table (?P<benchmark>\w+) (?P<number>\d+) -->\n).*?(?P<end><!-- end -->)", re.DOTALL
)
_ORDER = ("preprocessing", "storage", "fidelity", "scaling", "workers", "feeding", "augmentation", "networks")
_HEAD = """\
# Benchmarks

Rendered by `benchmarks/page.py` from `benchmarks/results/`; do not edit by hand. `./bench` runs everything again,
`./bench NAME` one benchmark, `./bench --quick` a short try that keeps nothing; see
[benchmarks/README.md](../benchmarks/README.md).

Peers are measured in turns with ours, in the same run, in an environment of their own, with one thread per library.
Seconds are CPU seconds of the process unless a table says otherwise, and medians over repetitions. Other machines
give other seconds; the ratios are what to compare.
"""


def render(results: Iterable[Mapping[str, Any]]) -> str:
    """Return the page: one section a benchmark."""
    return "\n".join([_HEAD, *(_section(result) for result in sorted(results, key=_rank))])


def fill(page: str, results: Iterable[Mapping[str, Any]]) -> str:
    """Return a page with the marked tables as the results have them; a table that no result has stays."""
    tables = {(found["benchmark"], str(n)): table for found in results for n, table in enumerate(found["tables"])}

    def put(marked: re.Match[str]) -> str:
        table = tables.get((marked["benchmark"], marked["number"]))
        return marked[0] if table is None else f"{marked['begin']}\n{_lines(table)}\n\n{marked['end']}"

    return _MARKED.sub(put, page)


def write_pages(folder: Path) -> None:
    """Render the page of all results of a folder, and fill the marked tables of the other pages beside it."""
    results = read_results(folder)
    PAGE.write_text(render(results), encoding="utf-8")
    for path in PAGE.parent.glob("*.md"):
        text = path.read_text(encoding="utf-8")
        filled = fill(text, results)
        if filled != text:
            path.write_text(filled, encoding="utf-8")


def read_results(folder: Path) -> list[dict[str, Any]]:
    """Read all results of a folder."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]


def _rank(result: Mapping[str, Any]) -> tuple[int, str]:
    name = result["benchmark"]
    return (_ORDER.index(name) if name in _ORDER else len(_ORDER), name)


def _section(result: Mapping[str, Any]) -> str:
    machine = result["machine"]
    place = f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']:g} GiB, {machine['system']}"
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    parts = [
        f"## {result['title']}",
        f"`{result['command']}`, {result['date']}, {place}, Python {machine['python']}.",
        result["text"].strip(),
        *(_table(table) for table in result["tables"]),
        f"Versions: {versions}." if versions else "",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(table: Mapping[str, Any]) -> str:
    return f"### {table['title']}\n\n{_lines(table)}" if table["title"] else _lines(table)


def _lines(table: Mapping[str, Any]) -> str:
    rows = table["rows"]
    numeric = [any(_is_number(row[column]) for row in rows) for column in range(len(table["columns"]))]
    lines = [table["columns"], ["---:" if right else "---" for right in numeric]]
    return "\n".join(map(_line, [*lines, *([_text(cell) for cell in row] for row in rows)]))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, int | float)


def _text(cell: Cell) -> str:
    """Write a number with three digits, a large or whole one with all before the point."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int) or abs(cell) >= 100:  # noqa: PLR2004 - three digits
        return f"{cell:,.0f}"
    return f"{cell:#.3g}".rstrip(".")


if __name__ == "__main__":
    write_pages(RESULTS)
