"""Jobs that are cancelled or ask for too little, and a main process that is killed: each ends right."""

import re
import subprocess
from collections.abc import Callable, Iterator

import pytest
from slurm.clone import Clone, built_in, only
from slurm.jobs import Job, jobs, wait_until
from slurm.mini_slurm import ask
from support.workspace import Workspace

from brains45k.corpus.plan import memory_mb

pytestmark = [pytest.mark.slurm, pytest.mark.workflow, pytest.mark.usefixtures("slurm")]

# Over there cores are free while the first run of this file waits for its time to pass.
_ELSEWHERE = ("--default-resources", "slurm_partition=pair", "mem_mb=4000", "runtime=60")

_HANG_ONCE = """
import pathlib, time
if not pathlib.Path("hung").exists():
    pathlib.Path("hung").touch()
    time.sleep(600)
"""
_HANG_UNTIL_TOLD = """
import pathlib, time
pathlib.Path("hung").touch()
while not pathlib.Path("go").exists():
    time.sleep(0.2)
"""
# What a job asks for at first is too little then, and twice as much will do.
_EAT_OR_HANG_ONCE = """
import pathlib, time
if snakemake.wildcards.source == "msd":
    held = b"x" * ({memory_mb} << 20)
    time.sleep(4)
elif not pathlib.Path("hung").exists():
    pathlib.Path("hung").touch()
    time.sleep(600)
"""
# Slurm knows no limit below a minute.
_A_MINUTE = "write_shard:runtime=attempt if wildcards.source == 'isles22' else 120 * attempt"


@pytest.fixture(scope="module")
def limited_run(clone: Callable[..., Clone], demo: Workspace) -> Iterator[tuple[Clone, subprocess.Popen[bytes]]]:
    """A run of two jobs, of which one takes too much memory and one too long: for minutes, beside other tests."""
    run = clone(overrides=only("msd", "isles22"), source=demo)
    plan = demo.folder / "data/plan/msd/msd-0000.json"
    run.before("write_shard", _EAT_OR_HANG_ONCE.format(memory_mb=memory_mb(plan, spacing_mm=1.0)))
    with run.started("--set-resources", _A_MINUTE) as process:
        yield run, process


@pytest.fixture(scope="module")
def limited(limited_run: tuple[Clone, subprocess.Popen[bytes]]) -> Clone:
    """The same, once it has ended."""
    run, process = limited_run
    assert process.wait(400) == 0, run.text
    return run


@pytest.mark.usefixtures("limited_run")
def test_a_cancelled_job_is_reported_and_the_second_command_ends_right(
    clone: Callable[..., Clone], demo: Workspace
) -> None:
    run = clone(overrides=only("msd"), source=demo)
    run.before("write_shard", _HANG_ONCE)
    with run.started(*_ELSEWHERE, "--retries", "0") as process:
        wait_until((run.folder / "hung").exists, "the job starts")
        (job,) = jobs(run.folder)
        ask("scancel", job.id)
        assert process.wait(120) == 1
    assert f"SLURM-job '{job.id}' failed, SLURM status is: 'CANCELLED'" in run.text
    assert not list(run.folder.glob("data/corpus/msd/*.zarr"))

    second = run.run(*_ELSEWHERE)
    assert second.code == 0, second.text
    assert built_in(run.folder, "msd") == built_in(demo.folder, "msd")


@pytest.mark.usefixtures("limited_run")
def test_after_the_main_process_was_killed_the_same_command_ends_right(
    clone: Callable[..., Clone], demo: Workspace
) -> None:
    run = clone(overrides=only("msd"), source=demo)
    run.before("write_shard", _HANG_UNTIL_TOLD)
    with run.started(*_ELSEWHERE) as process:
        wait_until((run.folder / "hung").exists, "the job starts")
        process.kill()
        process.wait()
    # The job knows nothing of it and will write its outputs: so the folder stays locked.
    (job,) = jobs(run.folder)
    assert job.state == "RUNNING"
    assert "LockException" in _refused(run)

    assert run.run("--unlock").code == 0
    assert f"Slurm jobs of an earlier run still write here: {job.id}." in _refused(run)

    ask("scancel", "--name", job.name)
    wait_until(lambda: jobs(run.folder)[0].state == "CANCELLED", "the first run's job ends")
    (run.folder / "go").touch()
    again = run.run(*_ELSEWHERE)
    assert again.code == 0, again.text
    assert built_in(run.folder, "msd") == built_in(demo.folder, "msd")


def test_a_job_over_its_memory_is_tried_again_with_more(limited: Clone, demo: Workspace) -> None:
    first, second = jobs(limited.folder, "msd_0000")
    assert (first.state, second.state) == ("FAILED", "COMPLETED")
    assert "exceeded memory limit" in _slurm_log(limited, first)
    assert _in_mib(second) == 2 * _in_mib(first)
    assert built_in(limited.folder, "msd") == built_in(demo.folder, "msd") != {}


def test_a_job_over_its_time_is_tried_again_with_more(limited: Clone, demo: Workspace) -> None:
    first, second = jobs(limited.folder, "isles22_0000")
    assert (first.state, second.state) == ("TIMEOUT", "COMPLETED")
    assert (_in_minutes(first), _in_minutes(second)) == (1, 2)
    assert built_in(limited.folder, "isles22") == built_in(demo.folder, "isles22") != {}


def _refused(run: Clone) -> str:
    done = run.run(*_ELSEWHERE)
    assert done.code != 0
    return done.text


def _slurm_log(run: Clone, job: Job) -> str:
    (path,) = (run.folder / ".snakemake/slurm_logs").rglob(f"{job.id}.log")
    return path.read_text()


def _in_mib(job: Job) -> float:
    return float(job.memory[:-1]) * {"M": 1, "G": 1024}[job.memory[-1]]


def _in_minutes(job: Job) -> int:
    parts = [int(part) for part in re.split("[-:]", job.time_limit)]
    days, hours, minutes, _ = [0] * (4 - len(parts)) + parts
    return (24 * days + hours) * 60 + minutes
