"""What the terminal says: sums that add up, reasons with their sentences, and nothing lost in a table."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console
from rich.table import Table
from support.manifest_rows import frame, row
from support.small_corpus import SmallCorpus

from brains45k.codes import Code
from brains45k.corpus.manifest import MANIFEST, write_table
from brains45k.corpus.survey import State, Surveyed
from brains45k.errors import DataError
from brains45k.report import terminal_tables
from brains45k.report.numbers import ExpectedCorpus, SourceNumbers, read_numbers, source_numbers
from brains45k.report.terminal import (
    case_lines,
    console,
    inspect_numbers,
    inspect_tables,
    summary_lines,
    survey_table,
)


def text_of(*tables: Table, width: int = 200) -> str:
    out = io.StringIO()
    Console(file=out, width=width).print(*tables)
    return out.getvalue()


def cells(table: Table) -> dict[str, list[str]]:
    """Return a table's rows by their first cell."""
    columns = [list(column.cells) for column in table.columns]
    return {str(first): [str(cell) for cell in rest] for first, *rest in zip(*columns, strict=True)}


def lost(number: int, reason: str, *, status: str = "excluded", **values: Any) -> dict[str, Any]:
    return row(number, status=status, reason=reason, reference_selected=status != "excluded", **values)


ROWS = [
    row(0),
    row(1),
    lost(2, "E_NAN"),
    lost(3, "S_LABEL"),
    lost(4, "S_LABEL"),
    lost(5, "E_DUP_FILE", status="duplicate", detail="of tiny_0"),
]


def numbers_of(*rows: dict[str, Any], **metadata: str) -> SourceNumbers:
    return source_numbers(frame(rows), metadata)


def test_a_summary_says_what_became_of_a_source() -> None:
    expected = {"volumes": 3752, "subjects": 938, "basis": "published"}
    assert summary_lines("tiny", ROWS, expected=expected, seconds_per_volume=1.234) == [
        "tiny: found 6 = kept 2 + excluded 3 + duplicate 1; 1.23 s per volume read",
        "  the reference selection took 3 volumes, expected 3,752 (published)",
        f"       2  S_LABEL            {Code.S_LABEL.sentence}",
        f"       1  E_DUP_FILE         {Code.E_DUP_FILE.sentence}",
        f"       1  E_NAN              {Code.E_NAN.sentence}",
    ]


@pytest.mark.parametrize("expected", [None, {"volumes": None, "subjects": None, "basis": "unknown"}])
def test_a_summary_without_expectation_makes_no_comparison(expected: dict[str, Any] | None) -> None:
    assert summary_lines("tiny", [row()], expected=expected) == ["tiny: found 1 = kept 1 + excluded 0 + duplicate 0"]


def test_a_summary_names_remarks_and_unknown_series() -> None:
    unknown = {"series": "PPMI_2.0", "series_kind": "unknown"}
    lines = summary_lines("ppmi", [row(0, repairs=["R_NAN"], **unknown), lost(1, "S_UNKNOWN_SERIES", **unknown)])
    assert f"       1  R_NAN              kept: {Code.R_NAN.sentence}" in lines
    assert lines[-1] == "  series names that say nothing known of their contrast: PPMI_2.0 (2)"


def test_a_summary_of_nothing() -> None:
    assert summary_lines("tiny", []) == ["tiny: found 0 = kept 0 + excluded 0 + duplicate 0"]


def test_the_cases_of_a_task() -> None:
    cases = [{"status": "kept", "reason": None, "part": part} for part in ("pool", "pool", "test")]
    cases.append({"status": "excluded", "reason": "E_LABEL_MISSING", "part": None})
    assert case_lines("wmh", cases) == [
        "wmh: found 4 cases = kept 3 + excluded 1; 2 to train on, 1 to test on",
        f"       1  E_LABEL_MISSING    {Code.E_LABEL_MISSING.sentence}",
    ]


def test_the_numbers_of_a_corpus_add_up(corpus: SmallCorpus) -> None:
    numbers = inspect_numbers(corpus.manifest)
    assert list(numbers) == ["frames", "tiny"]
    for found in numbers.values():
        assert found["found"] == found["kept"] + found["excluded"] + found["duplicate"]
        assert sum(found["reasons"].values()) == found["excluded"] + found["duplicate"]
        assert sum(step["lost"] for step in found["funnel"]) == found["excluded"] + found["duplicate"]


def test_the_numbers_that_are_asked_for_most(corpus: SmallCorpus) -> None:
    numbers = inspect_numbers(corpus.manifest)["tiny"]
    names = ("found", "kept", "excluded", "duplicate", "reference_selected", "clean_selected", "reasons", "remarks")
    assert {name: numbers[name] for name in names} == {
        "found": 12, "kept": 4, "excluded": 5, "duplicate": 3, "reference_selected": 7, "clean_selected": 5,
        "reasons": {
            "E_DUP_VOXEL": 2, "S_LAYOUT": 1, "S_HIDDEN": 1, "S_LABEL": 1, "E_GZ_TRUNC": 1, "E_EMPTY": 1,
            "E_DUP_FILE": 1,
        },
        "remarks": {"F_NEGATIVE": 1},
    }  # fmt: skip
    assert (numbers["expected"]["volumes"], numbers["unknown_series"]) == (7, [])
    assert json.loads(json.dumps(numbers, allow_nan=False)) == numbers


def test_the_numbers_of_one_source(corpus: SmallCorpus) -> None:
    assert inspect_numbers(corpus.manifest, "frames") == {"frames": inspect_numbers(corpus.manifest)["frames"]}


def test_times_are_read_from_the_logs_beside_the_manifests(copied: SmallCorpus) -> None:
    log = copied.workdir / "logs/write_shard/tiny-0000.log"
    log.parent.mkdir(parents=True)
    log.write_text("tiny_1\t1.0 s\tkept\ntiny_2\t2.0 s\tkept\n")
    assert inspect_numbers(copied.manifest)["tiny"]["seconds_per_volume"] == 1.5
    assert cells(inspect_tables(copied.manifest)[0])["tiny"][-1] == "1.50"


@pytest.mark.parametrize("inspect", [inspect_tables, inspect_numbers])
def test_an_unknown_source_is_told(corpus: SmallCorpus, inspect: Any) -> None:
    with pytest.raises(DataError, match=r"corpus\.parquet: no source 'tinny'; it holds frames, tiny\."):
        inspect(corpus.manifest, "tinny")


def test_the_table_of_a_corpus(corpus: SmallCorpus) -> None:
    table, *_ = inspect_tables(corpus.manifest)
    found = cells(table)
    assert list(found) == ["frames", "tiny", "all"]
    assert found["tiny"][:4] == ["12", "4", "5", "3"]
    assert found["all"][:5] == ["20", "9", "8", "3", "6"]
    assert int(found["all"][5]) + int(found["all"][6]) == 9
    # A sum of expectations would be a lie where one of them is unknown.
    assert [found[name][8] for name in found] == ["?", "7", "?"]
    assert {found[name][-1] for name in found} == {"?"}


def test_the_funnel_of_a_corpus(corpus: SmallCorpus) -> None:
    _, funnel, *_ = inspect_tables(corpus.manifest)
    numbers = read_numbers(corpus.manifest)
    assert [str(column.header) for column in funnel.columns] == [
        "source", "found", "matched", "selected", "readable", "kept",
    ]  # fmt: skip
    assert cells(funnel)["tiny"] == [str(step.count) for step in numbers.sources["tiny"].funnel]
    assert cells(funnel)["all"] == [str(step.count) for step in numbers.whole.funnel]


def test_the_tables_of_one_source_have_no_sum(corpus: SmallCorpus) -> None:
    tables = inspect_tables(corpus.manifest, "tiny")
    assert list(cells(tables[0])) == list(cells(tables[1])) == ["tiny"]
    text = text_of(*tables)
    assert Code.E_GZ_TRUNC.sentence in text
    assert "What the kept volumes are like" in text
    assert "frames" not in text


def test_what_the_scans_are_like_is_said_in_five_numbers(corpus: SmallCorpus) -> None:
    table = terminal_tables.quantity_table(read_numbers(corpus.manifest).sources["tiny"])
    rows = pd.read_parquet(corpus.manifest).query("source == 'tiny' and status == 'kept'")
    low, middle, high = rows["clip_value"].quantile([0, 0.5, 1])
    unit, count, *five = cells(table)["Intensity above which was clipped"]
    assert (unit, count) == ("as in the file", str(len(rows)))
    assert (five[0], five[2], five[4]) == (f"{low:.4g}", f"{middle:.4g}", f"{high:.4g}")


def test_examples_are_shown_as_they_are(corpus: SmallCorpus) -> None:
    text = text_of(*inspect_tables(corpus.manifest))
    assert "sub-03/sub-03_T1w.nii.gz" in text
    assert "sub-01/._sub-01_T1w.nii.gz" in text


def test_reasons_are_told_in_the_order_of_the_steps() -> None:
    table = terminal_tables.reason_table(numbers_of(*ROWS, lost(6, "S_LAYOUT", layout=None)))
    columns = [[str(cell) for cell in column.cells] for column in table.columns]
    assert columns[0] == ["1", "2", "1", "1"]
    assert columns[1] == ["matched", "selected", "readable", "kept"]
    assert columns[2] == ["S_LAYOUT", "S_LABEL", "E_NAN", "E_DUP_FILE"]


def test_remarks_of_kept_rows_are_counted_repairs_and_flags_together() -> None:
    remarkable: dict[str, Any] = {"repairs": ["R_NAN"], "flags": ["F_NEGATIVE"]}
    numbers = numbers_of(row(0, **remarkable), row(1, flags=["F_NEGATIVE"]), lost(2, "E_NAN", **remarkable))
    table = terminal_tables.remark_table(terminal_tables.remarks_of(numbers))
    assert cells(table) == {"2": ["F_NEGATIVE", Code.F_NEGATIVE.sentence], "1": ["R_NAN", Code.R_NAN.sentence]}


def test_tables_that_have_nothing_to_say_are_left_out() -> None:
    titles = [str(table.title) for table in terminal_tables.source_tables(numbers_of(row(0)))]
    assert titles == ["Corpus", "From found to kept", "Sequences", "What the kept volumes are like"]


def test_a_corpus_of_no_source_has_its_tables(tmp_path: Path) -> None:
    manifest = tmp_path / "corpus.parquet"
    write_table([], MANIFEST, manifest)
    assert [table.row_count for table in inspect_tables(manifest)] == [0, 0, 0]


def test_what_a_person_has_to_look_at_has_a_table_each() -> None:
    rows = [row(n, field_strength_t=1.494, series="x[1]", series_kind="unknown") for n in range(9)]
    rows[8] |= {"foreground_fraction": 0.99, "flags": ["F_UNITS"]}
    numbers = replace(numbers_of(*rows, lost(9, "E_NAN")), warnings=("a[1].csv: no subject",))
    tables = {str(table.title): table for table in terminal_tables.source_tables(numbers)}
    assert list(tables)[2:] == [
        "Sequences", "Not kept", "Kept with a remark", "Series of unknown contrast", "Tables of the download",
        "Scanners", "What the kept volumes are like", "Outliers: 1 of 9 volumes that were compared",
    ]  # fmt: skip
    assert cells(tables["Scanners"])["field strength"] == ["1.5 T", "9"]
    text = text_of(*tables.values())
    assert "x[1]" in text
    assert "a[1].csv: no subject" in text
    score, volume, quantity, value, median = (next(iter(column.cells)) for column in [*tables.values()][-1].columns)
    assert (volume, quantity, value, median) == (
        "tiny_8", "Share of stored voxels that are foreground", "0.99", "0.5",
    )  # fmt: skip
    assert float(str(score)) > 3.5


def test_images_that_lie_in_two_sources_are_listed_with_both_names(corpus: SmallCorpus) -> None:
    twins = [row for row in corpus.rows().values() if row["source"] == "tiny" and "of frames_" in (row["detail"] or "")]
    table = inspect_tables(corpus.manifest)[-1]
    example = f"{twins[0]['volume_id']} is {twins[0]['detail'].removeprefix('of ')}"
    assert cells(table) == {str(len(twins)): ["tiny", "frames", example]}


def test_the_table_against_the_paper() -> None:
    expected = ExpectedCorpus(
        paper_volumes=44_756, derived_volumes=1064, derived_sources=("msd",), remainder_volumes=None,
        remainder_sources=("adni", "ppmi"), took_volumes=42, took_derived_volumes=12, took_remainder_volumes=30,
        absent_sources=("wmh",), other_sources=(),
    )  # fmt: skip
    assert cells(terminal_tables.paper_table(expected)) == {
        "msd": ["one by one", "1,064", "12"],
        "adni, ppmi": ["what that leaves of the paper's", "?", "30"],
        "all nine": ["the paper", "44,756", "42"],
        "wmh": ["not in this corpus", "", ""],
    }


def surveyed(state: State, *, note: str = "a note", root: str = "data/sources/tiny") -> Surveyed:
    return Surveyed("tiny", Path(root), state, 1234, 56, note)


def test_the_survey_counts_what_was_found() -> None:
    assert cells(survey_table([surveyed(State.FOUND)])) == {
        "tiny": ["[green]found[/]", "1,234", "56", "data/sources/tiny", "a note"]
    }


@pytest.mark.parametrize("state", [State.MISSING, State.WRONG_ROOT, State.TO_BE_WRITTEN])
def test_the_survey_counts_nothing_else(state: State) -> None:
    text = text_of(survey_table([surveyed(state)]))
    assert state.value in text
    assert "1,234" not in text


def test_brackets_in_names_are_no_markup() -> None:
    text = text_of(survey_table([surveyed(State.MISSING, note="get [red]it", root="data/[1]")]))
    assert "get [red]it" in text
    assert "data/[1]" in text


def test_a_narrow_terminal_loses_no_word() -> None:
    note = "account: " + " ".join(f"word{number}" for number in range(30))
    text = text_of(survey_table([surveyed(State.MISSING, note=note)]), width=80)
    assert all(f"word{number}" in text for number in range(30))


def test_the_console_is_wide_where_nobody_sees_the_edge(capsys: pytest.CaptureFixture[str]) -> None:
    assert console().width == 160
    console().print("here")
    assert capsys.readouterr().err == "here\n"
