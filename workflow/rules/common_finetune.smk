"""
Define what the rules of finetuning use: which folds there are, what they start from, and what they ask for.
"""

from brains45k.hints import hint
from brains45k.tasks.survey import leaking

TASK_CODE = module_fingerprint("brains45k.tasks")
SCORE_CODE = module_fingerprint(
    "brains45k.segmentation.case_pictures",
    "brains45k.segmentation.evaluate",
    "brains45k.segmentation.inference",
    "brains45k.segmentation.lesions",
    "brains45k.segmentation.metrics",
    "brains45k.segmentation.model",
    "brains45k.segmentation.scores",
    "brains45k.segmentation.segment",
    "brains45k.tasks.grid",
    "brains45k.tasks.label",
)
TABLE_CODE = module_fingerprint(
    "brains45k.report.svg",
    "brains45k.segmentation.difference_chart",
    "brains45k.segmentation.paper",
    "brains45k.segmentation.statistics",
    "brains45k.segmentation.table",
    "brains45k.segmentation.table_files",
    "brains45k.segmentation.table_page",
    "brains45k.segmentation.table_pictures",
    "brains45k.segmentation.table_plan",
    "brains45k.segmentation.table_scores",
    "brains45k.segmentation.table_text",
)
# What no module says: the paper's figures, and the page around the table.
TABLE_FILES = [
    digest_of(Path(brains45k.__file__).parent / "segmentation" / name)
    for name in ("paper_table.yaml", "table.html.j2")
]
# Of the first attempt: the cases of one task on four cores, and a fold of the paper's recipe on one GPU.
PREPARE_MINUTES = 4 * 60
FOLD_MINUTES = 24 * 60
# One case with its images in several sizes.
PREPARE_MB_PER_THREAD = 3_000
_SHOWN_SUBJECTS = 3


def memory_of_preparing(wildcards, threads, attempt):
    """Return the memory in MB that preparing cases takes; more at each attempt."""
    return attempt * threads * PREPARE_MB_PER_THREAD


def runtime_of_preparing(wildcards, attempt):
    """Return the minutes that preparing a task's cases may take; more at each attempt."""
    return attempt * PREPARE_MINUTES


def task_plan(wildcards):
    """Return a task's plan; where its source is not there, say so before any work."""
    plan = plan_path(wildcards.task)
    if workflow.is_main_process and not SETTINGS.demo and not plan.exists():
        source = TASKS[wildcards.task].source
        raise WorkflowError(
            f"task {wildcards.task}: its source {source} is not there. Get it as config/sources/{source}.yaml says, "
            "set its root, or take the task out of finetune.tasks."
        )
    return plan


def draw_of_fold(wildcards):
    """Return what draws the cases of a fold."""
    fold = int(wildcards.fold)
    return {
        "fold": fold,
        "seed": FINETUNE.seeds[fold],
        "train_cases": FINETUNE.train_cases,
        "val_cases": FINETUNE.val_cases,
    }


def origin_of_run(wildcards):
    """Return the weights that a run starts from, and the record of the volumes that they saw; nothing for none."""
    return origin_of(wildcards.tuned, wildcards.task)


def origin_of(tuned, task):
    """Return what one run starts from on one task, or refuse it."""
    pretrained = FINETUNE.runs[tuned].pretrained
    if pretrained is None:
        return {}
    if pretrained not in RUNS:
        return foreign_origin(Path(pretrained).expanduser())
    require_honest(TASKS[task])
    folder = f"models/pretrain/{pretrained}"
    return {"weights": f"{folder}/model.safetensors", "volumes": f"{folder}/volumes.parquet"}


def foreign_origin(weights):
    """Return a file of weights, and the record that lies beside it; without one nothing can tell of leaks."""
    if not weights.is_file():
        raise WorkflowError(
            f"config: finetune.runs: pretrained: {str(weights)!r} is neither an entry of pretrain nor "
            f"a file of weights; {hint(str(weights), list(RUNS))}"
        )
    record = weights.with_name("volumes.parquet")
    if record.is_file():
        return {"weights": str(weights), "volumes": str(record)}
    if not FINETUNE.allow_leakage:
        raise WorkflowError(
            f"{weights}: no volumes.parquet beside it says what it has seen, so test cases may be among that. Put the "
            "one of its run there, or set finetune.allow_leakage: true; results then say that leaks are unknown."
        )
    return {"weights": str(weights)}


def leakage_of_run(wildcards):
    """Return whether a pretrained run may have seen test cases; from scratch, the question does not arise."""
    return FINETUNE.allow_leakage if FINETUNE.runs[wildcards.tuned].pretrained else None


def require_honest(task):
    """Refuse, before a network is pretrained for days, to test it on cases that it is to be pretrained on."""
    if FINETUNE.allow_leakage or not workflow.is_main_process:
        return
    leaks = leaking(task, SETTINGS)
    if leaks:
        shown = ", ".join(leaks[:_SHOWN_SUBJECTS])
        raise WorkflowError(
            f"task {task.name}: {len(leaks)} of its test cases are in the corpus ({shown}, ...), and networks "
            f"pretrained on it would be tested on what they have seen. Set exclude_tasks: [{task.name}], or "
            "finetune.allow_leakage: true, which every result then states."
        )


def settings_of_fold(wildcards):
    """Return the settings that decide the weights of a fold; the others may change without training again."""
    return FINETUNE.runs[wildcards.tuned].decisive()


def prediction_of_fold(wildcards):
    """Return the settings that decide the predictions of a fold, beside its weights."""
    return FINETUNE.runs[wildcards.tuned].predicting()


def cpus_of_fold(wildcards):
    """Return the number of cores of a fold: computing threads and reading processes."""
    return FINETUNE.runs[wildcards.tuned].cpus


def cpus_of_evaluation(wildcards):
    """Return the number of cores that predicting takes."""
    return FINETUNE.runs[wildcards.tuned].threads


def gres_of_fold(wildcards):
    """Return Slurm's word for the GPU of a fold; without a GPU, none."""
    return "gpu:1" if FINETUNE.runs[wildcards.tuned].accelerator == "gpu" else None


def memory_of_fold(wildcards, attempt):
    """Return the host memory of a fold in MB; more at each attempt."""
    return attempt * FINETUNE.runs[wildcards.tuned].memory_mb


def runtime_of_fold(wildcards, attempt):
    """Return the minutes that a fold may take; one that is out of time goes on from its checkpoint."""
    return attempt * FOLD_MINUTES


def require_origins():
    """Refuse what no run may start from.

    Targets ask this, beside each fold: where the outputs of a rule are there, Snakemake takes them as they are when
    the input function of that rule raises, and says nothing.
    """
    for task in FINETUNE.tasks:
        for tuned in FINETUNE.runs:
            origin_of(tuned, task)


def files_of_folds(name):
    """Return one file of each fold of each run on each task."""
    return collect(
        "models/finetune/{task}/{tuned}/fold-{fold}/{name}",
        task=FINETUNE.tasks,
        tuned=FINETUNE.runs,
        fold=range(len(FINETUNE.seeds)),
        name=name,
    )


def all_finetuned(wildcards):
    """Return the weights of all folds."""
    require_origins()
    return files_of_folds("model.safetensors")


def all_scores(wildcards):
    """Return the scores of all folds."""
    return files_of_folds("scores.parquet")


def page_of_table(wildcards):
    """Return the page that the target asks for."""
    require_origins()
    return "results/table.html"


def plan_of_table(wildcards):
    """Return what the table shows beside scores: which runs are compared, on which tasks."""
    return {
        "tasks": {name: TASKS[name].document for name in FINETUNE.tasks},
        "runs": {name: (run.network, run.pretrained) for name, run in FINETUNE.runs.items()},
    }
