"""Patches of prepared cases, read into batches, and the loader that reads them ahead."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler
from typing_extensions import override

from brains45k.errors import DataError
from brains45k.segmentation.sampling import Start, find_foreground, fixed_start, sample_of, start_of
from brains45k.tasks.prepare import PreparedCase, read_case
from brains45k.training.sizes import AHEAD
from brains45k.training.worker import go_on_for_a_while


class Batch(NamedTuple):
    """Patches as they are stored, ready on the host.

    Attributes
    ----------
    levels : Tensor
        (N, C, S, S, S) int16, channel, x, y, z: a voxel is its level / 4,095, the background 0.
    labels : Tensor
        (N, S, S, S) uint8: classes, and 255 where nothing counts.
    cases : Tensor
        (N,) int64: which of the cases each patch is of.
    keys : Tensor
        (N,) int64, from which all that is random about each sample is drawn.
    """

    levels: Tensor
    labels: Tensor
    cases: Tensor
    keys: Tensor


class Cases:
    """Some prepared cases, read where they lie; each process opens their files for itself.

    Parameters
    ----------
    folder : Path
        Holds one folder per case.
    names : sequence of str
        Of the cases.
    channels : int
        Images of each.

    Raises
    ------
    DataError
        If a case is missing, damaged, or of another number of images.
    """

    def __init__(self, folder: Path, names: Sequence[str], *, channels: int) -> None:
        self.names = tuple(names)
        self.channels = channels
        self._folder = folder
        self._opened: dict[int, PreparedCase] = {}
        #: Of each case, the voxels of a class as positions in the flat label, in rising order.
        self.foreground = [find_foreground(self._open(number).label) for number in range(len(self.names))]

    def __len__(self) -> int:
        """Return the number of cases."""
        return len(self.names)

    def __getstate__(self) -> dict[str, Any]:
        """Leave behind the open files, which would travel as copies of all their voxels."""
        return self.__dict__ | {"_opened": {}}

    def shape(self, number: int) -> tuple[int, ...]:
        """Return the shape of a case: x, y, z in voxels."""
        return self._open(number).label.shape

    def read_into(self, number: int, start: Start, levels: Tensor, label: Tensor) -> None:
        """Read a patch; what stands out of the case is 0.

        Parameters
        ----------
        number : int
            Of the case.
        start : tuple of int
            First voxel along x, y, z; it may lie outside.
        levels, label : Tensor
            (C, S, S, S) int16 and (S, S, S) uint8: take the patch.
        """
        case, size = self._open(number), len(label)
        shape = case.label.shape
        target = tuple(slice(max(0, -low), min(size, length - low)) for low, length in zip(start, shape, strict=True))
        source = tuple(slice(max(0, low), min(length, low + size)) for low, length in zip(start, shape, strict=True))
        if any(part.stop - part.start < size for part in target):
            levels.zero_()
            label.zero_()
        # Levels end at 4,095, so that they are the same with a sign and without.
        levels.numpy()[:, *target] = case.image[:, *source].view(np.int16)
        label.numpy()[target] = case.label[source]

    def _open(self, number: int) -> PreparedCase:
        if number not in self._opened:
            case = read_case(self._folder / self.names[number])
            if len(case.image) != self.channels:
                msg = (
                    f"{self._folder / self.names[number]}: {len(case.image)} images, but the task has {self.channels}. "
                    "Delete the folder and prepare the case again."
                )
                raise DataError(msg)
            self._opened[number] = case
        return self._opened[number]


class TrainPatches(Dataset[Batch]):
    """The training batch of each step.

    Parameters
    ----------
    cases : Cases
        To train on.
    seed : int
        Of the fold.
    size_voxels, batch_size : int
        Side of a patch; patches of a step.
    foreground_share : float
        See :func:`start_of`.
    """

    def __init__(self, cases: Cases, *, seed: int, size_voxels: int, batch_size: int, foreground_share: float) -> None:
        self._cases = cases
        self._seed = seed
        self._size_voxels = size_voxels
        self._batch_size = batch_size
        self._foreground_share = foreground_share

    def __getitem__(self, step: int) -> Batch:
        """Read the batch of a step."""
        samples = [
            sample_of(self._seed, step, index, batch_size=self._batch_size, cases=len(self._cases))
            for index in range(self._batch_size)
        ]
        numbers, keys = ([sample[part] for sample in samples] for part in (0, 1))
        starts = [
            start_of(
                key,
                self._cases.shape(number),
                self._cases.foreground[number],
                size_voxels=self._size_voxels,
                foreground_share=self._foreground_share,
            )
            for number, key in samples
        ]
        return read_batch(self._cases, numbers, starts, keys, size_voxels=self._size_voxels)


class ValidationPatches:
    """One patch of each case, the same each time, read anew each time.

    Parameters
    ----------
    cases : Cases
        To validate on.
    size_voxels, batch_size : int
        Side of a patch; patches of a batch.
    """

    def __init__(self, cases: Cases, *, size_voxels: int, batch_size: int) -> None:
        self._cases = cases
        self._size_voxels = size_voxels
        self._batch_size = batch_size

    def __len__(self) -> int:
        """Return the number of batches."""
        return math.ceil(len(self._cases) / self._batch_size)

    def __iter__(self) -> Iterator[Batch]:
        """Go through the batches."""
        size = self._size_voxels
        for first in range(0, len(self._cases), self._batch_size):
            numbers = range(first, min(first + self._batch_size, len(self._cases)))
            starts = [
                fixed_start(self._cases.shape(number), self._cases.foreground[number], size_voxels=size)
                for number in numbers
            ]
            # Nothing is drawn for them.
            yield read_batch(self._cases, numbers, starts, [0] * len(numbers), size_voxels=size)


def read_batch(
    cases: Cases, numbers: Sequence[int], starts: Sequence[Start], keys: Sequence[int], *, size_voxels: int
) -> Batch:
    """Read patches of cases into one batch."""
    side = (size_voxels,) * 3
    levels = torch.empty((len(numbers), cases.channels, *side), dtype=torch.int16)
    labels = torch.empty((len(numbers), *side), dtype=torch.uint8)
    for number, start, level, label in zip(numbers, starts, levels, labels, strict=True):
        cases.read_into(number, start, level, label)
    return Batch(levels, labels, torch.tensor(list(numbers)), torch.tensor(list(keys)))


class Steps(Sampler[int]):
    """The steps of a run that are still to be taken.

    Parameters
    ----------
    total : int
        Of the whole run.
    """

    def __init__(self, total: int) -> None:
        self.first = 0
        self._total = total

    def __len__(self) -> int:
        """Return the number of steps of the whole run."""
        return self._total

    def __iter__(self) -> Iterator[int]:
        """Go through the steps that are left."""
        return iter(range(self.first, self._total))


class StepLoader(DataLoader[Batch]):
    """The training batches of a whole run, from any step on. Call :meth:`close` at the end."""

    def set_position(self, epoch: int, first_batch: int = 0) -> None:
        """Say at which step the next iteration begins; the whole run counts as one epoch."""
        del epoch
        cast("Steps", self.sampler).first = first_batch

    @override
    def __iter__(self) -> Any:
        self._running: Any = super().__iter__()
        return self._running

    def close(self) -> None:
        """End the workers. Where that is left to the garbage collector, torch can wait 5 s for each of them."""
        running = getattr(self, "_running", None)
        if self.num_workers and running is not None:
            running._shutdown_workers()
        self._running = None


def step_loader(patches: TrainPatches, *, steps: int, workers: int, pin_memory: bool) -> StepLoader:
    """Return the loader of a run's training batches.

    Parameters
    ----------
    patches : TrainPatches
        What is read.
    steps : int
        Of the whole run.
    workers : int
        Number of processes that read ahead; 0: this process reads.
    pin_memory : bool
        Whether batches are copied into page-locked memory, from which a GPU takes them without waiting.
    """
    return StepLoader(
        patches,
        sampler=Steps(steps),
        # A step is a whole batch already.
        batch_size=None,
        num_workers=workers,
        prefetch_factor=AHEAD if workers else None,
        worker_init_fn=go_on_for_a_while if workers else None,
        pin_memory=pin_memory,
        # Of its own, so that a loader leaves torch's global random state alone.
        generator=torch.Generator(),
    )
