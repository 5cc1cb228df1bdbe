"""What each batch of a process holds: rows of the corpus's manifest, and the keys of their samples."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from brains45k.training.order import Share, batch_of, epoch_order, sample_key, validation_key

#: What stands for a row where a process has no volume left: its patch is zeros, and must not count.
FILLER_ROW = -1

#: Rows and keys, one of each per patch.
Content = tuple[list[int], list[int]]


@dataclass(frozen=True, kw_only=True)
class TrainPlan:
    """One process's batches of an epoch, from one of them on: each volume at most once, in a random order.

    Attributes
    ----------
    rows : sequence of int
        Of the volumes to train on.
    share : Share
        Which part of each batch is this process's.
    seed : int
        Of the run.
    batches : int
        Of a whole epoch.
    epoch, first_batch : int
        Where the plan begins.
    """

    rows: Sequence[int]
    share: Share
    seed: int
    batches: int
    epoch: int = 0
    first_batch: int = 0

    def __iter__(self) -> Iterator[Content]:
        """Go through the batches."""
        order = epoch_order(self.seed, self.epoch, len(self.rows))
        for number in range(self.first_batch, self.batches):
            batch = batch_of(order, number, self.share).tolist()
            yield [self.rows[index] for index in batch], [sample_key(self.seed, self.epoch, index) for index in batch]


@dataclass(frozen=True, kw_only=True)
class ValidationPlan:
    """One process's validation batches: each volume once, in the manifest's order and with the same key each time.

    All processes have as many batches, because a network may talk to the others in each. The last batch may be
    short; a process whose share of it is empty has one filler instead.

    Attributes
    ----------
    rows : sequence of int
        Of the volumes to validate on.
    share : Share
        Which part of each batch is this process's.
    seed : int
        Of the run.
    """

    rows: Sequence[int]
    share: Share
    seed: int

    @property
    def batches(self) -> int:
        """Number of batches, the same for all processes."""
        return -(-len(self.rows) // self.share.patches)

    def __iter__(self) -> Iterator[Content]:
        """Go through the batches."""
        order = np.asarray(self.rows)
        for number in range(self.batches):
            rows = batch_of(order, number, self.share).tolist()
            yield (rows, [validation_key(self.seed, row) for row in rows]) if rows else ([FILLER_ROW], [0])
