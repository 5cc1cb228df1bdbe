"""Scores are read in any order, and refused where they contradict themselves."""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.score_rows import score_rows, write_scores

from brains45k.errors import DataError
from brains45k.segmentation.scores import SCORES
from brains45k.segmentation.table_scores import read_scores


def write_folds(folder: Path, rows: list[dict[str, Any]]) -> list[Path]:
    """Write one file per task, run and fold."""
    places = sorted({(row["task"], row["run"], row["fold"]) for row in rows})
    return [
        write_scores(
            folder / task / run / f"fold-{fold}" / "scores.parquet",
            [row for row in rows if (row["task"], row["run"], row["fold"]) == (task, run, fold)],
        )
        for task, run, fold in places
    ]


def test_files_come_in_any_order(tmp_path: Path) -> None:
    rows = score_rows(folds=2, cases=3)
    paths = write_folds(tmp_path, rows)
    found = read_scores(paths)
    assert len(found) == len(rows)
    pd.testing.assert_frame_equal(read_scores(reversed(paths)), found)


def test_no_file_gives_a_table_without_rows() -> None:
    found = read_scores([])
    assert len(found) == 0
    assert list(found.columns) == SCORES.names


def test_a_file_is_read_by_itself_whatever_its_folder_is_called(tmp_path: Path) -> None:
    path = write_scores(tmp_path / "run=other" / "scores.parquet", score_rows(folds=1, cases=1))
    assert set(read_scores([path])["run"]) == {"unet_b", "unet_b_amaes", "swin_unetr"}


def test_one_row_twice_is_refused(tmp_path: Path) -> None:
    path = write_folds(tmp_path, score_rows(folds=1, cases=2))[0]
    with pytest.raises(DataError, match=r"lesions/\w+/fold-0: two scores of core in case all-000"):
        read_scores([path, path])


@pytest.mark.parametrize(
    ("column", "value", "named"),
    [
        ("leakage", "allowed", "run unet_b_amaes"),
        ("pretrained", "another", "run unet_b_amaes"),
        ("network", "unet_xl", "run unet_b_amaes"),
        ("seed", 999, "fold 1"),
        ("group", "other", "case all-002"),
        ("subject", "another", "case all-002"),
    ],
)
def test_contradictions_are_refused(column: str, value: object, named: str, tmp_path: Path) -> None:
    rows = score_rows(folds=2, cases=3)
    for row in rows:
        if (row["run"], row["fold"], row["case"]) == ("unet_b_amaes", 1, "all-002"):
            row[column] = value
    with pytest.raises(DataError, match=rf"task lesions, {named}: its {column} is .* and .*Delete"):
        read_scores(write_folds(tmp_path, rows))


def test_a_file_that_is_no_parquet_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    path.write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"scores\.parquet: cannot be read"):
        read_scores([path])
    with pytest.raises(DataError, match=r"absent\.parquet: cannot be read"):
        read_scores([tmp_path / "absent.parquet"])


def test_a_table_without_a_column_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    pq.write_table(pa.table({"task": ["lesions"]}), path)
    with pytest.raises(DataError, match="without run"):
        read_scores([path])
