"""Which case a training patch is of, and where in it: pure functions of the fold's seed, the step and the place.

Workers change none of it. As in :mod:`brains45k.training.order`, of NumPy's generators only the bits are used, which
are the same in all its versions.
"""

import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from brains45k.tasks.task import IGNORED
from brains45k.training.order import epoch_order, patch_start, sample_key

_FOREGROUND = zlib.crc32(b"foreground")
_BIT_VALUES = 1 << 64

#: First voxel of a patch along x, y, z; below 0 where the patch stands out.
Start = tuple[int, ...]
#: Positions in a flat label, rising.
Positions = npt.NDArray[np.int32]


def find_foreground(label: npt.NDArray[np.uint8]) -> Positions:
    """Return the positions in the flat label that are of a class, neither background nor ignored."""
    return np.flatnonzero((label != 0) & (label != IGNORED)).astype(np.int32)


def sample_of(seed: int, step: int, index: int, *, batch_size: int, cases: int) -> tuple[int, int]:
    """Return which case a sample is of, and its key.

    Cases come in rounds: each once before any comes again, in another order each round, however large a batch is.

    Parameters
    ----------
    seed : int
        Of the fold.
    step, index : int
        Of the optimizer, and the sample's place in the batch, both from 0.
    batch_size, cases : int
        Samples of a batch; number of cases.
    """
    number, place = divmod(step * batch_size + index, cases)
    case = int(epoch_order(seed, number, cases)[place])
    return case, sample_key(seed, number, case)


def start_of(
    key: int,
    shape: Sequence[int],
    foreground: Positions,
    *,
    size_voxels: int,
    foreground_share: float,
) -> Start:
    """Draw where a patch begins.

    With the probability ``foreground_share`` the patch holds a random voxel of the foreground, at a random place of
    the patch as far as the case's borders let it; else it lies anywhere in the case, and holds one by chance. The
    reference draws from every tenth voxel of the foreground; here from all.

    Parameters
    ----------
    key : int
        Of the sample.
    shape : sequence of int
        Of the case, x, y, z.
    foreground : numpy.ndarray
        From :func:`find_foreground`; where it is empty, the patch lies anywhere.
    size_voxels : int
        Of the patch along each axis.
    foreground_share : float
        In [0, 1].
    """
    chance, which, *places = np.random.Philox(key=np.array([key, _FOREGROUND], np.uint64)).random_raw(5).tolist()
    if not len(foreground) or chance >= foreground_share * _BIT_VALUES:
        return patch_start(key, shape, size_voxels)
    voxel = np.unravel_index(int(foreground[which % len(foreground)]), tuple(shape))
    return tuple(
        _start_about(int(place), length, size_voxels, bits=bits)
        for place, length, bits in zip(voxel, shape, places, strict=True)
    )


def _start_about(place: int, length: int, size: int, *, bits: int) -> int:
    """Return a start from which a patch holds a place, one of those inside an axis."""
    if length <= size:
        return _centred(length, size)
    low, high = max(0, place - size + 1), min(place, length - size)
    return low + bits % (high - low + 1)


def _centred(length: int, size: int) -> int:
    return -((size - length) // 2) if length < size else (length - size) // 2


def fixed_start(shape: Sequence[int], foreground: Positions, *, size_voxels: int) -> Start:
    """Return where a case's validation patch begins: about the middle one of its foreground's voxels, or of the case.

    The reference draws a patch anew each time; here validations compare with each other.
    """
    if not len(foreground):
        return tuple(_centred(length, size_voxels) for length in shape)
    voxel = np.unravel_index(int(foreground[len(foreground) // 2]), tuple(shape))
    return tuple(
        min(max(0, int(place) - size_voxels // 2), length - size_voxels)
        if length > size_voxels
        else _centred(length, size_voxels)
        for place, length in zip(voxel, shape, strict=True)
    )
