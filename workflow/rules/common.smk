"""
Read and check the config, look for the sources, and define every function that the rules use.
"""

from pathlib import Path

import brains45k
from brains45k.cluster import jobs_in
from brains45k.corpus.build import make_recipe, module_fingerprint
from brains45k.corpus.manifest import digest_of
from brains45k.corpus.plan import memory_mb, shard_name
from brains45k.corpus.settings import read_settings
from brains45k.corpus.survey import index_path, unusable
from brains45k.demo.write import DEMO_SOURCES, TASK_SOURCES
from brains45k.errors import BrainsError, CallError
from brains45k.progress import CorpusProgress
from brains45k.report.terminal import console, survey_table
from brains45k.segmentation.settings import read_finetune
from brains45k.tasks.survey import plan_path, read_tasks, survey_all
from brains45k.training.settings import read_runs
from snakemake.exceptions import WorkflowError

CATALOG = Path(workflow.basedir) / "config" / "sources"
TASK_CATALOG = Path(workflow.basedir) / "config" / "tasks"
PROGRESS = {}
# Of the first attempt of a shard: 128 volumes take one, on a disk that keeps up.
SHARD_MINUTES = 120
# Of the first attempt of a pretraining run: a day, which most clusters allow.
RUN_MINUTES = 24 * 60


def for_demo(settings):
    """Return the settings; the demo knows no source but its own."""
    unknown = sorted(set(settings.sources) - set(DEMO_SOURCES)) if settings.demo else []
    if unknown:
        raise CallError(f"config: the demo has no source {unknown[0]!r}; set its enabled: false.")
    return settings


def load_settings():
    """Return the settings; a wrong config ends the run with one line that names the key."""
    try:
        return for_demo(read_settings(config, catalog=CATALOG))
    except (BrainsError, OSError) as error:
        raise WorkflowError(str(error)) from None


def load_runs():
    """Return the pretraining runs by name; settings that contradict each other end the run with one line."""
    try:
        return read_runs(config)
    except BrainsError as error:
        raise WorkflowError(str(error)) from None


def load_finetune():
    """Return the finetuning settings; what contradicts itself ends the run with one line."""
    try:
        return read_finetune(config)
    except BrainsError as error:
        raise WorkflowError(str(error)) from None


def load_tasks():
    """Return the tasks that are finetuned on, or whose test cases the corpus leaves out."""
    try:
        return read_tasks((*FINETUNE.tasks, *SETTINGS.exclude_tasks), TASK_CATALOG)
    except BrainsError as error:
        raise WorkflowError(str(error)) from None


def look_for_sources():
    """Scan every source once, in the main process; jobs find indices and plans ready."""
    if not workflow.is_main_process:
        return []
    try:
        return survey_all(SETTINGS, TASKS)
    except (BrainsError, OSError) as error:
        raise WorkflowError(str(error)) from None


SETTINGS = load_settings()
RUNS = load_runs()
FINETUNE = load_finetune()
TASKS = load_tasks()
SURVEYED = look_for_sources()
RECIPE = make_recipe(SETTINGS.preprocess)
ASSEMBLY_CODE = module_fingerprint(
    "brains45k.codes",
    "brains45k.corpus.assemble",
    "brains45k.corpus.duplicates",
    "brains45k.corpus.manifest",
    "brains45k.sources.facts",
    "brains45k.sources.persons",
    "brains45k.sources.tables",
)


REPORT_FOLDER = Path(brains45k.__file__).parent / "report"
# Templates, styles and scripts decide a page as much as code does.
REPORT_CODE = [
    module_fingerprint("brains45k.report"),
    *(digest_of(path) for path in sorted(REPORT_FOLDER.glob("assets/**/*")) if path.is_file()),
]


wildcard_constraints:
    source="|".join(SETTINGS.sources),
    bucket="[0-9]+",
    run="|".join(RUNS) or "none",
    task="|".join(TASKS) or "none",
    tuned="|".join(FINETUNE.runs) or "none",
    fold="[0-9]+",


def shards_of(source):
    """Return the names of a source's shards, known from its number of buckets alone."""
    return [shard_name(source, bucket) for bucket in range(SETTINGS.sources[source].buckets)]


def rows_of(wildcards):
    """Return the rows that each shard of a source writes."""
    source = wildcards.source
    return [f"data/corpus/{source}/{shard}.parquet" for shard in shards_of(source)]


def sources_there():
    """Return the names of the sources that a corpus can be built from."""
    if not workflow.is_main_process:
        return [name for name in SETTINGS.sources if index_path(name).exists()]
    return [source.name for source in SURVEYED if source not in unusable(SURVEYED)]


def sources_in_use():
    """Show the sources once, refuse to go on without them, and return the names of those there are."""
    if not workflow.is_main_process:
        return sources_there()
    if "shown" not in PROGRESS:
        PROGRESS["shown"] = True
        console().print(survey_table(SURVEYED))
    missing = unusable(SURVEYED)
    if len(missing) == len(SURVEYED) or (missing and not SETTINGS.allow_missing):
        names = ", ".join(f"{source.name} ({source.state.value})" for source in missing)
        raise WorkflowError(
            f"sources are not there: {names}. Get them as the table above says, set their root or "
            "enabled: false in config/config.yaml, or go on without them by allow_missing: true. "
            "All steps to get a source stand in config/sources/NAME.yaml."
        )
    return sources_there()


def source_manifests(wildcards):
    """Return the manifest of each source in use."""
    return [f"manifests/{source}.parquet" for source in sources_in_use()]


def source_page(source):
    """Return the page of one source, as Snakemake's own report shows it."""
    return report(
        f"manifests/reports/{source}.html",
        caption="../report/source.rst",
        category="Corpus",
        labels={"page": source},
    )


def all_pages(wildcards):
    """Return the pages: targets each, so that one which was lost is made again."""
    return [f"manifests/reports/{page}.html" for page in ("index", *sources_in_use())]


def all_shards(wildcards):
    """Return the shards of all sources in use: a target, so that one which was lost is written again."""
    return [
        f"data/corpus/{source}/{shard}.zarr"
        for source in sources_in_use()
        for shard in shards_of(source)
    ]


def content_of(name):
    """Return a params function: the digest of one named input, so that content decides and no clock."""

    def digest(wildcards, input):
        return digest_of(Path(input[name]))

    return digest


def memory_of_shard(wildcards, input, attempt):
    """Return the memory in MB that the largest volume of a shard needs, by its header; more at each attempt."""
    return attempt * memory_mb(Path(input.plan), spacing_mm=SETTINGS.preprocess["spacing_mm"])


def runtime_of_shard(wildcards, attempt):
    """Return the minutes that a shard may take; more at each attempt."""
    return attempt * SHARD_MINUTES


def settings_of_run(wildcards):
    """Return the settings that decide a run's weights; the others may change without a new run."""
    return RUNS[wildcards.run].decisive()


def cpus_of_run(wildcards):
    """Return the number of cores of a run on each node: computing threads and reading processes."""
    return RUNS[wildcards.run].cpus_per_node


def devices_of_run(wildcards):
    """Return the number of devices of a run on each node."""
    return RUNS[wildcards.run].devices


def nodes_of_run(wildcards):
    """Return the number of nodes of a run."""
    return RUNS[wildcards.run].nodes


def gres_of_run(wildcards):
    """Return Slurm's word for the GPUs of a run on each node; without GPUs, none."""
    gpus = RUNS[wildcards.run].gpus_per_node
    return f"gpu:{gpus}" if gpus else None


def memory_of_run(wildcards, attempt):
    """Return the host memory of a run on each node in MB; more at each attempt."""
    return attempt * RUNS[wildcards.run].memory_mb_per_node


def runtime_of_run(wildcards, attempt):
    """Return the minutes that a run may take; a run out of time goes on from its checkpoint at the next attempt."""
    return attempt * RUN_MINUTES


def source_facts(wildcards):
    """Return what a source's manifest says of its source file."""
    document = SETTINGS.sources[wildcards.source].source.document
    facts = {key: document[key] for key in ("title", "licence", "expected")}
    return facts | {"metadata": document.get("metadata", [])}


def demo_sources_in_use():
    """Return the nine demo sources, and those that only a task of this config is made of."""
    return [*DEMO_SOURCES, *(name for name in TASK_SOURCES if name in SETTINGS.known_sources)]


def demo_plans():
    """Return the index and the plans of all demo sources; none where the sources are real."""
    if not SETTINGS.demo:
        return []
    plans = [
        f"data/plan/{name}/{shard}.json" for name in SETTINGS.sources for shard in shards_of(name)
    ]
    tasks = [str(plan_path(name)) for name in TASKS]
    return [str(index_path(name)) for name in SETTINGS.sources] + plans + tasks


def start_progress(jobs):
    """Start the bar over all volumes of the shards that this run builds."""
    shards = {
        Path(job.input.plan): Path(job.log[0]) for job in jobs if job.rule.name == "write_shard"
    }
    bar = CorpusProgress(shards)
    bar.start()
    return bar


def require_alone():
    """Refuse to start while jobs of a run that was killed may still write here."""
    jobs = jobs_in(Path.cwd())
    if jobs:
        raise WorkflowError(
            f"Slurm jobs of an earlier run still write here: {', '.join(jobs)}. Wait for their end, "
            f"or end them by 'scancel {' '.join(jobs)}'; then start again."
        )


def stop_progress():
    """Close the bar."""
    if "bar" in PROGRESS:
        PROGRESS["bar"].stop()


SOURCE_PAGES = [source_page(source) for source in sources_there()]
