"""A tiny task on a tiny source: heads with a lesion, as NIfTI files."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from support.small_corpus import HEAD, RAS, document, head, write_nifti

from brains45k.sources.catalog import Source
from brains45k.sources.scan import scan_source
from brains45k.tasks.plan import plan_task
from brains45k.tasks.task import Task

Array = npt.NDArray[Any]

_TASK: dict[str, Any] = {
    "title": "A tiny task",
    "source": "tiny",
    "case": ["subject"],
    "images": [{"name": "flair", "where": {"image": ["flair"]}}, {"name": "t1", "where": {"image": ["t1w"]}}],
    "labels": {"layouts": ["mask"]},
    "classes": [{"name": "core", "values": [1]}, {"name": "rim", "values": [4, 5]}],
    "ignore": [9],
    "regions": [{"name": "all", "classes": ["core", "rim"]}, {"name": "core", "classes": ["core"]}],
    "lesions": True,
    "test": {"where": {"part": ["test"]}},
    "groups": [{"name": "new_scanner", "where": {"scan": ["b", "c"]}}],
}
_LAYOUTS = [
    {
        "name": part,
        "path": rf"{part}/{{scan}}/{{subject:sub-\d+}}/{{subject}}_{{image:FLAIR|T1w}}",
        "set": {"part": part},
        "examples": [f"{part}/A/sub-01/sub-01_FLAIR.nii.gz"],
    }
    for part in ("train", "test")
]
_MASK = {
    "name": "mask",
    "role": "label",
    "path": r"{subject:sub-\d+}/{subject}_mask",
    "examples": ["train/A/sub-01/sub-01_mask.nii.gz"],
}


def task_document(**changes: Any) -> dict[str, Any]:
    """Return a valid task's document, with some keys replaced; a key that becomes None is left out."""
    changed = deepcopy(_TASK) | changes
    return {key: value for key, value in changed.items() if value is not None}


def tiny_task(**changes: Any) -> Task:
    """Return a valid task, with some keys of its document replaced."""
    return Task.from_document("little", task_document(**changes))


def source() -> Source:
    """Return the source that the task is about."""
    return Source("tiny", document(layouts=[*deepcopy(_LAYOUTS), dict(_MASK)]))


def plan_tree(task: Task, root: Path) -> dict[str, Any]:
    """Plan a task on the files of the tiny source that lie below a root."""
    return plan_task(task, source(), scan_source(source(), root).candidates)


def lesion(seed: int) -> Array:
    """Return a label in the head: a core of 1, a rim of 4, and a spot to be ignored."""
    start = 5 + np.random.default_rng(seed).integers(0, 6, 3)
    voxels = np.zeros((24, 24, 24), np.uint8)
    x, y, z = (slice(int(first), int(first) + 6) for first in start)
    voxels[x, y, z] = 4
    voxels[x, y, z][2:4, 2:4, 2:4] = 1
    voxels[HEAD.start, HEAD.start, HEAD.start] = 9
    return voxels


def write_case(root: Path, place: str, seed: int, *, affine: Array = RAS) -> Path:
    """Write a case's two images and its label below ``root/PLACE``, whose last part is the subject."""
    folder = root / place
    name = folder.name
    write_nifti(folder / f"{name}_FLAIR.nii.gz", head(2 * seed), affine)
    write_nifti(folder / f"{name}_T1w.nii.gz", head(2 * seed + 1), affine)
    write_nifti(folder / f"{name}_mask.nii.gz", lesion(seed), affine)
    return folder


def write_tree(root: Path, *, pool: int = 3, test: int = 2) -> Path:
    """Write a source of some pool and test cases, the last test case of another scanner."""
    for number in range(1, pool + 1):
        write_case(root, f"train/A/sub-{number:02}", number)
    for number in range(1, test + 1):
        scan = "B" if number == test else "A"
        write_case(root, f"test/{scan}/sub-{50 + number}", 50 + number)
    return root
