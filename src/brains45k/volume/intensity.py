"""Steps that change intensities: find the foreground, clip, normalise, rescale."""

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from brains45k.codes import Code
from brains45k.volume.refusal import RefusalError
from brains45k.volume.volume import Volume

#: The ways to tell the foreground from the background.
FOREGROUNDS = ("nonzero", "otsu")


def find_foreground(volume: Volume, *, method: str) -> Volume:
    """Tell the foreground from the background.

    Parameters
    ----------
    volume : Volume
        Before resampling, where the background still is one value.
    method : {"nonzero", "otsu"}
        ``nonzero``: what differs from the minimum (Yucca's rule). ``otsu``: what lies above Otsu's threshold,
        for scans whose background is noise.
    """
    if method == "otsu":
        from skimage.filters import threshold_otsu  # noqa: PLC0415 - slow to import and rarely asked for

        mask = volume.data > threshold_otsu(volume.data)
    else:
        mask = volume.data != volume.data.min()
    return replace(volume, foreground=mask)


def clip(volume: Volume, *, percentile: float) -> Volume:
    """Clip intensities above a percentile of the foreground; there is no lower clip."""
    value = _percentile(_foreground_values(volume), percentile)
    return replace(volume, data=np.minimum(volume.data, np.float32(value)), clip_value=value)


def znormalise(volume: Volume) -> Volume:
    """Subtract the foreground's mean from all voxels and divide by its standard deviation.

    Raises
    ------
    RefusalError
        ``E_CONST`` if the foreground has one value.
    """
    values = _foreground_values(volume)
    mean, std = float(values.mean(dtype=np.float64)), float(values.std(dtype=np.float64))
    if std == 0:
        raise RefusalError(Code.E_CONST, f"the foreground is {mean:g} everywhere")
    data = (volume.data - np.float32(mean)) / np.float32(std)
    return replace(volume, data=data, foreground_mean=mean, foreground_std=std)


def rescale(volume: Volume) -> Volume:
    """Map the smallest voxel to 0 and the largest to 1, exactly.

    Raises
    ------
    RefusalError
        ``E_CONST`` if all voxels are equal.
    """
    low, high = volume.data.min(), volume.data.max()
    if low == high:
        raise RefusalError(Code.E_CONST, "one value is left after clipping")
    data = (volume.data - low) / (high - low)
    return replace(volume, data=data, score_low=float(low), score_high=float(high))


def _foreground_values(volume: Volume) -> npt.NDArray[np.float32]:
    values = volume.data.ravel() if volume.foreground is None else volume.data[volume.foreground]
    if values.size == 0:
        raise RefusalError(Code.E_CONST, "nothing is left of the foreground")
    return values


def _percentile(values: npt.NDArray[np.float32], percentile: float) -> float:
    """Return a percentile with linear interpolation, in float64, by selection instead of sorting."""
    position = (values.size - 1) * percentile / 100
    low, high = math.floor(position), math.ceil(position)
    part = np.partition(values, [low, high])
    return float(part[low]) + (position - low) * (float(part[high]) - float(part[low]))
