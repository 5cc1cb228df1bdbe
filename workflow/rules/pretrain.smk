"""
Pretrain one network for each entry of the config's pretrain list.

INPUTS:  manifests/corpus.parquet, data/corpus/{source}/{source}-{bucket}.zarr
OUTPUTS: models/pretrain/{run}/: model.safetensors, volumes.parquet, card.json, card.html
"""


rule pretrain_network:
    """Train AMAES on the corpus; a run that was stopped goes on from its last checkpoint."""
    input:
        # Written again with the same volumes, they cost a run that is done no training: its checkpoint is of them.
        manifest="manifests/corpus.parquet",
        shards=all_shards,
    output:
        weights="models/pretrain/{run}/model.safetensors",
        volumes="models/pretrain/{run}/volumes.parquet",
        card="models/pretrain/{run}/card.json",
        page="models/pretrain/{run}/card.html",
    log:
        "logs/pretrain_network/{run}.log",
    benchmark:
        "logs/benchmarks/pretrain_network/{run}.tsv"
    threads: cpus_of_run
    resources:
        # Slurm's words: one task per node, which starts the processes for the node's GPUs itself.
        nodes=nodes_of_run,
        tasks=nodes_of_run,
        gres=gres_of_run,
        tasks_per_gpu=0,
        # For --resources devices=N on one machine, where nobody else divides its GPUs among runs.
        devices=devices_of_run,
        mem_mb=memory_of_run,
        runtime=runtime_of_run,
    params:
        settings=settings_of_run,
    script:
        "../scripts/pretrain_network.py"


rule pretrain:
    """Every run of the config's pretrain list."""
    input:
        collect("models/pretrain/{run}/card.html", run=RUNS),
    localrule: True
