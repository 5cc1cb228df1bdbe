"""Read the scores of all folds into one table, and refuse what contradicts itself."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from brains45k.errors import DataError
from brains45k.segmentation.scores import SCORES

_ROW: Final = ("task", "run", "fold", "case", "region")
_AGAIN = (
    "Delete the older scores.parquet among these below models/finetune/{place}, and run 'snakemake --cores all table'."
)

# What a group of rows, named by the first columns, must agree on.
_AGREE: Final = (
    (("task", "run"), ("network", "pretrained", "leakage")),
    (("task", "fold"), ("seed",)),
    (("task", "case"), ("subject", "group")),
)


def read_scores(paths: Iterable[Path]) -> pd.DataFrame:
    """Read the scores of any tasks, runs and folds.

    Folds, cases and whole runs may be missing: the table says which.

    Parameters
    ----------
    paths : iterable of Path
        Files of :data:`brains45k.segmentation.scores.SCORES`, in any order; none gives a table without rows.

    Returns
    -------
    pandas.DataFrame
        A row per task, run, fold, case and region, in this order.

    Raises
    ------
    DataError
        If a file cannot be read or is no such table, two rows measure the same, or rows contradict each other: a run
        with two networks, checkpoints or states of leakage, a fold with two seeds, a case in two groups.
    """
    tables = [_read(path) for path in paths]
    frame: pd.DataFrame = pa.concat_tables([SCORES.empty_table(), *tables]).to_pandas()
    _require_once(frame)
    for keys, columns in _AGREE:
        _require_agreement(frame, keys, columns)
    return frame.sort_values(list(_ROW), kind="stable", ignore_index=True)


def _read(path: Path) -> pa.Table:
    try:
        table = pq.ParquetFile(path).read()
    except (pa.ArrowInvalid, OSError) as error:
        cause = " ".join(str(error).split())
        msg = f"{path}: cannot be read as Parquet ({cause}). Delete it and run 'snakemake --cores all table'."
        raise DataError(msg) from error
    missing = [name for name in SCORES.names if name not in table.schema.names]
    if missing:
        msg = f"{path}: no scores of this version (without {missing[0]}). Delete it and run the evaluation again."
        raise DataError(msg)
    return table.select(SCORES.names).cast(SCORES)


def _require_once(frame: pd.DataFrame) -> None:
    twice = frame[frame.duplicated(list(_ROW))]
    if len(twice):
        task, run, fold, case, region = twice.iloc[0][list(_ROW)]
        msg = f"{task}/{run}/fold-{fold}: two scores of {region} in case {case}; name each file once."
        raise DataError(msg)


def _require_agreement(frame: pd.DataFrame, keys: Sequence[str], columns: Sequence[str]) -> None:
    for column in columns:
        counts = frame.groupby(list(keys))[column].nunique(dropna=False)
        for place in counts.index[counts > 1]:
            rows = frame[(frame[list(keys)] == list(place)).all(axis="columns")]
            values = " and ".join(str(value) for value in rows[column].unique()[:2])
            named = ", ".join(f"{key} {value}" for key, value in zip(keys, place, strict=True))
            remedy = _AGAIN.format(place=rows["task"].iloc[0])
            msg = f"scores of {named}: its {column} is {values}, which cannot both be. {remedy}"
            raise DataError(msg)
