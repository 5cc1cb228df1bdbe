"""Means, intervals and tests: known answers, coverage on simulated folds, and no dependence on the order of rows."""

import math
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from brains45k.segmentation.statistics import (
    LEAST_CASES,
    LEAST_FOLDS,
    bootstrap_interval,
    case_scores,
    compare,
    fold_means,
    holm,
    mean_and_deviation,
    mean_of_fold_means,
    paired_differences,
    sign_flip_p,
    too_few,
)

NAN = float("nan")
Array = npt.NDArray[np.float64]


def rows(values: dict[tuple[int, str, str], float]) -> pd.DataFrame:
    """Return scores of a fold, case and region each."""
    return pd.DataFrame(
        [(*place, value) for place, value in values.items()], columns=["fold", "case", "region", "dice"]
    )


def table(values: Any) -> pd.DataFrame:
    """Return folds down and cases across."""
    array = np.array(values, float)
    return pd.DataFrame(array, index=range(array.shape[0]), columns=[f"c{number}" for number in range(array.shape[1])])


def simulate(
    generator: np.random.Generator,
    *,
    folds: int,
    cases: int,
    fold_spread: float,
    case_spread: float,
    noise: float,
    mean: float = 0.0,
) -> Array:
    """Draw differences with crossed effects of folds and cases."""
    values: Array = (
        mean
        + generator.normal(0, fold_spread, (folds, 1))
        + generator.normal(0, case_spread, (1, cases))
        + generator.normal(0, noise, (folds, cases))
    )
    return values


def test_a_case_is_the_mean_over_its_regions_without_the_undefined_ones() -> None:
    scores = rows(
        {
            (0, "a", "core"): 0.2,
            (0, "a", "whole"): 0.6,
            (0, "b", "core"): NAN,
            (0, "b", "whole"): 0.9,
            (1, "a", "core"): NAN,
            (1, "a", "whole"): NAN,
            (1, "b", "core"): 0.5,
            (1, "b", "whole"): 0.7,
        }
    )
    found = case_scores(scores, "dice")
    assert found.index.tolist() == [0, 1]
    assert found.columns.tolist() == ["a", "b"]
    np.testing.assert_allclose(found.to_numpy(), [[0.4, 0.9], [NAN, 0.6]])
    np.testing.assert_allclose(fold_means(found), [0.65, 0.6])


def test_a_fold_without_any_value_stays() -> None:
    found = case_scores(rows({(0, "a", "r"): 0.5, (1, "a", "r"): NAN}), "dice")
    assert found.index.tolist() == [0, 1]
    np.testing.assert_array_equal(fold_means(found), [0.5, NAN])


def test_the_order_of_rows_changes_no_bit() -> None:
    generator = np.random.default_rng(3)
    places = list(product(range(4), [f"c{number}" for number in range(9)], ["x", "y", "z"]))
    one, other = (rows({place: generator.normal() for place in places}) for _ in range(2))
    mixed = [frame.sample(frac=1, random_state=5) for frame in (one, other)]
    expected = compare(case_scores(one, "dice"), case_scores(other, "dice"))
    assert compare(*(case_scores(frame, "dice") for frame in mixed)) == expected


@pytest.mark.parametrize(
    ("values", "mean", "deviation"),
    [
        ([1.0, 3.0], 2.0, math.sqrt(2)),
        ([0.7], 0.7, None),
        ([NAN, 0.7], 0.7, None),
        ([NAN], None, None),
        ([], None, None),
    ],
)
def test_mean_and_deviation(values: list[float], mean: float | None, deviation: float | None) -> None:
    assert mean_and_deviation(np.array(values, float)) == (mean, pytest.approx(deviation) if deviation else None)


def test_pairs_are_those_of_one_fold_and_case() -> None:
    pretrained = pd.DataFrame([[0.9, 0.8], [0.7, NAN]], index=[0, 1], columns=["a", "b"])
    scratch = pd.DataFrame([[0.1, 0.2], [0.3, 0.4]], index=[1, 2], columns=["b", "a"])
    found = paired_differences(pretrained, scratch)
    assert found.index.tolist() == [1]
    assert found.columns.tolist() == ["a"]
    np.testing.assert_allclose(found, [[0.5]])


def test_each_fold_counts_once_whatever_its_cases() -> None:
    assert mean_of_fold_means(np.array([[1.0, 1.0, 1.0], [4.0, NAN, NAN]])) == 2.5


def test_a_comparison_counts_what_it_leaves_out() -> None:
    pretrained, scratch = table(np.ones((3, 7))), table(np.zeros((3, 7)))
    pretrained.iloc[0, 0] = scratch.iloc[1, 1] = scratch.iloc[1, 2] = NAN
    found = compare(pretrained, scratch)
    assert found is not None
    assert (found.folds, found.cases, found.unpaired) == (3, 7, 3)
    assert found.mean == found.low == found.high == 1.0


def test_runs_without_a_common_fold_do_not_compare() -> None:
    assert compare(table(np.ones((2, 3))), table(np.ones((2, 3))).set_axis([8, 9])) is None


@pytest.mark.parametrize(
    ("folds", "cases", "reason"),
    [
        (1, 100, f"1 of at least {LEAST_FOLDS} folds"),
        (LEAST_FOLDS, LEAST_CASES - 1, f"{LEAST_CASES - 1} of at least {LEAST_CASES} cases"),
        (LEAST_FOLDS, LEAST_CASES, None),
    ],
)
def test_few_folds_or_cases_give_no_interval_and_say_why(folds: int, cases: int, reason: str | None) -> None:
    assert too_few(folds, cases) == reason
    values = np.random.default_rng(1).normal(0.3, 0.1, (folds, cases))
    found = compare(table(values), table(np.zeros((folds, cases))))
    assert found is not None
    assert found.mean == pytest.approx(values.mean())
    assert found.reason == reason
    assert {value is None for value in (found.low, found.high, found.p)} == {reason is not None}


def test_a_comparison_need_not_be_judged() -> None:
    found = compare(table(np.ones((3, 9))), table(np.zeros((3, 9))), how_sure=False)
    assert found is not None
    assert (found.mean, found.low, found.p, found.reason) == (1.0, None, None, None)


def test_an_interval_is_the_same_each_time_and_moves_with_the_data() -> None:
    values = np.random.default_rng(2).normal(0.02, 0.05, (6, 20))
    low, high = bootstrap_interval(values)
    assert bootstrap_interval(values) == (low, high)
    assert low < values.mean() < high
    np.testing.assert_allclose(bootstrap_interval(values + 1), (low + 1, high + 1))
    np.testing.assert_allclose(bootstrap_interval(-2 * values), (-2 * high, -2 * low), atol=2e-3)


@pytest.mark.parametrize("across", [0, 1])
@pytest.mark.parametrize("size", [6, 40])
def test_where_one_factor_varies_the_interval_is_near_students(across: int, size: int) -> None:
    varying = np.random.default_rng(4).normal(0.5, 1, size)
    # The same differences in all folds, or for all cases: the other factor tells nothing new.
    values = np.tile(np.expand_dims(varying, across), (1, 30) if across else (30, 1))
    expected = stats.ttest_1samp(varying, 0).confidence_interval(0.95)
    found = bootstrap_interval(values)
    middle, half = varying.mean(), (expected.high - expected.low) / 2
    np.testing.assert_allclose((found[0] - middle) / half, -1, atol=0.15)
    np.testing.assert_allclose((found[1] - middle) / half, 1, atol=0.15)


def test_missing_pairs_are_left_out_of_a_replicate() -> None:
    values = np.full((3, 8), 0.25)
    values[0, 1:] = NAN
    values[2, 4] = NAN
    assert bootstrap_interval(values) == pytest.approx((0.25, 0.25))


TABLES = 300
# With a true coverage of 95 % fewer hits come by chance less than once in 1,000 times.
LEAST_HITS = 0.905


@pytest.mark.parametrize(
    ("folds", "fold_spread", "case_spread", "noise"),
    [(6, 0.0, 0.05, 0.02), (6, 0.0, 0.0, 0.05), (6, 0.02, 0.0, 0.02), (3, 0.01, 0.05, 0.05)],
)
def test_intervals_cover_the_truth(folds: int, fold_spread: float, case_spread: float, noise: float) -> None:
    generator = np.random.default_rng(11)
    hits = 0
    for _ in range(TABLES):
        values = simulate(
            generator, folds=folds, cases=30, fold_spread=fold_spread, case_spread=case_spread, noise=noise, mean=0.03
        )
        low, high = bootstrap_interval(values, resamples=500)
        hits += low <= 0.03 <= high
    assert hits / TABLES >= LEAST_HITS


def test_p_is_the_share_of_flips_that_are_as_far_from_zero() -> None:
    by_case = np.array([0.3, 0.1, 0.4, -0.2, 0.5, 0.6, 0.25])
    means = np.array([np.dot(signs, by_case) for signs in product([-1, 1], repeat=7)])
    expected = (np.abs(means) >= by_case.sum() - 1e-12).mean()
    assert sign_flip_p(np.tile(by_case, (3, 1))) == pytest.approx(expected)
    assert sign_flip_p(-np.tile(by_case, (3, 1))) == pytest.approx(expected)


def test_all_cases_better_give_the_smallest_p() -> None:
    assert sign_flip_p(np.full((3, 6), 0.1)) == pytest.approx(2 / 2**6)
    assert sign_flip_p(np.zeros((3, 6))) == 1.0


def test_without_an_effect_p_is_near_uniform() -> None:
    generator = np.random.default_rng(13)
    found = np.array(
        [
            sign_flip_p(simulate(generator, folds=3, cases=9, fold_spread=0, case_spread=0.05, noise=0.05))
            for _ in range(300)
        ]
    )
    for level in (0.05, 0.25, 0.5, 0.75):
        assert abs((found <= level).mean() - level) < 4 * math.sqrt(level * (1 - level) / 300)


@pytest.mark.parametrize(
    ("given_p", "corrected"),
    [
        # By hand: 0.005 * 4, 0.01 * 3, 0.03 * 2; then 0.04 * 1 is raised to the one before it.
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.6, 0.5, 0.4], [1.0, 1.0, 1.0]),
        ([None, 0.02, None], [None, 0.02, None]),
        ([0.02, 0.02], [0.04, 0.04]),
        ([], []),
    ],
)
def test_holm(given_p: list[float | None], corrected: list[float | None]) -> None:
    found = holm(given_p)
    assert [value is None for value in found] == [value is None for value in corrected]
    known = [(one, other) for one, other in zip(found, corrected, strict=True) if one is not None and other is not None]
    assert [one for one, _ in known] == pytest.approx([other for _, other in known])


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_keeps_the_order_and_lies_between_none_and_bonferroni(values: list[float]) -> None:
    found = [value for value in holm(values) if value is not None]
    assert len(found) == len(values)
    for value, corrected in zip(values, found, strict=True):
        assert value <= corrected <= min(1.0, value * len(values))
    ordered = [corrected for _, corrected in sorted(zip(values, found, strict=True))]
    assert ordered == sorted(ordered)
