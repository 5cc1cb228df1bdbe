"""The rows that a page loads are the manifest's."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.synthetic_manifest import synthetic_manifest

from brains45k.codes import Code
from brains45k.corpus.manifest import MANIFEST, metadata_of
from brains45k.report.numbers import SourceNumbers, source_numbers
from brains45k.report.page_data import CHUNK_ROWS, chunk_scripts, data_script, source_data


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rows: pd.DataFrame = synthetic_manifest(450).to_pandas()
    return rows


@pytest.fixture(scope="module")
def numbers(table: pd.DataFrame) -> SourceNumbers:
    return source_numbers(table, metadata_of(synthetic_manifest(1)))


def columns(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {column["name"]: column for column in data["columns"]}


def chunks(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return what the scripts hand over, as JSON and without a browser."""
    read = []
    for number, script in enumerate(chunk_scripts(table)):
        start = f"brains45kChunk({number}, "
        assert script.startswith(start)
        assert script.endswith(");\n")
        read.append(json.loads(script[len(start) : -3]))
    return read


def test_the_script_is_one_assignment_of_json(table: pd.DataFrame, numbers: SourceNumbers) -> None:
    script = data_script(source_data(table, numbers, pictures={}))
    data = json.loads(script.removeprefix("window.brains45k = ").removesuffix(";\n"))
    assert data["row_count"] == len(table)
    assert "<" not in script


def test_every_code_that_occurs_has_its_sentence(table: pd.DataFrame, numbers: SourceNumbers) -> None:
    sentences = source_data(table, numbers, pictures={})["sentences"]
    marks = {code for codes in [*table["flags"].dropna(), *table["repairs"].dropna()] for code in codes}
    assert sentences == {code: Code(code).sentence for code in {*table["reason"].dropna(), *marks}}


def test_numbers_are_the_manifests_to_four_digits(table: pd.DataFrame, numbers: SourceNumbers) -> None:
    packed = columns(source_data(table, numbers, pictures={}))
    for name in ("mean", "std", "clip_value", "foreground_fraction"):
        shown = pd.to_numeric(pd.Series(packed[name]["numbers"]))
        np.testing.assert_allclose(shown, table[name], rtol=5e-4)


def test_pictures_are_found_by_volume(table: pd.DataFrame, numbers: SourceNumbers) -> None:
    name = table["volume_id"][3]
    picture = columns(source_data(table, numbers, pictures={name: "synthetic-0007"}))["picture"]
    assert (picture["values"], picture["rows"], picture["codes"]) == (["synthetic-0007"], [3], [1])


def test_chunks_hold_every_column_of_every_row(table: pd.DataFrame) -> None:
    read = chunks(table)
    assert [len(chunk["rows"]) for chunk in read] == [CHUNK_ROWS, CHUNK_ROWS, 450 - 2 * CHUNK_ROWS]
    for chunk in read:
        assert chunk["order"] == MANIFEST.names
        assert {*chunk["columns"], *chunk["same"]} == set(MANIFEST.names)
    first = chunks(table)[0]
    for row in range(20):
        shown = first["same"] | dict(zip(first["columns"], first["rows"][row], strict=True))
        for name, value in table.iloc[row].items():
            if isinstance(value, np.ndarray):
                assert shown[str(name)] == value.tolist()
            else:
                assert shown[str(name)] == (None if pd.isna(value) else value)


def test_rows_alike_in_all_are_still_counted(table: pd.DataFrame) -> None:
    (chunk,) = chunks(table.iloc[[5, 5, 5]])
    assert chunk["rows"] == [[], [], []]
    assert chunk["same"]["volume_id"] == table["volume_id"][5]


def test_a_table_of_nothing_has_no_chunk(table: pd.DataFrame) -> None:
    assert list(chunk_scripts(table.iloc[:0])) == []
