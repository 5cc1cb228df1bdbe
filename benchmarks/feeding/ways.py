"""The loaders that are compared, each behind one call: the batches of an epoch."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from peers import NpyBatches, NpyPatches
from torch.utils.data import DataLoader

from brains45k.corpus.reader import Corpus
from brains45k.training.loader import PatchLoader, Requests, train_loader
from brains45k.training.order import Share
from brains45k.training.plan import TrainPlan
from brains45k.training.ring import Ring

WORKERS = 2
BATCH_SIZE = 8

_SEED = 45
_SLOTS = 2 * WORKERS + 3
_OPTIONS: dict[str, Any] = {
    "num_workers": WORKERS,
    "persistent_workers": True,
    "multiprocessing_context": "fork",
}

Epoch = Callable[[int], Iterator[torch.Tensor]]
Way = Callable[[int], tuple[DataLoader[Any], Epoch]]


def ways_of(corpus: Corpus, files: Sequence[Path]) -> dict[str, Way]:
    """Return the ways to feed; each takes the patches' size and gives its loader, and an epoch's batches."""
    return {
        "ours": partial(_ours, corpus),
        "npy": partial(_npy, files),
        "npy in our slots": partial(_npy_in_slots, files),
    }


def _ours(corpus: Corpus, size_voxels: int) -> tuple[DataLoader[Any], Epoch]:
    share = Share(batch_size=BATCH_SIZE)
    loader = train_loader(corpus, share, size_voxels=size_voxels, seed=_SEED, workers=WORKERS, context="fork")

    def epoch(number: int) -> Iterator[torch.Tensor]:
        loader.set_position(number)
        return (batch.levels for batch in loader)

    return loader, epoch


def _npy(files: Sequence[Path], size_voxels: int) -> tuple[DataLoader[Any], Epoch]:
    """Open what a user of AMAES gets: samples of one dataset, joined by the DataLoader."""
    loader = DataLoader(NpyPatches(files, size_voxels), batch_size=BATCH_SIZE, shuffle=True, **_OPTIONS)
    return loader, lambda _: iter(loader)


def _npy_in_slots(files: Sequence[Path], size_voxels: int) -> tuple[DataLoader[Any], Epoch]:
    batches = len(files) // BATCH_SIZE
    plan = TrainPlan(rows=range(len(files)), share=Share(batch_size=BATCH_SIZE), seed=_SEED, batches=batches)
    ring = Ring(_SLOTS, (BATCH_SIZE, size_voxels, size_voxels, 2 * size_voxels), shared=True)
    requests = Requests(plan, ring)
    dataset = NpyBatches(files, ring)
    loader = PatchLoader(dataset, sampler=requests, batch_size=None, collate_fn=_as_it_is, **_OPTIONS)

    def epoch(number: int) -> Iterator[torch.Tensor]:
        requests.plan = replace(plan, epoch=number)
        return (batch.levels for batch in loader)

    return loader, epoch


def _as_it_is(batch: Any) -> Any:
    return batch
