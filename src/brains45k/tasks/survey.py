"""Look for the sources and for the tasks' cases before any work, and bring the plans of both up to date.

This runs when the workflow starts, as :mod:`brains45k.corpus.survey` does, which it calls.
"""

from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from pathlib import Path

import pyarrow.compute as pc

from brains45k.corpus.manifest import read_table
from brains45k.corpus.settings import Settings, SourceSettings
from brains45k.corpus.survey import Surveyed, demo_marker, index_path, survey
from brains45k.errors import CallError
from brains45k.hints import hint
from brains45k.sources.candidate import Candidate
from brains45k.sources.catalog import Source
from brains45k.sources.scan import scan_source
from brains45k.tasks.cases import held_out
from brains45k.tasks.manifest import Part
from brains45k.tasks.plan import plan_task, read_plan, write_plan
from brains45k.tasks.task import Task, read_task

# What was found below the root of each source that was looked through.
_Scans = MutableMapping[str, Sequence[Candidate]]


def read_tasks(names: Iterable[str], catalog: Path) -> dict[str, Task]:
    """Read tasks by their names.

    Parameters
    ----------
    names : iterable of str
        As the config gives them; a name may come twice.
    catalog : Path
        The folder of the task files.

    Raises
    ------
    CallError
        If a task has no file, or its file breaks the schema.
    """
    known = sorted(path.stem for path in catalog.glob("*.yaml"))
    tasks = {}
    for name in dict.fromkeys(names):
        if name not in known:
            msg = f"config: no task file {catalog.name}/{name}.yaml for the task {name!r}; {hint(name, known)}"
            raise CallError(msg)
        tasks[name] = read_task(catalog / f"{name}.yaml")
    return tasks


def survey_all(settings: Settings, tasks: Mapping[str, Task], *, workdir: Path = Path()) -> list[Surveyed]:
    """Scan the sources of the corpus and of the tasks, and refresh indices and plans below ``workdir/data``.

    Parameters
    ----------
    settings : Settings
        Of the corpus.
    tasks : mapping
        All tasks that the config names.
    workdir : Path
        Folder of the run.

    Returns
    -------
    list of Surveyed
        The sources of the corpus.

    Raises
    ------
    CallError
        As :func:`brains45k.corpus.survey.survey` does, or if a task's source is not in the config.
    """
    excluded = [tasks[name] for name in settings.exclude_tasks]
    scans: _Scans = {}

    def test_subjects(source: Source, candidates: Sequence[Candidate]) -> frozenset[str]:
        scans[source.name] = candidates
        subjects = [held_out(task, candidates) for task in excluded if task.source == source.name]
        return frozenset().union(*subjects)

    surveyed = survey(settings, workdir=workdir, held_out=test_subjects)
    for task in tasks.values():
        _refresh_plan(task, _source_of(task, settings), settings, workdir, scans)
    return surveyed


def plan_path(task: str) -> Path:
    """Where a task's plan lies."""
    return Path("data/tasks") / f"{task}.json"


def leaking(task: Task, settings: Settings, *, workdir: Path = Path()) -> list[str]:
    """Return the subjects whom a task tests on and the corpus, as it is planned, takes images of.

    By name alone, before any image is read: what a network has seen is checked again, by its images too, before it is
    finetuned. Where the task or its source is not planned, nothing is known and nothing returned.
    """
    plan, index = workdir / plan_path(task.name), workdir / index_path(task.source)
    if not (plan.is_file() and index.is_file()):
        return []
    tested = {case["subject"] for case in read_plan(plan)["cases"] if case["part"] == Part.TEST}
    table = read_table(index)
    taken = table.filter(pc.is_null(table[f"{settings.selection}_code"]))["subject"]
    return sorted(tested & set(taken.to_pylist()))


def _source_of(task: Task, settings: Settings) -> SourceSettings:
    if task.source not in settings.known_sources:
        msg = f"config: the task {task.name!r} needs the source {task.source!r}; name it under sources, with its root."
        raise CallError(msg)
    return settings.known_sources[task.source]


def _refresh_plan(
    task: Task,
    entry: SourceSettings,
    settings: Settings,
    workdir: Path,
    scans: MutableMapping[str, Sequence[Candidate]],
) -> None:
    """Refresh a task's plan; without its source there is none. No source is looked through twice."""
    root, path = workdir / entry.root, workdir / plan_path(task.name)
    there = demo_marker(root).is_file() if settings.demo else root.is_dir()
    if not there:
        path.unlink(missing_ok=True)
        return
    name = entry.source.name
    if name not in scans:
        scans[name] = scan_source(entry.source, root).candidates
    write_plan(plan_task(task, entry.source, scans[name]), path)
