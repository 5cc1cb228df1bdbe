"""The training batches of a run, from where it begins to its end, and how long they were waited for."""

import time
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

Batch_co = TypeVar("Batch_co", covariant=True)


class Loader(Protocol[Batch_co]):
    """The batches of an epoch, from any of them on."""

    def set_position(self, epoch: int, first_batch: int = 0) -> None:
        """Say where the next iteration begins."""

    def __len__(self) -> int:
        """Return the number of batches of a whole epoch."""

    def __iter__(self) -> Iterator[Batch_co]:
        """Go through the batches."""


class Stream(Generic[Batch_co]):
    """All epochs one behind the other, so that a run which goes on begins in the middle of one like anywhere else.

    Parameters
    ----------
    loader : Loader
        Of this process.
    epochs : int
        Of the whole run.
    first_batch : int
        Batches that earlier sessions of the run have taken.
    """

    def __init__(self, loader: Loader[Batch_co], *, epochs: int, first_batch: int) -> None:
        #: Seconds for which the training process stood still until it had a batch.
        self.waited_s = 0.0
        self._loader = loader
        self._epochs = epochs
        self._first_batch = first_batch

    def __len__(self) -> int:
        """Return the number of batches of the whole run, those of earlier sessions included."""
        return self._epochs * len(self._loader)

    def __iter__(self) -> Iterator[Batch_co]:
        """Go through the batches that are left."""
        batches = self._batches()
        while True:
            asked_s = time.monotonic()
            batch = next(batches, None)
            self.waited_s += time.monotonic() - asked_s
            if batch is None:
                return
            yield batch

    def _batches(self) -> Iterator[Batch_co]:
        epoch, first_batch = divmod(self._first_batch, len(self._loader))
        while epoch < self._epochs:
            self._loader.set_position(epoch, first_batch)
            yield from self._loader
            epoch, first_batch = epoch + 1, 0
