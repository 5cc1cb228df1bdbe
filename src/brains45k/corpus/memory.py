"""How much memory a volume takes, told from its header before anything is inflated."""

import ctypes
import math
import sys
from dataclasses import dataclass
from pathlib import Path

from brains45k.volume import mgh, nifti
from brains45k.volume.container import HEAD_BYTES, HEAD_SAMPLE_BYTES, inflate_head, is_gzip
from brains45k.volume.header import SPATIAL_AXES, squeeze
from brains45k.volume.orientation import require_head_size
from brains45k.volume.read import sibling
from brains45k.volume.refusal import RefusalError

#: A job's own Snakemake, on a cluster a second one around it, and the interpreter with all that it imports: 190, 190
#: and 100 MiB were measured.
BASE_BYTES = 560 << 20
#: Arrays of the size of the larger of input and output, float32, that are alive at once at most.
ARRAYS = 3

_FLOAT32_BYTES = 4
# Bytes in memory for each on disk where no header can be read: int16 at a third of its size, and what goes with it.
_GUESS = 20
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
# Larger arrays are given back all the same: holes of their size would cost more memory than time.
_KEPT_ARRAY_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class Extent:
    """What a header declares of an image's size.

    Attributes
    ----------
    shape : tuple of int
        Three or more axes, as stored.
    spacing_mm : tuple of float
        Along the first three axes.
    voxel_bytes : int
        Of one stored voxel.
    """

    shape: tuple[int, ...]
    spacing_mm: tuple[float, float, float]
    voxel_bytes: int


def peek(path: Path) -> Extent | None:
    """Read what a file's header declares; None where it cannot be read or is no head's, which is refused later."""
    if path.suffix.lower() == ".dcm":
        # Its header tells one slice.
        return None
    try:
        with (sibling(path, ".hdr") if path.suffix.lower() == ".img" else path).open("rb") as file:
            head = file.read(HEAD_BYTES)
            if is_gzip(head):
                head = inflate_head(head + file.read(HEAD_SAMPLE_BYTES - len(head)))
        is_mgh = path.name.lower().endswith((".mgh", ".mgz"))
        shape, spacing_mm, voxel_bytes = (mgh if is_mgh else nifti).declared_extent(head)
        x, y, z = spacing_mm
        require_head_size(squeeze(shape)[:SPATIAL_AXES], (x, y, z))
    except (OSError, RefusalError):
        return None
    return Extent(shape, (x, y, z), voxel_bytes)


def peak_bytes(extent: Extent | None, *, file_bytes: int, spacing_mm: float) -> int:
    """Bound the memory that reading, preprocessing and storing a volume takes beside the interpreter.

    Two files as they lie on disk, of which the second is read ahead, and the larger of two moments: the voxels as
    stored with one frame as float32; or, with the stored voxels given back unless more frames follow,
    :data:`ARRAYS` times the float32 size of the larger of input and output (two arrays on the way from one to the
    other, their masks, and what the allocator keeps).

    Parameters
    ----------
    extent : Extent, optional
        From the header; without one the file's length has to do, as if it were a well compressed scan.
    file_bytes : int
        Length of the file as it lies on disk.
    spacing_mm : float
        Isotropic spacing after resampling.
    """
    if extent is None:
        return _GUESS * file_bytes
    size = squeeze(tuple(extent.shape))[:SPATIAL_AXES]
    resampled = [n * step / spacing_mm + 1 for n, step in zip(size, extent.spacing_mm, strict=True)]
    voxels = max(math.prod(size), math.prod(resampled))
    stored_bytes = math.prod(extent.shape) * extent.voxel_bytes
    reading = stored_bytes + _FLOAT32_BYTES * math.prod(size)
    is_single = math.prod(extent.shape) == math.prod(size)
    computing = int(ARRAYS * _FLOAT32_BYTES * voxels) + (0 if is_single else stored_bytes)
    return 2 * file_bytes + max(reading, computing)


def keep_freed_memory() -> None:
    """Keep freed arrays for the next ones, where the system's allocator can be told to (glibc).

    By default arrays go back to the system at once, and each new one is zeroed page by page, which takes up to a
    tenth of the time of a volume.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_MMAP_THRESHOLD, _KEPT_ARRAY_BYTES)
            mallopt(_M_TRIM_THRESHOLD, sys.maxsize >> 32)
