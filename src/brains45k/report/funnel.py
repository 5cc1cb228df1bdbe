"""From all files that were found to the volumes that are kept: how many each step lost, and why."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from brains45k.codes import Code
from brains45k.corpus.manifest import Status
from brains45k.errors import DataError
from brains45k.report.numbers_parts import CodeCount, Step

#: The steps, and what a file has to be to pass each.
STEPS = {
    "found": "A file with an image's extension, a channel of one, or a DICOM series lies below the root.",
    "matched": "Its path matches a layout of the source file.",
    "selected": "The selection takes it by its name.",
    "readable": "It was opened and judged sound, and the selection's volume rule takes it.",
    "kept": "No other kept volume holds the same image.",
}

_EXAMPLES = 3

#: Positions of rows in a table.
Rows = npt.NDArray[np.intp]


def funnel_of(table: pd.DataFrame) -> tuple[Step, ...]:
    """Return the steps; whatever the rows say, each loses what the one before it had more.

    Raises
    ------
    DataError
        If a reason is no code of this version.
    """
    lost_at = lost_steps(table)
    steps: list[Step] = []
    for name, sentence in STEPS.items():
        lost = lost_at == name
        count = steps[-1].count - int(lost.sum()) if steps else len(table)
        steps.append(Step(name, sentence, count, int(lost.sum()), reasons_of(table, np.flatnonzero(lost))))
    return tuple(steps)


def lost_steps(table: pd.DataFrame) -> npt.NDArray[np.object_]:
    """Return for each row the step that it did not pass; empty where it is kept."""
    reason = table["reason"].fillna("").astype(str)
    by_name = reason.str.startswith("S_") & (reason != Code.S_VOLUME_RULE)
    cases = [
        table["status"] == Status.KEPT,
        table["status"] == Status.DUPLICATE,
        table["layout"].isna(),
        by_name,
    ]
    return np.select([case.to_numpy(dtype=bool) for case in cases], ["", "kept", "matched", "selected"], "readable")


def all_reasons(table: pd.DataFrame) -> tuple[CodeCount, ...]:
    """Count the reasons of all rows that are not kept, whatever the step; most frequent first."""
    return reasons_of(table, np.flatnonzero((table["status"] != Status.KEPT).to_numpy(dtype=bool)))


def reasons_of(table: pd.DataFrame, rows: Rows) -> tuple[CodeCount, ...]:
    """Count the reasons of some rows; most frequent first."""
    return count_codes(table, rows, table["reason"].to_numpy(dtype=object)[rows])


def count_codes(table: pd.DataFrame, rows: Rows, codes: npt.NDArray[np.object_]) -> tuple[CodeCount, ...]:
    """Count codes, of which ``rows`` names the row of each; most frequent first, ties by code.

    Raises
    ------
    DataError
        If one is no code of this version.
    """
    counted = [_count(table, code, rows[codes == code]) for code in pd.unique(codes)]
    return tuple(sorted(counted, key=lambda count: (-count.count, count.code)))


def code_of(text: str) -> Code:
    """Return a code by its name.

    Raises
    ------
    DataError
        If it is none of this version.
    """
    try:
        return Code(text)
    except ValueError as error:
        msg = f"the manifest holds the code {text!r}, which this version does not know. Build the corpus again."
        raise DataError(msg) from error


def paths_of(table: pd.DataFrame, rows: Rows) -> tuple[str, ...]:
    """Name some rows by their path, with the channel behind a colon where a file holds several."""
    paths, channels = table["source_path"].iloc[rows], table["channel"].iloc[rows].fillna("")
    return tuple(f"{path}:{name}" if name else path for path, name in zip(paths, channels, strict=True))


def _count(table: pd.DataFrame, text: str, rows: Rows) -> CodeCount:
    code = code_of(text)
    return CodeCount(code, code.sentence, len(rows), paths_of(table, rows[:_EXAMPLES]), tuple(rows.tolist()))
