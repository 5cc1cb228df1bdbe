"""What is particular to jobs of a Slurm cluster."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

# As slurm/profile.yaml has it: a job's name is this and the number of its run.
_JOB_NAME = "brains45k_"
_TIMEOUT_S = 60
# Enough for srun to find its job; the rest would bind it to the step that it is called from.
_KEPT = frozenset({"SLURM_JOB_ID", "SLURM_CONF"})


def jobs_in(folder: Path) -> list[str]:
    """Return the numbers of this user's jobs from a folder that wait, run or end; none where no Slurm answers."""
    command = ["squeue", "--me", "--noheader", "--format=%i|%j|%Z"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)  # noqa: S603 - fixed words
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return []
    jobs = [line.split("|", 2) for line in done.stdout.splitlines()]
    return [number for number, name, place in jobs if name.startswith(_JOB_NAME) and place == str(folder)]


def without_step(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment from which srun starts on all nodes of a job, though called in a step on one of them.

    Lightning finds no Slurm in it either, which would count Slurm's tasks instead of ours.
    """
    return {
        name: value for name, value in environment.items() if name in _KEPT or not name.startswith(("SLURM_", "SRUN_"))
    }
