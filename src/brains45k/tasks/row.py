"""One case's row: what the plan says, what its files told, and why it was left out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brains45k.corpus.manifest import Status
from brains45k.corpus.plan import printable
from brains45k.tasks.task import Task
from brains45k.volume.refusal import RefusalError

#: One case of a plan, from :mod:`brains45k.tasks.plan`.
Entry = Mapping[str, Any]
#: One row of the table :data:`brains45k.tasks.manifest.CASES`.
Row = dict[str, Any]


def planned_row(entry: Entry, task: Task, place: Path) -> Row:
    """Return the row of a planned case before any of its files is read; ``place`` is its folder."""
    excluded = entry["reason"] is not None
    images = [{"role": image["role"], "path": printable(image["path"])} for image in entry["images"]]
    return {
        "task": task.name,
        "case": entry["case"],
        "source": task.source,
        "subject": entry["subject"],
        "session": entry["session"],
        "part": entry["part"],
        "group": entry["group"],
        "status": (Status.EXCLUDED if excluded else Status.KEPT).value,
        "reason": entry["reason"],
        "detail": entry["detail"],
        "flags": list(entry["flags"]),
        "images": [image | {"sha256": None, "voxel_sha256": None} for image in images],
        "label_path": printable(entry["label"]["path"]) if entry["label"] else None,
        "label_sha256": None,
        "folder": None if excluded else str(place),
    }


def excluded(row: Row, refusal: RefusalError) -> Row:
    """Return a row as that of a case which is left out."""
    verdict = {"status": Status.EXCLUDED.value, "reason": refusal.code.value, "detail": refusal.detail or None}
    return row | verdict | {"folder": None}
