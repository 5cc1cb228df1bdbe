"""A row in words: every column is shown, and a volume that is not there says why."""

from pathlib import Path
from typing import Any

import pytest
from support.small_corpus import SmallCorpus

from brains45k.codes import Code
from brains45k.corpus.manifest import MANIFEST, read_table
from brains45k.view.details import Details, details_of


@pytest.fixture(scope="module")
def rows(awkward: Path) -> list[dict[str, Any]]:
    table: list[dict[str, Any]] = read_table(awkward).to_pylist()
    return table


def lines_of(details: Details) -> list[tuple[str, str]]:
    return [line for group in details.groups for line in group.lines]


def one(rows: list[dict[str, Any]], **wanted: Any) -> dict[str, Any]:
    return next(row for row in rows if all(row[key] == value for key, value in wanted.items()))


def test_every_column_that_is_not_empty_has_one_line(rows: list[dict[str, Any]]) -> None:
    for row in rows[:100]:
        filled = [name for name, value in row.items() if value not in (None, "", [])]
        assert len(lines_of(details_of(row))) == len(filled)


def test_a_text_is_shown_as_it_is(rows: list[dict[str, Any]]) -> None:
    texts = {value for _, value in lines_of(details_of(rows[0]))}
    assert {rows[0][name] for name in ("volume_id", "subject", "series", "source_path", "licence")} <= texts


def test_numbers_carry_their_units(corpus: SmallCorpus) -> None:
    row = corpus.rows()["sub-01/sub-01_T1w.nii.gz"] | {"field_strength_t": 2.89, "flip_angle_deg": 9.0}
    shown = {group.title: dict(group.lines) for group in details_of(row).groups}
    assert shown["Preprocessed volume"]["Shape"] == " x ".join(map(str, row["shape"])) + " voxels"
    assert shown["Preprocessed volume"]["Spacing"] == "1 x 1 x 1 mm"
    assert shown["Preprocessed volume"]["Stored as"] == f"{row['stored_bytes']:,} bytes"
    assert shown["Original image"]["Spacing"] == "4 x 4 x 4 mm"
    assert shown["Acquisition"] == {"Field strength": "2.89 T", "Flip angle": "9 degrees"}


def test_an_affine_has_four_rows(corpus: SmallCorpus) -> None:
    row = corpus.rows()["sub-01/sub-01_T1w.nii.gz"]
    matrix = dict(lines_of(details_of(row)))["Affine to RAS mm"]
    assert [[float(cell) for cell in line.split()] for line in matrix.splitlines()] == [
        pytest.approx(row["affine"][first : first + 4]) for first in range(0, 16, 4)
    ]


def test_an_excluded_volume_says_why(rows: list[dict[str, Any]]) -> None:
    row = one(rows, reason="E_GZ_CRC")
    details = details_of(row)
    assert details.absence == f"E_GZ_CRC: {Code.E_GZ_CRC.sentence} [{row['detail']}]"
    assert details.kept_as == ""


def test_a_duplicate_names_what_is_kept(corpus: SmallCorpus) -> None:
    rows = corpus.rows()
    details = details_of(rows["sub-04/sub-04_T1w.nii.gz"])
    assert details.kept_as == rows["sub-01/sub-01_T1w.nii.gz"]["volume_id"]
    assert details.absence.startswith(f"E_DUP_FILE: {Code.E_DUP_FILE.sentence}")


def test_a_kept_volume_lacks_nothing(rows: list[dict[str, Any]]) -> None:
    assert details_of(one(rows, status="kept")).absence == ""


def test_flags_and_repairs_are_sentences(rows: list[dict[str, Any]]) -> None:
    row = next(row for row in rows if row["flags"])
    shown = dict(lines_of(details_of(row)))["Flags"]
    assert shown.splitlines() == [f"{code}: {Code(code).sentence}" for code in row["flags"]]


def test_a_column_that_is_newer_than_the_page_is_shown(rows: list[dict[str, Any]]) -> None:
    details = details_of(rows[0] | {"made_tomorrow": "yes"})
    assert (details.groups[-1].title, details.groups[-1].lines) == ("Other", (("made_tomorrow", "yes"),))


def test_every_column_of_the_manifest_has_its_own_place(rows: list[dict[str, Any]]) -> None:
    titles = {group.title for row in rows for group in details_of(row).groups}
    assert "Other" not in titles
    assert set(rows[0]) == set(MANIFEST.names)
