"""Read a case's files: each must be the one that was planned, and each fault names its file."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from brains45k.codes import Code
from brains45k.corpus.record import digest_of_voxels
from brains45k.sources.walk import measure
from brains45k.tasks.forms import share_a_form
from brains45k.tasks.label import Label, read_label, require_same_grid
from brains45k.tasks.row import Entry, Row
from brains45k.tasks.task import Task
from brains45k.volume.content import Named
from brains45k.volume.image import Image
from brains45k.volume.read import image_of, open_volume
from brains45k.volume.refusal import RefusalError
from brains45k.volume.reorient import reorient


@dataclass(frozen=True, slots=True, eq=False)
class CaseFiles:
    """A case's files, read: images in the order of the task's roles, and the label on the grid of the first."""

    images: list[Image]
    label: Label


def read_files(entry: Entry, task: Task, root: Path, row: Row) -> CaseFiles:
    """Read and judge a planned case's files; their digests go into its row as they become known.

    Raises
    ------
    RefusalError
        With the code of the first thing that is wrong, and the file's role in the detail.
    """
    with _named("label"):
        label = _read_label(entry["label"], task, root, row)
    images = []
    for file, said in zip(entry["images"], row["images"], strict=True):
        with _named(file["role"]):
            images.append(_read_image(file, root, said))
    try:
        require_same_grid(label, images[0])
    except RefusalError:
        if not share_a_form(root / entry["label"]["path"], root / entry["images"][0]["path"]):
            raise
        row["flags"].append(Code.F_LABEL_FORM.value)
    return CaseFiles(images, label)


def _read_label(file: Entry, task: Task, root: Path, row: Row) -> Label:
    path = _unchanged(root, file)
    try:
        label = read_label(path, task)
    except RefusalError as refusal:
        row["label_sha256"] = refusal.sha256
        raise
    row["label_sha256"] = label.sha256
    return label


def _read_image(file: Entry, root: Path, said: Row) -> Image:
    path = _unchanged(root, file)
    try:
        opened = open_volume(path)
    except RefusalError as refusal:
        said["sha256"] = refusal.sha256
        raise
    said["sha256"] = opened.sha256
    # The task says that this is an image, whatever range its voxels have.
    image = image_of(opened, frame=file["frame"], named=Named.IMAGE)
    said["voxel_sha256"] = digest_of_voxels(reorient(image))
    return image


def _unchanged(root: Path, file: Entry) -> Path:
    """Return a planned file's path, unless it is another file by now; the next run plans anew."""
    path = root / str(file["path"])
    try:
        found = measure(path)
    except FileNotFoundError as error:
        raise RefusalError(Code.E_CHANGED, "the file vanished, or its link leads nowhere") from error
    except OSError as error:
        raise RefusalError(Code.E_UNREADABLE, error.strerror or str(error)) from error
    if (found.bytes, found.mtime_ns) != (file["bytes"], file["mtime_ns"]):
        raise RefusalError(Code.E_CHANGED, "it is another file than when the plan was made")
    return path


@contextmanager
def _named(role: str) -> Iterator[None]:
    """Put a file's role into the detail of whatever is wrong with it."""
    try:
        yield
    except RefusalError as refusal:
        raise RefusalError(refusal.code, f"{role}: {refusal.detail}".removesuffix(": ")) from refusal
