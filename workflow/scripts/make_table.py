"""Compare all runs over all folds, write the table, and say what it says."""

import sys
from pathlib import Path

from brains45k.adapter import job_log
from brains45k.segmentation.paper import read_paper
from brains45k.segmentation.settings import read_finetune
from brains45k.segmentation.table import build_table
from brains45k.segmentation.table_files import write_table_files
from brains45k.segmentation.table_pictures import pictures_of
from brains45k.segmentation.table_plan import plan_table
from brains45k.segmentation.table_scores import read_scores
from brains45k.segmentation.table_text import difference_line
from brains45k.tasks.survey import read_tasks

catalog = Path(snakemake.scriptdir).resolve().parents[1] / "config" / "tasks"

with job_log(snakemake.log[0]) as log:
    finetune = read_finetune(snakemake.config)
    folder = Path(snakemake.output.page).parent
    scores = [Path(path) for path in snakemake.input.scores]
    tasks = read_tasks(finetune.tasks, catalog)
    plan = plan_table(list(tasks.values()), finetune, pictures=pictures_of(scores, folder))
    table = build_table(read_scores(scores), plan, read_paper())
    write_table_files(table, folder)
    text = difference_line(table)
    log.write(f"{text}\n")
    sys.stderr.write(f"{text}\n")
