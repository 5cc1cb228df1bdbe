"""What every header comes down to, whatever the format: where the voxels lie and what they mean."""

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from brains45k.codes import Code
from brains45k.volume.refusal import RefusalError, Remark

SPATIAL_AXES = 3

#: No public brain image comes near this; a header that declares more is refused before anything is allocated.
MAX_DECLARED_BYTES = 4 << 30


@dataclass(frozen=True, slots=True)
class Header:
    """A validated header.

    Attributes
    ----------
    shape : tuple of int
        Three or more axes, as stored.
    dtype : numpy.dtype
        Of the stored voxels, with its byte order.
    offset : int
        Of the first voxel, in bytes.
    slope, intercept : float
        Intensity = stored value x slope + intercept.
    spacing_mm : tuple of float
        Along the first three axes.
    affine : numpy.ndarray
        4 x 4, voxel index to RAS millimetres.
    oriented : bool
        Whether the header states an orientation at all.
    intent_code : int
        What NIfTI says that the values are; 0 where it says nothing, as other formats do.
    remarks : tuple of Remark
        Repairs and flags so far.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    offset: int
    slope: float
    intercept: float
    spacing_mm: tuple[float, float, float]
    affine: npt.NDArray[np.float64]
    oriented: bool
    intent_code: int = 0
    remarks: tuple[Remark, ...] = field(default=())


def require_shape(dims: tuple[int, ...], *, itemsize: int) -> tuple[int, ...]:
    """Check declared dimensions and return them.

    Raises
    ------
    RefusalError
        ``E_HEADER`` for a count or length that cannot be, ``E_DIM_BOMB`` for more than any image has.
    """
    if not dims or min(dims) < 1:
        raise RefusalError(Code.E_HEADER, f"dimensions {dims}")
    declared = math.prod(dims) * itemsize
    if declared > MAX_DECLARED_BYTES:
        raise RefusalError(Code.E_DIM_BOMB, f"dimensions {dims} declare {declared:,} bytes")
    return dims


def squeeze(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Drop trailing axes of length one beyond the third; pad a 1-D or 2-D image to three axes.

    >>> squeeze((64, 64, 30, 1, 1)), squeeze((64, 64))
    ((64, 64, 30), (64, 64, 1))
    """
    while len(shape) > SPATIAL_AXES and shape[-1] == 1:
        shape = shape[:-1]
    return shape + (1,) * (SPATIAL_AXES - len(shape))
