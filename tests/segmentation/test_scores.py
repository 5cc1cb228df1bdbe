"""Rows fit their schema, a failed case keeps its identity, and means and ranks are over what is defined."""

from dataclasses import fields, replace

import pyarrow as pa
import pytest

from brains45k.segmentation.scores import (
    IDENTITY,
    SCORES,
    VALUES,
    CaseResult,
    FoldFacts,
    Score,
    make_rows,
    rank_cases,
    summarise,
)
from brains45k.tasks.task import Task

FACTS = FoldFacts(
    task="lesions", run="small", network="unet_b", pretrained=None, fold=2, seed=7, leakage="not pretrained"
)
TASK = Task("lesions", {"regions": [{"name": "whole", "classes": ["core"]}, {"name": "core", "classes": ["core"]}]})


def result(case: str, *dice: float | None, group: str = "all", hd95_mm: float | None = None) -> CaseResult:
    scores = tuple(Score(truth_voxels=5, prediction_voxels=5, dice=value, hd95_mm=hd95_mm) for value in dice)
    return CaseResult(case=case, subject=case, group=group, scores=scores, seconds=2.0, failure=None)


def failed(case: str) -> CaseResult:
    return replace(result(case), scores=(Score(), Score()), failure="broken")


def test_rows_have_the_columns_of_the_schema() -> None:
    rows = make_rows([result("a", 1.0, 0.5)], FACTS, TASK)
    assert [set(row) for row in rows] == [set(SCORES.names)] * 2
    assert [field.name for field in VALUES] == [field.name for field in fields(Score)]


def test_rows_go_through_the_types_of_parquet() -> None:
    rows = make_rows([result("a", 1.0, None), result("b", 0.25, 0.5, hd95_mm=3.5)], FACTS, TASK)
    found = pa.Table.from_pylist(rows, schema=SCORES).to_pylist()
    assert found == rows
    assert [(row["case"], row["region"], row["dice"]) for row in found] == [
        ("a", "whole", 1.0),
        ("a", "core", None),
        ("b", "whole", 0.25),
        ("b", "core", 0.5),
    ]


def test_a_failed_case_has_all_that_names_it_and_no_value() -> None:
    rows = pa.Table.from_pylist(make_rows([failed("a")], FACTS, TASK), schema=SCORES).to_pylist()
    assert [row["region"] for row in rows] == ["whole", "core"]
    for row in rows:
        assert [row[field.name] for field in VALUES] == [None] * len(VALUES)
        assert all(row[field.name] is not None for field in IDENTITY if not field.nullable)


@pytest.mark.parametrize(
    ("dice", "expected"), [((0.5, 1.0), 0.75), ((None, 0.5), 0.5), ((0.0, None), 0.0), ((None, None), None)]
)
def test_the_mean_dice_is_over_the_regions_where_it_is_defined(
    dice: tuple[float | None, ...], expected: float | None
) -> None:
    assert result("a", *dice).mean_dice == expected


def test_best_median_and_worst() -> None:
    results = [result("a", 0.3), result("b", 0.9), failed("c"), result("d", 0.1), result("e", 0.5), result("f", None)]
    assert {rank: found.case for rank, found in rank_cases(results).items()} == {
        "best": "b",
        "median": "a",
        "worst": "d",
    }


def test_equal_cases_are_ranked_by_name() -> None:
    results = [result("b", 0.5), result("c", 0.5), result("a", 0.5)]
    assert [found.case for found in rank_cases(results).values()] == ["c", "b", "a"]


def test_one_case_is_best_and_worst_and_none_is_neither() -> None:
    assert [found.case for found in rank_cases([result("a", 0.5)]).values()] == ["a"] * 3
    assert rank_cases([failed("a"), result("b", None)]) == {}


def test_the_summary_counts_and_averages_by_group_and_region() -> None:
    results = [
        result("a", 0.2, None, group="near"),
        result("b", 0.4, 1.0, group="near", hd95_mm=2.0),
        result("c", 0.9, 0.7, group="far"),
        failed("d"),
    ]
    found = summarise(results, TASK)
    assert (found["cases"], found["scored"], found["seconds_per_case"]) == (4, 3, 2.0)
    assert found["failed"] == [{"case": "d", "reason": "broken"}]
    assert list(found["means"]) == ["far", "near"]
    assert found["means"]["near"]["whole"]["dice"] == {"mean": pytest.approx(0.3), "cases": 2}
    assert found["means"]["near"]["core"]["dice"] == {"mean": 1.0, "cases": 1}
    assert found["means"]["near"]["whole"]["hd95_mm"] == {"mean": 2.0, "cases": 1}
    assert "hd95_mm" not in found["means"]["far"]["whole"]
