"""Work on a long array piece by piece, so that what is worked on stays in the cache."""

from collections.abc import Iterator

#: With a copy in float64 beside it, this many float32 voxels fit into the cache of any processor of today.
BLOCK_VOXELS = 1 << 15


def blocks(size: int) -> Iterator[slice]:
    """Cut an array of a size into blocks of :data:`BLOCK_VOXELS`; the last may be shorter.

    >>> [part.stop for part in blocks(BLOCK_VOXELS + 1)]
    [32768, 65536]
    """
    return (slice(first, first + BLOCK_VOXELS) for first in range(0, size, BLOCK_VOXELS))
