"""What the process of one fold is told, and its start.

This module needs no torch of its own; the process that it starts does.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brains45k.segmentation.settings import FinetuneSettings
from brains45k.training.launch import JobFile, run_command

_MODULE = "brains45k.segmentation.finetune"


@dataclass(frozen=True, slots=True, kw_only=True)
class FinetuneJob(JobFile):
    """One fold of a finetuning run.

    Attributes
    ----------
    settings : FinetuneSettings
        Of the run.
    task : str
        Name of the task.
    document : mapping
        The task's file, as plain values.
    fold : str
        The fold's file.
    cases : str
        The folder that holds one folder per prepared case.
    table : str
        The table of the task's cases.
    preprocess : mapping
        Parameters that the cases were prepared with, by the names of the config.
    pretrained : str, optional
        The checkpoint that the encoder comes from; None trains from scratch.
    seen : str, optional
        The table of the volumes that the checkpoint was trained on; None where there is no record.
    allow_leakage : bool
        Whether to go on where a test case was pretrained on, or none can tell.
    folder : str
        Where the fold's files go.
    log : str
        The job's log.
    """

    settings: FinetuneSettings
    task: str
    document: Mapping[str, Any]
    fold: str
    cases: str
    table: str
    preprocess: Mapping[str, Any]
    pretrained: str | None
    seen: str | None
    allow_leakage: bool
    folder: str
    log: str

    @classmethod
    def read(cls, path: Path) -> "FinetuneJob":
        """Read what ``write`` wrote."""
        document = json.loads(path.read_text(encoding="utf-8"))
        return cls(**document | {"settings": FinetuneSettings(**document["settings"])})


def run_finetune(job: FinetuneJob) -> None:
    """Start the process of a fold and wait for its end; told to end, it keeps its state first.

    Raises
    ------
    DataError
        If the fold failed; its process has said and logged why.
    """
    path = Path(job.folder) / "job.json"
    job.write(path)
    run_command(finetune_command(path), name=job.settings.name, log=job.log)


def finetune_command(path: Path) -> list[str]:
    """Return the command that trains what a job's file describes."""
    return [sys.executable, "-m", _MODULE, str(path)]
