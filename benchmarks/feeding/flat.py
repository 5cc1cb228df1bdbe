"""Feed for long: memory and open files of the training process and its workers."""

import os
from typing import Any

from clocks import open_files, resident_mib, worker_ids

from brains45k.corpus.reader import Corpus
from brains45k.training.loader import train_loader
from brains45k.training.order import Share

_SIZE_VOXELS, _BATCH_SIZE, _WORKERS = 32, 2, 2


def measure_growth(corpus: Corpus, *, batches: int) -> dict[str, Any]:
    """Take batches, epoch after epoch; the first tenth is not counted.

    Returns
    -------
    dict
        ``batches``, and ``processes``: by name, what memory grew by in MiB, and how many more files are open.
    """
    loader = train_loader(corpus, Share(batch_size=_BATCH_SIZE), size_voxels=_SIZE_VOXELS, seed=1, workers=_WORKERS)
    epochs = -(-batches // len(loader))
    before: dict[str, tuple[float, int]] = {}
    for epoch in range(epochs):
        loader.set_position(epoch)
        for _ in loader:
            pass
        if epoch == epochs // 10:
            before = _readings(worker_ids(loader))
    after = _readings(worker_ids(loader))
    loader.close()
    grown = {name: (after[name][0] - mib, after[name][1] - files) for name, (mib, files) in before.items()}
    return {"batches": epochs * len(loader), "processes": grown}


def _readings(workers: list[int]) -> dict[str, tuple[float, int]]:
    processes = {"training process": os.getpid()} | {f"worker {number}": pid for number, pid in enumerate(workers)}
    return {name: (resident_mib(pid), open_files(pid)) for name, pid in processes.items()}
