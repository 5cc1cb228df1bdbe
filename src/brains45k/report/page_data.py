"""The rows of a source as its page loads them: small columns for the list at once, and all else in chunks on demand.

A page that was opened from disk may load scripts but read no other file, so that data comes as scripts.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from brains45k.codes import Code
from brains45k.corpus.manifest import MANIFEST
from brains45k.report.distributions import triple_labels
from brains45k.report.funnel import lost_steps
from brains45k.report.numbers import SourceNumbers
from brains45k.report.outliers import THRESHOLD, outlier_scores
from brains45k.report.packing import Packed, as_json, pack_codes, pack_numbers, pack_text
from brains45k.report.quantities import QUANTITIES
from brains45k.report.tallies import nominal_t, sequence_label

#: Rows of one chunk of details.
CHUNK_ROWS: Final = 200
#: Columns that the text search looks at.
_SEARCHED = ("volume_id", "source_path", "channel", "series", "kind", "reason", "detail", "marks")


def source_data(table: pd.DataFrame, numbers: SourceNumbers, *, pictures: Mapping[str, str]) -> Packed:
    """Return what a source's page needs to list, filter and sort its rows.

    Parameters
    ----------
    table : pandas.DataFrame
        The source's rows of a manifest.
    numbers : SourceNumbers
        What was computed from the same rows.
    pictures : mapping
        The folder of each volume's picture, by ``volume_id``.

    Returns
    -------
    dict
        Plain data; ``columns`` are packed as ``columns.js`` unpacks them, in the order of the table on the page.
    """
    table = table.reset_index(drop=True)
    return {
        "source": numbers.name,
        "row_count": len(table),
        "chunk_rows": CHUNK_ROWS,
        "outlier_threshold": THRESHOLD,
        "sentences": _sentences(table),
        "searched": _SEARCHED,
        "columns": [*_listed(table), *_hidden(table, numbers, pictures)],
    }


def data_script(data: Packed) -> str:
    """Return the script that hands a page its rows."""
    return f"window.brains45k = {as_json(data)};\n"


def chunk_scripts(table: pd.DataFrame) -> Iterator[str]:
    """Yield the scripts that hand a page all columns of the rows, :data:`CHUNK_ROWS` at a time, as they are."""
    for number, start in enumerate(range(0, len(table), CHUNK_ROWS)):
        chunk = _chunk(table.iloc[start : start + CHUNK_ROWS])
        yield f"brains45kChunk({number}, {as_json(chunk)});\n"


def _listed(table: pd.DataFrame) -> Iterator[Packed]:
    """Yield the columns of the table on the page, in their order."""
    fields = {name: _texts(table[name]) for name in ("subject", "session", "series")}
    yield _named("volume_id", "Volume", pack_text(table["volume_id"].tolist(), fields), shown=True)
    yield _coded(table, "subject", "Subject", shown=True)
    yield _coded(table, "session", "Session", shown=True)
    kinds = map(sequence_label, _texts(table["suffix"]), _texts(table["contrast_agent"]))
    yield _named("kind", "Sequence", pack_codes(list(kinds)), shown=True)
    yield _coded(table, "status", "Status", shown=True)
    yield _coded(table, "reason", "Reason", shown=True)
    scores = outlier_scores(table)
    yield _named("outlier_score", "Outlier score", pack_numbers(scores["outlier_score"].round(2).tolist()), shown=True)
    yield _triples(table, "original_spacing", "Original spacing, mm", shown=True)
    yield _triples(table, "original_shape", "Original shape", shown=True)
    yield _triples(table, "shape", "Stored shape", shown=True)
    numbers = {"foreground_fraction": "Foreground", "clip_value": "Clip value", "mean": "Mean", "std": "Std"}
    for name, title in numbers.items():
        yield _named(name, title, pack_numbers(table[name].tolist()), shown=True)
    yield _coded(table, "series", "Series", shown=True)
    yield _named("source_path", "Path", pack_text(table["source_path"].tolist(), fields), shown=True)
    titles = [QUANTITIES[name].title if name else None for name in _texts(scores["outlier_column"])]
    yield _named("outlier_column", "Outlier by", pack_codes(titles))


def _hidden(table: pd.DataFrame, numbers: SourceNumbers, pictures: Mapping[str, str]) -> Iterator[Packed]:
    """Yield the columns that links filter by, and what finds a picture."""
    yield _coded(table, "detail", "Detail")
    yield _coded(table, "channel", "Channel")
    yield _coded(table, "split", "Split")
    yield _coded(table, "original_orientation", "Original orientation")
    yield _coded(table, "original_dtype", "Original data type")
    yield _named("field_strength_t", "Field strength", pack_codes(field_strengths(table)))
    yield _named("manufacturer", "Manufacturer", pack_codes(manufacturers(table)))
    yield _named("selections", "Taken by", pack_codes(selections(table)))
    yield _named("lost_at", "Not passed", pack_codes(lost_steps(table).tolist()))
    yield _named("unknown_series", "Series of unknown contrast", pack_codes(_unknown_series(len(table), numbers)))
    yield _named("marks", "Flags and repairs", pack_codes(_marks(table)))
    yield _named("picture", "Picture", pack_codes([pictures.get(name) for name in table["volume_id"]]))


def field_strengths(table: pd.DataFrame) -> list[str | None]:
    """Return each row's field strength as the numbers count it, such as ``3 T``."""
    return [
        None if math.isnan(value) else f"{nominal_t(value):g} T" for value in table["field_strength_t"].astype(float)
    ]


def manufacturers(table: pd.DataFrame) -> list[str | None]:
    """Return each row's manufacturer without regard to case, as the numbers count it."""
    return [text.casefold() if text else None for text in _texts(table["manufacturer"])]


def selections(table: pd.DataFrame) -> list[str]:
    """Return which of the two selections take each row."""
    names = {(True, True): "both", (True, False): "reference alone", (False, True): "clean alone"}
    pairs = zip(table["reference_selected"], table["clean_selected"], strict=True)
    return [names.get((bool(reference), bool(clean)), "neither") for reference, clean in pairs]


def _unknown_series(row_count: int, numbers: SourceNumbers) -> list[str | None]:
    """Return the series name of each row whose name says nothing known, as the numbers count them."""
    names: list[str | None] = [None] * row_count
    for unknown in numbers.unknown_series:
        for row in unknown.rows:
            names[row] = unknown.series
    return names


def _marks(table: pd.DataFrame) -> list[str]:
    """Return each row's flags and repairs as words."""
    lists = zip(table["flags"], table["repairs"], strict=True)
    return [" ".join(sorted({*_entries(flags), *_entries(repairs)})) for flags, repairs in lists]


def _sentences(table: pd.DataFrame) -> dict[str, str]:
    """Return what the codes that occur mean."""
    codes = {word for marks in _marks(table) for word in marks.split()} | {
        text for text in _texts(table["reason"]) if text
    }
    return {code: Code(code).sentence for code in sorted(codes)}


def _coded(table: pd.DataFrame, name: str, title: str, *, shown: bool = False) -> Packed:
    return _named(name, title, pack_codes(_texts(table[name])), shown=shown)


def _triples(table: pd.DataFrame, name: str, title: str, *, shown: bool = False) -> Packed:
    return _named(name, title, pack_codes(triple_labels(table[name]).tolist()), shown=shown)


def _named(name: str, title: str, packed: Packed, *, shown: bool = False) -> Packed:
    return {"name": name, "title": title, "shown": shown} | packed


def _texts(column: "pd.Series[Any]") -> list[str | None]:
    return [text if isinstance(text, str) else None for text in column.tolist()]


def _entries(values: Any) -> list[Any]:
    """Return a list of the table as a list; what pandas has for a missing one is empty."""
    return list(values) if isinstance(values, (list, tuple, np.ndarray)) else []


def _chunk(rows: pd.DataFrame) -> dict[str, Any]:
    """Return some rows in full; what all of them have alike is there once."""
    columns = {name: [_plain(value) for value in rows[name].tolist()] for name in MANIFEST.names}
    same = {name: values[0] for name, values in columns.items() if all(value == values[0] for value in values)}
    others = [name for name in columns if name not in same]
    lines = [list(line) for line in zip(*(columns[name] for name in others), strict=True)]
    return {"order": MANIFEST.names, "same": same, "columns": others, "rows": lines or [[] for _ in range(len(rows))]}


def _plain(value: Any) -> Any:
    """Return a value of a table as JSON has it; what is missing, or no finite number, is null."""
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(entry) for entry in np.asarray(value, dtype=object).tolist()]
    if isinstance(value, float):
        return (
            None
            if math.isnan(value)
            else int(value)
            if value.is_integer()
            else value
            if math.isfinite(value)
            else str(value)
        )
    return None if value is pd.NaT or value is pd.NA else value
