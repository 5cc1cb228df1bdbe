"""What more cores give, and what threads cost: Snakemake on one core and on two, jobs side by side, reading ahead.

    python benchmarks/scaling/bench.py --peer-python PATH --out FILE.json [--quick]

There is no peer: the measure is the same work on one core. Exit codes: 0 every bar was met, 1 one was missed.
"""

import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common import ENVIRONMENTS, Bar, Cell, median_ratio, parse_call, table, versions_of, write_result
from preprocessing import shards
from scaling import readahead, runs, threads
from scaling.corpus import Size, write_corpus
from scaling.job import load_config
from scaling.runs import Run

_LEAST_EFFICIENCY = 0.9
_TEXT = """\
{volumes} distinct volumes in {buckets} shards, the four geometries of the preprocessing benchmark in equal parts. A
user's `snakemake --cores N corpus`, from nothing, on one core and on two in turns ({rounds} times each, after a run
that warms the files up). Efficiency is the seconds on one core over twice those on two. "Shards" is from the start of
the first shard's job to the end of the last; before lie the look at the sources and the plan of the jobs, behind it the
manifests. A job's own overhead is what it takes beside its volumes: the start of Python, imports, tables. Wall seconds
throughout.

Without Snakemake, a shard is written by a process that has also looked at the source, so that idle threads of Arrow are
counted with those of BLAS. Taking the limits away means BLAS with as many threads as there are cores, and blosc with
its own. Reading ahead is tried with a reader that sleeps before each file; a wait is hidden as far as the volume before
it takes that long to compute."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured."""

    size: Size
    rounds: int
    job_rounds: int
    repeats: int
    dry_run_volumes: int


_FULL = Effort(Size(buckets=8, subjects=4), rounds=3, job_rounds=2, repeats=10, dry_run_volumes=44_756)
_QUICK = Effort(Size(buckets=4, subjects=1), rounds=1, job_rounds=1, repeats=2, dry_run_volumes=8_000)


def main() -> int:
    """Measure, write the result and return the exit code."""
    call = parse_call(__doc__)
    effort = _QUICK if call.quick else _FULL
    ENVIRONMENTS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ENVIRONMENTS) as folder:
        workdir = Path(folder)
        write_corpus(workdir, effort.size, workers=2)
        with runs.watch_jobs() as jobs:
            runs.build(workdir, cores=2)
        built: dict[int, list[Run]] = {1: [], 2: []}
        for _ in range(effort.rounds):
            for cores, some in built.items():
                some.append(runs.build(workdir, cores=cores))
        dry_run = runs.dry_run_seconds(volumes=effort.dry_run_volumes)
        import_s = runs.import_seconds(repeats=2 * effort.rounds + 1)
        settings = shards.plan(workdir, load_config(workdir))
        image = next((workdir / "source").rglob("*_acq-0_T1w.nii.gz"))
        answers = threads.try_settings(workdir, image, rounds=effort.job_rounds)
        hardware = threads.try_hardware(image, rounds=2 * effort.rounds + 1, repeats=effort.repeats)
        waits = readahead.measure(workdir, settings, rounds=effort.job_rounds)
    ceiling = median_ratio(hardware["alone"], hardware["two at once"])
    return write_result(
        call.out,
        benchmark="scaling",
        title="Scaling: cores and threads",
        text=_TEXT.format(rounds=effort.rounds, volumes=effort.size.volumes, buckets=effort.size.buckets),
        versions=versions_of("brains45k", "snakemake", "numpy", "numcodecs", "threadpoolctl"),
        tables=[
            _runs_table(built),
            _hardware_table(hardware, ceiling, _efficiency(built, "shards_s")),
            _start_table(dry_run, import_s),
            threads.settings_table(answers),
            _jobs_table(jobs),
            _readahead_table(waits, effort.size.volumes_per_shard),
        ],
        bars=[Bar("efficiency on two cores, shards", _efficiency(built, "shards_s"), least=_LEAST_EFFICIENCY)],
        raw={
            "effort": asdict(effort),
            "runs": {cores: [asdict(run) for run in some] for cores, some in built.items()},
            "job_overhead_s": _job_overhead_s(built),
            "import_s": import_s,
            "dry_run": dry_run,
            "hardware": hardware,
            "settings": answers,
            "jobs": list(jobs),
            "reading_ahead": waits,
        },
    )


def _efficiency(built: Mapping[int, Sequence[Run]], part: str) -> float:
    one, two = ([getattr(run, part) for run in built[cores]] for cores in (1, 2))
    return median_ratio(one, two) / 2


def _job_overhead_s(built: Mapping[int, Sequence[Run]]) -> float:
    return statistics.median(run.job_overhead_s for run in built[1])


def _runs_table(built: Mapping[int, Sequence[Run]]) -> dict[str, Any]:
    parts = {"total_s": "whole command", "before_s": "before", "shards_s": "shards", "after_s": "behind"}
    rows: list[list[Cell]] = [
        [
            title,
            *(statistics.median(getattr(run, part) for run in built[cores]) for cores in (1, 2)),
            _efficiency(built, part) if part in {"total_s", "shards_s"} else None,
        ]
        for part, title in parts.items()
    ]
    overhead = [statistics.median(run.job_overhead_s for run in built[cores]) for cores in (1, 2)]
    rows.append(["overhead of a job", *overhead, None])
    return table("Snakemake on one core and on two", ("", "one core, s", "two cores, s", "efficiency"), rows)


def _hardware_table(hardware: Mapping[str, Sequence[float]], ceiling: float, reached: float) -> dict[str, Any]:
    alone, together = (statistics.median(hardware[name]) for name in ("alone", "two at once"))
    rows = [[alone, together, ceiling, reached / ceiling]]
    columns = (
        "one process, s a volume", "two at once, s a volume of each", "ceiling of the efficiency",
        "reached by the shards, of that",
    )  # fmt: skip
    return table("What the hardware gives: the ADNI volume in memory, no file, no Snakemake", columns, rows)


def _start_table(dry_run: Mapping[str, Any], import_s: float) -> dict[str, Any]:
    rows: list[list[Cell]] = [
        [f"`snakemake -n`, {dry_run['files']:,} empty files, the first time", dry_run["first_s"]],
        ["the same again", dry_run["later_median_s"]],
        ["Python, and the imports of a shard's job", import_s],
    ]
    return table("What comes before the work", ("", "s"), rows)


def _jobs_table(jobs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    rows = [[len(jobs), max(job["threads"] for job in jobs), ", ".join(sorted({job["limit"] for job in jobs}))]]
    return table("Jobs that Snakemake ran", ("jobs seen", "threads in one, at most", "their environment"), rows)


def _readahead_table(waits: Mapping[str, Sequence[float]], volumes: int) -> dict[str, Any]:
    usual, slow = statistics.median(waits["as it is"]), statistics.median(waits["slow"])
    usual_turn, slow_turn = (statistics.median(waits[f"{name}, in turn"]) for name in ("as it is", "slow"))
    hidden = readahead.hidden_share(waits, volumes)
    rows: list[list[Cell]] = [
        ["file in the cache", usual, usual_turn, usual_turn / usual, None],
        [f"{1000 * readahead.DELAY_S:g} ms more for each file", slow, slow_turn, slow_turn / slow, f"{hidden:.0%}"],
    ]
    columns = ("reader", "reading ahead, s", "in turn, s", "in turn / ahead", "of the wait hidden")
    return table(f"A shard of {volumes} volumes", columns, rows)


if __name__ == "__main__":
    sys.exit(main())
