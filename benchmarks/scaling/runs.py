"""Snakemake as a user starts it, timed from outside."""

import csv
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import BENCHMARKS, ONE_THREAD, REPOSITORY
from preprocessing.footprint import status_of
from scaling.corpus import CONFIG

_LOOK_EVERY_S = 0.1
_WRITTEN = ("data", "manifests", "logs", ".snakemake")
_JOB_STARTS = re.compile(r"rule write_shard:")
_JOB_ENDS = re.compile(r"Finished jobid: \d+ \(Rule: write_shard\)")


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the workflow.

    Attributes
    ----------
    total_s : float
        Wall seconds of the command.
    shards_s : float
        From the start of the first shard to the end of the last.
    before_s, after_s : float
        What the command took before the first shard and after the last.
    jobs_s : float
        Wall seconds of all shards' jobs together, as Snakemake's benchmark files say.
    volumes_s : float
        Wall seconds of all volumes together, as the jobs' logs say.
    jobs : int
        Number of shards.
    """

    total_s: float
    shards_s: float
    before_s: float
    after_s: float
    jobs_s: float
    volumes_s: float
    jobs: int

    @property
    def job_overhead_s(self) -> float:
        """Seconds of a job in which no volume was worked on: Python's start, imports, tables."""
        return (self.jobs_s - self.volumes_s) / self.jobs


def users_environment() -> dict[str, str]:
    """Return the environment without the benchmarks' limits of threads, with this Python first on the path."""
    environment = {name: value for name, value in os.environ.items() if name not in ONE_THREAD}
    return environment | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def build(workdir: Path, *, cores: int) -> Run:
    """Build the corpus from nothing.

    Raises
    ------
    RuntimeError
        If Snakemake fails; with what it printed.
    """
    for name in _WRITTEN:
        shutil.rmtree(workdir / name, ignore_errors=True)
    command = ["snakemake", "--snakefile", str(REPOSITORY / "Snakefile"), "--cores", str(cores), "corpus"]
    command += ["--configfile", CONFIG]
    start = time.perf_counter()
    with subprocess.Popen(
        command, cwd=workdir, env=users_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None  # noqa: S101 - a pipe, see above
        lines = [(time.perf_counter() - start, line) for line in process.stdout]
    total_s = time.perf_counter() - start
    starts = [at for at, line in lines if _JOB_STARTS.search(line)]
    ends = [at for at, line in lines if _JOB_ENDS.search(line)]
    if process.returncode or not ends:
        raise RuntimeError("".join(line for _, line in lines))
    return Run(
        total_s=total_s,
        shards_s=ends[-1] - starts[0],
        before_s=starts[0],
        after_s=total_s - ends[-1],
        jobs_s=sum(_job_seconds(workdir)),
        volumes_s=sum(_volume_seconds(workdir)),
        jobs=len(ends),
    )


@contextmanager
def watch_jobs() -> Iterator[list[Mapping[str, Any]]]:
    """Look at running shards' jobs now and then; give for each what was seen at most, once the block is left."""
    seen: dict[int, dict[str, Any]] = {}
    stopped = threading.Event()

    def look() -> None:
        while not stopped.wait(_LOOK_EVERY_S):
            for process in _shard_jobs():
                _note(process, seen)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    result: list[Mapping[str, Any]] = []
    try:
        yield result
    finally:
        stopped.set()
        watcher.join()
        result += seen.values()


def _note(process: int, seen: dict[int, dict[str, Any]]) -> None:
    try:
        environment = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
        threads = status_of("Threads", process)
    except OSError:
        return
    limit = next((entry.decode() for entry in environment if entry.startswith(b"OPENBLAS_NUM_THREADS=")), "unset")
    entry = seen.setdefault(process, {"threads": 0, "limit": limit})
    entry["threads"] = max(entry["threads"], threads)


def _shard_jobs() -> Iterator[int]:
    """Yield the processes that run the script of a shard; a shell around it holds its name as well."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"python" in words[0] and words[-2:-1] and words[-2].endswith(b".write_shard.py"):
                yield int(folder.name)


def _job_seconds(workdir: Path) -> Iterator[float]:
    for path in (workdir / "logs/benchmarks/write_shard").glob("*.tsv"):
        with path.open(encoding="utf-8") as file:
            yield from (float(row["s"]) for row in csv.DictReader(file, delimiter="\t"))


def _volume_seconds(workdir: Path) -> Iterator[float]:
    for path in (workdir / "logs/write_shard").glob("*.log"):
        for line in path.read_text(encoding="utf-8").splitlines():
            yield float(line.split("\t")[1].removesuffix(" s"))


def import_seconds(*, repeats: int) -> float:
    """Return the wall seconds of a Python that starts, imports what a shard's job imports, and ends: the median."""
    command = [sys.executable, "-c", "import brains45k.corpus.shard, scipy.ndimage"]
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        subprocess.run(command, env=users_environment(), check=True)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def dry_run_seconds(*, volumes: int) -> dict[str, Any]:
    """Time `snakemake -n` over about as many empty files in their native layouts: look at all sources, plan the jobs.

    Returns
    -------
    dict
        ``files``; wall seconds of the first time, ``first_s``, and of a later one, ``later_median_s``.
    """
    command = [sys.executable, str(BENCHMARKS / "dry_run.py"), "--volumes", str(volumes), "--runs", "1"]
    done = subprocess.run(command, env=users_environment(), check=True, capture_output=True, text=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
