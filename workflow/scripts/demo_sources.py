"""Write the synthetic sources, and plan their shards and cases where they are what is built from."""

from pathlib import Path

from brains45k.adapter import job_log
from brains45k.corpus.settings import read_settings
from brains45k.demo.write import write_demo
from brains45k.segmentation.settings import read_finetune
from brains45k.tasks.survey import read_tasks, survey_all

config = Path(snakemake.scriptdir).resolve().parents[1] / "config"

with job_log(snakemake.log[0]):
    write_demo(Path("data/demo"), workers=snakemake.threads, sources=snakemake.params.sources)
    settings = read_settings(snakemake.config, catalog=config / "sources")
    if settings.demo:
        names = (*read_finetune(snakemake.config).tasks, *settings.exclude_tasks)
        survey_all(settings, read_tasks(names, config / "tasks"))
