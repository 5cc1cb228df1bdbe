"""Outliers: a volume unlike the others of its kind stands out, and nothing else does."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from support.manifest_rows import any_manifest, frame, row

from brains45k.report.outliers import (
    COMPARED,
    MIN_VOLUMES,
    THRESHOLD,
    Scale,
    outlier_scores,
    outliers_of,
    robust_scores,
)

FRACTIONS = (0.50, 0.52, 0.49, 0.51, 0.47, 0.53, 0.50, 0.48, 0.51)


def volumes(column: str, values: Any, **shared: Any) -> list[dict[str, Any]]:
    return [row(number, **{column: value}, **shared) for number, value in enumerate(values)]


def test_a_volume_unlike_the_others_is_found_with_what_makes_it_so() -> None:
    found = outliers_of(frame(volumes("foreground_fraction", (*FRACTIONS, 0.95))))
    (outlier,) = found.found
    everything = np.array([*FRACTIONS, 0.95])
    median = np.median(everything)
    expected = (0.95 - median) / (1.4826 * np.median(np.abs(everything - median)))
    assert (outlier.row, outlier.volume_id, outlier.column) == (9, "tiny_9", "foreground_fraction")
    assert (outlier.value, outlier.median) == (0.95, median)
    assert outlier.score == pytest.approx(expected)
    assert (found.judged, found.not_judged, found.threshold) == (10, 0, THRESHOLD)


def test_sizes_are_compared_by_factors() -> None:
    rows = volumes("clip_value", [*(300.0 * factor for factor in (2.0, 2.1, 2.2, 2.3, 2.4, 2.5, 2.6, 2.7)), 9000.0])
    (outlier,) = outliers_of(frame(rows)).found
    logs = np.log([2.0, 2.1, 2.2, 2.3, 2.4, 2.5, 2.6, 2.7, 30.0])
    distance = np.abs(logs - np.median(logs))
    assert outlier.column == "clip_ratio"
    assert outlier.median == pytest.approx(2.4)
    assert outlier.score == pytest.approx(distance[-1] / (1.4826 * np.median(distance)))


def test_equal_volumes_have_no_outlier() -> None:
    scores = outlier_scores(frame(volumes("mean", [300.0] * 20)))
    assert (scores["outlier_score"] == 0).all()


def test_the_last_digits_make_no_outlier() -> None:
    noise = [1.2 + 1e-7 * number for number in range(20)]
    assert not outliers_of(frame(volumes("original_spacing", [[1.0, 1.0, value] for value in noise]))).found


@pytest.mark.parametrize(("others", "stand_out"), [(1, True), (3, True), (8, False)])
def test_a_few_that_differ_from_equal_ones_stand_out_and_a_second_protocol_does_not(
    others: int, stand_out: bool
) -> None:
    spacings = [[1.0, 1.0, 1.0]] * (20 - others) + [[1.0, 1.0, 5.0]] * others
    found = outliers_of(frame(volumes("original_spacing", spacings))).found
    assert len(found) == (others if stand_out else 0)


def test_sequences_and_sources_are_not_compared_with_each_other() -> None:
    flair = volumes("clip_value", [500.0] * 20)
    t1w = [volume | {"clip_value": 2000.0, "suffix": "T2w"} for volume in flair[:8]]
    gadolinium = [volume | {"clip_value": 3000.0, "contrast_agent": "gadolinium"} for volume in flair[:8]]
    elsewhere = [volume | {"clip_value": 9000.0, "source": "frames"} for volume in flair[:8]]
    found = outliers_of(frame([*flair, *t1w, *gadolinium, *elsewhere]))
    assert (found.found, found.judged) == ((), 44)


def test_of_a_few_volumes_nothing_is_said() -> None:
    rows = volumes("foreground_fraction", [0.5] * (MIN_VOLUMES - 2) + [0.99])
    found = outliers_of(frame(rows))
    assert (found.found, found.judged, found.not_judged) == ((), 0, MIN_VOLUMES - 1)
    assert outlier_scores(frame(rows))["outlier_column"].isna().all()


def test_only_kept_volumes_are_compared() -> None:
    excluded = row(90, status="excluded", reason="E_NAN", foreground_fraction=0.99)
    table = frame([excluded, *volumes("foreground_fraction", FRACTIONS)])
    scores = outlier_scores(table.set_index(table["volume_id"]))
    assert scores["outlier_score"].isna().tolist() == [True] + [False] * len(FRACTIONS)


def test_a_missing_value_is_no_reason_to_stand_out() -> None:
    table = frame([*volumes("foreground_fraction", FRACTIONS), row(99, mean=None)])
    scores = outlier_scores(table)
    assert scores["outlier_score"].iloc[-1] < THRESHOLD


def test_groups_are_scored_apart() -> None:
    values, groups = np.array([1.0] * 8 + [5.0] * 8), np.repeat([0, 1], 8)
    score, median = robust_scores(values, groups, Scale(log=False, least=0.1))
    assert score.tolist() == [0.0] * 16
    assert median.tolist() == values.tolist()


def test_the_worst_comes_first() -> None:
    found = outliers_of(frame(volumes("foreground_fraction", (*FRACTIONS, 0.8, 0.95)))).found
    assert [outlier.row for outlier in found] == [10, 9]


@settings(max_examples=40)
@given(any_manifest())
def test_the_scores_of_any_manifest_are_of_its_kept_rows(table: pd.DataFrame) -> None:
    scores = outlier_scores(table)
    judged = scores["outlier_score"].notna()
    assert not (judged & (table["status"] != "kept")).any()
    assert (scores["outlier_score"].dropna() >= 0).all()
    assert set(scores.loc[judged, "outlier_column"]) <= set(COMPARED)
    assert scores.loc[~judged, "outlier_column"].isna().all()
