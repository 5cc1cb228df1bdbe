"""
Finetune each run on each task, fold by fold, score it on the test cases, and make the table.

INPUTS:  data/tasks/{task}.json, models/pretrain/{run}/
OUTPUTS: manifests/tasks/{task}.parquet, models/finetune/{task}/{run}/fold-{fold}/, results/table.{csv,md,html}
"""


rule prepare_task:
    """Read, judge and preprocess the labelled cases of a task, on the grid that a network sees."""
    input:
        plan=task_plan,
    output:
        cases="manifests/tasks/{task}.parquet",
        marker=touch("data/tasks/{task}/.prepared"),
    log:
        "logs/prepare_task/{task}.log",
    benchmark:
        "logs/benchmarks/prepare_task/{task}.tsv"
    threads: 4
    resources:
        mem_mb=memory_of_preparing,
        runtime=runtime_of_preparing,
    params:
        recipe=RECIPE.describe(),
        plan=content_of("plan"),
        code=TASK_CODE,
    script:
        "../scripts/prepare_task.py"


rule draw_fold:
    """Draw the cases that one fold trains on; the test cases are the same for all."""
    input:
        cases="manifests/tasks/{task}.parquet",
    output:
        fold="models/finetune/{task}/folds/fold-{fold}.json",
    log:
        "logs/draw_fold/{task}-{fold}.log",
    localrule: True
    params:
        draw=draw_of_fold,
    script:
        "../scripts/draw_fold.py"


rule finetune_fold:
    """Train one run on one fold; a fold that was stopped goes on from its last checkpoint."""
    input:
        unpack(origin_of_run),
        cases="manifests/tasks/{task}.parquet",
        marker="data/tasks/{task}/.prepared",
        fold="models/finetune/{task}/folds/fold-{fold}.json",
    output:
        weights="models/finetune/{task}/{tuned}/fold-{fold}/model.safetensors",
        card="models/finetune/{task}/{tuned}/fold-{fold}/card.json",
    log:
        "logs/finetune_fold/{task}-{tuned}-{fold}.log",
    benchmark:
        "logs/benchmarks/finetune_fold/{task}-{tuned}-{fold}.tsv"
    threads: cpus_of_fold
    resources:
        gres=gres_of_fold,
        tasks_per_gpu=0,
        devices=1,
        mem_mb=memory_of_fold,
        runtime=runtime_of_fold,
    params:
        settings=settings_of_fold,
        allow_leakage=leakage_of_run,
    script:
        "../scripts/finetune_fold.py"


rule evaluate_fold:
    """Predict the test cases of a fold on their own grids, and score them."""
    input:
        weights="models/finetune/{task}/{tuned}/fold-{fold}/model.safetensors",
        cases="manifests/tasks/{task}.parquet",
        marker="data/tasks/{task}/.prepared",
        fold="models/finetune/{task}/folds/fold-{fold}.json",
    output:
        scores="models/finetune/{task}/{tuned}/fold-{fold}/scores.parquet",
        facts="models/finetune/{task}/{tuned}/fold-{fold}/evaluation.json",
        predictions=directory("models/finetune/{task}/{tuned}/fold-{fold}/predictions"),
        pictures=directory("models/finetune/{task}/{tuned}/fold-{fold}/pictures"),
    log:
        "logs/evaluate_fold/{task}-{tuned}-{fold}.log",
    benchmark:
        "logs/benchmarks/evaluate_fold/{task}-{tuned}-{fold}.tsv"
    threads: cpus_of_evaluation
    resources:
        gres=gres_of_fold,
        tasks_per_gpu=0,
        devices=1,
        mem_mb=memory_of_fold,
        runtime=runtime_of_fold,
    params:
        prediction=prediction_of_fold,
        code=SCORE_CODE,
    script:
        "../scripts/evaluate_fold.py"


rule make_table:
    """Compare all runs over all folds, and write the paper's table."""
    input:
        scores=all_scores,
    output:
        csv="results/table.csv",
        markdown="results/table.md",
        page="results/table.html",
    log:
        "logs/make_table.log",
    localrule: True
    params:
        plan=plan_of_table,
        code=TABLE_CODE,
        files=TABLE_FILES,
    script:
        "../scripts/make_table.py"


rule finetune:
    """Every run of the config's finetune list, on every task and fold."""
    input:
        all_finetuned,
    localrule: True


rule table:
    """The paper's table of results, and whatever of it is missing."""
    input:
        page_of_table,
    localrule: True
