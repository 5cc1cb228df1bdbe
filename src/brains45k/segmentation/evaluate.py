"""Predict a fold's test cases and score them."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import torch

from brains45k.corpus.chunks import SCALE, Levels
from brains45k.corpus.manifest import write_if_changed, write_table
from brains45k.errors import DataError
from brains45k.progress import open_bar
from brains45k.segmentation.case_pictures import case_picture, case_view
from brains45k.segmentation.metrics import CONVENTIONS, Spacing, score_region
from brains45k.segmentation.model import Model, load_model
from brains45k.segmentation.scores import SCORES, CaseResult, FoldFacts, Score, make_rows, rank_cases, summarise
from brains45k.segmentation.segment import choose_device, place_of, predict_case, save_labels, values_of
from brains45k.tasks.folds import Fold
from brains45k.tasks.grid import Classes
from brains45k.tasks.label import read_label
from brains45k.tasks.prepare import PreparedCase, read_case
from brains45k.tasks.task import IGNORED, Task
from brains45k.training.pictures import write_picture
from brains45k.training.process import say
from brains45k.volume.refusal import RefusalError
from brains45k.volume.volume import Voxels

SCORES_FILE, FACTS_FILE, PREDICTIONS, PICTURES = "scores.parquet", "evaluation.json", "predictions", "pictures"
# What one case's data or size may do; anything else is a fault of the program, which ends the job.
_OF_THE_CASE = (DataError, RefusalError, OSError, torch.OutOfMemoryError)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateJob:
    """What the evaluation of a fold is told.

    Which run, network and seed the scores are of, and what its leakage guard found, the model's file says itself.

    Attributes
    ----------
    model : str
        The fold's ``model.safetensors``.
    cases : str
        The task's folder of prepared cases.
    root : str
        Of the source, below which the labels lie.
    fold : str
        The fold's file.
    task : str
        Name of the task.
    document : mapping
        The task's, as its file has it now.
    folder : str
        Where the results go.
    accelerator : {"gpu", "cpu"}
        Where the network runs.
    threads : int
        Of the processor.
    overlap : float
        Share of a window's side that the next window covers too.
    mirror : bool
        Whether to average over the mirror images of each window.
    """

    model: str
    cases: str
    root: str
    fold: str
    task: str
    document: dict[str, Any]
    folder: str
    accelerator: str
    threads: int
    overlap: float
    mirror: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Bench:
    """What all cases of a fold share."""

    job: EvaluateJob
    task: Task
    model: Model
    device: torch.device

    def prediction_path(self, case: str) -> Path:
        return Path(self.job.folder) / PREDICTIONS / f"{case}.nii.gz"


def evaluate_fold(job: EvaluateJob, log: TextIO) -> None:
    """Predict and score the test cases of a fold, and write predictions, scores, facts and pictures.

    A case that fails has a row without values for each region and a line in the log.

    Parameters
    ----------
    job : EvaluateJob
        What to evaluate.
    log : TextIO
        Gets a line per case.

    Raises
    ------
    DataError
        If the model or the fold cannot be read or belong to different tasks or folds, a prepared case is missing, or
        no case can be scored.
    CallError
        If a GPU is asked for and there is none, or the disk does not take a prediction.
    """
    torch.set_num_threads(job.threads)
    begun = time.monotonic()
    device = choose_device("cuda" if job.accelerator == "gpu" else "cpu")
    task, fold = Task.from_document(job.task, job.document), Fold.read(Path(job.fold))
    bench = _Bench(job=job, task=task, model=load_model(job.model, device=device), device=device)
    facts = _facts_of(bench, fold)
    folder = Path(job.folder)
    for name in (PREDICTIONS, PICTURES):
        (folder / name).mkdir(parents=True, exist_ok=True)
    results = _evaluate_cases(bench, fold.test, log)
    _require_scores(results, job)
    write_table(make_rows(results, facts, task), SCORES, folder / SCORES_FILE)
    pictured = rank_cases(results)
    for rank, result in pictured.items():
        _draw(bench, result, rank, of=len(results))
    document = asdict(facts) | summarise(results, task) | _terms(job, device)
    document["pictures"] = {rank: result.case for rank, result in pictured.items()}
    document["seconds"] = round(time.monotonic() - begun, 1)
    write_if_changed(folder / FACTS_FILE, (json.dumps(document, indent=1) + "\n").encode())
    counts = f"{document['scored']} of {document['cases']} cases scored, {len(document['failed'])} failed"
    say(log, f"{facts.run}: {counts}")


def score_case(truth: Classes, prediction: Classes, task: Task, *, spacing_mm: Spacing) -> tuple[Score, ...]:
    """Score each region of a task.

    Parameters
    ----------
    truth, prediction : numpy.ndarray
        x, y, z, uint8, classes on the original grid; the truth is 255 where nothing counts.
    task : Task
        Its regions, and whether lesions are counted.
    spacing_mm : tuple of float
        Along x, y and z.

    Raises
    ------
    DataError
        If the two do not lie on one grid.
    """
    if truth.shape != prediction.shape:
        msg = f"the label has {truth.shape} voxels and the image {prediction.shape}. Prepare the case again."
        raise DataError(msg)
    ignored = truth == IGNORED
    return tuple(
        score_region(
            np.isin(truth, values),
            np.isin(prediction, values),
            ignored=ignored,
            spacing_mm=spacing_mm,
            with_lesions=task.has_lesions,
        )
        for values in map(task.region_values, task.regions)
    )


def _facts_of(bench: _Bench, fold: Fold) -> FoldFacts:
    """Return what the rows share, as the model's file says it; refuse a model of something else."""
    about, job, trained = bench.model.about, bench.job, bench.model.task
    if (trained.classes, trained.roles) != (bench.task.classes, bench.task.roles):
        msg = f"{job.model}: was trained for other images or classes than task {job.task} has now. Train it again."
        raise DataError(msg)
    if (about["fold"], about["seed"]) != (fold.fold, fold.seed):
        msg = f"{job.model}: is of fold {about['fold']} with seed {about['seed']}, not of {job.fold}. Train it again."
        raise DataError(msg)
    return FoldFacts(
        task=job.task,
        run=about["run"],
        network=about["network"],
        pretrained=about["pretrained"],
        fold=fold.fold,
        seed=fold.seed,
        leakage=about["leakage"]["state"],
    )


def _evaluate_cases(bench: _Bench, cases: Sequence[str], log: TextIO) -> list[CaseResult]:
    results = []
    with open_bar(f"{bench.task.name}: score", unit="case", total=len(cases)) as bar:
        for case in cases:
            result = _evaluate_case(bench, case)
            results.append(result)
            say(log, _line(result, bench.task))
            bar.set_postfix(failed=sum(result.failure is not None for result in results), refresh=False)
            bar.update()
    return results


def _evaluate_case(bench: _Bench, name: str) -> CaseResult:
    begun, failure = time.monotonic(), None
    case = read_case(Path(bench.job.cases) / name)
    scores = tuple(Score() for _ in bench.task.regions)
    try:
        label = read_label(_label_path(bench, case), bench.task)
        classes = _predict(bench, case)
        scores = score_case(label.classes, classes, bench.task, spacing_mm=label.spacing_mm)
    except _OF_THE_CASE as error:
        failure = " ".join(str(error).split())
    return CaseResult(
        case=case.name,
        subject=case.subject,
        group=case.group,
        scores=scores,
        seconds=time.monotonic() - begun,
        failure=failure,
    )


def _predict(bench: _Bench, case: PreparedCase) -> Classes:
    """Predict a case and keep the prediction as a file; return its classes on the original grid."""
    classes = predict_case(
        bench.model,
        _voxels(case.image),
        case.grid,
        device=bench.device,
        overlap=bench.job.overlap,
        mirror=bench.job.mirror,
    )
    path = bench.prediction_path(case.name)
    save_labels(values_of(classes, bench.task), path, header=place_of(_label_path(bench, case), case.grid.affine))
    return classes


def _voxels(levels: Levels) -> Voxels:
    return np.asarray(levels, np.float32) * np.float32(SCALE)


def _label_path(bench: _Bench, case: PreparedCase) -> Path:
    return Path(bench.job.root) / case.label_path


def _require_scores(results: Sequence[CaseResult], job: EvaluateJob) -> None:
    if not any(result.failure is None for result in results):
        reason = results[0].failure if results else "it has none"
        msg = f"{job.fold}: none of its {len(results)} test cases could be scored, the first because: {reason}"
        raise DataError(msg)


def _terms(job: EvaluateJob, device: torch.device) -> dict[str, Any]:
    """Return on what terms the scores were made."""
    return {"overlap": job.overlap, "mirror": job.mirror, "device": device.type, "conventions": dict(CONVENTIONS)}


def _draw(bench: _Bench, result: CaseResult, rank: str, *, of: int) -> None:
    case = read_case(Path(bench.job.cases) / result.case)
    truth, prediction = (
        read_label(path, bench.task).classes for path in (_label_path(bench, case), bench.prediction_path(case.name))
    )
    view = case_view(_voxels(case.image[0]), truth, prediction, case.grid, bench.task)
    title = [
        f"{result.case} ({result.group}): {rank} of {of} cases, {bench.task.roles[0].name}",
        f"Dice: {_dice(result, bench.task)}",
    ]
    write_picture(case_picture(view, title=title), Path(bench.job.folder) / PICTURES / f"{rank}.png")


def _line(result: CaseResult, task: Task) -> str:
    if result.failure is not None:
        return f"{result.case}: not scored: {result.failure}"
    return f"{result.case}: Dice {_dice(result, task)}; {result.seconds:.1f} s"


def _dice(result: CaseResult, task: Task) -> str:
    pairs = zip(task.regions, result.scores, strict=True)
    return ", ".join(
        f"{region.name} {'-' if (dice := score.dice) is None else f'{dice:.3f}'}" for region, score in pairs
    )
