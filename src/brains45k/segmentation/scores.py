"""The schema of ``scores.parquet``: what the predictions of a fold's test cases are worth.

A row per case and region, in the order of the fold's test cases and of the task's regions. This module needs no torch.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any, Final

import pyarrow as pa

from brains45k.tasks.task import Task

#: Which fold, case and region a row is about. Of a case that could not be scored this is all that there is.
IDENTITY = (
    pa.field("task", pa.string(), nullable=False),
    pa.field("run", pa.string(), nullable=False),
    pa.field("network", pa.string(), nullable=False),
    pa.field("pretrained", pa.string()),
    pa.field("fold", pa.int32(), nullable=False),
    pa.field("seed", pa.int64(), nullable=False),
    pa.field("case", pa.string(), nullable=False),
    pa.field("subject", pa.string(), nullable=False),
    pa.field("group", pa.string(), nullable=False),
    pa.field("region", pa.string(), nullable=False),
)

#: What was measured. Null where it is undefined (:mod:`brains45k.segmentation.metrics`) or the case failed.
VALUES = (
    pa.field("truth_voxels", pa.int64()),
    pa.field("prediction_voxels", pa.int64()),
    pa.field("dice", pa.float64()),
    pa.field("hd95_mm", pa.float64()),
    pa.field("nsd_1mm", pa.float64()),
    pa.field("volume_difference_ml", pa.float64()),
    pa.field("volume_difference_share", pa.float64()),
    pa.field("lesion_f1", pa.float64()),
    pa.field("lesions_found", pa.int32()),
    pa.field("lesions_true", pa.int32()),
    pa.field("lesions_predicted", pa.int32()),
)

SCORES = pa.schema([*IDENTITY, *VALUES, pa.field("leakage", pa.string(), nullable=False)])

_AVERAGED: Final = tuple(field.name for field in VALUES if not field.name.endswith("_voxels"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What one prediction is worth in one region.

    Voxels are counted after the ignored ones were taken out of both masks; a case that was scored has both counts,
    and one that failed has none. The fields on lesions are None for a task without lesions.

    Attributes
    ----------
    truth_voxels, prediction_voxels : int, optional
        Sizes of the two masks on the original grid.
    dice : float, optional
        Dice's coefficient, 0 to 1.
    hd95_mm : float, optional
        95th percentile of the distances between the two surfaces.
    nsd_1mm : float, optional
        Share of the two surfaces that lie within 1 mm of each other, 0 to 1.
    volume_difference_ml : float, optional
        Prediction minus truth.
    volume_difference_share : float, optional
        The same as a share of the truth.
    lesion_f1 : float, optional
        F1 over lesions, 0 to 1.
    lesions_found : int, optional
        True lesions that the prediction touches.
    lesions_true, lesions_predicted : int, optional
        Connected components of the two masks.
    """

    truth_voxels: int | None = None
    prediction_voxels: int | None = None
    dice: float | None = None
    hd95_mm: float | None = None
    nsd_1mm: float | None = None
    volume_difference_ml: float | None = None
    volume_difference_share: float | None = None
    lesion_f1: float | None = None
    lesions_found: int | None = None
    lesions_true: int | None = None
    lesions_predicted: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldFacts:
    """What all rows of one fold's scores share.

    Attributes
    ----------
    task, run, network : str
        Names.
    pretrained : str, optional
        Of the pretraining run or the file that the encoder began from; None from scratch.
    fold, seed : int
        Number of the fold, and the seed that drew it.
    leakage : str
        State of the leakage guard: "none", "allowed", "unknown" or "not pretrained".
    """

    task: str
    run: str
    network: str
    pretrained: str | None
    fold: int
    seed: int
    leakage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """What came of one test case.

    Attributes
    ----------
    case, subject, group : str
        Of the case.
    scores : tuple of Score
        In the order of the task's regions; empty ones if the case failed.
    seconds : float
        For reading, predicting and scoring.
    failure : str, optional
        Why there are no scores.
    """

    case: str
    subject: str
    group: str
    scores: tuple[Score, ...]
    seconds: float
    failure: str | None

    @property
    def mean_dice(self) -> float | None:
        """Mean of the regions' Dice where it is defined; None where it is for none."""
        defined = [score.dice for score in self.scores if score.dice is not None]
        return fmean(defined) if defined else None


def make_rows(results: Sequence[CaseResult], facts: FoldFacts, task: Task) -> list[dict[str, Any]]:
    """Return the rows of :data:`SCORES`: each case's regions in the task's order."""
    return [
        asdict(facts)
        | {"case": result.case, "subject": result.subject, "group": result.group, "region": region.name}
        | asdict(score)
        for result in results
        for region, score in zip(task.regions, result.scores, strict=True)
    ]


def rank_cases(results: Sequence[CaseResult]) -> dict[str, CaseResult]:
    """Return the ``best``, the ``median`` and the ``worst`` case by mean Dice; nothing where it is defined for none.

    Of equal ones the first by name counts as the worse.
    """
    order = sorted(
        (result for result in results if result.mean_dice is not None),
        key=lambda result: (result.mean_dice, result.case),
    )
    if not order:
        return {}
    return {"best": order[-1], "median": order[(len(order) - 1) // 2], "worst": order[0]}


def summarise(results: Sequence[CaseResult], task: Task) -> dict[str, Any]:
    """Return counts and means for people: by group and region of the cases where a value is defined."""
    scored = [result for result in results if result.failure is None]
    groups = sorted({result.group for result in scored})
    return {
        "cases": len(results),
        "scored": len(scored),
        "failed": [{"case": result.case, "reason": result.failure} for result in results if result.failure is not None],
        "seconds_per_case": round(fmean(result.seconds for result in scored), 3),
        "means": {
            group: {
                region.name: _means([result.scores[place] for result in scored if result.group == group])
                for place, region in enumerate(task.regions)
            }
            for group in groups
        },
    }


def _means(scores: Sequence[Score]) -> dict[str, dict[str, float | int]]:
    """Return the mean of each value and the number of cases where it is defined; others are left out."""
    values = {name: [value for score in scores if (value := getattr(score, name)) is not None] for name in _AVERAGED}
    return {name: {"mean": fmean(found), "cases": len(found)} for name, found in values.items() if found}
