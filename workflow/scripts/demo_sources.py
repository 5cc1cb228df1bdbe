"""Write the synthetic sources, and plan their shards where they are what the corpus is built from."""

from pathlib import Path

from brains45k.adapter import job_log
from brains45k.corpus.settings import read_settings
from brains45k.corpus.survey import survey
from brains45k.demo.write import write_demo

with job_log(snakemake.log[0]):
    write_demo(Path("data/demo"), workers=snakemake.threads)
    settings = read_settings(
        snakemake.config, catalog=Path(snakemake.scriptdir).resolve().parents[1] / "config" / "sources"
    )
    if settings.demo:
        survey(settings)
