"""Prepare the cases of one task, and say what became of them."""

import sys
from pathlib import Path

from brains45k.adapter import job_log, source_root
from brains45k.corpus.build import make_recipe
from brains45k.corpus.manifest import require_digest, write_table
from brains45k.report.terminal import case_lines
from brains45k.tasks.manifest import CASES
from brains45k.tasks.plan import read_plan
from brains45k.tasks.prepare import prepare_task
from brains45k.tasks.task import Task

with job_log(snakemake.log[0]) as log:
    plan_path = Path(snakemake.input.plan)
    require_digest(plan_path, snakemake.params.plan)
    plan = read_plan(plan_path)
    rows = prepare_task(
        plan,
        Task.from_document(plan["task"], plan["document"]),
        source_root(snakemake.config, plan["source"]),
        make_recipe(snakemake.config["preprocess"]).preprocessing,
        Path(snakemake.output.marker).parent,
        workers=snakemake.threads,
        log=log,
    )
    write_table(rows, CASES, Path(snakemake.output.cases))
    lines = case_lines(plan["task"], rows)
    log.write("\n".join(lines) + "\n")
    sys.stderr.write("\n".join(lines) + "\n")
