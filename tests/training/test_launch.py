import sys
from pathlib import Path
from typing import Any

import pytest

from brains45k.errors import DataError
from brains45k.training.launch import Job, launch_command, run_command, run_job
from brains45k.training.settings import PretrainSettings, make_settings

_PATH = Path("models/pretrain/run/job.json")


def _settings(**change: Any) -> PretrainSettings:
    return make_settings({"name": "run", "network": "unet_b"} | change)


def _command(settings: PretrainSettings, **environment: str) -> list[str]:
    return launch_command(_PATH, settings, environment=environment, host="first-node")


def _job(folder: Path, settings: PretrainSettings) -> Job:
    return Job(settings=settings, manifest="m.parquet", folder=str(folder), log=str(folder / "log"), terms=[])


def test_one_process_is_started_as_it_is() -> None:
    assert _command(_settings()) == [sys.executable, "-m", "brains45k.training.pretrain", str(_PATH)]


def test_several_devices_of_one_node_get_one_process_each() -> None:
    command = _command(_settings(devices=4))
    assert command[:3] == [sys.executable, "-m", "torch.distributed.run"]
    assert "--nproc-per-node=4" in command
    assert "--standalone" in command
    assert command[-3:] == ["-m", "brains45k.training.pretrain", str(_PATH)]


def test_several_nodes_get_one_launcher_each_that_meet_at_the_first() -> None:
    command = _command(_settings(devices=4, nodes=3), SLURM_JOB_ID="45")
    assert command[0] == "srun"
    launcher = command.index(sys.executable)
    assert {"--nodes=3", "--ntasks=3", "--ntasks-per-node=1"} <= set(command[:launcher])
    assert {"--nnodes=3", "--nproc-per-node=4", "--rdzv-id=45", "--rdzv-endpoint=first-node:20045"} <= set(
        command[launcher:]
    )


def test_jobs_side_by_side_meet_at_other_ports() -> None:
    first, second = (_command(_settings(nodes=2), SLURM_JOB_ID=number) for number in ("45", "46"))
    assert [part for part in first if "endpoint" in part] != [part for part in second if "endpoint" in part]


def test_a_job_is_read_as_it_was_written(tmp_path: Path) -> None:
    job = _job(tmp_path, _settings(learning_rate=0.5))
    job.write(tmp_path / "job.json")
    assert Job.read(tmp_path / "job.json") == job


def test_several_nodes_without_slurm_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match="no srun here"):
        run_job(_job(tmp_path, _settings(nodes=2)))


def test_a_command_that_fails_names_run_and_log() -> None:
    with pytest.raises(DataError, match=r"run toy: its processes ended with code 3; the reason stands in toy\.log"):
        run_command([sys.executable, "-c", "raise SystemExit(3)"], name="toy", log="toy.log")
    run_command([sys.executable, "-c", ""], name="toy", log="toy.log")
