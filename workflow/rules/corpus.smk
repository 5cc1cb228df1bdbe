"""
Preprocess volumes into shards, and account for every file.

INPUTS:  data/plan/{source}/{source}-{bucket}.json, data/index/{source}.parquet
OUTPUTS: data/corpus/{source}/{source}-{bucket}.zarr, manifests/{source}.parquet, manifests/corpus.parquet
"""


rule write_shard:
    """Read, judge and preprocess the volumes of one bucket, and store them."""
    input:
        plan="data/plan/{source}/{source}-{bucket}.json",
    output:
        shard=directory("data/corpus/{source}/{source}-{bucket}.zarr"),
        rows="data/corpus/{source}/{source}-{bucket}.parquet",
        pictures=directory("manifests/reports/pictures/{source}-{bucket}"),
    log:
        "logs/write_shard/{source}-{bucket}.log",
    benchmark:
        "logs/benchmarks/write_shard/{source}-{bucket}.tsv"
    threads: 1
    resources:
        mem_mb=memory_of_shard,
        runtime=runtime_of_shard,
    params:
        # The root is no parameter: a download that was moved is the same download.
        recipe=RECIPE.describe(),
        plan=content_of("plan"),
    script:
        "../scripts/write_shard.py"


rule assemble_source:
    """Join what was found and what was read into the manifest of one source."""
    input:
        index="data/index/{source}.parquet",
        rows=rows_of,
    output:
        manifest="manifests/{source}.parquet",
    log:
        "logs/assemble_source/{source}.log",
    localrule: True
    params:
        facts=source_facts,
        selection=SETTINGS.selection,
        split=SETTINGS.split,
        index=content_of("index"),
        code=ASSEMBLY_CODE,
    script:
        "../scripts/assemble_source.py"


rule assemble_corpus:
    """Join the sources' manifests, and keep one of equal images."""
    input:
        manifests=source_manifests,
    output:
        corpus="manifests/corpus.parquet",
    log:
        "logs/assemble_corpus.log",
    localrule: True
    params:
        code=ASSEMBLY_CODE,
    script:
        "../scripts/assemble_corpus.py"
