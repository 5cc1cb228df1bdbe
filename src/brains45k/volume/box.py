"""Bounding boxes in three dimensions."""

from typing import Any

import numpy as np
import numpy.typing as npt

from brains45k.volume.volume import Affine, Shape

Box = tuple[slice, slice, slice]


def box_of(voxels: npt.NDArray[Any], *, above: Any, high_margin_voxels: int = 0) -> Box:
    """Return the smallest box that holds every voxel above a value; all of the array where there is none.

    Parameters
    ----------
    voxels : numpy.ndarray
        x, y, z, in any order of storage.
    above : scalar
        What may lie outside the box, and all that is smaller.
    high_margin_voxels : int
        Voxels added at the high end of each axis, inside the array.
    """
    # Slab by slab in the order of storage, flips undone: each voxel is read once, as fast as memory goes, and no
    # mask of the whole array is made.
    order = np.argsort([-abs(stride) for stride in voxels.strides], kind="stable")
    flips = tuple(slice(None, None, -1 if stride < 0 else 1) for stride in voxels.strides)
    slabs = voxels[flips].transpose(order)
    along_slabs = np.array([slab.max() for slab in slabs]) > above
    if not along_slabs.any():
        return slice(0, voxels.shape[0]), slice(0, voxels.shape[1]), slice(0, voxels.shape[2])
    highest = slabs[0].copy()
    for slab in slabs[along_slabs.argmax() :]:
        np.maximum(highest, slab, out=highest)
    within = highest > above
    hits = dict(zip(order.tolist(), (along_slabs, within.any(axis=1), within.any(axis=0)), strict=True))
    x, y, z = (_extent(hits[axis][flips[axis]], high_margin_voxels) for axis in range(3))
    return x, y, z


def start_of(box: Box) -> Shape:
    """Return the first voxel of a box."""
    x, y, z = box
    return x.start, y.start, z.start


def moved(affine: Affine, start: Shape) -> Affine:
    """Return the affine of the part of a grid that begins at a voxel."""
    result = affine.copy()
    result[:3, 3] += affine[:3, :3] @ np.array(start)
    return result


def _extent(hits: npt.NDArray[np.bool_], high_margin_voxels: int) -> slice:
    places = np.flatnonzero(hits)
    return slice(int(places[0]), min(int(places[-1]) + 1 + high_margin_voxels, len(hits)))
