"""Memory for batches that the workers share with the training process, used over and over.

New shared memory for each batch costs about as much as reading it, because every page is cleared and mapped, in the
worker and again here. So a batch is read into a slot that was used before, and what a worker sends is the slot's
number. A slot is used again once nothing refers to the batch that it was lent to; nobody has to give it back.
"""

import itertools
import weakref
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import get_worker_info

from brains45k.errors import CallError

_MIB = 1 << 20


class Batch(NamedTuple):
    """Patches as they are stored, ready on the host.

    Attributes
    ----------
    levels : Tensor
        (N, C, C, C) int16, x, y, z: a voxel is its level / 4,095, the background 0.
    rows : Tensor
        (N,) int64, which row of the corpus's manifest each patch is of; -1 for what fills up a device's empty share.
    keys : Tensor
        (N,) int64, from which all that is random about each sample is drawn.
    """

    levels: Tensor
    rows: Tensor
    keys: Tensor


class Request(NamedTuple):
    """What a worker is asked for: rows and keys of the patches, and where to put them (None: into new memory)."""

    slot: int | None
    rows: list[int]
    keys: list[int]


class Ring:
    """Slots for batches of one shape.

    Parameters
    ----------
    slots : int
        Number of batches.
    shape : sequence of int
        Of a batch's levels: N, C, C, C.
    shared : bool
        Whether workers fill the slots.

    Raises
    ------
    CallError
        If there is not enough shared memory.
    """

    def __init__(self, slots: int, shape: Sequence[int], *, shared: bool) -> None:
        self._memory = torch.empty((slots, *shape), dtype=torch.int16)
        if shared:
            _share(self._memory)
        self._number = next(_NUMBERS)
        self._free = list(range(slots))
        self._claimed: set[int] = set()
        _RINGS[self._number] = self

    def claim(self) -> int | None:
        """Set a free slot aside for a request; None where all are in use."""
        if not self._free:
            return None
        slot = self._free.pop()
        self._claimed.add(slot)
        return slot

    def reclaim(self) -> None:
        """Take back what was set aside for requests that nobody will answer any more."""
        self._free.extend(self._claimed)
        self._claimed.clear()

    def levels(self, request: Request) -> Tensor:
        """Return the memory that a request is to be answered in."""
        count = len(request.rows)
        if request.slot is None:
            return torch.empty((count, *self._memory.shape[2:]), dtype=torch.int16)
        return self._memory[request.slot, :count]

    def answer(self, request: Request, levels: Tensor) -> "Batch | Filled":
        """Return a request's batch once its levels are filled, or what becomes the batch in the training process."""
        slot, rows, keys = request
        if slot is None:
            return Batch(levels, torch.tensor(rows), torch.tensor(keys))
        return self.lend(slot, rows, keys) if get_worker_info() is None else Filled(self._number, slot, rows, keys)

    def lend(self, slot: int, rows: list[int], keys: list[int]) -> Batch:
        """Return the batch that lies in a slot; the slot is free again when the batch's levels are forgotten."""
        self._claimed.discard(slot)
        levels = self._memory[slot, : len(rows)].numpy()
        # Every tensor of these voxels, views included, keeps this one array alive.
        weakref.finalize(levels, self._free.append, slot).atexit = False
        return Batch(torch.from_numpy(levels), torch.tensor(rows), torch.tensor(keys))

    def __getstate__(self) -> dict[str, Any]:
        """Give workers the memory; who has which slot is known in the training process alone."""
        return {"_memory": self._memory, "_number": self._number}


class Filled:
    """A worker's answer; sent to the training process, it becomes a batch."""

    def __init__(self, ring_number: int, *answer: Any) -> None:
        self._contents = (ring_number, *answer)

    def __reduce__(self) -> tuple[Any, ...]:
        return _receive, self._contents


#: The rings of this process, by the number that their workers know them by.
_RINGS: "weakref.WeakValueDictionary[int, Ring]" = weakref.WeakValueDictionary()
_NUMBERS = itertools.count()


def _receive(ring_number: int, slot: int, rows: list[int], keys: list[int]) -> Batch:
    return _RINGS[ring_number].lend(slot, rows, keys)


def _share(memory: Tensor) -> None:
    try:
        memory.share_memory_()  # type: ignore[no-untyped-call]
    except RuntimeError as error:
        mib = memory.nbytes / _MIB
        msg = (
            f"shared memory has no room for {len(memory)} batches, {mib:,.0f} MiB ({error}). "
            "Lower workers or batch_size, or enlarge /dev/shm (containers: --shm-size)."
        )
        raise CallError(msg) from error
