"""Assemble the corpus's manifest, and say what it holds."""

from pathlib import Path

from brains45k.adapter import job_log
from brains45k.corpus.assemble import assemble_corpus
from brains45k.report.terminal import console, inspect_tables

with job_log(snakemake.log[0]):
    assemble_corpus([Path(path) for path in snakemake.input.manifests], Path(snakemake.output.corpus))
    for table in inspect_tables(Path(snakemake.output.corpus)):
        console().print(table)
