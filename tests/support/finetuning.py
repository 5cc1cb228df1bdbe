"""Finetuning runs of toy size: a task, prepared cases, and a fold, written as the workflow would."""

import csv
import json
import multiprocessing
import os
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.ndimage import gaussian_filter

from brains45k.segmentation.job import FinetuneJob
from brains45k.segmentation.settings import make_settings
from brains45k.tasks.folds import Fold
from brains45k.tasks.manifest import CASES

#: Toy settings; patches of 16 voxels are the least that unet_tiny takes.
SETTINGS: dict[str, Any] = {
    "name": "toy",
    "network": "unet_tiny",
    "patch_size_voxels": 16,
    "batch_size": 2,
    "epochs": 3,
    "batches_per_epoch": 3,
    "learning_rate": 0.003,
    "augmentation": "all",
    "foreground_share": 0.5,
    "precision": "32-true",
    "accelerator": "cpu",
    "workers": 0,
    "log_every_steps": 2,
    "checkpoint_every_steps": 2,
}
DOCUMENT: dict[str, Any] = {
    "title": "Spots",
    "source": "toy",
    "case": ["subject"],
    "images": [{"name": "flair", "where": {"image": ["flair"]}}, {"name": "t1", "where": {"image": ["t1"]}}],
    "labels": {"layouts": ["label"]},
    "classes": [{"name": "spot", "values": [1]}, {"name": "rim", "values": [2]}],
    "regions": [{"name": "whole", "classes": ["spot", "rim"]}],
    "lesions": False,
    "test": {"where": {"part": ["test"]}},
}
#: What a row of the curves says that no clock decides.
TIMELESS = ("step", "epoch", "train_loss", "learning_rate", "val_loss", "val_dice")
_TRAIN, _VAL, _TEST = ("a", "b", "c"), ("d",), ("e", "f")
_SHAPE = (20, 18, 14)


@dataclass(frozen=True)
class Toy:
    """Files of a toy task."""

    folder: Path

    @property
    def cases(self) -> Path:
        """The prepared cases' folder."""
        return self.folder / "cases"

    @property
    def table(self) -> Path:
        """The table of cases."""
        return self.folder / "toy.parquet"

    @property
    def fold(self) -> Path:
        """The fold's file."""
        return self.folder / "fold-1.json"

    def job(
        self, folder: Path, *, pretrained: Path | None = None, seen: Path | None = None, **changes: Any
    ) -> FinetuneJob:
        """Return a job on these cases in a folder of its own."""
        folder.mkdir(parents=True, exist_ok=True)
        allow = bool(changes.pop("allow_leakage", False))
        return FinetuneJob(
            settings=make_settings(SETTINGS | changes | ({"pretrained": "base"} if pretrained else {})),
            task="toy",
            document=DOCUMENT,
            fold=str(self.fold),
            cases=str(self.cases),
            table=str(self.table),
            preprocess={"preset": "paper"},
            pretrained=None if pretrained is None else str(pretrained),
            seen=None if seen is None else str(seen),
            allow_leakage=allow,
            folder=str(folder),
            log=str(folder / "run.log"),
        )


def make_toy(folder: Path) -> Toy:
    """Write cases, their table and a fold."""
    toy = Toy(folder)
    for number, name in enumerate((*_TRAIN, *_VAL, *_TEST)):
        write_case(toy.cases / name, seed=number)
    rows = [_row(name, number, part="test" if name in _TEST else "pool") for number, name in enumerate("abcdef")]
    pq.write_table(pa.Table.from_pylist(rows, CASES), toy.table)
    Fold(task="toy", fold=1, seed=11, train=_TRAIN, val=_VAL, test=_TEST).write(toy.fold)
    return toy


def write_case(folder: Path, *, seed: int, shape: tuple[int, int, int] = _SHAPE, channels: int = 2) -> None:
    """Write a prepared case: noise, a bright spot of class 1 in a rim of class 2, and an ignored corner."""
    random = np.random.default_rng(seed)
    image = np.stack([gaussian_filter(random.random(shape), 1) for _ in range(channels)])
    centre = random.uniform(0.3, 0.7, 3) * shape
    distance = np.sqrt(sum((axis - at) ** 2 for axis, at in zip(np.indices(shape), centre, strict=True)))
    label = np.where(distance < 2, 1, np.where(distance < 4, 2, 0)).astype(np.uint8)
    image += (label == 1) * 0.5 + (label == 2) * 0.2
    label[:2, :2, :2] = 255
    folder.mkdir(parents=True)
    np.save(folder / "image.npy", np.round(image / image.max() * 4095).astype(np.uint16))
    np.save(folder / "label.npy", label)
    (folder / "case.json").write_text(json.dumps(_about(folder.name, shape)))


def _about(name: str, shape: tuple[int, int, int]) -> dict[str, Any]:
    whole, zero = list(shape), [0, 0, 0]
    grid = {"shape": whole, "affine": np.eye(4).tolist(), "spacing_mm": [1.0, 1.0, 1.0]}
    grid |= {"field_start": zero, "field_shape": whole, "resampled_shape": whole}
    grid |= {"crop_start": zero, "crop_shape": whole}
    about = {"case": name, "subject": f"sub-{name}", "part": "pool", "group": "all", "label_path": f"{name}.nii.gz"}
    return about | {"grid": grid}


def _row(name: str, number: int, *, part: str) -> dict[str, Any]:
    images = [
        {"role": role, "path": f"{name}_{role}.nii.gz", "sha256": "0", "voxel_sha256": f"{role}-{number}"}
        for role in ("flair", "t1")
    ]
    known = {"task": "toy", "case": name, "source": "toy", "subject": f"sub-{name}", "part": part, "group": "all"}
    return known | {"status": "kept", "flags": [], "images": images, "label_path": "label", "folder": name}


@dataclass(frozen=True)
class Ended:
    """How a process ended: its code, and what it said."""

    code: int | None
    text: str


def start(job: FinetuneJob, *, before: Callable[[], None] | None = None) -> Ended:
    """Run a job's process to its end, forked from this one, which has imported what takes seconds to import.

    ``before`` runs first in it, to break what a test wants broken.
    """
    path, said = Path(job.folder) / "job.json", Path(job.folder) / "said.txt"
    job.write(path)
    process = multiprocessing.get_context("fork").Process(target=_run, args=(path, said, before))
    with warnings.catch_warnings():
        # Forking from several threads is what Python 3.12 warns of; the others hold no lock here.
        warnings.simplefilter("ignore", DeprecationWarning)
        process.start()
    process.join(300)
    return Ended(process.exitcode, said.read_text())


def _run(path: Path, said: Path, before: Callable[[], None] | None) -> None:
    with said.open("w") as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
    warnings.resetwarnings()
    if before is not None:
        before()
    import_module("brains45k.segmentation.finetune").main(path)


def curves(job: FinetuneJob) -> list[tuple[str, ...]]:
    """Return a run's rows, without what a clock decides."""
    with (Path(job.folder) / "metrics.csv").open(newline="") as file:
        return [tuple(row[name] for name in TIMELESS) for row in csv.DictReader(file)]


def weights(job: FinetuneJob) -> bytes:
    """Return a run's exported weights."""
    return (Path(job.folder) / "model.safetensors").read_bytes()
