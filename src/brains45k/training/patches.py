"""Random patches of a corpus, read straight into the memory of a batch."""

import numpy as np
import numpy.typing as npt
from torch.utils.data import Dataset

from brains45k.corpus.reader import Corpus
from brains45k.errors import DataError
from brains45k.training.order import patch_start
from brains45k.training.plan import FILLER_ROW
from brains45k.training.ring import Batch, Filled, Request, Ring

__all__ = ["Batch", "Patches", "rows_of"]

Levels = npt.NDArray[np.uint16]


def rows_of(corpus: Corpus, split: str) -> list[int]:
    """Return the rows of a corpus's manifest that belong to a split, ``train`` or ``val``."""
    rows: list[int] = np.flatnonzero(corpus.manifest["split"] == split).tolist()
    return rows


class Patches(Dataset[Batch | Filled | DataError]):
    """Cubic patches of a corpus, a batch for each request.

    Parameters
    ----------
    corpus : Corpus
        Opened.
    size_voxels : int
        Of a patch along each axis; what stands out of a volume is 0, its minimum.
    ring : Ring
        Where batches are put.
    """

    def __init__(self, corpus: Corpus, *, size_voxels: int, ring: Ring) -> None:
        self._corpus = corpus
        self._size_voxels = size_voxels
        self._ring = ring

    def __getitem__(self, request: Request) -> Batch | Filled | DataError:
        """Answer a request; of an error that is raised, a worker would send the whole traceback, so it is returned."""
        levels = self._ring.levels(request)
        # Levels end at 4,095, so that they are the same with a sign and without.
        patches: Levels = levels.numpy().view(np.uint16)
        try:
            for patch, row, key in zip(patches, request.rows, request.keys, strict=True):
                self._read(row, key, patch)
        except DataError as error:
            # Anew, because this one holds the frames that lead here, and through them this batch and the workers.
            return DataError(str(error))
        return self._ring.answer(request, levels)

    def _read(self, row: int, key: int, patch: Levels) -> None:
        """Read the part of a patch that lies in its volume, and fill the rest with 0."""
        if row == FILLER_ROW:
            patch[...] = 0
            return
        size, shape = self._size_voxels, self._corpus.shape(row)
        start = patch_start(key, shape, size)
        inside = tuple(slice(max(0, -low), min(size, length - low)) for low, length in zip(start, shape, strict=True))
        if min(shape) < size:
            patch[...] = 0
        self._corpus.read_into(row, [max(0, low) for low in start], patch[inside])
