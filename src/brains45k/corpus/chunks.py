"""The bytes of one stored volume: a file of Zarr v3's sharding codec, written without Zarr's machinery.

The format is Zarr's (codec ``sharding_indexed``): compressed chunks one behind the other, each with its crc32c,
then the offset and length of each, and a crc32c of that index. Zarr-python reads and writes the same files, but
spends several times the packing on its own bookkeeping.
"""

import struct
from collections.abc import Iterator, Sequence
from itertools import product

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

#: Of a crc32c; and of the offset and length that the index has for each chunk.
CRC_BYTES, INDEX_ENTRY_BYTES = 4, 16


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


def grid_of(shape: Sequence[int]) -> Shape:
    """Return the number of chunks along each axis."""
    x, y, z = (-(-size // side) for size, side in zip(shape, CHUNK_SHAPE, strict=True))
    return x, y, z


def padded(shape: Sequence[int]) -> Shape:
    """Return the shape of all chunks together, of which those at the high ends may stand out."""
    x, y, z = (number * side for number, side in zip(grid_of(shape), CHUNK_SHAPE, strict=True))
    return x, y, z


def _pack_chunks(data: Voxels) -> Iterator[bytes]:
    """Quantise and compress, chunk by chunk in C order; chunks at the high ends are filled up with 0."""
    depth, height, width = CHUNK_SHAPE
    x, y, z = padded(data.shape)
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


def _seal(content: bytes) -> bytes:
    return content + struct.pack("<I", google_crc32c.value(content))
