"""The words and figures of the table, as the page, the Markdown and the terminal share them."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from brains45k.segmentation.statistics import CONFIDENCE, RESAMPLES, Difference
from brains45k.segmentation.table import Missing, Row, Summary, Table
from brains45k.segmentation.table_plan import Metric

LEVEL: Final = 0.05

MISSING: Final = "missing"
NOTHING: Final = "-"

#: What the states of the leakage guard mean.
LEAKAGE: Final = MappingProxyType(
    {
        "none": "no test case is in the corpus that the checkpoint saw, neither by subject nor by image.",
        "allowed": "test cases are in the corpus that the checkpoint saw, and allow_leakage let the run go on. "
        "Its scores may be too good; the difference is no fair one.",
        "unknown": "the checkpoint has no record of the volumes that it saw, so nothing can be told of leaks, and "
        "allow_leakage let the run go on. Its scores may be too good.",
        "not pretrained": "the network began from random weights; nothing can leak.",
    }
)

#: States under which a difference may be no fair one.
SUSPECT: Final = ("allowed", "unknown")

_PERCENT = f"{CONFIDENCE:.0%}".replace("%", " %")


def value_text(value: float | None, metric: Metric, *, signed: bool = False) -> str:
    """Write a value of a metric, without its unit; a dash where there is none."""
    if value is None:
        return NOTHING
    # Adding 0 takes the sign off what is rounded to nothing.
    rounded = round(value, metric.digits) + 0.0
    return f"{rounded:{'+' if signed and rounded else ''}.{metric.digits}f}"


def spread_text(summary: Summary | None, metric: Metric) -> str:
    """Write mean and standard deviation over the folds."""
    if summary is None:
        return MISSING
    mean = value_text(summary.mean, metric)
    return mean if summary.deviation is None else f"{mean} ± {value_text(summary.deviation, metric)}"


def difference_text(difference: Difference | None, metric: Metric) -> str:
    """Write a difference with its interval, if it has one."""
    if difference is None:
        return NOTHING
    mean = value_text(difference.mean, metric, signed=True)
    if difference.low is None or difference.high is None:
        return mean
    low, high = (value_text(value, metric, signed=True) for value in (difference.low, difference.high))
    return f"{mean} [{low}, {high}]"


def p_text(p: float | None) -> str:
    """Write a p-value.

    >>> p_text(0.0342), p_text(0.00021), p_text(None)
    ('0.034', '< 0.001', '-')
    """
    if p is None:
        return NOTHING
    return f"{p:.3f}" if p >= 1e-3 else "< 0.001"  # noqa: PLR2004 - what three digits can say


def metric_heading(metric: Metric) -> str:
    """Name a metric with its unit and its better direction."""
    unit = f", {metric.unit}" if metric.unit else ""
    return f"{metric.title}{unit} ({'higher' if metric.higher_is_better else 'lower'} is better)"


def remarks(summary: Summary | None, folds: int) -> list[str]:
    """Say what is not as planned with a run's folds and cases."""
    if summary is None:
        return []
    done = len(summary.folds)
    parts = [f"{done} of {folds} folds"] if done < folds else []
    parts += [f"{count(summary.failed, 'case')} failed"] if summary.failed else []
    return parts + ([f"{count(summary.undefined, 'value')} undefined"] if summary.undefined else [])


def difference_remarks(difference: Difference | None) -> list[str]:
    """Say what limits a comparison."""
    if difference is None:
        return []
    parts = [f"no interval, no test: {difference.reason}"] if difference.reason else []
    return parts + ([f"{count(difference.unpaired, 'score')} without a counterpart"] if difference.unpaired else [])


def count(number: int, noun: str) -> str:
    """Write a number of things.

    >>> count(1, "case"), count(1200, "case")
    ('1 case', '1,200 cases')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def leakage_of(row: Row) -> str:
    """Return the state of the leakage guard that a row's comparison stands under; a dash without a pretrained run."""
    return row.pretrained.leakage if row.pretrained else NOTHING


def leakage_states(table: Table) -> list[str]:
    """List the states that the rows show, the worst first."""
    shown = {leakage_of(row) for row in table.rows}
    return [state for state in (*SUSPECT, "none") if state in shown]


def place_text(row: Row) -> str:
    """Name a row's task and group."""
    return row.task if row.group == "all" else f"{row.task}, {row.group.replace('_', ' ')}"


def missing_text(missing: Missing, folds: int) -> str:
    """Name what of a run was not evaluated."""
    which = "all folds" if len(missing.folds) == folds else "fold " + ", ".join(map(str, missing.folds))
    return f"{missing.task}, {missing.run.name}: {which}"


def row_text(row: Row) -> str:
    """Name a row: task, group, network, and the run where it is not called as its network."""
    run = row.pretrained_run or row.scratch_run
    named = f" ({run.name})" if run and run.name != row.network else ""
    return f"{place_text(row)}: {row.network}{named}"


def difference_line(table: Table) -> str:
    """Return a line for the terminal per comparison: task, network, both runs, the difference and how sure it is."""
    return "\n".join(_line(row) for row in table.rows)


def _line(row: Row) -> str:
    parts = []
    if row.scratch_run:
        parts.append(f"from scratch {spread_text(row.scratch, row.metric)}")
    if row.pretrained_run:
        parts.append(f"pretrained {spread_text(row.pretrained, row.metric)}")
    if row.difference:
        parts.append(f"difference {difference_text(row.difference, row.metric)}")
        corrected = row.difference.p_corrected
        parts.append(f"p {p_text(corrected)} (Holm)" if corrected is not None else f"no test ({row.difference.reason})")
    if leakage_of(row) in SUSPECT:
        parts.append(f"leakage {leakage_of(row)}")
    return f"{row_text(row)}: {row.metric.title} {', '.join(parts)}"


def verdict(table: Table) -> str:
    """Say in a sentence or two what the comparisons show."""
    differences = [row.difference for row in table.rows if row.difference]
    tested = [found for found in differences if found.p_corrected is not None]
    if not tested:
        return "Whether pretraining helps cannot be told yet: no comparison has folds and cases enough for a test."
    better = sum(is_clear(found) and found.mean > 0 for found in tested)
    worse = sum(is_clear(found) and found.mean < 0 for found in tested)
    told = (
        f"Pretraining gave a higher Dice in {better} of {count(len(tested), 'comparison')}, a lower one in {worse}; "
        f"in {len(tested) - better - worse} it cannot be told (corrected p of {LEVEL:g} or more, or an interval that "
        "holds 0)."
    )
    if untested := len(differences) - len(tested):
        told += f" {count(untested, 'further comparison')} could not be tested."
    if suspect := sum(row.difference is not None and leakage_of(row) in SUSPECT for row in table.rows):
        told += f" {count(suspect, 'comparison')} may have leaked: see Leakage."
    return told


def is_clear(difference: Difference) -> bool:
    """Tell whether a difference has a corrected p below 0.05 and an interval without 0."""
    low, high, p = difference.low, difference.high, difference.p_corrected
    return low is not None and high is not None and p is not None and p < LEVEL and not low <= 0 <= high


def methods(table: Table) -> Iterator[str]:
    """Say how the figures were computed and what they cover."""
    tested = sum(row.difference is not None and row.difference.p is not None for row in table.rows)
    yield (
        "A fold trains on its own draw of cases with its own seed, the same for all runs. All folds of a task are "
        "evaluated on the same test cases, on the grid of the original image."
    )
    yield (
        "A case's score is the mean over the task's regions, a fold's score the mean over its test cases. The table "
        "gives mean ± standard deviation (n - 1) over the folds."
    )
    yield (
        "Values that are undefined, as Dice where truth and prediction are both empty, are skipped, as are cases that "
        "failed; both are counted where they occur. A region that one mask alone contains has a Dice of 0, a surface "
        "Dice (NSD) of 0, and a Hausdorff distance (HD95) of the diagonal of the image. Volume differences are "
        "averaged without their sign."
    )
    yield (
        "The difference is pretrained minus scratch, of the same network, fold and test case; a score without a "
        "counterpart is left out of it. The network, its settings and its training cases are the same in both."
    )
    yield (
        f"The interval in brackets is one of {_PERCENT}, by {RESAMPLES:,} bootstrap replicates that draw folds and "
        "test cases with replacement, a case in all folds together because they share the test set, and both runs "
        "together; it is expanded for small numbers of folds and cases. It covers other test cases of the same kind, "
        "and other draws of training cases as far as these folds, which overlap in training cases, show them. It does "
        "not cover another pretraining, other settings or other scanners."
    )
    yield (
        "The p-value is that of a paired permutation test: each test case's difference, averaged over the folds, has "
        "its sign flipped. It takes the networks as trained, so it can be small although the interval, which lets the "
        f"folds vary, contains 0. It is corrected by Holm's procedure for the {count(tested, 'comparison')} of the "
        "table. The other metrics and the single regions are not tested."
    )
