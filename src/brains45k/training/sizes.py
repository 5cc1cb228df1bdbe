"""How much a run reads and keeps at once; needs no torch, so that a job's memory follows from the same numbers."""

import math

#: Batches that each worker reads ahead.
AHEAD = 2
# Beside those that are being read: the one that the training holds, the one that is handed to it, and one to spare.
_MORE_SLOTS = 3


def ring_slots(workers: int) -> int:
    """Return how many batches the workers and the training process share memory for."""
    return workers * AHEAD + _MORE_SLOTS


def warped_source_voxels(size_voxels: int) -> int:
    """Return how large a source has to be for patches that may be warped: the diagonal of a face, rounded down."""
    return math.isqrt(2 * size_voxels**2)
