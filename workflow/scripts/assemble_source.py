"""Assemble the manifest of one source, and say what became of its files."""

import json
import sys
from pathlib import Path

from brains45k.adapter import job_log, source_root
from brains45k.corpus.assemble import assemble_source, remove_orphans
from brains45k.corpus.manifest import read_metadata
from brains45k.corpus.timing import seconds_per_volume
from brains45k.report.terminal import summary_lines

with job_log(snakemake.log[0]) as log:
    rows = assemble_source(
        index=Path(snakemake.input.index),
        index_digest=snakemake.params.index,
        rows=[Path(path) for path in snakemake.input.rows],
        facts=snakemake.params.facts,
        root=source_root(snakemake.config, snakemake.wildcards.source),
        selection=snakemake.params.selection,
        split=snakemake.params.split,
        manifest=Path(snakemake.output.manifest),
    )
    for orphan in remove_orphans([Path(path) for path in snakemake.input.rows], Path("manifests/reports/pictures")):
        log.write(f"removed {orphan}: its bucket is gone\n")
    lines = summary_lines(
        snakemake.wildcards.source,
        rows,
        expected=snakemake.params.facts["expected"],
        seconds_per_volume=seconds_per_volume(Path("logs/write_shard"), snakemake.wildcards.source),
    )
    warnings = json.loads(read_metadata(Path(snakemake.output.manifest))["warnings"])
    lines += [f"  of the tables beside the images: {warning}" for warning in warnings]
    log.write("\n".join(lines) + "\n")
    sys.stderr.write("\n".join(lines) + "\n")
