"""Which kept volumes are unlike the others of their kind: a robust score, and the quantity that gave it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from brains45k.corpus.manifest import Status
from brains45k.report.numbers_parts import Outlier, Outliers
from brains45k.report.quantities import COLUMNS, Values, quantities_of

# Both make a deviation the standard deviation of a normal distribution.
_MAD_TO_STD = 1.4826
_MEAN_DEVIATION_TO_STD = 1.2533

#: Scores above this make an outlier (Iglewicz and Hoaglin 1993).
THRESHOLD = 3.5
#: Volumes of one sequence of one source that there have to be for a comparison.
MIN_VOLUMES = 8

RULE = (
    "A volume is compared with the kept volumes of its sequence in its source. Its score in a quantity is the distance "
    f"from their median, divided by {_MAD_TO_STD} times the median absolute deviation (by {_MEAN_DEVIATION_TO_STD} "
    "times the mean absolute deviation where more than half of them are as good as equal). The highest score counts; "
    f"above {THRESHOLD} the volume is an outlier. Of a sequence with fewer than {MIN_VOLUMES} volumes nothing is said."
)

_SHOWN = ("outlier_column", "outlier_value", "outlier_median", "outlier_score")
_GROUP = ["source", "suffix", "contrast_agent"]
_LOOKED_AT = [*_GROUP, *COLUMNS]


@dataclass(frozen=True, slots=True)
class Scale:
    """How a quantity is compared.

    Attributes
    ----------
    log : bool
        Whether by factors and not by differences: sizes and ratios are skewed.
    least : float
        The standard deviation is taken to be at least this: a smaller difference says nothing to a person.
    """

    log: bool
    least: float


#: The quantities that are compared.
COMPARED: Mapping[str, Scale] = {
    "foreground_fraction": Scale(log=False, least=0.005),
    "clip_ratio": Scale(log=True, least=0.02),
    "variation": Scale(log=True, least=0.02),
    "stored_ml": Scale(log=True, least=0.02),
    "voxel_ul": Scale(log=True, least=0.02),
    "anisotropy": Scale(log=True, least=0.02),
}


def outlier_scores(table: pd.DataFrame, quantities: Mapping[str, Values] | None = None) -> pd.DataFrame:
    """Score each row of a manifest.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of a manifest, kept or not.
    quantities : mapping
        What :func:`brains45k.report.quantities.quantities_of` gives for its kept rows, where that is known already.

    Returns
    -------
    pandas.DataFrame
        With the index of ``table`` and the columns ``outlier_score`` (NaN where nothing is said), ``outlier_column``
        (the quantity that gave it; None likewise), ``outlier_value`` and ``outlier_median`` in that quantity's unit.
    """
    empty = {"outlier_score": np.nan, "outlier_column": None, "outlier_value": np.nan, "outlier_median": np.nan}
    kept = np.flatnonzero((table["status"] == Status.KEPT).to_numpy(dtype=bool))
    columns = {
        name: np.full(len(table), value, dtype=object if value is None else float) for name, value in empty.items()
    }
    rows = table[_LOOKED_AT].iloc[kept]
    for name, values in _scores_of(rows, quantities_of(rows) if quantities is None else quantities).items():
        columns[name][kept] = values
    return pd.DataFrame(columns, index=table.index)


def outliers_of(table: pd.DataFrame, quantities: Mapping[str, Values] | None = None) -> Outliers:
    """Return the outliers among a manifest's kept rows; highest score first, ties in the order of the rows."""
    scores = outlier_scores(table, quantities)
    score = scores["outlier_score"].to_numpy()
    rows = np.flatnonzero(score > THRESHOLD)
    rows = rows[np.argsort(-score[rows], kind="stable")]
    names = table["volume_id"].iloc[rows].tolist()
    found = zip(rows.tolist(), names, *(scores[name].iloc[rows].tolist() for name in _SHOWN), strict=True)
    judged = int(np.isfinite(score).sum())
    kept = int((table["status"] == Status.KEPT).sum())
    return Outliers(RULE, THRESHOLD, judged, kept - judged, tuple(Outlier(*one) for one in found))


def robust_scores(values: Values, groups: npt.NDArray[Any], scale: Scale) -> tuple[Values, Values]:
    """Compare each value with the others of its group.

    Returns
    -------
    score, median : ndarray
        NaN where a value is missing or its group is too small.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = np.log(values) if scale.log else values
    series = pd.Series(np.where(np.isfinite(scaled), scaled, np.nan))
    median = series.groupby(groups).transform("median")
    distance = (series - median).abs()
    by_group = distance.groupby(groups)
    spread = _MAD_TO_STD * by_group.transform("median")
    spread = spread.where(spread >= scale.least, _MEAN_DEVIATION_TO_STD * by_group.transform("mean"))
    enough = by_group.transform("count") >= MIN_VOLUMES
    score = (distance / spread.clip(lower=scale.least)).where(enough).to_numpy()
    return score, (np.exp(median) if scale.log else median).where(enough).to_numpy()


def _scores_of(kept: pd.DataFrame, quantities: Mapping[str, Values]) -> dict[str, npt.NDArray[Any]]:
    """Return the highest score of each kept row, and what gave it."""
    groups = kept.groupby(_GROUP, dropna=False).ngroup().to_numpy() if len(kept) else np.zeros(0, np.intp)
    values = {name: quantities[name] for name in COMPARED}
    compared = [robust_scores(values[name], groups, scale) for name, scale in COMPARED.items()]
    scores = np.array([score for score, _ in compared])
    highest = np.where(np.isnan(scores), -np.inf, scores).argmax(axis=0)
    rows = np.arange(len(kept))
    score = scores[highest, rows]
    judged = np.isfinite(score)
    return {
        "outlier_score": score,
        "outlier_column": np.where(judged, np.array([*COMPARED], dtype=object)[highest], None),
        "outlier_value": np.where(judged, np.array([*values.values()])[highest, rows], np.nan),
        "outlier_median": np.array([median for _, median in compared])[highest, rows],
    }
