"""Make the pages of the corpus and of its sources."""

from pathlib import Path

from brains45k.adapter import job_log
from brains45k.report.guide import load_sources
from brains45k.report.make import make_pages

catalog = Path(snakemake.scriptdir).resolve().parents[1] / "config" / "sources"

with job_log(snakemake.log[0]):
    make_pages(
        Path(snakemake.input.corpus),
        Path(snakemake.output.index).parent,
        logs=Path("logs/write_shard"),
        documents={source.name: source.document for source in load_sources(catalog)},
    )
