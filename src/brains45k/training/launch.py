"""Start the processes of a run: one per device, once.

This module needs no torch of its own; the processes that it starts do.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from brains45k.cluster import without_step
from brains45k.errors import DataError
from brains45k.training.settings import PretrainSettings

_MODULE = "brains45k.training.pretrain"
# A node that has not come by then will not come, and its companions hold GPUs meanwhile.
_JOIN_TIMEOUT_S = 45
# Where the processes of a job on several nodes meet; the job's number keeps neighbours apart.
_FIRST_PORT, _PORTS = 20_000, 20_000


class JobFile:
    """Base of the dataclasses that tell processes what to do, as a JSON file on the shared disk."""

    __slots__ = ()

    def write(self, path: Path) -> None:
        """Write the job for ``read``."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(cast("Any", self)), indent=1), encoding="utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(JobFile):
    """What a run's processes are told.

    Attributes
    ----------
    settings : PretrainSettings
        Of the run.
    manifest : str
        The corpus's manifest.
    folder : str
        Where the run's files go.
    log : str
        The job's log.
    terms : sequence of mapping
        Of the sources used: name, title, licence, citation, terms, homepage.
    """

    settings: PretrainSettings
    manifest: str
    folder: str
    log: str
    terms: list[dict[str, Any]]

    @classmethod
    def read(cls, path: Path) -> "Job":
        """Read what ``write`` wrote."""
        document = json.loads(path.read_text(encoding="utf-8"))
        return cls(**document | {"settings": PretrainSettings(**document["settings"])})


def run_job(job: Job) -> None:
    """Start the processes of a job and wait for their end.

    Raises
    ------
    DataError
        If the run failed; the processes have said and logged why.
    """
    path = Path(job.folder) / "job.json"
    job.write(path)
    command = launch_command(path, job.settings, environment=os.environ, host=socket.gethostname())
    if shutil.which(command[0]) is None:
        msg = f"run {job.settings.name}: no {command[0]} here, but it asks for several nodes. Use --profile slurm."
        raise DataError(msg)
    run_command(command, name=job.settings.name, log=job.log)


def run_command(command: list[str], *, name: str, log: str) -> None:
    """Start a run's processes and wait for their end; a signal that reaches this process reaches them.

    Parameters
    ----------
    command : list of str
        What starts them.
    name : str
        Of the run.
    log : str
        The job's log.

    Raises
    ------
    DataError
        If the run failed; the processes have said and logged why.
    """
    code = _wait(command)
    if code:
        msg = f"run {name}: its processes ended with code {code}; the reason stands in {log}."
        raise DataError(msg)


def _wait(command: list[str]) -> int:
    """Run a command to its end; when this job is told to end, the command is told, and has the time to obey."""
    with subprocess.Popen(command, env=without_step(os.environ)) as processes:  # noqa: S603 - our own interpreter and module
        # A terminal tells both of them. What Slurm tells the job does not always reach what the job has started.
        handlers = {
            signal.SIGINT: signal.signal(signal.SIGINT, signal.SIG_IGN),
            signal.SIGTERM: signal.signal(signal.SIGTERM, lambda *_: processes.terminate()),
        }
        try:
            return processes.wait()
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)


def launch_command(path: Path, settings: PretrainSettings, *, environment: Mapping[str, str], host: str) -> list[str]:
    """Return the command that starts a run's processes from its first node.

    Parameters
    ----------
    path : Path
        The job's file.
    settings : PretrainSettings
        How many processes on how many nodes.
    environment : mapping
        Of this process; on a cluster it names the Slurm job.
    host : str
        Name of this node, by which the others find it.
    """
    target = ["-m", _MODULE, str(path)]
    if settings.processes == 1:
        return [sys.executable, *target]
    torchrun = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={settings.devices}"]
    if settings.nodes == 1:
        return [*torchrun, "--standalone", *target]
    job_number = int(environment.get("SLURM_JOB_ID", "0"))
    meeting = [
        f"--nnodes={settings.nodes}",
        "--rdzv-backend=c10d",
        f"--rdzv-endpoint={host}:{_FIRST_PORT + job_number % _PORTS}",
        f"--rdzv-id={job_number}",
        f"--rdzv-conf=join_timeout={_JOIN_TIMEOUT_S}",
    ]
    return [*_on_each_node(settings), *torchrun, *meeting, *target]


def _on_each_node(settings: PretrainSettings) -> list[str]:
    """Return Slurm's command that starts one launcher on each node of the job."""
    return [
        "srun",
        # The step that this is called from holds its node's cores, memory and GPUs, and waits.
        "--overlap",
        f"--nodes={settings.nodes}",
        f"--ntasks={settings.nodes}",
        "--ntasks-per-node=1",
        f"--cpus-per-task={settings.cpus_per_node}",
        "--kill-on-bad-exit=1",
    ]
