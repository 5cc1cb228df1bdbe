"""Make the page of the corpus."""

from pathlib import Path

from brains45k.adapter import job_log
from brains45k.report.guide import load_sources
from brains45k.report.make import make_index_page

catalog = Path(snakemake.scriptdir).resolve().parents[1] / "config" / "sources"

with job_log(snakemake.log[0]):
    make_index_page(
        Path(snakemake.input.corpus),
        Path(snakemake.output.page).parent,
        logs=Path("logs/write_shard"),
        documents={source.name: source.document for source in load_sources(catalog)},
    )
