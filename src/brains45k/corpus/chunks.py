"""The bytes of one stored volume: a file of Zarr v3's sharding codec, written and read without Zarr's machinery.

The format is Zarr's (codec ``sharding_indexed``): compressed chunks one behind the other, each with its crc32c,
then the offset and length of each, and a crc32c of that index. Zarr-python reads and writes the same files, but
spends several times the decoding on its own bookkeeping. Here a chunk costs one read, one checksum and one call
into Blosc.
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

from brains45k.volume.volume import Shape, Voxels

#: Of a chunk, in voxels along x, y, z.
CHUNK_SHAPE = (32, 64, 64)
#: What 1 is stored as: 12 of 16 bits, so that Blosc's shuffle finds little in the upper bytes.
TOP_LEVEL = 4095
#: A stored level times this is a voxel; 0 and 1 come back exactly.
SCALE = 1 / TOP_LEVEL
#: How Blosc packs a chunk.
CODEC, CODEC_LEVEL = "lz4", 5

# Blosc's own threads do not survive a fork, and many jobs would fight for the cores.
blosc.use_threads = False

Levels = npt.NDArray[np.uint16]
Bytes = npt.NDArray[np.uint8]
Box = tuple[slice, slice, slice]

_CRC_BYTES = 4
_INDEX_ENTRY_BYTES = 16


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


def encode(data: Voxels) -> bytes:
    """Return a volume as the bytes of its file: 12 bits per voxel, rounded to nearest.

    Parameters
    ----------
    data : numpy.ndarray
        x, y, z, float32, in [0, 1].
    """
    chunks = [_seal(packed) for packed in _pack_chunks(data)]
    lengths = np.array([len(chunk) for chunk in chunks], "<u8")
    index = np.stack([np.cumsum(lengths) - lengths, lengths], axis=1)
    return b"".join([*chunks, _seal(index.tobytes())])


def read_index(file: int, shape: Sequence[int], file_bytes: int) -> Index:
    """Read the index of an open file.

    Raises
    ------
    DamagedError
        If the file is too short for an index, or the index is not what was written.
    """
    grid = _grid_of(shape)
    index_bytes = math.prod(grid) * _INDEX_ENTRY_BYTES + _CRC_BYTES
    content = np.empty(index_bytes, np.uint8)
    _read_sealed(file, file_bytes - index_bytes, content, "the index")
    offsets, lengths = content[:-_CRC_BYTES].view("<u8").astype(np.int64).reshape(-1, 2).T
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


def _grid_of(shape: Sequence[int]) -> Shape:
    x, y, z = (-(-size // side) for size, side in zip(shape, CHUNK_SHAPE, strict=True))
    return x, y, z


def _pack_chunks(data: Voxels) -> Iterator[bytes]:
    """Quantise and compress, chunk by chunk in C order; chunks at the high ends are filled up with 0."""
    depth, height, width = CHUNK_SHAPE
    x, y, z = (number * side for number, side in zip(_grid_of(data.shape), CHUNK_SHAPE, strict=True))
    levels = np.zeros((depth, y, z), "<u2")
    for first in range(0, x, depth):
        _quantise(data[first : first + depth], levels)
        for row, column in product(range(0, y, height), range(0, z, width)):
            chunk = levels[:, row : row + height, column : column + width]
            yield blosc.compress(np.ascontiguousarray(chunk), CODEC.encode(), CODEC_LEVEL, blosc.SHUFFLE)


def _quantise(slab: Voxels, levels: Levels) -> None:
    """Round a slab to levels, plane by plane; the planes that are missing at the end become 0."""
    _, y, z = slab.shape
    scaled = np.empty((y, z), np.float32)
    for plane, target in zip(slab, levels, strict=False):
        np.multiply(plane, np.float32(TOP_LEVEL), out=scaled)
        # The cast cuts off, so that a half more rounds to nearest.
        np.add(scaled, np.float32(0.5), out=scaled)
        np.copyto(target[:y, :z], scaled, casting="unsafe")
    levels[len(slab) :] = 0


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
        blosc.decompress(content[:-_CRC_BYTES], _SCRATCH.levels)
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


def _seal(content: bytes) -> bytes:
    return content + struct.pack("<I", google_crc32c.value(content))


def _read_sealed(file: int, offset: int, out: Bytes, what: str) -> None:
    """Fill ``out`` from a file and check the crc32c in its last bytes."""
    found = os.preadv(file, [out.data], offset) if offset >= 0 and out.size > _CRC_BYTES else 0
    if found != out.size:
        msg = f"{what} is cut short"
        raise DamagedError(msg)
    if google_crc32c.value(out[:-_CRC_BYTES]) != struct.unpack("<I", out[-_CRC_BYTES:].data)[0]:
        msg = f"{what} has another checksum than was written"
        raise DamagedError(msg)
