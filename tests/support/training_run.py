"""Pretraining runs of toy size, in this process or as the rule starts them."""

import csv
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from brains45k.training.launch import Job, launch_command
from brains45k.training.settings import make_settings
from support.small_corpus import SmallCorpus

SETTINGS: dict[str, Any] = {
    "name": "toy",
    "network": "unet_tiny",
    "patch_size_voxels": 32,
    "batch_size": 1,
    "epochs": 6,
    "warmup_epochs": 1,
    "learning_rate": 0.003,
    "precision": "32-true",
    "accelerator": "cpu",
    "workers": 0,
    "threads": 1,
    "log_every_steps": 3,
    "checkpoint_every_steps": 2,
}
#: What a row of the curves says that no clock decides.
TIMELESS = ("step", "epoch", "train_loss", "learning_rate", "val_loss", "mean_loss")


def make_job(corpus: SmallCorpus, folder: Path, **changes: Any) -> Job:
    """Return the job of a toy run in a folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    keys = ("title", "homepage", "licence", "terms", "citation")
    documents = {name: entry.source.document for name, entry in corpus.settings.sources.items()}
    return Job(
        settings=make_settings(SETTINGS | changes),
        manifest=str(corpus.manifest),
        folder=str(folder),
        log=str(folder / "run.log"),
        terms=[{"name": name} | {key: entry[key] for key in keys} for name, entry in documents.items()],
    )


def start(job: Job, *, code: str = "") -> subprocess.CompletedProcess[str]:
    """Run a job's processes as the rule does; ``code`` runs first in each, to break what a test wants broken."""
    path = Path(job.folder) / "job.json"
    job.write(path)
    command = launch_command(path, job.settings, environment={}, host="localhost")
    if code:
        program = Path(job.folder) / "program.py"
        program.write_text(
            f"{code}\nfrom pathlib import Path\nfrom brains45k.training.pretrain import main\n"
            f"main(Path({str(path)!r}))\n"
        )
        command = [sys.executable, str(program)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)


def curves(job: Job) -> list[tuple[str, ...]]:
    """Return a run's rows, without what a clock decides."""
    with (Path(job.folder) / "metrics.csv").open(newline="") as file:
        return [tuple(row[name] for name in TIMELESS) for row in csv.DictReader(file)]


def weights(job: Job) -> bytes:
    """Return a run's exported weights."""
    return (Path(job.folder) / "model.safetensors").read_bytes()
