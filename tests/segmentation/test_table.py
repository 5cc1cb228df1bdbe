"""The table says of every planned row what was measured, and it is what one computes by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.score_rows import GROUPS, REGIONS, RUNS, frame, plan, score_rows

from brains45k.errors import DataError
from brains45k.segmentation.paper import Paper, PaperFigure
from brains45k.segmentation.settings import Finetune, FinetuneSettings
from brains45k.segmentation.statistics import Difference, holm
from brains45k.segmentation.table import Row, Table, build_table
from brains45k.segmentation.table_plan import DICE, PlannedTask, Run, network_runs, plan_table
from brains45k.segmentation.table_text import (
    count,
    difference_line,
    is_clear,
    leakage_states,
    methods,
    missing_text,
    remarks,
    verdict,
)
from brains45k.tasks.task import Task

PAPER = Paper("Somebody, 2024")


def build(rows: list[dict[str, Any]], **options: Any) -> Table:
    return build_table(frame(rows), plan(**options), PAPER)


def row_of(table: Table, network: str) -> Row:
    return next(row for row in table.rows if row.network == network)


def by_hand(rows: list[dict[str, Any]], run: str, column: str = "dice") -> list[float]:
    """Return the mean of each fold, without pandas."""
    means = []
    for fold in sorted({row["fold"] for row in rows}):
        cases: dict[str, list[float]] = {}
        for row in rows:
            if (row["run"], row["fold"]) == (run, fold) and row[column] is not None:
                cases.setdefault(row["case"], []).append(row[column])
        means.append(float(np.mean([np.mean(values) for values in cases.values()])))
    return means


def test_a_row_holds_the_means_over_folds_of_both_runs() -> None:
    rows = score_rows(folds=4)
    row = row_of(build(rows, folds=4), "unet_b")
    for summary, run in ((row.scratch, "unet_b"), (row.pretrained, "unet_b_amaes")):
        assert summary is not None
        means = by_hand(rows, run)
        assert [fold.mean for fold in summary.folds] == pytest.approx(means)
        assert summary.mean == pytest.approx(np.mean(means))
        assert summary.deviation == pytest.approx(np.std(means, ddof=1))
        assert [fold.seed for fold in summary.folds] == [100, 101, 102, 103]
        assert (summary.cases, summary.undefined, summary.failed) == (8, 0, 0)
    assert row.difference is not None
    expected = np.subtract(by_hand(rows, "unet_b_amaes"), by_hand(rows, "unet_b")).mean()
    assert row.difference.mean == pytest.approx(expected)
    assert row.difference.low is not None
    assert row.difference.high is not None
    assert row.difference.low < expected < row.difference.high


def test_the_order_of_rows_changes_nothing() -> None:
    scores = frame(score_rows())
    mixed = scores.sample(frac=1, random_state=1, ignore_index=True)
    assert build_table(mixed, plan(), PAPER) == build_table(scores, plan(), PAPER)


def test_a_network_without_pretraining_is_a_row_of_its_own() -> None:
    row = row_of(build(score_rows()), "swin_unetr")
    assert row.scratch is not None
    assert (row.pretrained_run, row.pretrained, row.difference) == (None, None, None)


def test_all_comparisons_are_corrected_together() -> None:
    runs = (*RUNS, Run("unet_b_other", "unet_b", "other"))
    rows = score_rows(runs=runs, effect=0.01) + score_rows(task="tumours", runs=runs, effect=0.0)
    table = build(rows, tasks=("lesions", "tumours"), runs=runs)
    found = [row.difference for row in table.rows if row.difference]
    assert len(found) == 4
    assert [one.p_corrected for one in found] == holm([one.p for one in found])
    assert all(one.p is not None for one in found)


def test_single_regions_and_other_metrics_are_not_tested() -> None:
    table = build(score_rows())
    assert [row.region for row in table.by_region] == ["core", "core", "whole", "whole"]
    assert {row.metric.column for row in table.secondary} == {
        "hd95_mm",
        "nsd_1mm",
        "volume_difference_ml",
        "lesion_f1",
    }
    differences = [row.difference for row in (*table.secondary, *table.by_region) if row.difference]
    assert differences
    assert all(one.p is None and one.low is None and one.reason is None for one in differences)


def test_a_region_has_its_own_means() -> None:
    rows = score_rows()
    table = build(rows)
    first = table.by_region[0]
    assert first.scratch is not None
    core = [row for row in rows if row["region"] == "core"]
    assert first.scratch.mean == pytest.approx(np.mean(by_hand(core, "unet_b")))


def test_volumes_are_compared_without_their_sign() -> None:
    rows = score_rows(effect=0.0)
    table = build([row | {"volume_difference_ml": (-1) ** index * 2.0} for index, row in enumerate(rows)])
    row = next(row for row in table.secondary if row.metric.absolute)
    assert row.scratch is not None
    assert row.scratch.mean == 2.0


def test_a_metric_that_no_task_has_is_left_out() -> None:
    rows = [row | {"lesion_f1": None} for row in score_rows()] + score_rows(task="tumours")
    table = build(rows, tasks=("lesions", "tumours"))
    assert {row.task for row in table.secondary if row.metric.column == "lesion_f1"} == {"tumours"}
    assert "lesion_f1" not in {row.metric.column for row in build(rows[: len(rows) // 2]).secondary}


def test_undefined_values_are_skipped_and_counted() -> None:
    rows = score_rows()
    for row in rows:
        if (row["run"], row["case"], row["region"]) == ("unet_b", "all-003", "core"):
            row["dice"] = None
    summary = row_of(build(rows), "unet_b").scratch
    assert summary is not None
    assert [fold.mean for fold in summary.folds] == pytest.approx(by_hand(rows, "unet_b"))
    assert (summary.undefined, summary.failed) == (3, 0)
    assert remarks(summary, 3) == ["3 values undefined"]


def test_failed_cases_are_counted_and_leave_their_counterpart_alone() -> None:
    rows = score_rows()
    for entry in rows:
        if (entry["run"], entry["fold"], entry["case"]) == ("unet_b_amaes", 1, "all-003"):
            entry.update(dict.fromkeys(("dice", "truth_voxels", "prediction_voxels")))
    row = row_of(build(rows), "unet_b")
    assert row.pretrained is not None
    assert (row.pretrained.undefined, row.pretrained.failed, row.pretrained.cases) == (0, 1, 8)
    assert row.difference is not None
    assert row.difference.unpaired == 1
    assert remarks(row.pretrained, 3) == ["1 case failed"]


def test_what_is_missing_is_named_with_its_command() -> None:
    rows = [
        row for row in score_rows() if row["run"] != "swin_unetr" and (row["run"], row["fold"]) != ("unet_b_amaes", 2)
    ]
    table = build(rows)
    assert [(one.run.name, one.folds) for one in table.missing] == [("unet_b_amaes", (2,)), ("swin_unetr", (0, 1, 2))]
    assert table.missing[0].command == (
        "snakemake --cores all models/finetune/lesions/unet_b_amaes/fold-2/scores.parquet"
    )
    assert [missing_text(one, 3) for one in table.missing] == [
        "lesions, unet_b_amaes: fold 2",
        "lesions, swin_unetr: all folds",
    ]
    row = row_of(table, "unet_b")
    assert row.difference is not None
    assert (row.difference.folds, row.difference.reason) == (2, "2 of at least 3 folds")
    assert remarks(row.pretrained, 3) == ["2 of 3 folds"]
    assert row_of(table, "swin_unetr").scratch is None


def test_without_any_score_every_row_is_missing() -> None:
    table = build([], tasks=("lesions", "tumours"))
    assert [(row.task, row.network) for row in table.rows] == [
        (task, network) for task in ("lesions", "tumours") for network in ("unet_b", "swin_unetr")
    ]
    assert {(row.scratch, row.pretrained, row.difference) for row in table.rows} == {(None, None, None)}
    assert table.secondary == ()
    assert len(table.missing) == 6
    assert "cannot be told yet" in verdict(table)


def test_groups_are_rows_of_their_own() -> None:
    task = PlannedTask("lesions", "Lesions", ("in_domain", "out_of_domain"), REGIONS)
    rows = score_rows(group="in_domain", effect=0.1) + score_rows(group="out_of_domain", effect=-0.1)
    table = build_table(frame(rows), replace(plan(), tasks=(task,)), PAPER)
    found = [(row.group, row.difference.mean > 0) for row in table.rows if row.difference]
    assert found == [("in_domain", True), ("out_of_domain", False)]


def test_the_papers_figure_stands_beside_its_row() -> None:
    figure = PaperFigure(task="lesions", group="all", network="unet_b", pretrained=0.5, read_at="page 9")
    table = build_table(frame(score_rows()), plan(), Paper("Somebody", (figure,)))
    assert [row.paper for row in table.rows] == [figure, None]


@pytest.mark.parametrize("column", ["task", "run", "fold", "group"])
def test_scores_that_nobody_planned_are_refused(column: str) -> None:
    rows = score_rows(folds=1, cases=1)
    rows[-1][column] = 9 if column == "fold" else "other"
    with pytest.raises(DataError, match="not planned"):
        build(rows, folds=1)


def test_a_network_has_a_row_for_each_pretrained_run() -> None:
    scratch, first, second, alone = Run("s", "n"), Run("p", "n", "x"), Run("q", "n", "y"), Run("a", "m", "x")
    assert network_runs([first, scratch, alone, second]) == [(scratch, first), (scratch, second), (None, alone)]


def test_the_plan_is_that_of_the_config() -> None:
    document = {
        "title": "White matter",
        "regions": [{"name": "lesion", "classes": ["lesion"]}],
        "groups": [{"name": "out_of_domain", "where": {}}],
    }
    settings = {
        "s": FinetuneSettings(name="s", network="unet_b"),
        "p": FinetuneSettings(name="p", network="unet_b", pretrained="amaes"),
    }
    tasks = [Task("wmh", document), Task("isles22", {key: document[key] for key in ("title", "regions")})]
    found = plan_table(tasks, Finetune(tasks=("wmh", "isles22"), seeds=(5, 6, 7), runs=settings))
    assert found.tasks == (
        PlannedTask("wmh", "White matter", ("in_domain", "out_of_domain"), ("lesion",)),
        PlannedTask("isles22", "White matter", GROUPS, ("lesion",)),
    )
    assert found.runs == (Run("s", "unet_b"), Run("p", "unet_b", "amaes"))
    assert found.folds == (0, 1, 2)


def test_the_terminal_has_a_line_per_comparison() -> None:
    table = build(score_rows(effect=0.2, leakage="allowed"))
    lines = difference_line(table).splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("lesions: unet_b (unet_b_amaes): Dice from scratch 0.")
    assert "pretrained 0." in lines[0]
    difference = table.rows[0].difference
    assert difference is not None
    assert f"difference {difference.mean:+.3f} [{difference.low:+.3f}, {difference.high:+.3f}]" in lines[0]
    assert f"p {difference.p_corrected:.3f} (Holm)" in lines[0]
    assert lines[0].endswith("leakage allowed")
    assert lines[1].startswith("lesions: swin_unetr: Dice from scratch 0.")
    assert "pretrained" not in lines[1]


def test_the_terminal_says_what_is_missing_and_why_there_is_no_test() -> None:
    rows = [row for row in score_rows(folds=1) if row["run"] != "swin_unetr"]
    first, second = difference_line(build(rows, folds=1)).splitlines()
    assert first.endswith("no test (1 of at least 3 folds)")
    assert second == "lesions: swin_unetr: Dice from scratch missing"


@pytest.mark.parametrize(
    ("effect", "sentence"),
    [
        (0.2, "a higher Dice in 1 of 1 comparison, a lower one in 0; in 0 it"),
        (-0.2, "a higher Dice in 0 of 1 comparison, a lower one in 1; in 0 it"),
        (0.0, "a higher Dice in 0 of 1 comparison, a lower one in 0; in 1 it"),
    ],
)
def test_the_verdict_counts_what_the_tests_show(effect: float, sentence: str) -> None:
    assert sentence in verdict(build(score_rows(effect=effect)))


@pytest.mark.parametrize(
    ("low", "p", "clear"), [(0.01, 0.04, True), (-0.01, 0.04, False), (0.01, 0.05, False), (None, None, False)]
)
def test_a_difference_is_clear_by_test_and_interval(low: float | None, p: float | None, clear: bool) -> None:
    assert is_clear(Difference(mean=0.1, low=low, high=0.2, p_corrected=p, folds=3, cases=8, unpaired=0)) == clear


def test_the_verdict_says_what_could_not_be_tested() -> None:
    rows = score_rows() + score_rows(task="tumours", cases=4)
    assert verdict(build(rows, tasks=("lesions", "tumours"))).endswith("1 further comparison could not be tested.")


def test_the_verdict_says_what_may_have_leaked() -> None:
    assert verdict(build(score_rows(leakage="unknown"))).endswith(" 1 comparison may have leaked: see Leakage.")
    assert "leaked" not in verdict(build(score_rows()))


def test_the_methods_say_how_many_comparisons_are_corrected() -> None:
    assert "for the 1 comparison of the table" in " ".join(methods(build(score_rows())))


def test_the_worst_leakage_comes_first() -> None:
    runs = (*RUNS, Run("unet_b_other", "unet_b", "other"))
    rows = score_rows(runs=runs)
    for row in rows:
        row["leakage"] = "allowed" if row["run"] == "unet_b_other" else row["leakage"]
    assert leakage_states(build(rows, runs=runs)) == ["allowed", "none"]
    assert leakage_states(build([])) == []


def test_counts_have_their_plural() -> None:
    assert count(2, DICE.title) == "2 Dices"


def test_the_frame_stays_as_it_was() -> None:
    scores = frame(score_rows())
    before = scores.copy()
    build_table(scores, plan(), PAPER)
    pd.testing.assert_frame_equal(scores, before)
