"""The loaders of training and validation patches: workers that read ahead, in an order that does not depend on them."""

import multiprocessing
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.context import BaseContext
from typing import Any, cast

import torch
from torch.utils.data import DataLoader, Sampler

from brains45k.corpus.reader import Corpus
from brains45k.errors import CallError, DataError
from brains45k.training.order import Share, steps_per_epoch
from brains45k.training.patches import Patches, rows_of
from brains45k.training.plan import TrainPlan, ValidationPlan
from brains45k.training.ring import Batch, Request, Ring
from brains45k.training.sizes import AHEAD, ring_slots
from brains45k.training.worker import go_on_for_a_while


class PatchLoader(DataLoader[Batch]):
    """A DataLoader that raises its workers' DataErrors as they are: one line, without the workers' traceback.

    Call :meth:`close` at the end, for which :func:`contextlib.closing` is handy.
    """

    def __iter__(self) -> Iterator[Batch]:  # type: ignore[override]
        """Let the workers begin, and return what hands out their batches."""
        return _raise_errors(cast("Iterator[Batch | DataError]", super().__iter__()))

    def close(self) -> None:
        """End the workers. Where that is left to the garbage collector, torch can wait 5 s for each of them."""
        iterator: Any = self._iterator
        self._iterator = None
        if iterator is not None:
            iterator._shutdown_workers()


class TrainLoader(PatchLoader):
    """The training patches of one process, made by :func:`train_loader`."""

    def set_position(self, epoch: int, first_batch: int = 0) -> None:
        """Say where the next iteration begins. Until it is said again, each iteration begins there.

        Parameters
        ----------
        epoch : int
            Counted from 0.
        first_batch : int
            Number of batches of the epoch to leave out, because this process has had them.

        Raises
        ------
        CallError
            If the epoch is shorter than that.
        """
        requests = cast("Requests", self.sampler)
        if not 0 <= first_batch <= requests.plan.batches:
            msg = f"an epoch has {requests.plan.batches} batches: epoch {epoch} cannot begin at batch {first_batch}"
            raise CallError(msg)
        requests.plan = replace(cast("TrainPlan", requests.plan), epoch=epoch, first_batch=first_batch)


def train_loader(
    corpus: Corpus,
    share: Share,
    *,
    size_voxels: int,
    seed: int,
    accumulate_batches: int = 1,
    workers: int = 0,
    context: str | None = None,
    pin_memory: bool = False,
) -> TrainLoader:
    """Return the loader of one process's training patches: one random patch of each volume in an epoch.

    Its length is the number of batches of a whole epoch; what does not fill a step is left out.

    Parameters
    ----------
    corpus : Corpus
        Opened; of its manifest the rows of the split ``train`` are taken.
    share : Share
        Which part of each batch is this process's.
    size_voxels : int
        Of a patch along each axis.
    seed : int
        Of the run; not negative.
    accumulate_batches : int
        Batches of one step of the optimizer.
    workers : int
        Number of processes that read; they stay from epoch to epoch. 0: this process reads.
    context : {"fork", "forkserver", "spawn"}, optional
        How workers are started; by default Python's own choice.
    pin_memory : bool
        Whether batches are copied into page-locked memory, from which a GPU takes them without waiting.

    Raises
    ------
    CallError
        If there are too few volumes for a step, or too little shared memory.
    """
    rows = rows_of(corpus, "train")
    steps = steps_per_epoch(len(rows), share.patches * accumulate_batches)
    plan = TrainPlan(rows=rows, share=share, seed=seed, batches=steps * accumulate_batches)
    parts = _parts(corpus, plan, size_voxels=size_voxels, workers=workers, context=context)
    return TrainLoader(**parts, pin_memory=pin_memory)


def validation_loader(
    corpus: Corpus,
    share: Share,
    *,
    size_voxels: int,
    seed: int,
    workers: int = 0,
    context: str | None = None,
    pin_memory: bool = False,
) -> PatchLoader:
    """Return the loader of one process's validation patches: one patch of each volume, the same each time.

    All processes have as many batches. The last one may be short; a process whose share of it is empty gets one
    patch of zeros, whose row is -1 and which must not count.

    Parameters are those of :func:`train_loader`; the rows are those of the split ``val``.
    """
    plan = ValidationPlan(rows=rows_of(corpus, "val"), share=share, seed=seed)
    parts = _parts(corpus, plan, size_voxels=size_voxels, workers=workers, context=context)
    return PatchLoader(**parts, pin_memory=pin_memory)


class Requests(Sampler[Request]):
    """A process's batches in the order of a plan, each a request to a worker."""

    def __init__(self, plan: TrainPlan | ValidationPlan, ring: Ring) -> None:
        self.plan = plan
        self._ring = ring

    def __len__(self) -> int:
        """Return the number of batches of a whole epoch, wherever the next iteration begins."""
        return self.plan.batches

    def __iter__(self) -> Iterator[Request]:
        """Ask for one batch after the other."""
        # What an iteration that was broken off had asked for is answered by now, or never will be.
        self._ring.reclaim()
        for rows, keys in self.plan:
            yield Request(self._ring.claim(), rows, keys)


def _raise_errors(batches: Iterator[Batch | DataError]) -> Iterator[Batch]:
    for batch in batches:
        if isinstance(batch, DataError):
            try:
                raise batch
            finally:
                # Or the error holds this frame and the frame the error, and the workers with them.
                del batch
        yield batch


def _parts(
    corpus: Corpus, plan: TrainPlan | ValidationPlan, *, size_voxels: int, workers: int, context: str | None
) -> dict[str, Any]:
    """Return what a DataLoader of a plan is made with."""
    ring = Ring(ring_slots(workers), (plan.share.batch_size, *(size_voxels,) * 3), shared=workers > 0)
    return {
        "dataset": Patches(corpus, size_voxels=size_voxels, ring=ring),
        "sampler": Requests(plan, ring),
        # A request is for a whole batch already.
        "batch_size": None,
        "collate_fn": _as_it_is,
        "num_workers": workers,
        "worker_init_fn": go_on_for_a_while if workers else None,
        "prefetch_factor": AHEAD if workers else None,
        "multiprocessing_context": _context(context) if workers else None,
        # The slots of a ring are safe as long as the workers that write to them stay.
        "persistent_workers": workers > 0,
        # Of its own, so that a loader leaves torch's global random state alone.
        "generator": torch.Generator(),
    }


def _context(name: str | None) -> BaseContext:
    context = multiprocessing.get_context(name)
    if context.get_start_method() == "forkserver":
        # The server imports once what each worker would import for itself, which takes seconds.
        context.set_forkserver_preload(["__main__", __name__])
    return context


def _as_it_is(batch: Any) -> Any:
    return batch
