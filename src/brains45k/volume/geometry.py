"""Steps that move voxels once an image lies in RAS: resample, crop. Each uses up a volume and returns a new one."""

from dataclasses import replace

import numpy as np

from brains45k.codes import Code
from brains45k.volume.box import Box, box_of, moved, start_of
from brains45k.volume.refusal import RefusalError
from brains45k.volume.resampling import axis_matrix, nearest_indices, resample_axes
from brains45k.volume.volume import Field, Mask, Shape, Volume

_ORIGIN = (0, 0, 0)


def resample(volume: Volume, *, spacing_mm: float) -> Volume:
    """Resample to isotropic voxels with a cubic spline and anti-aliasing, clipped to the input's range.

    The edges of the field of view stay where they are and the size is rounded, so the spacing afterwards is
    ``spacing_mm`` to within half a voxel over the whole axis; the affine is exact. A foreground that has been
    found is carried over by its nearest voxels, because the spline's ringing makes "differs from the minimum"
    meaningless on the new grid. Of a volume that is a part of its field, that part is computed and nothing else.

    Parameters
    ----------
    volume : Volume
        Of any spacing; it is left without its voxels, which are freed as soon as the first axis is done.
    spacing_mm : float
        Along every axis.

    Raises
    ------
    RefusalError
        ``E_CONST`` if the part of the field is so thin that no new voxel falls into it.
    """
    size = np.array(volume.shape if volume.field is None else volume.field.shape)
    new_size = np.maximum(1, np.round(np.array(volume.spacing_mm) / spacing_mm * size).astype(int))
    if not _keeps_background(volume, size.tolist(), new_size.tolist()):
        volume = _fill_field(volume)
    start = _ORIGIN if volume.field is None else volume.crop_start
    nearest = [
        nearest_indices(old, new) - first
        for old, new, first in zip(size.tolist(), new_size.tolist(), start, strict=True)
    ]
    inside = [_inside(indices, length) for indices, length in zip(nearest, volume.shape, strict=True)]
    rows = (inside[0], inside[1], inside[2])
    new_start = start_of(rows)
    low, high = volume.background, float(volume.data.max())
    data = resample_axes(
        volume.take_data(), new_size.tolist(), field_shape=size.tolist(), start=start, rows=rows, outside=low
    )
    if size.tolist() != new_size.tolist():
        np.clip(data, low, high, out=data)
    factor = size / new_size
    step = np.diag([*factor, 1.0])
    # From the first voxel's centre of the old field to that of the new one, and on to the first one of the part.
    step[:3, 3] = (factor - 1) / 2 - np.array(start)
    spacing = np.array(volume.spacing_mm) * factor
    return replace(
        volume,
        data=data,
        affine=moved(volume.affine @ step, new_start),
        spacing_mm=(float(spacing[0]), float(spacing[1]), float(spacing[2])),
        foreground=None if volume.foreground is None else _carry(volume.foreground, nearest, rows),
        crop_start=volume.crop_start if volume.field is None else new_start,
        field=None if volume.field is None else Field(_shape(new_size.tolist()), volume.field.background),
    )


def crop(volume: Volume) -> Volume:
    """Crop to the bounding box of the foreground; a volume without one stays as it is."""
    if volume.foreground is None or not volume.foreground.any():
        return volume
    return _cut(volume, box_of(volume.foreground, above=False))


def crop_positive(volume: Volume) -> Volume:
    """Crop to Yucca's box: that of all voxels above zero, one voxel too large at the high end of each axis.

    What is left counts as all there is: its smallest voxel is the background from here on.
    """
    if volume.background > 0 or not (volume.data > 0).any():
        # Either all of the field is above zero, or nothing is.
        return replace(_fill_field(volume), field=None)
    if volume.background == 0 and volume.field is not None:
        # Trimming has made just this box.
        return replace(volume, field=None)
    return replace(_cut(volume, box_of(volume.data, above=0, high_margin_voxels=1)), field=None)


def _cut(volume: Volume, box: Box) -> Volume:
    start = start_of(box)
    first = np.add(volume.crop_start, start).tolist()
    return replace(
        volume,
        data=np.ascontiguousarray(volume.data[box]),
        affine=moved(volume.affine, start),
        foreground=None if volume.foreground is None else volume.foreground[box],
        crop_start=_shape(first),
    )


def _fill_field(volume: Volume) -> Volume:
    """Put back the background that was trimmed."""
    if volume.field is None or not volume.is_trimmed:
        return volume
    part = tuple(slice(first, first + size) for first, size in zip(volume.crop_start, volume.shape, strict=True))
    data = np.full(volume.field.shape, volume.field.background, np.float32)
    data[part] = volume.data
    foreground = None
    if volume.foreground is not None:
        foreground = np.zeros(volume.field.shape, np.bool_)
        foreground[part] = volume.foreground
    x, y, z = volume.crop_start
    return replace(
        volume, data=data, affine=moved(volume.affine, (-x, -y, -z)), foreground=foreground, crop_start=_ORIGIN
    )


def _keeps_background(volume: Volume, size: list[int], new_size: list[int]) -> bool:
    """Tell whether some of the new voxels outside the part see nothing but background, or all is there anyway.

    Where all that was trimmed is a margin narrower than the filter, no new voxel has the background's value.
    """
    if not volume.is_trimmed:
        return True
    for axis, (first, length) in enumerate(zip(volume.crop_start, volume.shape, strict=True)):
        if length == size[axis]:
            continue
        weights = axis_matrix(size[axis], new_size[axis])[:, first : first + length]
        if not weights.any(axis=1).all():
            return True
    return False


def _inside(nearest: np.ndarray, length: int) -> slice:
    """Return the new voxels whose nearest old one lies in the part that there is."""
    places = np.flatnonzero((nearest >= 0) & (nearest < length))
    if not places.size:
        raise RefusalError(Code.E_CONST, "nothing is left of the foreground")
    return slice(int(places[0]), int(places[-1]) + 1)


def _carry(mask: Mask, nearest: list[np.ndarray], rows: Box) -> Mask:
    for axis, (indices, part) in enumerate(zip(nearest, rows, strict=True)):
        if not np.array_equal(indices[part], np.arange(mask.shape[axis])):
            mask = np.take(mask, indices[part], axis=axis)
    return mask


def _shape(values: list[int] | tuple[int, ...]) -> Shape:
    x, y, z = values
    return x, y, z
