"""Pretrain one network."""

from pathlib import Path

from brains45k.adapter import job_log
from brains45k.sources.catalog import terms_of
from brains45k.training.launch import Job, run_job
from brains45k.training.settings import read_runs

catalog = Path(snakemake.scriptdir).resolve().parents[1] / "config" / "sources"

with job_log(snakemake.log[0]):
    run_job(
        Job(
            settings=read_runs(snakemake.config)[snakemake.wildcards.run],
            manifest=snakemake.input.manifest,
            folder=str(Path(snakemake.output.weights).parent),
            log=snakemake.log[0],
            terms=[terms_of(catalog / f"{name}.yaml") for name in sorted(snakemake.config["sources"])],
        )
    )
