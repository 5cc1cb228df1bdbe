"""Distributions: nothing is lost between the edges, and the edges are round."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.manifest_rows import frame, row

from brains45k.report.distributions import (
    MAX_BINS,
    distribution,
    five_numbers,
    frequent,
    histogram,
    log_edges,
    round_edges,
    triple_labels,
)
from brains45k.report.numbers_parts import Count, FiveNumbers, Frequent
from brains45k.report.quantities import Quantity

SIZE = Quantity("Size", "mm")


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e200, max_value=1e200), min_size=1))
def test_every_value_is_in_one_bin(values: list[float]) -> None:
    drawn = histogram(np.array(values))
    assert sum(drawn.counts) == len(values)
    assert len(drawn.edges) == len(drawn.counts) + 1
    assert list(drawn.edges) == sorted(set(drawn.edges))
    assert len(drawn.counts) <= MAX_BINS + 2
    slack = 1e-9 * max(map(abs, values))
    assert drawn.edges[0] <= min(values) + slack
    assert drawn.edges[-1] >= max(values) - slack


@given(st.floats(1e-12, 1e12), st.floats(1.001, 40.0))
def test_linear_edges_are_multiples_of_1_2_or_5(low: float, factor: float) -> None:
    edges = round_edges(low, low * factor)
    width = edges[1] - edges[0]
    digit = round(width / 10 ** math.floor(math.log10(width * 1.0001)), 6)
    assert digit in {1, 2, 5}
    assert np.allclose(edges / width, np.round(edges / width), rtol=0, atol=1e-3)


def test_edges_of_known_ranges() -> None:
    assert round_edges(0.0, 1.0).tolist() == pytest.approx(np.linspace(0, 1, 21))
    assert round_edges(0.3, 0.5)[:3].tolist() == [0.3, 0.305, 0.31]
    assert log_edges(30.0, 4000.0).tolist() == [
        30, 50, 70, 100, 150, 200, 300, 500, 700, 1000, 1500, 2000, 3000, 5000,
    ]  # fmt: skip


@pytest.mark.parametrize("value", [0.0, 1.0, -3.0, 176.0, 1e-9])
def test_values_that_are_alike_are_shown_as_one(value: float) -> None:
    drawn = histogram(np.array([value, value * (1 + 1e-7), value]))
    assert max(drawn.counts) == 3
    assert len(drawn.counts) <= 3
    assert drawn.edges[-1] - drawn.edges[0] >= 0.05 * abs(value)


def test_a_wide_range_is_drawn_by_factors() -> None:
    assert histogram(np.array([0.01, 3000.0])).log
    assert not histogram(np.array([1.0, 49.0])).log
    assert not histogram(np.array([-1.0, 3000.0])).log


def test_five_numbers_are_quantiles() -> None:
    assert five_numbers(np.arange(9.0)) == FiveNumbers(0.0, 2.0, 4.0, 6.0, 8.0)


def test_what_has_no_value_is_counted_as_missing() -> None:
    found = distribution("size", SIZE, np.array([1.0, np.nan, 2.0]))
    assert (found.count, found.missing, found.title, found.unit) == (2, 1, "Size", "mm")
    empty = distribution("size", SIZE, np.array([np.nan]))
    assert (empty.count, empty.missing, empty.five, empty.histogram) == (0, 1, None, None)


def test_the_most_frequent_values_and_the_rest() -> None:
    labels = pd.Series([f"v{number:02}" for number in range(25)] + ["v24", None], dtype=object)
    found = frequent(labels)
    expected = (Count("v24", 2), *(Count(f"v{number:02}", 1) for number in range(19)))
    assert found == Frequent(expected, others=6, distinct=25)


def test_triples_are_labelled_rounded_and_without_frames() -> None:
    table = frame([row(original_spacing=[1.0, 0.9765625, 1.2]), row(original_spacing=None)])
    assert triple_labels(table["original_spacing"]).tolist() == ["1 x 0.98 x 1.2", None]
    assert triple_labels(frame([row(original_shape=[240, 240, 155, 4])])["original_shape"]).tolist() == [
        "240 x 240 x 155"
    ]
