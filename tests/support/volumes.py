"""Images and volumes from arrays, and the plain ways of doing what the code does with tricks."""

from dataclasses import replace
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from brains45k.volume.image import Image, Intensities
from brains45k.volume.volume import Volume

Affine = NDArray[np.float64]


def image_of(
    stored: NDArray[Any], affine: Affine | None = None, *, slope: float = 1.0, intercept: float = 0.0
) -> Image:
    """Make an image of stored numbers; 1 mm and RAS where no affine is given."""
    matrix = np.eye(4) if affine is None else affine
    return Image(Intensities(np.asarray(stored), slope, intercept), matrix, spacing_of(matrix), stored.dtype.name)


def spacing_of(affine: Affine) -> tuple[float, float, float]:
    """Return the spacing along each axis in millimetres."""
    x, y, z = np.linalg.norm(affine[:3, :3], axis=0).tolist()
    return x, y, z


def turned_whole(image: Image) -> Volume:
    """Turn an image to RAS with nibabel and leave nothing out."""
    turned = nibabel.as_closest_canonical(nibabel.Nifti1Image(image.voxels, image.affine))
    affine = np.asarray(turned.affine)
    return Volume(np.ascontiguousarray(turned.dataobj, np.float32), affine, spacing_of(affine))


def filled(volume: Volume) -> Volume:
    """Put back what was trimmed."""
    if volume.field is None:
        return volume
    data = np.full(volume.field.shape, volume.field.background, np.float32)
    box = tuple(slice(start, start + size) for start, size in zip(volume.crop_start, volume.shape, strict=True))
    data[box] = volume.data
    affine = volume.affine.copy()
    affine[:3, 3] -= affine[:3, :3] @ np.array(volume.crop_start)
    return replace(volume, data=data, affine=affine, crop_start=(0, 0, 0), field=None)
