"""The plan of a task: its cases with their files, written so that the workflow sees what changed."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from brains45k.codes import Code
from brains45k.corpus.manifest import write_if_changed
from brains45k.corpus.plan import printable
from brains45k.sources.candidate import Candidate
from brains45k.sources.catalog import Source
from brains45k.tasks.cases import (
    Case,
    fault_of,
    find_cases,
    group_of,
    name_of,
    part_of,
    require_fields,
    split_is_whole,
    subjects_tested_on,
)
from brains45k.tasks.task import Task


def plan_task(task: Task, source: Source, candidates: Sequence[Candidate]) -> dict[str, Any]:
    """Plan a task's cases from a scan of its source; no file is opened.

    No selection is asked: a case needs its files, whether a corpus takes them or not.

    Returns
    -------
    dict
        Plain values: the task's name and document, and one entry per case with its files, their size and time.
        ``reason`` is the code of why a case cannot be used, or None.

    Raises
    ------
    CallError
        If the task asks for a layout or a field that the source does not have.
    """
    require_fields(task, source)
    cases = find_cases(task, candidates)
    tested = subjects_tested_on(task, cases)
    flags = [] if split_is_whole(task, cases) else [Code.F_PARTIAL_SPLIT.value]
    return {
        "task": task.name,
        "source": task.source,
        "document": dict(task.document),
        "cases": [_entry(task, case, tested, flags) for case in cases],
    }


def write_plan(plan: Mapping[str, Any], path: Path) -> bool:
    """Write a task's plan as JSON with a line per case; one that would say the same stays untouched."""
    head = json.dumps({key: value for key, value in plan.items() if key != "cases"})
    cases = ",\n".join(json.dumps(case) for case in plan["cases"])
    return write_if_changed(path, f'{head[:-1]}, "cases": [\n{cases}\n]}}\n'.encode())


def read_plan(path: Path) -> dict[str, Any]:
    """Read a task's plan."""
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _entry(task: Task, case: Case, tested: frozenset[str], flags: list[str]) -> dict[str, Any]:
    fault = fault_of(task, case)
    images = [
        {"role": role.name, **_file(candidate), "frame": candidate.channel.index if candidate.channel else None}
        for role in task.roles
        for candidate in case.images.get(role.name, ())
    ]
    return {
        "case": name_of(case.key),
        "subject": printable(case.subject),
        "session": printable(case.session) if case.session else None,
        "part": part_of(case, tested).value,
        "group": group_of(task, case),
        "images": images,
        "label": _file(case.labels[0]) if case.labels else None,
        "flags": flags,
        "reason": fault[0].value if fault else None,
        "detail": printable(fault[1]) or None if fault else None,
    }


def _file(candidate: Candidate) -> dict[str, Any]:
    file = candidate.file
    return {"path": file.path, "bytes": file.bytes, "mtime_ns": file.mtime_ns}
