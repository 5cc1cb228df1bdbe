"""Make the page of one source."""

from pathlib import Path

from brains45k.adapter import job_log
from brains45k.report.make import make_source_page
from brains45k.sources.catalog import load_source

catalog = Path(snakemake.scriptdir).resolve().parents[1] / "config" / "sources"

with job_log(snakemake.log[0]):
    make_source_page(
        Path(snakemake.input.corpus),
        snakemake.wildcards.source,
        Path(snakemake.output.page).parent,
        logs=Path("logs/write_shard"),
        document=load_source(catalog / f"{snakemake.wildcards.source}.yaml").document,
    )
