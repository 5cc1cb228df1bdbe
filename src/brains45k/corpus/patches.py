"""Read boxes of a stored volume: one read, one checksum and one call into Blosc for each chunk that they touch.

Zarr-python reads the same files, but spends several times the decoding on its own bookkeeping.
"""

import math
import os
import struct
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import google_crc32c
import numpy as np
import numpy.typing as npt
from numcodecs import blosc

from brains45k.corpus.chunks import CHUNK_SHAPE, CRC_BYTES, INDEX_ENTRY_BYTES, SCALE, Levels, grid_of
from brains45k.volume.box import Box
from brains45k.volume.volume import Shape

Bytes = npt.NDArray[np.uint8]


class DamagedError(ValueError):
    """Stored bytes are not what was written."""


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """Where each chunk of a stored volume lies.

    Attributes
    ----------
    grid : tuple of int
        Number of chunks along x, y, z.
    ends : numpy.ndarray
        The offset of each chunk in C order, and where the last one ends.
    """

    grid: Shape
    ends: npt.NDArray[np.int64]

    def extent(self, chunk: Shape) -> tuple[int, int]:
        """Return offset and length of a chunk in bytes, its checksum included."""
        number = (chunk[0] * self.grid[1] + chunk[1]) * self.grid[2] + chunk[2]
        first, after = self.ends[number : number + 2].tolist()
        return first, after - first


class _Scratch(threading.local):
    """Each thread's buffers, which stay: new ones for every patch would cost a tenth of its time."""

    def __init__(self) -> None:
        self.levels = np.empty(CHUNK_SHAPE, np.uint16)
        self._packed = np.empty(self.levels.nbytes, np.uint8)

    def packed(self, length: int) -> Bytes:
        """Return room for a packed chunk, which can be a little longer than an unpacked one."""
        if length > self._packed.size:
            self._packed = np.empty(length, np.uint8)
        return self._packed[:length]


_SCRATCH = _Scratch()


def read_index(file: int, shape: Sequence[int], file_bytes: int) -> Index:
    """Read the index of an open file.

    Raises
    ------
    DamagedError
        If the file is too short for an index, or the index is not what was written.
    """
    grid = grid_of(shape)
    index_bytes = math.prod(grid) * INDEX_ENTRY_BYTES + CRC_BYTES
    content = np.empty(index_bytes, np.uint8)
    _read_sealed(file, file_bytes - index_bytes, content, "the index")
    offsets, lengths = content[:-CRC_BYTES].view("<u8").astype(np.int64).reshape(-1, 2).T
    ends = np.append(offsets, file_bytes - index_bytes)
    # Chunks lie one behind the other; of a file in another order the extents would be wrong.
    if not np.array_equal(offsets + lengths, ends[1:]):
        msg = "the index does not describe the file"
        raise DamagedError(msg)
    return Index(grid, ends)


def read_boxes(file: int, index: Index, boxes: Sequence[Box], out: Sequence[npt.NDArray[Any]]) -> None:
    """Read boxes of an open file; a chunk that several of them touch is read once.

    Parameters
    ----------
    file : int
        Descriptor of the file.
    index : Index
        Of that file.
    boxes : sequence of tuple of slice
        First voxel and the one behind the last, along x, y, z, inside the volume.
    out : sequence of numpy.ndarray
        One for each box, of its shape; uint16 takes the levels as stored, float32 takes them as 0 to 1.

    Raises
    ------
    DamagedError
        If a chunk is not what was written.
    """
    wanted: dict[Shape, list[int]] = {}
    for number, box in enumerate(boxes):
        for chunk in _chunks_of(box):
            wanted.setdefault(chunk, []).append(number)
    for chunk in sorted(wanted):
        levels = _read_chunk(file, index, chunk)
        for number in wanted[chunk]:
            _copy_overlap(levels, chunk, boxes[number], out[number])
    for voxels in out:
        if voxels.dtype == np.float32:
            # At once for the whole box, which is faster than row by row of each chunk.
            np.multiply(voxels, np.float32(SCALE), out=voxels)


def _chunks_of(box: Box) -> Iterator[Shape]:
    """Name the chunks that a box touches."""
    if all(part.stop > part.start for part in box):
        spans = zip(box, CHUNK_SHAPE, strict=True)
        x, y, z = (range(part.start // side, -(-part.stop // side)) for part, side in spans)
        yield from product(x, y, z)


def _read_chunk(file: int, index: Index, chunk: Shape) -> Levels:
    """Read one chunk; the array that is returned is written over by the next."""
    offset, length = index.extent(chunk)
    content = _SCRATCH.packed(length)
    _read_sealed(file, offset, content, f"chunk {chunk}")
    try:
        blosc.decompress(content[:-CRC_BYTES], _SCRATCH.levels)
    except (RuntimeError, ValueError) as error:
        msg = f"chunk {chunk} does not inflate"
        raise DamagedError(msg) from error
    return _SCRATCH.levels


def _copy_overlap(levels: Levels, chunk: Shape, box: Box, out: npt.NDArray[Any]) -> None:
    """Copy the levels that a chunk and a box share into the box's array, whatever its type."""
    source, target = [], []
    for number, part, side in zip(chunk, box, CHUNK_SHAPE, strict=True):
        origin = number * side
        first, after = max(part.start, origin), min(part.stop, origin + side)
        source.append(slice(first - origin, after - origin))
        target.append(slice(first - part.start, after - part.start))
    out[tuple(target)] = levels[tuple(source)]


def _read_sealed(file: int, offset: int, out: Bytes, what: str) -> None:
    """Fill ``out`` from a file and check the crc32c in its last bytes."""
    found = 0
    # A file system may give less than was asked for.
    while offset >= 0 and found < out.size and (more := os.preadv(file, [out[found:].data], offset + found)):
        found += more
    if found < out.size or out.size <= CRC_BYTES:
        msg = f"{what} is cut short"
        raise DamagedError(msg)
    if google_crc32c.value(out[:-CRC_BYTES]) != struct.unpack("<I", out[-CRC_BYTES:].data)[0]:
        msg = f"{what} has another checksum than was written"
        raise DamagedError(msg)
