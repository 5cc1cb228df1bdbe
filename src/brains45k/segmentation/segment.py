"""Segment one subject's images with a finetuned network, and write the labels on the first image's own grid."""

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
import numpy.typing as npt
import torch

from brains45k.errors import CallError, DataError
from brains45k.segmentation.inference import predict_scores
from brains45k.segmentation.model import Model, load_model
from brains45k.tasks.grid import Classes, Grid, restore_classes
from brains45k.tasks.prepare import prepare_images
from brains45k.tasks.task import Task
from brains45k.volume.container import HEAD_BYTES, inflate_head, is_gzip, read_file
from brains45k.volume.content import Named
from brains45k.volume.image import Image
from brains45k.volume.nifti import parse_nifti
from brains45k.volume.read import image_of, open_volume, sibling
from brains45k.volume.refusal import RefusalError
from brains45k.volume.save import require_target
from brains45k.whole import write_whole

Labels = npt.NDArray[np.uint8 | np.uint16]

_SUFFIX = ".nii.gz"
_GZIP_LEVEL = 6
# A NIfTI-1 header, and the four bytes that say there are no extensions.
_HEADER_BYTES = 348 + 4
_SCANNER = 1
# What of a header says where the voxels lie.
_PLACE = (
    *("qform_code", "sform_code", "xyzt_units", "quatern_b", "quatern_c", "quatern_d"),
    *("qoffset_x", "qoffset_y", "qoffset_z", "srow_x", "srow_y", "srow_z"),
)


@dataclass(frozen=True, slots=True)
class Segmented:
    """What was written.

    Attributes
    ----------
    path : Path
        The file.
    volumes_ml : mapping of str to float
        Volume of each class of the task.
    remarks : tuple of str
        What was repaired or remarked of the images, a line each.
    """

    path: Path
    volumes_ml: Mapping[str, float]
    remarks: tuple[str, ...]


def segment(
    images: Sequence[Path],
    target: Path,
    *,
    checkpoint: Path,
    device: str = "auto",
    overlap: float = 0.5,
    mirror: bool = False,
    progress: bool = True,
) -> Segmented:
    """Segment one subject's images.

    Parameters
    ----------
    images : sequence of Path
        In the task's order; the labels come out on the grid of the first.
    target : Path
        The file to write, ``.nii.gz``: values of the task's label files, with the first image's affine.
    checkpoint : Path
        The ``model.safetensors`` of a finetuning run.
    device : {"auto", "cpu", "cuda"}
        Where the network runs; ``auto`` takes a GPU if there is one.
    overlap : float
        Share of a window's side that the next window covers too.
    mirror : bool
        Average over the mirror images of each window.
    progress : bool
        Draw a progress bar over the windows.

    Raises
    ------
    CallError
        If the number of images is not the task's, the device is not there, or the target cannot be written.
    DataError
        If the checkpoint or an image cannot be used.
    """
    _require_labels_target(target, images)
    where = choose_device(device)
    model = load_model(checkpoint, device=where)
    _require_roles(model.task, images)
    read = [_read(path) for path in images]
    remarks, affine = _remarks(images, read), read[0].affine
    try:
        prepared = prepare_images(read, model.preprocessing)
    except RefusalError as refusal:
        raise _refused(images[0], refusal) from refusal
    # The voxels as stored are not needed any more.
    del read
    name = model.task.name if progress else None
    try:
        classes = predict_case(
            model, prepared.image, prepared.grid, device=where, overlap=overlap, mirror=mirror, progress=name
        )
    except torch.cuda.OutOfMemoryError as error:
        msg = f"device cuda: its memory does not hold a window of {model.patch_size_voxels} voxels. Name cpu."
        raise CallError(msg) from error
    save_labels(values_of(classes, model.task), target, header=place_of(images[0], affine))
    return Segmented(target, _volumes_ml(classes, model.task, prepared.grid), remarks)


def predict_case(
    model: Model,
    image: npt.NDArray[np.float32],
    grid: Grid,
    *,
    device: torch.device | str,
    overlap: float = 0.5,
    mirror: bool = False,
    progress: str | None = None,
) -> Classes:
    """Return the class of each voxel on the original grid.

    Parameters
    ----------
    model : Model
        On ``device``.
    image : numpy.ndarray
        (C, X, Y, Z), float32 in [0, 1], as prepared.
    grid : Grid
        Of the case.
    device : torch.device or str
        Where the network is.
    overlap, mirror
        See :func:`brains45k.segmentation.inference.predict_scores`.
    progress : str, optional
        What a progress bar over the windows is called; None draws none.

    Returns
    -------
    numpy.ndarray
        Uint8, 0 to K, in the original image's shape and order of storage.
    """
    scores = predict_scores(
        model.network,
        torch.from_numpy(np.require(image, np.float32, ["C", "W"])),
        patch_size_voxels=model.patch_size_voxels,
        overlap=overlap,
        mirror=mirror,
        device=device,
        progress=progress,
    )
    return restore_classes(scores.numpy(), grid)


def values_of(classes: Classes, task: Task) -> Labels:
    """Return for each class the first of the values that stand for it in the task's label files.

    Uint8, or uint16 for a task with values above 255.
    """
    values = [0, *(known.values[0] for known in task.classes)]
    return np.array(values, np.min_scalar_type(max(values)))[classes]


def choose_device(name: str) -> torch.device:
    """Return the device of a name; ``auto`` is a GPU where there is one.

    Raises
    ------
    CallError
        If a GPU is asked for and torch sees none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        msg = "device cuda: torch sees no GPU here. Name cpu, or install torch with CUDA."
        raise CallError(msg)
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def place_of(path: Path, affine: npt.NDArray[np.float64]) -> nibabel.Nifti1Header:
    """Return a header that places voxels where an image's file places its own.

    Parameters
    ----------
    path : Path
        An image that has been read. Of a NIfTI file qform and sform are taken as they are, with their codes.
    affine : numpy.ndarray
        Of the image, for a file of another format.
    """
    header = nibabel.Nifti1Header()
    stated = _nifti_header(path)
    if stated is None:
        header.set_xyzt_units("mm")
        header.set_sform(affine, code=_SCANNER)
        header.set_qform(affine, code=_SCANNER)
        return header
    for name in _PLACE:
        header[name] = stated[name]
    header["pixdim"][:4] = stated["pixdim"][:4]
    return header


def save_labels(labels: Labels, path: Path, *, header: nibabel.Nifti1Header) -> None:
    """Write labels as .nii.gz, whole or not at all, always the same bytes.

    Parameters
    ----------
    labels : numpy.ndarray
        x, y, z in the order of storage.
    path : Path
        The file.
    header : nibabel.Nifti1Header
        From :func:`place_of`.

    Raises
    ------
    CallError
        If the disk does not take it.
    """
    whole = header.copy()
    whole.set_data_dtype(labels.dtype)
    whole.set_data_shape(labels.shape)
    whole.set_slope_inter(1, 0)
    whole["vox_offset"] = _HEADER_BYTES
    # Not by nibabel's image: it would replace what the original's header says where that looks odd to it.
    head = whole.binaryblock.ljust(_HEADER_BYTES, b"\0")
    write_whole(path, gzip.compress(head + labels.tobytes(order="F"), _GZIP_LEVEL, mtime=0))


def _require_labels_target(target: Path, images: Sequence[Path]) -> None:
    if not target.name.endswith(_SUFFIX):
        msg = f"{target}: the name must end in {_SUFFIX}."
        raise CallError(msg)
    for image in images:
        require_target(target, image)


def _require_roles(task: Task, images: Sequence[Path]) -> None:
    if len(images) == len(task.roles):
        return
    names = ", ".join(role.name for role in task.roles)
    msg = f"task {task.name}: {len(images)} images given, {len(task.roles)} needed, in this order: {names}."
    raise CallError(msg)


def _read(path: Path) -> Image:
    try:
        # That it is an image is what the call says: one from 0 to 1 is no probability map.
        return image_of(open_volume(path), named=Named.IMAGE)
    except RefusalError as refusal:
        raise _refused(path, refusal) from refusal


def _remarks(paths: Sequence[Path], images: Sequence[Image]) -> tuple[str, ...]:
    return tuple(
        f"{path}: {remark.code.value}: {remark.code.sentence} {remark.detail}".rstrip()
        for path, image in zip(paths, images, strict=True)
        for remark in image.remarks
    )


def _refused(path: Path, refusal: RefusalError) -> DataError:
    return DataError(f"{path}: {refusal.code.value}: {refusal}")


def _nifti_header(path: Path) -> nibabel.Nifti1Header | None:
    """Return the header of a file or pair, if it is NIfTI's."""
    name = path.name.lower()
    content = read_file(sibling(path, ".hdr") if name.endswith(".img") else path)
    try:
        return parse_nifti(inflate_head(content) if is_gzip(content) else content[:HEAD_BYTES])
    except RefusalError:
        return None


def _volumes_ml(classes: Classes, task: Task, grid: Grid) -> dict[str, float]:
    counts = np.bincount(classes.ravel(), minlength=task.class_count)
    voxel_ml = float(np.prod(grid.spacing_mm)) / 1000
    return {known.name: int(counts[number]) * voxel_ml for number, known in enumerate(task.classes, start=1)}
