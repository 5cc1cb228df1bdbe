"""
The front door of brains45k: the config, the rules, and the targets that a user asks for.

    snakemake --cores 64 corpus                                      rebuild the corpus
    snakemake --cores 2 corpus --configfile config/demo.yaml         the same, on synthetic sources
    snakemake --profile slurm pretrain                               pretrain on it, on a cluster
    snakemake --profile slurm table                                  finetune, evaluate and compare
"""

from snakemake.utils import min_version

min_version("9.0")


configfile: f"{workflow.basedir}/config/config.yaml"


# Every rule runs in the Python environment that runs Snakemake. This image is used with --sdm apptainer alone.
container: "docker://python:3.11-slim"


include: "workflow/rules/common.smk"
include: "workflow/rules/common_finetune.smk"


rule corpus:
    """The corpus: all shards, one manifest per source and the corpus's own, and the pages about them."""
    default_target: True
    input:
        manifest="manifests/corpus.parquet",
        shards=all_shards,
        reports=all_pages,
    localrule: True


include: "workflow/rules/sources.smk"
include: "workflow/rules/corpus.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/pretrain.smk"
include: "workflow/rules/finetune.smk"


onstart:
    require_alone()
    PROGRESS.update(bar=start_progress(workflow.dag.needrun_jobs()))


onsuccess:
    stop_progress()


onerror:
    stop_progress()
