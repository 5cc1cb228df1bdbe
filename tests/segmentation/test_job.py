import sys
from pathlib import Path
from typing import Any

import pytest

from brains45k.errors import DataError
from brains45k.segmentation import job as job_module
from brains45k.segmentation.job import FinetuneJob, finetune_command, run_finetune
from brains45k.segmentation.settings import make_settings


def _job(folder: Path, **changes: Any) -> FinetuneJob:
    known: dict[str, Any] = {
        "settings": make_settings({"name": "run", "network": "unet_b", "learning_rate": 0.5}),
        "task": "wmh",
        "document": {"title": "Lesions", "classes": [{"name": "lesion", "values": [1]}]},
        "fold": "fold-0.json",
        "cases": "data/tasks/wmh",
        "table": "manifests/tasks/wmh.parquet",
        "preprocess": {"preset": "paper"},
        "pretrained": None,
        "seen": None,
        "allow_leakage": False,
        "folder": str(folder),
        "log": "run.log",
    }
    return FinetuneJob(**known | changes)


def test_a_job_is_read_as_it_was_written(tmp_path: Path) -> None:
    job = _job(tmp_path, pretrained="model.safetensors", allow_leakage=True)
    job.write(tmp_path / "new" / "job.json")
    assert FinetuneJob.read(tmp_path / "new" / "job.json") == job


def test_a_fold_is_one_process() -> None:
    command = finetune_command(Path("job.json"))
    assert command == [sys.executable, "-m", "brains45k.segmentation.finetune", "job.json"]


def test_a_fold_that_fails_is_named_with_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_module, "finetune_command", lambda _: [sys.executable, "-c", "raise SystemExit(1)"])
    with pytest.raises(DataError, match=r"run run: its processes ended with code 1; the reason stands in run\.log"):
        run_finetune(_job(tmp_path))
    assert FinetuneJob.read(tmp_path / "job.json") == _job(tmp_path)
