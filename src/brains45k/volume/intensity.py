"""Steps that change intensities: tell the foreground from the background, and normalise."""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from brains45k.codes import Code
from brains45k.volume.blocks import BLOCK_VOXELS, blocks
from brains45k.volume.refusal import RefusalError
from brains45k.volume.volume import Mask, Volume, Voxels

#: The ways to tell the foreground from the background.
FOREGROUNDS = ("nonzero", "otsu")

_OTSU_BINS = 256
# A percentile is looked for among the voxels above a lower one of a sample.
_SAMPLE_VOXELS = 1 << 16
_SAMPLE_MARGIN_PERCENT = 0.5
_NO_VARIANCE = 1e-13


def find_foreground(volume: Volume, *, method: str) -> Volume:
    """Tell the foreground from the background.

    Parameters
    ----------
    volume : Volume
        Before resampling, where the background still is one value.
    method : {"nonzero", "otsu"}
        ``nonzero``: what differs from the minimum (Yucca's rule). ``otsu``: what lies above Otsu's threshold
        in a histogram of the whole field, for scans whose background is noise.
    """
    if method == "otsu":
        return replace(volume, foreground=volume.data > _otsu_threshold(volume))
    return replace(volume, foreground=volume.data != np.float32(volume.background))


def normalise(volume: Volume, *, clip_percentile: float) -> Volume:
    """Clip at a percentile of the foreground, z-normalise by the foreground, and map all voxels to [0, 1].

    There is no lower clip. The smallest voxel becomes 0 and the largest 1, exactly; the smallest is that of the whole
    field, so of a volume whose margins were trimmed it is the background. The z-score is a straight line
    and the mapping to [0, 1] takes it back, so that its mean and deviation are kept as numbers and never applied
    (Yucca's ``volume_wise_znorm`` applies them; the voxels are the same to rounding).

    Parameters
    ----------
    volume : Volume
        C-contiguous; its voxels are overwritten.
    clip_percentile : float
        Of the foreground's voxels, with linear interpolation.

    Raises
    ------
    RefusalError
        ``E_CONST`` if the foreground has no voxel or one value, or all voxels are equal after clipping.
    """
    values = volume.data.reshape(-1)
    mask = None if volume.foreground is None or volume.foreground.all() else volume.foreground.reshape(-1)
    high = _percentile(values, mask, clip_percentile)
    low = _smallest(volume)
    limit = np.float32(high)
    if limit <= low:
        raise RefusalError(Code.E_CONST, "one value is left after clipping")
    mean, std = _map_to_unit_range(values, mask, low=np.float32(low), high=limit)
    if std == 0:
        raise RefusalError(Code.E_CONST, f"the foreground is {mean:g} everywhere")
    return replace(
        volume,
        clip_value=high,
        foreground_mean=mean,
        foreground_std=std,
        score_low=(low - mean) / std,
        score_high=(float(limit) - mean) / std,
    )


def _smallest(volume: Volume) -> float:
    """Return the smallest voxel, also of what was trimmed from the field."""
    return volume.background if volume.is_trimmed else float(volume.data.min())


def _otsu_threshold(volume: Volume) -> float:
    from skimage.filters import threshold_otsu  # noqa: PLC0415 - slow to import and rarely asked for

    low, high = volume.background, float(volume.data.max())
    if low == high:
        return high
    counts, edges = np.histogram(volume.data, _OTSU_BINS, range=(low, high))
    if volume.field is not None:
        # What was trimmed is background, which lies in the first bin.
        counts[0] += math.prod(volume.field.shape) - volume.data.size
    return float(threshold_otsu(hist=(counts, (edges[:-1] + edges[1:]) / 2)))


def _percentile(values: Voxels, mask: Mask | None, percentile: float) -> float:
    """Return a percentile of the masked voxels with linear interpolation, without sorting them.

    A sample tells a value that lies below the percentile for certain or nearly so; only what is above it is searched.
    """
    count = values.size if mask is None else int(np.count_nonzero(mask))
    if count == 0:
        raise RefusalError(Code.E_CONST, "nothing is left of the foreground")
    position = (count - 1) * percentile / 100
    first, last = math.floor(position), math.ceil(position)
    top = _at_least(values, mask, _sample_percentile(values, mask, percentile - _SAMPLE_MARGIN_PERCENT))
    if top.size < count - first:
        top = values if mask is None else values[mask]
    skipped = count - top.size
    part = np.partition(top, [first - skipped, last - skipped])
    below, above = float(part[first - skipped]), float(part[last - skipped])
    return below + (position - first) * (above - below)


def _sample_percentile(values: Voxels, mask: Mask | None, percentile: float) -> np.float32:
    stride = max(1, values.size // _SAMPLE_VOXELS)
    sample = values[::stride] if mask is None else values[::stride][mask[::stride]]
    if percentile <= 0 or sample.size == 0:
        return np.float32(-np.inf)
    return np.float32(np.percentile(sample, percentile, method="lower"))


def _at_least(values: Voxels, mask: Mask | None, threshold: np.float32) -> Voxels:
    """Return the masked voxels from a threshold on."""
    found = []
    scratch = np.empty(BLOCK_VOXELS, np.bool_)
    for block, block_mask in _masked_blocks(values, mask):
        above = np.greater_equal(block, threshold, out=scratch[: block.size])
        if block_mask is not None:
            above &= block_mask
        found.append(block[above])
    return np.concatenate(found)


def _map_to_unit_range(values: Voxels, mask: Mask | None, *, low: np.float32, high: np.float32) -> tuple[float, float]:
    """Clip at ``high`` and map ``low`` to 0 and ``high`` to 1, in place; return mean and deviation before mapping."""
    count = values.size if mask is None else int(np.count_nonzero(mask))
    total = squares = 0.0
    scratch = np.empty(BLOCK_VOXELS, np.float64)
    for block, block_mask in _masked_blocks(values, mask):
        np.minimum(block, high, out=block)
        np.subtract(block, low, out=block)
        # Summed above the lowest value and in float64, because differences of large numbers lose digits.
        inside = scratch[: block.size]
        inside[...] = block
        if block_mask is not None:
            inside *= block_mask
        total += float(inside.sum())
        squares += float(inside @ inside)
        np.divide(block, high - low, out=block)
    mean = total / count
    variance = squares / count - mean**2
    # Rounding leaves something of a deviation where there is none.
    std = math.sqrt(variance) if variance > _NO_VARIANCE * squares / count else 0.0
    return mean + float(low), std


def _masked_blocks(values: Voxels, mask: Mask | None) -> Iterator[tuple[Voxels, npt.NDArray[np.bool_] | None]]:
    for part in blocks(values.size):
        yield values[part], None if mask is None else mask[part]
