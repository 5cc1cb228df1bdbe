"""How quantities of the kept volumes are spread: five numbers, and histograms with round edges."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from brains45k.report.numbers_parts import Count, Distribution, FiveNumbers, Frequent, Histogram
from brains45k.report.quantities import QUANTITIES, Quantity, Values, triples

#: Bins that a histogram has at most.
MAX_BINS = 40
_FREQUENT = 20
#: A histogram over more than this factor has edges that grow by a factor.
_WIDE = 50.0
_DIGITS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0), (1.0, 2.0, 5.0), (1.0,)
_ALIKE = 1e-4
_BINS_OF_ALIKE = 10


def distributions_of(values: Mapping[str, Values]) -> dict[str, Distribution]:
    """Return the distribution of every quantity of :func:`brains45k.report.quantities.quantities_of`."""
    return {name: distribution(name, quantity, values[name]) for name, quantity in QUANTITIES.items()}


def distribution(column: str, quantity: Quantity, values: Values) -> Distribution:
    """Describe one quantity's values; NaN counts as missing."""
    known = values[np.isfinite(values)]
    five, drawn = (five_numbers(known), histogram(known)) if known.size else (None, None)
    missing = int(values.size - known.size)
    return Distribution(column, quantity.title, quantity.unit, int(known.size), missing, five, drawn)


def five_numbers(values: Values) -> FiveNumbers:
    """Return minimum, quartiles and maximum of at least one value."""
    return FiveNumbers(*(float(value) for value in np.quantile(values, (0.0, 0.25, 0.5, 0.75, 1.0))))


def histogram(values: Values) -> Histogram:
    """Count at least one value between round edges, which grow by a factor where the values span a wide range."""
    low, high = float(values.min()), float(values.max())
    log = low > 0 and high / low > _WIDE
    edges = log_edges(low, high) if log else round_edges(low, high)
    # Clipped, because an edge that was rounded may lie a last digit inside of the value that it was made for.
    counts, _ = np.histogram(values.clip(edges[0], edges[-1]), edges)
    return Histogram(tuple(edges.tolist()), tuple(counts.tolist()), log)


def round_edges(low: float, high: float) -> Values:
    """Return edges that are multiples of 1, 2 or 5 times a power of ten, from at most ``low`` to at least ``high``."""
    span, size = high - low, max(abs(low), abs(high))
    # Values that differ by less are shown as one: they are equal but for the way in which they were stored.
    alike = span <= _ALIKE * size
    width = _round_width((size / _BINS_OF_ALIKE or 1.0) if alike else span / MAX_BINS)
    first, last = math.floor(low / width), math.ceil(high / width)
    # Rounded, or 3 x 0.1 would be a label of seventeen digits.
    digits = -math.floor(math.log10(width))
    return np.array([round(index * width, digits) for index in range(first, max(last, first + 1) + 1)])


def log_edges(low: float, high: float) -> Values:
    """Return edges that are round and about evenly spaced on a logarithmic axis, around ``low`` and ``high``."""
    first, last = math.floor(math.log10(low)), math.floor(math.log10(high)) + 1
    decades = last - first
    digits = next((digits for digits in _DIGITS if len(digits) * decades <= MAX_BINS), (1.0,))
    stride = math.ceil(decades / MAX_BINS)
    powers = range(first, last + stride, stride)
    edges = [float(f"{digit}e{power}") for power in powers for digit in digits]
    inner = [edge for edge in edges if low < edge < high]
    below = [edge for edge in edges if edge <= low]
    above = [edge for edge in edges if edge >= high]
    return np.array([*below[-1:], *inner, *above[:1]])


def frequent(labels: "pd.Series[Any]") -> Frequent:
    """Return the most frequent of labels; those that are missing count as none."""
    counts = labels.dropna().value_counts()
    # Ties by label, so that the same rows give the same page.
    ordered = sorted(
        ((str(label), int(count)) for label, count in counts.items()), key=lambda pair: (-pair[1], pair[0])
    )
    shown = tuple(Count(label, count) for label, count in ordered[:_FREQUENT])
    return Frequent(shown, len(labels) - sum(count.count for count in shown), len(ordered))


def triple_labels(column: "pd.Series[Any]", *, decimals: int = 2) -> "pd.Series[Any]":
    """Return a column of triples as text such as ``1 x 1 x 1.2``."""
    values = np.round(triples(column), decimals)
    rows = np.flatnonzero(~np.isnan(values).any(axis=1))
    found = pd.DataFrame(values[rows])
    groups = found.groupby([0, 1, 2], sort=False).ngroup().to_numpy()
    distinct = [" x ".join(f"{value:g}" for value in triple) for triple in found.drop_duplicates().to_numpy().tolist()]
    labels = np.full(len(values), None, dtype=object)
    labels[rows] = np.array(distinct, dtype=object)[groups]
    return pd.Series(labels, index=column.index, dtype=object)


def _round_width(least: float) -> float:
    power = math.floor(math.log10(least))
    steps = (float(f"{digit}e{power}") for digit in (1, 2, 5, 10))
    return next((step for step in steps if step >= least), float(f"1e{power + 1}"))
