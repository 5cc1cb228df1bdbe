"""Steps that move voxels: reorient, resample, crop. Each takes a volume and returns a new one."""

from dataclasses import replace

import nibabel
import numpy as np

from brains45k.volume.resampling import nearest_indices, resample_axes
from brains45k.volume.volume import Affine, Mask, Volume

_RAS = nibabel.orientations.axcodes2ornt("RAS")


def axis_codes(affine: Affine) -> str:
    """Name the direction of each axis, such as ``RAS``."""
    return "".join(nibabel.orientations.aff2axcodes(affine))


def reorient(volume: Volume) -> Volume:
    """Flip and permute the axes so that they run closest to right, anterior, superior; nothing is interpolated.

    Returns
    -------
    Volume
        With C-contiguous data; the affine places every voxel where it was.
    """
    start = nibabel.orientations.io_orientation(volume.affine)
    transform = nibabel.orientations.ornt_transform(start, _RAS)
    data = nibabel.orientations.apply_orientation(volume.data, transform)
    affine = volume.affine @ nibabel.orientations.inv_ornt_aff(transform, volume.data.shape)
    # transform[i] tells where stored axis i goes.
    spacing = dict(zip(transform[:, 0].astype(int).tolist(), volume.spacing_mm, strict=True))
    return replace(
        volume,
        data=np.ascontiguousarray(data),
        affine=affine,
        spacing_mm=(spacing[0], spacing[1], spacing[2]),
    )


def resample(volume: Volume, *, spacing_mm: float) -> Volume:
    """Resample to isotropic voxels with a cubic spline and anti-aliasing, clipped to the input's range.

    The edges of the field of view stay where they are and the size is rounded, so the spacing afterwards is
    ``spacing_mm`` to within half a voxel over the whole axis; the affine is exact. A foreground that has been
    found is carried over by its nearest voxels, because the spline's ringing makes "differs from the minimum"
    meaningless on the new grid.

    Parameters
    ----------
    volume : Volume
        Of any spacing.
    spacing_mm : float
        Along every axis.
    """
    size = np.array(volume.shape)
    new_size = np.maximum(1, np.round(np.array(volume.spacing_mm) / spacing_mm * size).astype(int))
    low, high = volume.data.min(), volume.data.max()
    data = resample_axes(volume.data, tuple(new_size.tolist()))
    if data is not volume.data:
        np.clip(data, low, high, out=data)
    factor = size / new_size
    step = np.diag([*factor, 1.0])
    step[:3, 3] = (factor - 1) / 2
    new_spacing = np.array(volume.spacing_mm) * factor
    return replace(
        volume,
        data=data,
        affine=volume.affine @ step,
        spacing_mm=(float(new_spacing[0]), float(new_spacing[1]), float(new_spacing[2])),
        foreground=None if volume.foreground is None else _carry(volume.foreground, tuple(new_size.tolist())),
    )


def crop(volume: Volume, *, box: str, high_margin_voxels: int) -> Volume:
    """Crop to a bounding box.

    Parameters
    ----------
    volume : Volume
        With a foreground, if the box is the foreground's.
    box : {"foreground", "positive"}
        What the box encloses: the foreground, or all voxels above zero as Yucca has it.
    high_margin_voxels : int
        Voxels added at the high end of each axis, inside the image; Yucca's box has one.
    """
    inside = volume.data > 0 if box == "positive" else volume.foreground
    if inside is None or not inside.any():
        return volume
    bounds = [_bounds(inside, axis) for axis in range(3)]
    slices = tuple(slice(low, high + 1 + high_margin_voxels) for low, high in bounds)
    start = (bounds[0][0], bounds[1][0], bounds[2][0])
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ np.array(start)
    return replace(
        volume,
        data=np.ascontiguousarray(volume.data[slices]),
        affine=affine,
        foreground=None if volume.foreground is None else volume.foreground[slices],
        crop_start=start,
    )


def _carry(mask: Mask, shape: tuple[int, ...]) -> Mask:
    indices = [nearest_indices(size, new_size) for size, new_size in zip(mask.shape, shape, strict=True)]
    return np.asarray(mask[np.ix_(*indices)])


def _bounds(mask: Mask, axis: int) -> tuple[int, int]:
    """Return the first and last index along an axis at which the mask holds anything."""
    others = tuple(other for other in range(mask.ndim) if other != axis)
    hits = np.flatnonzero(mask.any(axis=others))
    return int(hits[0]), int(hits[-1])
