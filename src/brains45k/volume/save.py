"""Save a preprocessed volume as a file of its own."""

import gzip
from pathlib import Path

import nibabel
import numpy as np

from brains45k.errors import CallError
from brains45k.volume.volume import Volume

_GZIP_LEVEL = 6


def require_target(path: Path) -> None:
    """Refuse a target that could not be written, before any work.

    Raises
    ------
    CallError
        If the name ends in neither .nii.gz nor .npy, or its folder does not exist.
    """
    if not path.name.endswith((".nii.gz", ".npy")):
        msg = f"{path}: the name must end in .nii.gz or .npy."
        raise CallError(msg)
    if not path.absolute().parent.is_dir():
        msg = f"{path}: the folder {path.parent} does not exist. Make it first."
        raise CallError(msg)


def save_volume(volume: Volume, path: Path) -> None:
    """Write a volume as .nii.gz (with its affine) or .npy (voxels alone), the same bytes every time."""
    if path.name.endswith(".npy"):
        np.save(path, volume.data)
        return
    image = nibabel.Nifti1Image(volume.data, volume.affine)
    image.header.set_xyzt_units("mm")
    path.write_bytes(gzip.compress(image.to_bytes(), _GZIP_LEVEL, mtime=0))
