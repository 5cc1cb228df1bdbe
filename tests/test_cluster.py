import os
from pathlib import Path

import pytest

from brains45k.cluster import jobs_in, without_step


def test_only_our_jobs_of_the_folder_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"7|brains45k_1f|{tmp_path}", f"8|jupyter|{tmp_path}", "9|brains45k_1f|/elsewhere"]
    squeue = tmp_path / "squeue"
    squeue.write_text("#!/bin/sh\n" + "\n".join(f"echo '{line}'" for line in lines) + "\n")
    squeue.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert jobs_in(tmp_path) == ["7"]


def test_without_slurm_there_are_no_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert jobs_in(tmp_path) == []


def test_of_slurms_variables_only_the_job_is_left() -> None:
    environment = {"SLURM_JOB_ID": "3", "SLURM_NNODES": "1", "SRUN_DEBUG": "3", "HOME": "/root"}
    assert without_step(environment) == {"SLURM_JOB_ID": "3", "HOME": "/root"}
