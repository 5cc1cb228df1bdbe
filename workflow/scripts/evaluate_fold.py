"""Predict and score the test cases of one run on one fold of a task."""

from pathlib import Path

from brains45k.adapter import job_log, source_root
from brains45k.segmentation.evaluate import EvaluateJob, evaluate_fold
from brains45k.tasks.task import read_task

tasks = Path(snakemake.scriptdir).resolve().parents[1] / "config" / "tasks"

with job_log(snakemake.log[0]) as log:
    task = read_task(tasks / f"{snakemake.wildcards.task}.yaml")
    evaluate_fold(
        EvaluateJob(
            model=snakemake.input.weights,
            cases=str(Path(snakemake.input.marker).parent),
            root=str(source_root(snakemake.config, task.source)),
            fold=snakemake.input.fold,
            task=task.name,
            document=dict(task.document),
            folder=str(Path(snakemake.output.scores).parent),
            threads=snakemake.threads,
            **snakemake.params.prediction,
        ),
        log,
    )
