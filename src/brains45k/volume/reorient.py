"""From an image in the order of its file to a volume in RAS: turned, trimmed and turned into float32 in one go."""

from typing import Any

import nibabel
import numpy as np
import numpy.typing as npt

from brains45k.volume.box import box_of, moved, start_of
from brains45k.volume.image import Image
from brains45k.volume.volume import Affine, Field, Volume, Voxels

_RAS = nibabel.orientations.axcodes2ornt("RAS")
# Planes are turned through a buffer that stays in the cache; its rows are longer than their content, because rows
# a power of two apart fall onto each other there, and most scans have 256 voxels along an axis.
_PLANE_ROWS = 128
_PLANE_PADDING = 8


def axis_codes(affine: Affine) -> str:
    """Name the direction of each axis, such as ``RAS``."""
    return "".join(nibabel.orientations.aff2axcodes(affine))


def reorient(image: Image) -> Volume:
    """Flip and permute the axes so that they run closest to right, anterior, superior; nothing is interpolated.

    Margins in which no voxel differs from the image's smallest are left out, but for one plane at the high end of
    each axis, which Yucca's bounding box asks for. ``field`` and ``crop_start`` tell where the rest lay.

    Parameters
    ----------
    image : Image
        On its file's own grid.

    Returns
    -------
    Volume
        float32 and C-contiguous in memory of its own; the affine places every voxel where it was.
    """
    transform = nibabel.orientations.ornt_transform(nibabel.orientations.io_orientation(image.affine), _RAS)
    intensities = image.intensities.rising()
    stored = intensities.stored
    turned = nibabel.orientations.apply_orientation(stored, transform)
    # transform[i] tells where stored axis i goes.
    spacing = dict(zip(transform[:, 0].astype(int).tolist(), image.spacing_mm, strict=True))
    affine = image.affine @ nibabel.orientations.inv_ornt_aff(transform, stored.shape)
    smallest = stored.min()
    box = box_of(turned, above=smallest, high_margin_voxels=1)
    start = start_of(box)
    return Volume(
        data=intensities.scale_in_place(_copy_as_float32(turned[box])),
        affine=moved(affine, start),
        spacing_mm=(spacing[0], spacing[1], spacing[2]),
        crop_start=start,
        field=Field(turned.shape, float(intensities.scale(smallest[None])[0])),
    )


def _copy_as_float32(view: npt.NDArray[Any]) -> Voxels:
    """Copy a view of any order into C order: plane by plane, several times faster than NumPy's own copy."""
    result = np.empty(view.shape, np.float32)
    fastest = int(np.argmin(np.abs(view.strides)))
    if fastest == view.ndim - 1:
        result[...] = view
        return result
    between = 1 - fastest
    width = view.shape[fastest]
    buffer = np.empty((_PLANE_ROWS, width + _PLANE_PADDING), view.dtype.newbyteorder("="))[:, :width]
    if view.strides[fastest] < 0:
        # A flipped axis is copied straight on, and flipped where it is turned.
        buffer = buffer[:, ::-1]
    for source, target in zip(np.moveaxis(view, between, 0), np.moveaxis(result, between, 0), strict=True):
        for first in range(0, view.shape[-1], _PLANE_ROWS):
            columns = slice(first, first + _PLANE_ROWS)
            plane = buffer[: source[:, columns].shape[1]]
            plane[...] = source[:, columns].T
            target[:, columns] = plane.T
    return result
