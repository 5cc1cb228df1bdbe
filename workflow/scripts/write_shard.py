"""Write one shard."""

from pathlib import Path

from brains45k.adapter import job_log, source_root
from brains45k.corpus.build import make_recipe
from brains45k.corpus.shard import write_shard

with job_log(snakemake.log[0]) as log:
    write_shard(
        plan_path=Path(snakemake.input.plan),
        plan_digest=snakemake.params.plan,
        root=source_root(snakemake.config, snakemake.wildcards.source),
        shard=Path(snakemake.output.shard),
        rows=Path(snakemake.output.rows),
        pictures=Path(snakemake.output.pictures),
        recipe=make_recipe(snakemake.config["preprocess"]),
        log=log,
    )
