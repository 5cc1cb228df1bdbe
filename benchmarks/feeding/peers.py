"""float32 .npy memory maps as AMAES (a51df88) feeds on them, and the same through the slots of our loader."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from brains45k.training.order import patch_start
from brains45k.training.ring import Request, Ring

Voxels = npt.NDArray[np.float32]


class NpyPatches(Dataset[torch.Tensor]):
    """One random patch of each file, float32 with a channel axis; no transform follows."""

    def __init__(self, files: Sequence[Path], size_voxels: int) -> None:
        self._files = files
        self._size_voxels = size_voxels

    def __len__(self) -> int:
        """Return the number of files."""
        return len(self._files)

    def __getitem__(self, index: int) -> torch.Tensor:
        """Read a patch into memory of its own; the DataLoader joins those of a batch."""
        patch = np.empty((1, *(self._size_voxels,) * 3), np.float32)
        read_patch(self._files[index], int(torch.randint(1 << 62, ())), patch[0])
        return torch.from_numpy(patch)


class NpyBatches(Dataset[Any]):
    """The same patches, a batch for each request, read straight into a slot of our loader's ring."""

    def __init__(self, files: Sequence[Path], ring: Ring) -> None:
        self._files = files
        self._ring = ring

    def __getitem__(self, request: Request) -> Any:
        """Fill a slot, two of whose int16 are one float32."""
        levels = self._ring.levels(request)
        patches = levels.numpy().view(np.float32)
        for patch, row, key in zip(patches, request.rows, request.keys, strict=True):
            read_patch(self._files[row], key, patch)
        return self._ring.answer(request, levels)


def read_patch(file: Path, key: int, out: Voxels) -> None:
    """Crop a patch out of a memory map that is opened for it; what stands out of the volume is 0."""
    volume = np.load(file, mmap_mode="r")
    target, source = [], []
    for first, length, size in zip(patch_start(key, volume.shape, len(out)), volume.shape, out.shape, strict=True):
        low, high = max(0, first), min(first + size, length)
        source.append(slice(low, high))
        target.append(slice(low - first, high - first))
    if min(volume.shape) < len(out):
        out[...] = 0
    out[tuple(target)] = volume[tuple(source)]
