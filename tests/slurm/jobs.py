"""What Slurm says of its jobs, those that ended among them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from slurm.mini_slurm import ask

_POLL_S = 0.2
_FIELDS = {
    "id": "%i",
    "name": "%j",
    "state": "%T",
    "time_limit": "%l",
    "memory": "%m",
    "nodes": "%D",
    "cores": "%C",
    "gpus": "%b",
    "place": "%Z",
    "comment": "%k",
}


@dataclass(frozen=True)
class Job:
    """One job: state in capitals, time limit as days-hours:minutes:seconds, memory and GPUs per node, cores in all."""

    id: str
    name: str
    state: str
    time_limit: str
    memory: str
    nodes: str
    cores: str
    gpus: str
    place: str
    comment: str

    @property
    def rule(self) -> str:
        """Which rule the job runs, as Snakemake's executor notes it."""
        return self.comment.removeprefix("rule_").split("_wildcards_")[0]


def jobs(place: Path, wildcards: str = "") -> list[Job]:
    """Return the jobs that were submitted from a folder, in that order; those of some wildcards, if any are given."""
    lines = ask(
        "squeue", "--states=all", "--noheader", "--sort=i", f"--format={'|'.join(_FIELDS.values())}"
    ).splitlines()
    found = [Job(**dict(zip(_FIELDS, line.split("|"), strict=True))) for line in lines]
    return [job for job in found if job.place == str(place) and job.comment.endswith(wildcards)]


def wait_until(holds: Callable[[], bool], what: str, *, timeout_s: float = 120.0) -> None:
    """Wait until something holds, and fail by its name if it never does."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {timeout_s:.0f} s"
        time.sleep(_POLL_S)
