"""Draw the cases of one fold."""

from pathlib import Path

from brains45k.adapter import job_log
from brains45k.corpus.manifest import read_table
from brains45k.tasks.folds import draw_fold

with job_log(snakemake.log[0]):
    fold = draw_fold(read_table(Path(snakemake.input.cases)), **snakemake.params.draw)
    fold.write(Path(snakemake.output.fold))
