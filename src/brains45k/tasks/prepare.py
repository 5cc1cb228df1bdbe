"""Prepare a task's cases: images on one grid by the corpus's own code, the label with them, as arrays to map."""

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt

from brains45k.codes import Code
from brains45k.corpus.build import module_fingerprint
from brains45k.corpus.chunks import TOP_LEVEL, Levels
from brains45k.corpus.manifest import Status, write_if_changed
from brains45k.corpus.memory import keep_freed_memory
from brains45k.errors import DataError
from brains45k.progress import open_bar
from brains45k.tasks.align import on_grid_of
from brains45k.tasks.files import read_files
from brains45k.tasks.grid import Classes, Grid
from brains45k.tasks.label import resample_label
from brains45k.tasks.manifest import Part
from brains45k.tasks.row import Entry, Row, excluded, planned_row
from brains45k.tasks.task import Task
from brains45k.volume.image import Image
from brains45k.volume.preprocess import Preprocessing, preprocess_together
from brains45k.volume.refusal import RefusalError, unforeseen
from brains45k.volume.reorient import reorient
from brains45k.volume.volume import Shape

IMAGE, LABEL, ABOUT = "image.npy", "label.npy", "case.json"

# The code that decides what a prepared voxel is.
_CODE = (
    "brains45k.corpus.chunks",
    "brains45k.corpus.record",
    *(f"brains45k.tasks.{name}" for name in ("align", "files", "grid", "label", "prepare", "resampling", "task")),
    "brains45k.volume",
)


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Images as a network sees them.

    Attributes
    ----------
    image : numpy.ndarray
        channel, x, y, z, float32, in [0, 1].
    grid : Grid
        How they lie in the first image.
    """

    image: npt.NDArray[np.float32]
    grid: Grid


@dataclass(frozen=True, slots=True, eq=False)
class PreparedCase:
    """A prepared case, read from its folder.

    Attributes
    ----------
    name, subject, part, group : str
        As in the table of cases.
    label_path : str
        Relative to the source's root.
    grid : Grid
        How the arrays lie in the first image.
    image : numpy.ndarray
        channel, x, y, z, uint16: levels, of which :data:`brains45k.corpus.chunks.SCALE` makes voxels in [0, 1].
        Mapped from its file.
    label : numpy.ndarray
        x, y, z, uint8: 0, the task's classes, and :data:`brains45k.tasks.task.IGNORED`. Mapped from its file.
    """

    name: str
    subject: str
    part: str
    group: str
    label_path: str
    grid: Grid
    image: Levels
    label: Classes


def prepare_images(images: Sequence[Image], parameters: Preprocessing) -> Prepared:
    """Preprocess a case's images onto one grid.

    Parameters
    ----------
    images : sequence of Image
        In the order of the network's channels. The first image's grid is the original one; an image on another is
        brought onto it first.
    parameters : Preprocessing
        Those of the corpus.

    Returns
    -------
    Prepared
        Of one image alone just what :func:`brains45k.volume.preprocess` gives.

    Raises
    ------
    RefusalError
        If an image has no contrast to normalise.
    """
    first = images[0]
    together = preprocess_together([reorient(on_grid_of(image, first)) for image in images], parameters)
    grid = Grid(
        shape=_shape(first.intensities.stored.shape),
        affine=first.affine,
        spacing_mm=first.spacing_mm,
        field_start=together.field_start,
        field_shape=together.field_shape,
        resampled_shape=together.resampled_shape,
        crop_start=together.crop_start,
        crop_shape=_shape(together.data[0].shape),
    )
    return Prepared(np.stack(together.data), grid)


def read_case(folder: Path) -> PreparedCase:
    """Open a prepared case; its arrays are mapped, not read.

    Raises
    ------
    DataError
        If it is missing or not whole.
    """
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        return PreparedCase(
            name=about["case"],
            subject=about["subject"],
            part=about["part"],
            group=about["group"],
            label_path=about["label_path"],
            grid=Grid.from_json(about["grid"]),
            image=np.load(folder / IMAGE, mmap_mode="r"),
            label=np.load(folder / LABEL, mmap_mode="r"),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        cause = " ".join(str(error).split()) or type(error).__name__
        msg = f"{folder}: not a whole prepared case ({cause}). Delete the folder and run again."
        raise DataError(msg) from error


def prepare_task(
    plan: Mapping[str, Any],
    task: Task,
    root: Path,
    parameters: Preprocessing,
    folder: Path,
    *,
    workers: int,
    log: TextIO,
) -> list[Row]:
    """Prepare all planned cases of a task side by side, and remove what is planned no more.

    Parameters
    ----------
    plan : mapping
        From :func:`brains45k.tasks.plan.plan_task`.
    task : Task
        The same that was planned.
    root : Path
        The source's folder.
    parameters : Preprocessing
        Those of the corpus.
    folder : Path
        Where the cases go, ``data/tasks/TASK``.
    workers : int
        Number of processes.
    log : file
        Gets one line per case, at once.

    Returns
    -------
    list of dict
        One row per planned case, in the plan's order; found = kept + excluded.

    Raises
    ------
    DataError
        If the system ends one of the processes, which it does where memory runs out.
    """
    entries: list[Entry] = list(plan["cases"])
    folder.mkdir(parents=True, exist_ok=True)
    rows: dict[str, Row] = {}
    work = partial(prepare_case, task=task, root=root, parameters=parameters, folder=folder)
    with open_bar(f"cases of {task.name}", unit="case", total=len(entries)) as bar:
        for row in _work_through(entries, work, workers, task.name):
            rows[row["case"]] = row
            fields = (row["reason"] or "kept", row["case"], row["detail"] or "")
            log.write("\t".join(" ".join(field.split()) for field in fields) + "\n")
            log.flush()
            bar.update()
    table = _without_test_images([rows[entry["case"]] for entry in entries])
    kept = {row["case"] for row in table if row["status"] == Status.KEPT}
    left_out = [row for row in table if row["status"] == Status.EXCLUDED]
    assert len(entries) == len(kept) + len(left_out), f"cases of {task.name} were lost"  # noqa: S101 - the promise
    _remove_others(folder, kept)
    return table


def prepare_case(entry: Entry, task: Task, root: Path, parameters: Preprocessing, folder: Path) -> Row:
    """Prepare one planned case into ``folder/CASE``, unless what lies there was made of the same.

    Parameters
    ----------
    entry : mapping
        The case, from a plan.
    task, root, parameters, folder
        As in :func:`prepare_task`.

    Returns
    -------
    dict
        The case's row; of a case that was refused, with the code of why.

    Raises
    ------
    OSError
        If the disk that is written to fails, which is no case's fault.
    """
    place = folder / entry["case"]
    row = planned_row(entry, task, place)
    if entry["reason"] is not None:
        return row
    digest = _digest(entry, task, parameters)
    known = _known(place, digest)
    if known is not None:
        row |= {name: known[name] for name in ("images", "label_sha256")}
        row["flags"] += [flag for flag in known["flags"] if flag not in row["flags"]]
        # Another case may have moved this one from the pool to the test part.
        write_if_changed(place / ABOUT, _as_text(_about(row, known["grid"], digest)))
        return row
    try:
        files = read_files(entry, task, root, row)
        prepared = prepare_images(files.images, parameters)
        label = resample_label(files.label.classes, prepared.grid)
    except RefusalError as refusal:
        return excluded(row, refusal)
    except Exception as error:  # one bad case costs its row
        return excluded(row, unforeseen(error))
    _write_case(place, prepared, label, _about(row, prepared.grid.to_json(), digest))
    return row


def _work_through(entries: Sequence[Entry], work: "partial[Row]", workers: int, task: str) -> Iterator[Row]:
    """Give rows as they are done, from this process or from several."""
    if workers <= 1 or len(entries) <= 1:
        yield from map(work, entries)
        return
    with ProcessPoolExecutor(min(workers, len(entries)), initializer=keep_freed_memory) as pool:
        jobs = [pool.submit(work, entry) for entry in entries]
        try:
            for job in as_completed(jobs):
                yield job.result()
        except BrokenProcessPool as error:
            msg = f"task {task}: the system ended a process that prepared cases, as it does when memory runs out. "
            msg += "Run again with fewer cores or more memory; cases that are done are kept."
            raise DataError(msg) from error
        finally:
            # Where one case ends the run, those that wait are not begun.
            pool.shutdown(cancel_futures=True)


def _without_test_images(rows: Sequence[Row]) -> list[Row]:
    """Leave out cases of the pool that hold an image of a test case under another name."""
    tested = {
        image["voxel_sha256"]: row["case"]
        for row in rows
        if row["status"] == Status.KEPT and row["part"] == Part.TEST
        for image in row["images"]
    }
    return [_judge_pool_case(row, tested) for row in rows]


def _judge_pool_case(row: Row, tested: Mapping[str, str]) -> Row:
    if row["status"] != Status.KEPT or row["part"] != Part.POOL:
        return row
    twice = next((image for image in row["images"] if image["voxel_sha256"] in tested), None)
    if twice is None:
        return row
    return excluded(row, RefusalError(Code.E_TEST_IMAGE, f"{twice['role']} of {tested[twice['voxel_sha256']]}"))


def _digest(entry: Entry, task: Task, parameters: Preprocessing) -> str:
    """Name what decides a prepared case: its files, the preprocessing, what values mean, and the code."""
    parts = {
        "images": entry["images"],
        "label": entry["label"],
        "parameters": asdict(parameters),
        "classes": sorted(task.class_of_value().items()),
        "code": module_fingerprint(*_CODE),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _known(place: Path, digest: str) -> dict[str, Any] | None:
    """Return what a folder says of itself, if it is whole and was made of the same."""
    try:
        about = json.loads((place / ABOUT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    whole = (place / IMAGE).is_file() and (place / LABEL).is_file()
    return dict(about) if whole and about.get("digest") == digest else None


def _about(row: Row, grid: Mapping[str, Any], digest: str) -> dict[str, Any]:
    names = ("case", "subject", "part", "group", "label_path", "label_sha256", "images", "flags")
    return {name: row[name] for name in names} | {"grid": grid, "digest": digest}


def _as_text(about: Mapping[str, Any]) -> bytes:
    return (json.dumps(about, indent=1) + "\n").encode()


def _write_case(place: Path, prepared: Prepared, label: Classes, about: Mapping[str, Any]) -> None:
    """Write a case beside its place and move it in whole."""
    partial_place = place.with_name(f".{place.name}.partial")
    shutil.rmtree(partial_place, ignore_errors=True)
    partial_place.mkdir(parents=True)
    levels = np.floor(prepared.image * np.float32(TOP_LEVEL) + np.float32(0.5)).astype(np.uint16)
    np.save(partial_place / IMAGE, levels)
    np.save(partial_place / LABEL, label)
    (partial_place / ABOUT).write_bytes(_as_text(about))
    shutil.rmtree(place, ignore_errors=True)
    partial_place.rename(place)


def _remove_others(folder: Path, kept: set[str]) -> None:
    """Remove folders of cases that are kept no more, and what a killed run left half written."""
    for place in folder.iterdir():
        is_case = place.name.endswith(".partial") or (place / ABOUT).is_file()
        if place.is_dir() and place.name not in kept and is_case:
            shutil.rmtree(place)


def _shape(sizes: Sequence[int]) -> Shape:
    x, y, z = sizes
    return x, y, z
