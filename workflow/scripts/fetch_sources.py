"""Fetch every enabled source as far as that is possible without a person, and say what is left to do."""

from pathlib import Path

from brains45k.adapter import job_log
from brains45k.corpus.settings import read_settings
from brains45k.errors import CallError, DataError
from brains45k.fetch.every import fetch_every
from brains45k.report.fetch_table import fetch_table
from brains45k.report.terminal import console

catalog = Path(snakemake.scriptdir).resolve().parents[1] / "config" / "sources"

with job_log(snakemake.log[0]) as log:
    settings = read_settings(snakemake.config, catalog=catalog)
    if settings.demo:
        raise CallError("fetch: the demo's sources are synthetic; 'snakemake --cores 2 demo_sources' writes them.")
    reports = list(fetch_every(settings, log=log))
    console().print(fetch_table(reports))
    failed = [report.source.name for report in reports if report.outcome is None]
    if failed:
        raise DataError(f"fetch: {', '.join(failed)} failed, as the table above says; run it again to go on.")
