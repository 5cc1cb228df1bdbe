"""Judge the voxels themselves: what cannot be an image, and what deserves a remark."""

import math
from enum import StrEnum

import numpy as np

from brains45k.codes import Code
from brains45k.volume.image import Intensities
from brains45k.volume.refusal import RefusalError, Remark
from brains45k.volume.volume import Voxels

_MAX_NAN_SHARE = 0.001
_BORDER_VOXELS = 2
_MAX_LABEL_LEVELS = 64
_SAMPLE_STRIDE = 97
_LABEL_STRIDES = (2813, _SAMPLE_STRIDE, 1)
_SAMPLE_VOXELS = 10_000
_PROBABILITY_MIN_TOP = 0.5
_HOT_FACTOR = 20.0
_HOT_PERCENTILE = 99.9
_MIN_SLICES = 15


class Named(StrEnum):
    """What an image's name says of it."""

    IMAGE = "image"
    DERIVED = "derived"
    UNKNOWN = "unknown"


def judge_content(intensities: Intensities, *, named: Named = Named.UNKNOWN) -> tuple[Intensities, tuple[Remark, ...]]:
    """Refuse voxels that cannot be an image; repair and flag the rest.

    Parameters
    ----------
    intensities : Intensities
        x, y, z.
    named : Named
        What its name says: voxels between 0 and 1 are a probability map unless the name says an image, or a
        derived map that the selection takes knowingly, such as the ADC of ISLES22.

    Returns
    -------
    tuple
        The same intensities, or a finite copy in float32 where that needed repair; and repairs and flags.

    Raises
    ------
    RefusalError
        ``E_NAN``, ``E_ZERO``, ``E_CONST``, ``E_LABELMAP`` or ``E_DERIVED``.
    """
    remarks: tuple[Remark, ...] = ()
    low, high = intensities.range()
    if not (math.isfinite(low) and math.isfinite(high)):
        intensities, remarks = _repair_nonfinite(intensities)
        low, high = intensities.range()
    if low == high:
        raise RefusalError(Code.E_ZERO if low == 0 else Code.E_CONST, f"all voxels are {low:g}")
    _refuse_label_map(intensities)
    unit_range = low >= 0 and _PROBABILITY_MIN_TOP < high <= 1
    if unit_range and named is Named.UNKNOWN:
        raise RefusalError(Code.E_DERIVED, f"values from {low:g} to {high:g}")
    if unit_range and named is Named.IMAGE:
        remarks += (Remark(Code.F_UNIT_RANGE, f"from {low:g} to {high:g}"),)
    if named is Named.DERIVED:
        remarks += (Remark(Code.F_DERIVED),)
    if low < 0:
        remarks += (Remark(Code.F_NEGATIVE, f"down to {low:g}"),)
    thinnest = min(intensities.stored.shape)
    if thinnest < _MIN_SLICES:
        remarks += (Remark(Code.F_THIN, f"{thinnest} voxels"),)
    return intensities, remarks + _flag_hot_voxels(intensities, high)


def _repair_nonfinite(intensities: Intensities) -> tuple[Intensities, tuple[Remark, ...]]:
    voxels = intensities.scale(intensities.stored)
    bad = ~np.isfinite(voxels)
    count = int(bad.sum())
    inside = bad[(slice(_BORDER_VOXELS, -_BORDER_VOXELS),) * 3]
    if count > _MAX_NAN_SHARE * voxels.size or inside.any():
        raise RefusalError(Code.E_NAN, f"{count:,} of {voxels.size:,} voxels")
    # Zero, unless that would be a new minimum: the background is what is smallest.
    voxels[bad] = max(0.0, float(voxels[~bad].min()))
    return Intensities(voxels), (Remark(Code.R_NAN, f"{count:,} voxels"),)


def _sampled(intensities: Intensities, stride: int) -> Voxels:
    return intensities.scale(intensities.stored.ravel(order="K")[::stride])


def _refuse_label_map(intensities: Intensities) -> None:
    """Look at ever larger samples: an image shows more levels than a label map at once."""
    if not all(_is_label_like(_sampled(intensities, stride)) for stride in _LABEL_STRIDES):
        return
    voxels = intensities.scale(intensities.stored)
    levels = np.unique(voxels)
    background = f"{np.count_nonzero(voxels == levels[0]) / voxels.size:.0%} at {levels[0]:g}"
    raise RefusalError(Code.E_LABELMAP, f"{levels.size} values, {background}")


def _is_label_like(values: Voxels) -> bool:
    if not np.array_equal(values, np.rint(values)):
        # A mask may be stored with any two values.
        low, high = values.min(), values.max()
        return bool(((values == low) | (values == high)).all())
    return np.unique(values).size <= _MAX_LABEL_LEVELS


def _flag_hot_voxels(intensities: Intensities, high: float) -> tuple[Remark, ...]:
    # A sample is enough of a large image; of a small one it would be mistaken by the hot voxel itself.
    stride = min(_SAMPLE_STRIDE, max(1, intensities.stored.size // _SAMPLE_VOXELS))
    usual = float(np.percentile(_sampled(intensities, stride), _HOT_PERCENTILE))
    if usual > 0 and high > _HOT_FACTOR * usual:
        return (Remark(Code.F_HOT_VOXEL, f"{high:g}, where {_HOT_PERCENTILE} % are below {usual:g}"),)
    return ()
