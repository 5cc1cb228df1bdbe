"""The paper's Table 2 as data: each network from scratch and pretrained, by task and group, with the difference."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from brains45k.errors import DataError
from brains45k.segmentation.paper import Paper, PaperFigure
from brains45k.segmentation.statistics import (
    Difference,
    case_scores,
    compare,
    fold_means,
    holm,
    mean_and_deviation,
)
from brains45k.segmentation.table_plan import DICE, SECONDARY, Metric, Plan, Run, network_runs


@dataclass(frozen=True, slots=True)
class FoldValue:
    """A fold's mean over its test cases; None where no case has a value."""

    fold: int
    seed: int
    mean: float | None
    cases: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One run on one task, group and metric.

    Attributes
    ----------
    run : Run
        Which.
    mean, deviation : float, optional
        Over the folds' means; the second needs two folds.
    folds : tuple of FoldValue
        Those that were evaluated, ascending.
    cases : int
        Test cases with a value in any fold.
    undefined : int
        Values of a fold, case and region that were scored but have no value, such as Dice of two empty masks.
    failed : int
        Pairs of fold and case that could not be scored at all.
    leakage : str
        State of the leakage guard.
    """

    run: Run
    mean: float | None
    deviation: float | None
    folds: tuple[FoldValue, ...]
    cases: int
    undefined: int
    failed: int
    leakage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One network on one group of one task, by one metric.

    Attributes
    ----------
    region : str, optional
        None for the mean over the task's regions.
    scratch_run, pretrained_run : Run, optional
        None where none is planned.
    scratch, pretrained : Summary, optional
        None where nothing was evaluated.
    """

    task: str
    group: str
    network: str
    metric: Metric
    region: str | None = None
    scratch_run: Run | None
    pretrained_run: Run | None
    scratch: Summary | None
    pretrained: Summary | None
    difference: Difference | None = None
    paper: PaperFigure | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """Folds of a run that were not evaluated, and the command that does it."""

    task: str
    run: Run
    folds: tuple[int, ...]
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """All that the files of the table say.

    Attributes
    ----------
    rows : tuple of Row
        Mean Dice over the regions: the paper's table. These alone are tested.
    secondary, by_region : tuple of Row
        The other metrics over the regions; Dice of each region of tasks that have several.
    missing : tuple of Missing
        What was not evaluated.
    """

    plan: Plan
    paper: Paper
    rows: tuple[Row, ...]
    secondary: tuple[Row, ...] = ()
    by_region: tuple[Row, ...] = ()
    missing: tuple[Missing, ...] = ()


def build_table(scores: pd.DataFrame, plan: Plan, paper: Paper) -> Table:
    """Build the table of all that was planned from what was measured.

    Parameters
    ----------
    scores : pandas.DataFrame
        Of :func:`brains45k.segmentation.table_scores.read_scores`.
    plan : Plan
        What to show.
    paper : Paper
        What stands beside.

    Raises
    ------
    CallError
        If a network has two runs from scratch.
    DataError
        If scores are of a task, run, fold or group that is not in the plan.
    """
    _require_planned(scores, plan)
    rows = [
        replace(row, paper=paper.find(task=row.task, group=row.group, network=row.network))
        for row in _rows(scores, plan, DICE)
    ]
    return Table(
        plan=plan,
        paper=paper,
        rows=_corrected(rows),
        secondary=tuple(
            row
            for metric in SECONDARY
            if scores[metric.column].notna().any()
            for row in _rows(scores, plan, metric, is_tested=False)
        ),
        by_region=tuple(_rows_by_region(scores, plan)),
        missing=tuple(_missing(scores, plan)),
    )


def _require_planned(scores: pd.DataFrame, plan: Plan) -> None:
    groups = {task.name: task.groups for task in plan.tasks}
    planned = {run.name for run in plan.runs}
    places = scores[["task", "run", "fold", "group"]].drop_duplicates()
    for task, run, fold, group in places.itertuples(index=False, name=None):
        if run not in planned or fold not in plan.folds or group not in groups.get(task, ()):
            msg = f"scores of {task}/{run}/fold-{fold}, group {group}: not planned; plan it or leave its file out."
            raise DataError(msg)


def _rows(scores: pd.DataFrame, plan: Plan, metric: Metric, *, is_tested: bool = True) -> Iterator[Row]:
    for task in plan.tasks:
        of_task = scores[scores["task"] == task.name]
        if is_tested or of_task[metric.column].notna().any():
            for group in task.groups:
                of_group = of_task[of_task["group"] == group]
                for pair in network_runs(plan.runs):
                    yield _row(of_group, pair, metric, task=task.name, group=group, is_tested=is_tested)


def _rows_by_region(scores: pd.DataFrame, plan: Plan) -> Iterator[Row]:
    for task in plan.tasks:
        one_task = replace(plan, tasks=(task,))
        for region in task.regions if len(task.regions) > 1 else ():
            for row in _rows(scores[scores["region"] == region], one_task, DICE, is_tested=False):
                yield replace(row, region=region)


def _row(
    scores: pd.DataFrame,
    pair: tuple[Run | None, Run | None],
    metric: Metric,
    *,
    task: str,
    group: str,
    is_tested: bool,
) -> Row:
    frames = [scores[scores["run"] == run.name] if run else scores[:0] for run in pair]
    values = [frame.assign(value=_values(frame, metric)) for frame in frames]
    tables = [case_scores(frame, "value") for frame in values]
    scratch, pretrained = (
        _summary(run, frame, table) if run and len(frame) else None
        for run, frame, table in zip(pair, values, tables, strict=True)
    )
    return Row(
        task=task,
        group=group,
        network=next(run.network for run in pair if run),
        metric=metric,
        scratch_run=pair[0],
        pretrained_run=pair[1],
        scratch=scratch,
        pretrained=pretrained,
        difference=compare(tables[1], tables[0], how_sure=is_tested) if scratch and pretrained else None,
    )


def _values(scores: pd.DataFrame, metric: Metric) -> "pd.Series[float]":
    values = scores[metric.column].astype(float)
    return values.abs() if metric.absolute else values


def _summary(run: Run, scores: pd.DataFrame, table: pd.DataFrame) -> Summary:
    means = fold_means(table)
    mean, deviation = mean_and_deviation(means)
    seeds = scores.groupby("fold")["seed"].first()
    counts = table.notna().sum(axis=1)
    failed = scores["truth_voxels"].isna()
    return Summary(
        run=run,
        mean=mean,
        deviation=deviation,
        folds=tuple(
            FoldValue(int(fold), int(seeds[fold]), None if pd.isna(value) else float(value), int(counts[fold]))
            for fold, value in zip(table.index, means, strict=True)
        ),
        cases=int(table.notna().any(axis=0).sum()),
        undefined=int((scores["value"].isna() & ~failed).sum()),
        failed=len(scores.loc[failed, ["fold", "case"]].drop_duplicates()),
        leakage=str(scores["leakage"].iloc[0]),
    )


def _corrected(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Correct the p-values of all comparisons of the table together."""
    corrected = holm([row.difference.p if row.difference else None for row in rows])
    return tuple(
        replace(row, difference=replace(row.difference, p_corrected=p)) if row.difference else row
        for row, p in zip(rows, corrected, strict=True)
    )


def _missing(scores: pd.DataFrame, plan: Plan) -> Iterator[Missing]:
    done = set(scores[["task", "run", "fold"]].drop_duplicates().itertuples(index=False, name=None))
    for task in plan.tasks:
        for run in plan.runs:
            folds = tuple(fold for fold in plan.folds if (task.name, run.name, fold) not in done)
            if folds:
                targets = (plan.target.format(task=task.name, run=run.name, fold=fold) for fold in folds)
                yield Missing(task.name, run, folds, f"snakemake --cores all {' '.join(targets)}")
