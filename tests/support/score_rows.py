"""Scores of finetuned folds that nobody trained: planted fold, case and pretraining effects."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from brains45k.segmentation.scores import SCORES
from brains45k.segmentation.table_plan import Plan, PlannedTask, Run

RUNS = (
    Run("unet_b", "unet_b"),
    Run("unet_b_amaes", "unet_b", "amaes_b"),
    Run("swin_unetr", "swin_unetr"),
)
REGIONS = ("core", "whole")
GROUPS = ("all",)


def plan(*, tasks: Sequence[str] = ("lesions",), folds: int = 3, runs: Sequence[Run] = RUNS, **changes: Any) -> Plan:
    """Return the plan that :func:`score_rows` fills."""
    planned = tuple(PlannedTask(name, f"Task {name}", GROUPS, REGIONS) for name in tasks)
    return Plan(**{"tasks": planned, "runs": tuple(runs), "folds": tuple(range(folds))} | changes)


def score_rows(
    *,
    task: str = "lesions",
    runs: Sequence[Run] = RUNS,
    folds: int = 3,
    cases: int = 8,
    effect: float = 0.05,
    group: str = "all",
    leakage: str = "none",
    noise: float = 0.02,
) -> list[dict[str, Any]]:
    """Return a row per run, fold, case and region; ``effect`` is what pretraining adds to Dice."""
    generator = np.random.default_rng(7)
    hardness = generator.normal(0, 0.05, cases)
    luck = generator.normal(0, 0.01, folds)
    rows = []
    for run in runs:
        for fold in range(folds):
            facts = {
                "task": task,
                "run": run.name,
                "network": run.network,
                "pretrained": run.pretrained,
                "fold": fold,
                "seed": 100 + fold,
                "leakage": leakage if run.pretrained else "not pretrained",
            }
            for case in range(cases):
                for region in REGIONS:
                    dice = 0.6 + hardness[case] + luck[fold] + generator.normal(0, noise)
                    score = _score(float(dice) + (effect if run.pretrained else 0))
                    names = {"case": f"{group}-{case:03}", "subject": f"{group}-{case:03}", "group": group}
                    rows.append(facts | names | {"region": region} | score)
    return rows


def _score(dice: float) -> dict[str, Any]:
    return {
        "truth_voxels": 100,
        "prediction_voxels": 90,
        "dice": dice,
        "hd95_mm": 10 * (1 - dice),
        "nsd_1mm": dice,
        "volume_difference_ml": dice - 0.6,
        "volume_difference_share": -0.1,
        "lesion_f1": dice,
        "lesions_found": 1,
        "lesions_true": 1,
        "lesions_predicted": 1,
    }


def write_scores(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write rows as an evaluation does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows), schema=SCORES), path)
    return path


def frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return rows as :func:`brains45k.segmentation.table_scores.read_scores` does."""
    found: pd.DataFrame = pa.Table.from_pylist(list(rows), schema=SCORES).to_pandas()
    return found
