"""The quantities of a volume that reports look at, computed from a manifest's rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Values = npt.NDArray[np.float64]

_AXES = 3
_UL_PER_ML = 1000.0
# No voxel and no length is beyond float32, and sums of what is below it stay finite.
_MAX = float(np.finfo(np.float32).max)
_AS_IN_FILE = "as in the file"
# They stand in the manifest as they are.
_NUMBERS = ("foreground_fraction", "clip_value", "mean", "std", "score_low", "score_high")

#: The columns of a manifest from which quantities are computed.
COLUMNS = ("original_spacing", "original_shape", "shape", "spacing", *_NUMBERS)


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a person reads of a quantity; the unit is empty for a pure number."""

    title: str
    unit: str


#: What is looked at, by the column's name in reports.
QUANTITIES = {
    "spacing_i_mm": Quantity("Original spacing, first axis", "mm"),
    "spacing_j_mm": Quantity("Original spacing, second axis", "mm"),
    "spacing_k_mm": Quantity("Original spacing, third axis", "mm"),
    "voxel_ul": Quantity("Original voxel volume", "mm\N{SUPERSCRIPT THREE}"),
    "anisotropy": Quantity("Longest by shortest side of the original voxel", ""),
    "shape_i": Quantity("Original size, first axis", "voxels"),
    "shape_j": Quantity("Original size, second axis", "voxels"),
    "shape_k": Quantity("Original size, third axis", "voxels"),
    "stored_x": Quantity("Stored size, left to right", "voxels"),
    "stored_y": Quantity("Stored size, back to front", "voxels"),
    "stored_z": Quantity("Stored size, bottom to top", "voxels"),
    "stored_ml": Quantity("Volume of the stored box", "ml"),
    "foreground_fraction": Quantity("Share of stored voxels that are foreground", ""),
    "clip_value": Quantity("Intensity above which was clipped", _AS_IN_FILE),
    "mean": Quantity("Mean of the foreground", _AS_IN_FILE),
    "std": Quantity("Standard deviation of the foreground", _AS_IN_FILE),
    "clip_ratio": Quantity("Clip value by mean", ""),
    "variation": Quantity("Standard deviation by mean", ""),
    "score_low": Quantity("z-score that became 0", ""),
    "score_high": Quantity("z-score that became 1", ""),
}


def quantities_of(table: pd.DataFrame) -> dict[str, Values]:
    """Return all quantities, with a value per row; NaN where a row has none."""
    spacing_mm, shape = triples(table["original_spacing"]), triples(table["original_shape"])
    stored, stored_mm = triples(table["shape"]), triples(table["spacing"])
    numbers = {name: _number(table[name]) for name in _NUMBERS}
    with np.errstate(over="ignore", invalid="ignore"):
        values = {
            **{f"spacing_{axis}_mm": spacing_mm[:, index] for index, axis in enumerate("ijk")},
            "voxel_ul": spacing_mm.prod(axis=1),
            "anisotropy": _quotient(spacing_mm.max(axis=1), spacing_mm.min(axis=1)),
            **{f"shape_{axis}": shape[:, index] for index, axis in enumerate("ijk")},
            **{f"stored_{axis}": stored[:, index] for index, axis in enumerate("xyz")},
            "stored_ml": stored.prod(axis=1) * stored_mm.prod(axis=1) / _UL_PER_ML,
            **numbers,
            "clip_ratio": _quotient(numbers["clip_value"], numbers["mean"]),
            "variation": _quotient(numbers["std"], numbers["mean"]),
        }
    return {name: _plausible(values[name]) for name in QUANTITIES}


def triples(column: "pd.Series[Any]") -> Values:
    """Return the first three entries of a column of lists, shape (rows, 3); NaN where there is no such list.

    The shape of a file with several images has four entries.
    """
    values = np.full((len(column), _AXES), np.nan)
    rows = np.flatnonzero(column.notna().to_numpy())
    entries = column.iloc[rows].tolist()
    lengths = np.fromiter(map(len, entries), np.intp, len(entries))
    rows, ends = rows[lengths >= _AXES], lengths.cumsum()
    if rows.size:
        starts = (ends - lengths)[lengths >= _AXES]
        values[rows] = np.concatenate(entries)[starts[:, None] + np.arange(_AXES)]
    return _plausible(values)


def _number(column: "pd.Series[Any]") -> Values:
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _plausible(values: Values) -> Values:
    return np.where(np.abs(values) <= _MAX, values, np.nan)


def _quotient(upper: Values, lower: Values) -> Values:
    """Divide where both are above 0; NaN elsewhere."""
    usable = (upper > 0) & (lower > 0)
    quotient = np.full(upper.shape, np.nan)
    np.divide(upper, lower, out=quotient, where=usable)
    return quotient
