"""Finetune one run on one fold of a task."""

from dataclasses import asdict
from pathlib import Path

from brains45k.adapter import job_log
from brains45k.corpus.build import make_recipe
from brains45k.segmentation.job import FinetuneJob, run_finetune
from brains45k.segmentation.settings import read_finetune
from brains45k.tasks.task import read_task

tasks = Path(snakemake.scriptdir).resolve().parents[1] / "config" / "tasks"

with job_log(snakemake.log[0]):
    task = read_task(tasks / f"{snakemake.wildcards.task}.yaml")
    run_finetune(
        FinetuneJob(
            settings=read_finetune(snakemake.config).runs[snakemake.wildcards.tuned],
            task=task.name,
            document=task.document,
            fold=snakemake.input.fold,
            cases=str(Path(snakemake.input.marker).parent),
            table=snakemake.input.cases,
            preprocess=asdict(make_recipe(snakemake.config["preprocess"]).preprocessing),
            pretrained=snakemake.input.get("weights"),
            seen=snakemake.input.get("volumes"),
            allow_leakage=bool(snakemake.params.allow_leakage),
            folder=str(Path(snakemake.output.weights).parent),
            log=snakemake.log[0],
        )
    )
