"""Save a preprocessed volume as a file of its own."""

import gzip
import io
from pathlib import Path

import nibabel
import numpy as np

from brains45k.errors import CallError
from brains45k.volume.volume import Volume
from brains45k.whole import write_whole

_GZIP_LEVEL = 6


def require_target(path: Path, source: Path) -> None:
    """Refuse a target that could not or must not be written, before any work.

    Raises
    ------
    CallError
        If the name ends in neither .nii.gz nor .npy, is a folder's or the source's, or its folder does not exist.
    """
    if not path.name.endswith((".nii.gz", ".npy")):
        msg = f"{path}: the name must end in .nii.gz or .npy."
        raise CallError(msg)
    if not path.absolute().parent.is_dir():
        msg = f"{path}: the folder {path.parent} does not exist. Make it first."
        raise CallError(msg)
    if path.is_dir():
        msg = f"{path}: is a folder. Name a file."
        raise CallError(msg)
    if path.exists() and path.samefile(source):
        msg = f"{path}: is the scan itself, which would be lost. Name another file."
        raise CallError(msg)


def save_volume(volume: Volume, path: Path) -> None:
    """Write a volume as .nii.gz (with its affine) or .npy (voxels alone), whole or not at all, always the same bytes.

    Raises
    ------
    CallError
        If the disk does not take it.
    """
    write_whole(path, _npy(volume) if path.name.endswith(".npy") else _nifti(volume))


def _npy(volume: Volume) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, volume.data)
    return buffer.getvalue()


def _nifti(volume: Volume) -> bytes:
    image = nibabel.Nifti1Image(volume.data, volume.affine)
    image.header.set_xyzt_units("mm")
    return gzip.compress(image.to_bytes(), _GZIP_LEVEL, mtime=0)
