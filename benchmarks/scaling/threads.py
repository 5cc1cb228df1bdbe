"""Processes side by side: what the hardware gives, and what more threads than cores cost."""

import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import Cell, Peer, one_thread_environment, table
from scaling.runs import users_environment

_SCRIPT = Path(__file__).with_name("job.py")


@dataclass(frozen=True, slots=True)
class Setting:
    """How many threads a job's libraries may take: by the environment, and by our own limits."""

    name: str
    one_thread: bool
    limited: bool


SETTINGS = (
    Setting("one thread by the environment, as Snakemake sets it, and our limits", one_thread=True, limited=True),
    Setting("environment unset, our limits", one_thread=False, limited=True),
    Setting("environment unset, our limits taken away", one_thread=False, limited=False),
)


class Job(Peer):
    """A process of our own that answers requests, with or without the environment's limit of threads."""

    def __init__(self, *, one_thread: bool) -> None:
        environment = one_thread_environment() if one_thread else users_environment()
        self._process = subprocess.Popen(
            [sys.executable, _SCRIPT],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )


def try_settings(workdir: Path, image: Path, *, rounds: int) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Write one shard alone, and as many at once as there are cores, in every setting, in turns.

    Returns
    -------
    dict
        By setting and by "alone" and "at once", the answers of all jobs.
    """
    count = os.cpu_count() or 1
    answers: dict[str, dict[str, list[dict[str, Any]]]] = {
        setting.name: {"alone": [], "at once": []} for setting in SETTINGS
    }
    for _ in range(rounds):
        for setting in SETTINGS:
            with ExitStack() as stack, ThreadPoolExecutor(count) as pool:
                jobs = [Job(one_thread=setting.one_thread) for _ in range(count)]
                for job in jobs:
                    stack.callback(job.close)
                calls = [(job, str(workdir), bucket, setting.limited) for bucket, job in enumerate(jobs)]
                # The first volume of a process also pays for its imports.
                list(pool.map(lambda job: job.ask("compute", source=str(image), repeats=1), jobs))
                answers[setting.name]["alone"] += _write_at_once(pool, calls[:1])
                answers[setting.name]["at once"] += _write_at_once(pool, calls)
    return answers


def try_hardware(source: Path, *, rounds: int, repeats: int) -> dict[str, list[float]]:
    """Preprocess an image in memory in one process, and in two at once; return the wall seconds of one volume."""
    seconds: dict[str, list[float]] = {"alone": [], "two at once": []}
    jobs = [Job(one_thread=True), Job(one_thread=True)]
    try:
        with ThreadPoolExecutor(2) as pool:

            def compute(some: Sequence[Job]) -> float:
                return max(pool.map(lambda job: job.ask("compute", source=str(source), repeats=repeats), some))

            compute(jobs)
            for _ in range(rounds):
                seconds["alone"].append(compute(jobs[:1]))
                seconds["two at once"].append(compute(jobs))
    finally:
        for job in jobs:
            job.close()
    return seconds


def settings_table(answers: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]) -> dict[str, Any]:
    """Make the table of threads: how many there are, what those beside the main one do, and the time."""
    columns = (
        "setting", "threads in a job", "CPU of the other threads", "one job alone, wall s", "CPU s",
        "a job for each core at once, wall s", "CPU s of one", "alone / at once",
    )  # fmt: skip
    rows: list[list[Cell]] = []
    for name, by_load in answers.items():
        alone, together = by_load["alone"], by_load["at once"]
        wall_alone, wall_together = (_median(some, "wall_seconds") for some in (alone, together))
        other = _median(together, "other_threads_seconds") / _median(together, "cpu_seconds")
        rows.append(
            [
                name,
                max(answer["threads"] for answer in together),
                f"{other:.1%}",
                wall_alone,
                _median(alone, "cpu_seconds"),
                wall_together,
                _median(together, "cpu_seconds"),
                wall_alone / wall_together,
            ]
        )
    return table("Threads inside a job, without Snakemake", columns, rows)


def _write_at_once(pool: ThreadPoolExecutor, calls: Sequence[tuple[Job, str, int, bool]]) -> list[dict[str, Any]]:
    def ask(call: tuple[Job, str, int, bool]) -> dict[str, Any]:
        job, workdir, bucket, limited = call
        answer: dict[str, Any] = job.ask("write", workdir=workdir, bucket=bucket, limited=limited)
        return answer

    return list(pool.map(ask, calls))


def _median(answers: Sequence[Mapping[str, Any]], name: str) -> float:
    return statistics.median(answer[name] for answer in answers)
