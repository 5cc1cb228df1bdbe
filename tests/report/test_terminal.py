"""What the terminal says: sums that add up, reasons with their sentences, and nothing lost in a table."""

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table
from support.small_corpus import SmallCorpus

from brains45k.codes import Code
from brains45k.corpus.survey import State, Surveyed
from brains45k.errors import DataError
from brains45k.report.terminal import (
    console,
    expected_volumes,
    funnel,
    inspect_numbers,
    inspect_tables,
    reasons,
    remark_table,
    remarks,
    rows_by_source,
    summary_lines,
    survey_table,
    unknown_series,
    unknown_table,
)


def text_of(table: Table, *, width: int = 200) -> str:
    out = io.StringIO()
    Console(file=out, width=width).print(table)
    return out.getvalue()


def cells(table: Table) -> dict[str, list[str]]:
    """Return a table's rows by their first cell."""
    columns = [list(column.cells) for column in table.columns]
    return {str(first): [str(cell) for cell in rest] for first, *rest in zip(*columns, strict=True)}


def row(status: str, reason: str | None = None, path: str = "a.nii") -> dict[str, Any]:
    series: dict[str, Any] = {"repairs": None, "flags": [], "series": "MPRAGE", "series_kind": "image", "layout": "ida"}
    verdict = {"status": status, "reason": reason, "reference_selected": status != "excluded"}
    return {"source_path": path, **series, **verdict}


ROWS = [
    row("kept"),
    row("kept"),
    row("excluded", "E_NAN", "b.nii"),
    row("excluded", "S_LABEL", "c.nii"),
    row("excluded", "S_LABEL", "d.nii"),
    row("duplicate", "E_DUP_FILE", "e.nii"),
]


def test_a_funnel_adds_up() -> None:
    assert funnel(ROWS) == {"found": 6, "kept": 2, "excluded": 3, "duplicate": 1}
    assert funnel([]) == {"found": 0, "kept": 0, "excluded": 0, "duplicate": 0}


def test_reasons_come_with_count_and_first_example_most_frequent_first() -> None:
    assert reasons(ROWS) == [(Code.S_LABEL, 2, "c.nii"), (Code.E_NAN, 1, "b.nii"), (Code.E_DUP_FILE, 1, "e.nii")]


def test_a_summary_says_what_became_of_a_source() -> None:
    expected = {"volumes": 3752, "subjects": 938, "basis": "published"}
    assert summary_lines("tiny", ROWS, expected=expected, seconds_per_volume=1.234) == [
        "tiny: found 6 = kept 2 + excluded 3 + duplicate 1; 1.23 s per volume read",
        "  the reference selection took 3 volumes, expected 3,752 (published)",
        f"       2  S_LABEL            {Code.S_LABEL.sentence}",
        f"       1  E_NAN              {Code.E_NAN.sentence}",
        f"       1  E_DUP_FILE         {Code.E_DUP_FILE.sentence}",
    ]


@pytest.mark.parametrize("expected", [None, {"volumes": None, "subjects": None, "basis": "unknown"}])
def test_a_summary_without_expectation_makes_no_comparison(expected: dict[str, Any] | None) -> None:
    assert summary_lines("tiny", [row("kept")], expected=expected) == [
        "tiny: found 1 = kept 1 + excluded 0 + duplicate 0"
    ]


def test_the_numbers_of_a_corpus_add_up(corpus: SmallCorpus) -> None:
    numbers = inspect_numbers(corpus.manifest)
    assert list(numbers) == ["frames", "tiny"]
    for found in numbers.values():
        assert found["found"] == found["kept"] + found["excluded"] + found["duplicate"]
        assert sum(found["reasons"].values()) == found["excluded"] + found["duplicate"]
    assert numbers["tiny"] == {
        "found": 12, "kept": 4, "excluded": 5, "duplicate": 3, "reference_selected": 7, "clean_selected": 5,
        "expected": 7,
        "reasons": {
            "E_DUP_VOXEL": 2, "S_LAYOUT": 1, "S_HIDDEN": 1, "S_LABEL": 1, "E_GZ_TRUNC": 1, "E_EMPTY": 1,
            "E_DUP_FILE": 1,
        },
        "remarks": {"F_NEGATIVE": 1}, "unknown_series": {},
    }  # fmt: skip


def test_the_numbers_of_one_source(corpus: SmallCorpus) -> None:
    assert inspect_numbers(corpus.manifest, "frames") == {"frames": inspect_numbers(corpus.manifest)["frames"]}


def test_an_unknown_source_is_told(corpus: SmallCorpus) -> None:
    with pytest.raises(DataError, match=r"corpus\.parquet: no source 'tinny'; it holds frames, tiny\."):
        rows_by_source(corpus.manifest, "tinny")


def test_expected_volumes_stand_in_the_sources_manifest(corpus: SmallCorpus, tmp_path: Path) -> None:
    assert expected_volumes(corpus.workdir / "manifests/tiny.parquet") == 7
    assert expected_volumes(corpus.workdir / "manifests/frames.parquet") is None
    assert expected_volumes(tmp_path / "none.parquet") is None


def test_the_table_of_a_corpus(corpus: SmallCorpus) -> None:
    table, _, _ = inspect_tables(corpus.manifest)
    found = cells(table)
    assert list(found) == ["frames", "tiny", "all"]
    assert found["tiny"][:4] == ["12", "4", "5", "3"]
    assert found["all"][:5] == ["20", "9", "8", "3", "6"]
    assert int(found["all"][5]) + int(found["all"][6]) == 9
    # A sum of expectations would be a lie where one of them is unknown.
    assert [found[name][8] for name in found] == ["?", "7", "?"]


def test_the_table_of_one_source_has_no_sum(corpus: SmallCorpus) -> None:
    table, why, _ = inspect_tables(corpus.manifest, "tiny")
    assert list(cells(table)) == ["tiny"]
    assert "all" not in cells(table)
    assert Code.E_GZ_TRUNC.sentence in text_of(why)


def test_examples_are_shown_as_they_are(corpus: SmallCorpus) -> None:
    _, why, _ = inspect_tables(corpus.manifest)
    assert "sub-03/sub-03_T1w.nii.gz" in text_of(why)
    assert "sub-01/._sub-01_T1w.nii.gz" in text_of(why)


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


def test_unknown_series_are_listed_and_stray_files_are_not() -> None:
    unknown = {"series": "PPMI_2.0", "series_kind": "unknown"}
    rows = [*ROWS, row("kept") | unknown, row("excluded", "S_UNKNOWN_SERIES") | unknown]
    rows.append(row("excluded", "S_LAYOUT") | unknown | {"series": "holiday", "layout": None})
    assert unknown_series(rows) == [("PPMI_2.0", 2)]
    assert "PPMI_2.0 (2)" in summary_lines("ppmi", rows)[-1]
    assert cells(unknown_table(rows)) == {"2": ["PPMI_2.0"]}
    assert "know" not in summary_lines("ppmi", ROWS)[-1]


def test_remarks_of_kept_rows_are_counted() -> None:
    remarkable = {"repairs": ["R_NAN"], "flags": ["F_NEGATIVE"]}
    rows = [row("kept") | remarkable, row("kept") | {"flags": ["F_NEGATIVE"]}, row("excluded", "E_NAN") | remarkable]
    assert remarks(rows) == [(Code.F_NEGATIVE, 2), (Code.R_NAN, 1)]
    assert cells(remark_table(rows))["2"] == ["F_NEGATIVE", Code.F_NEGATIVE.sentence]
    assert "R_NAN" in summary_lines("tiny", rows)[-1]
