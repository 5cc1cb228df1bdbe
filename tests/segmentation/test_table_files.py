"""The three files say what the table holds, are the same bytes each time, and stay untouched without a change."""

import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

from support.score_rows import RUNS, frame, plan, score_rows

from brains45k.segmentation.paper import Paper, PaperFigure
from brains45k.segmentation.table import Table, build_table
from brains45k.segmentation.table_files import COLUMNS, table_csv, table_markdown, write_table_files

FIGURE = PaperFigure(task="lesions", group="all", network="unet_b", pretrained=0.5, read_at="page 9")
SCORES = score_rows()


@pytest.fixture(scope="module")
def table() -> Table:
    return build_table(frame(SCORES), plan(), Paper("Somebody, 2024"))


def records(table: Table) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table_csv(table))))


def test_all_three_are_written_once(table: Table, tmp_path: Path) -> None:
    names = ["table.csv", "table.md", "table.html"]
    assert [path.name for path in write_table_files(table, tmp_path / "results")] == names
    times = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "results").iterdir()}
    assert sorted(times) == sorted(names)
    mixed = frame(SCORES).sample(frac=1, random_state=3, ignore_index=True)
    assert write_table_files(build_table(mixed, plan(), Paper("Somebody, 2024")), tmp_path / "results") == []
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "results").iterdir()} == times


def test_a_change_rewrites_all_that_show_it(table: Table, tmp_path: Path) -> None:
    write_table_files(table, tmp_path)
    changed: list[dict[str, Any]] = [dict(row) for row in SCORES]
    changed[0]["dice"] = 0.0
    written = write_table_files(build_table(frame(changed), plan(), Paper("Somebody, 2024")), tmp_path)
    assert [path.name for path in written] == ["table.csv", "table.md", "table.html"]


def test_csv_holds_every_row_with_its_figures(table: Table) -> None:
    found = records(table)
    assert len(found) == len(table.rows) + len(table.secondary) + len(table.by_region)
    assert tuple(found[0]) == COLUMNS
    row, first = table.rows[0], found[0]
    assert row.scratch is not None
    assert row.pretrained is not None
    assert row.difference is not None
    assert float(first["scratch_mean"]) == pytest.approx(row.scratch.mean, rel=1e-5)
    assert float(first["pretrained_std"]) == pytest.approx(row.pretrained.deviation, rel=1e-5)
    for column in ("mean", "low", "high", "p", "p_corrected"):
        assert float(first[f"difference_{column}"]) == pytest.approx(getattr(row.difference, column), rel=1e-5)
    assert (first["scratch_run"], first["pretrained_run"], first["pretrained_from"]) == (
        "unet_b",
        "unet_b_amaes",
        "amaes_b",
    )
    assert (first["metric"], first["region"], first["leakage"]) == ("dice", "all", "none")
    assert {record["metric"] for record in found} >= {"absolute_volume_difference_ml", "hd95_mm"}


def test_csv_leaves_empty_what_is_not_there() -> None:
    found = records(build_table(frame([]), plan(), Paper("Somebody")))
    assert {record["scratch_mean"] + record["difference_mean"] + record["leakage"] for record in found} == {""}


def test_markdown_shows_each_comparison(table: Table) -> None:
    text = table_markdown(table)
    difference = table.rows[0].difference
    assert difference is not None
    line = next(line for line in text.splitlines() if line.startswith("| lesions | unet_b |"))
    assert f"{difference.mean:+.3f} [{difference.low:+.3f}, {difference.high:+.3f}]" in line
    assert "could not be read, so none stand beside ours" in text
    assert "## Missing" not in text
    cells = {line.count("|") for line in text.splitlines() if line.startswith(("| lesions", "| Task"))}
    assert len(cells) == 1


def test_markdown_says_what_is_missing_failed_and_leaking() -> None:
    rows = [dict(row) for row in score_rows(leakage="allowed") if row["run"] != "swin_unetr"]
    for row in rows[:2]:
        row.update(dict.fromkeys(("dice", "truth_voxels")))
    text = table_markdown(build_table(frame(rows), plan(), Paper("Somebody")))
    assert "(1 case failed)" in text
    assert "- **allowed**: test cases are in the corpus" in text
    assert "- lesions, swin_unetr: all folds: `snakemake --cores all models/finetune/lesions/swin_unetr/fold-0" in text


def test_the_papers_figures_have_columns_once_one_is_known(table: Table) -> None:
    known = replace(table, paper=Paper("Somebody", (FIGURE,)), rows=(replace(table.rows[0], paper=FIGURE),))
    text = table_markdown(known)
    assert "| Paper: from scratch | Paper: pretrained |" in text
    assert "|  | 0.500 |" in text
    assert "- read at page 9" in text
    assert records(known)[0]["paper_pretrained"] == "0.5"


def test_a_name_with_a_bar_breaks_no_table(table: Table) -> None:
    odd = replace(RUNS[0], network="a|b")
    changed = replace(table, rows=(replace(table.rows[0], network=odd.network),))
    assert "| a\\|b |" in table_markdown(changed)
