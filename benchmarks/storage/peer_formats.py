"""The formats of other projects, each as its project writes and reads it."""

import importlib.util
import io
import json
import math
import sys
import types
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import blosc2
import numpy as np
import numpy.typing as npt
import webdataset
from measure import Start, Voxels

# nnssl's figures for a core's caches, and how much of them it fills.
_L1_BYTES = 32_768
_L3_BYTES = 1_441_792
_FILLED = 0.8


def _box(start: Start, size: Start) -> tuple[slice, ...]:
    return tuple(slice(first, first + length) for first, length in zip(start, size, strict=True))


class Npy:
    """One float32 .npy file per volume, mapped into memory anew for each patch, as Yucca reads it."""

    def write(self, folder: Path, volumes: Mapping[str, Voxels]) -> None:
        """Save each volume."""
        for name, voxels in volumes.items():
            np.save(folder / f"{name}.npy", voxels)

    def open(self, folder: Path) -> "Npy":
        """Keep the folder."""
        self._folder = folder
        return self

    def patch(self, name: str, start: Start, size: Start) -> Voxels:
        """Copy a box out of the mapped file."""
        return np.array(np.load(self._folder / f"{name}.npy", mmap_mode="r")[_box(start, size)])


class Blosc2:
    """One .b2nd file per volume with a channel axis, as nnssl's dataset class writes and reads it."""

    def __init__(self, dtype: npt.DTypeLike, patch_size: Start = (128, 128, 128)) -> None:
        self._dtype = np.dtype(dtype)
        self._patch_size = patch_size

    def write(self, folder: Path, volumes: Mapping[str, Voxels]) -> None:
        """Compress each volume with zstd, level 8, into blocks and chunks of nnssl's sizes."""
        blosc2.set_nthreads(1)
        for name, voxels in volumes.items():
            data = np.ascontiguousarray(voxels[None], self._dtype)
            blocks, chunks = blosc2_sizes(data.shape, self._patch_size, data.itemsize)
            blosc2.asarray(
                data,
                urlpath=str(folder / f"{name}.b2nd"),
                chunks=chunks,
                blocks=blocks,
                cparams={"codec": blosc2.Codec.ZSTD, "clevel": 8},
                mmap_mode="w+",
            )

    def open(self, folder: Path) -> "Blosc2":
        """Keep the folder: nnssl opens the file for each patch."""
        blosc2.set_nthreads(1)
        self._folder = folder
        return self

    def patch(self, name: str, start: Start, size: Start) -> Voxels:
        """Map the file and decompress a box; the pickle of properties that nnssl reads with it is left out."""
        path = str(self._folder / f"{name}.b2nd")
        data = blosc2.open(urlpath=path, mode="r", dparams={"nthreads": 1}, mmap_mode="r")
        return np.asarray(data[(slice(0, 1), *_box(start, size))], np.float32)[0]


def blosc2_sizes(shape: tuple[int, ...], patch_size: Start, item_bytes: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return block and chunk by nnssl's rule: a block fits in a core's L1 cache, a chunk in its share of L3.

    A block starts at the power of two below half the patch and halves the axis that is largest for the patch. A
    chunk starts as a block and grows by blocks along the axis that has grown least.

    Parameters
    ----------
    shape : tuple of int
        Channel, x, y, z.
    patch_size : sequence of int
        Along x, y, z.
    item_bytes : int
        Bytes of one voxel.
    """
    channels, image, patch = shape[0], np.array(shape[1:]), np.array(patch_size)
    block = np.array([2 ** max(0, math.floor(math.log2(size / 2))) for size in patch])
    while channels * block.prod() * item_bytes > _L1_BYTES * _FILLED:
        axis = next(a for a in np.argsort(block / patch)[::-1] if block[a] != 1 and block[a] != image[a])
        block[axis] = min(2 ** max(0, math.floor(math.log2(block[axis] - 1))), image[axis])
    chunk = block.copy()
    while channels * chunk.prod() * item_bytes < _L3_BYTES * _FILLED and (chunk != image).any():
        axis = next(a for a in np.argsort(chunk / block) if chunk[a] != image[a])
        chunk[axis] = min(chunk[axis] + block[axis], image[axis])
    return (channels, *block.tolist()), (channels, *chunk.tolist())


class Mds:
    """MDS shards of mosaicml-streaming, uncompressed; a patch costs reading and decoding its whole sample."""

    def write(self, folder: Path, volumes: Mapping[str, Voxels]) -> None:
        """Write all volumes as samples."""
        columns = {"name": "str", "voxels": "ndarray:float32"}
        with _mds_format().MDSWriter(out=str(folder), columns=columns) as writer:
            for name, voxels in volumes.items():
                writer.write({"name": name, "voxels": voxels})

    def open(self, folder: Path) -> "Mds":
        """Open all shards and find where each sample lies."""
        index = json.loads((folder / "index.json").read_text(encoding="utf-8"))["shards"]
        shards = [_mds_format().reader_from_json(str(folder), None, shard) for shard in index]
        places = [(shard, number) for shard in shards for number in range(shard.samples)]
        self._places = {shard[number]["name"]: (shard, number) for shard, number in places}
        return self

    def patch(self, name: str, start: Start, size: Start) -> Voxels:
        """Read the sample and cut the box out."""
        shard, number = self._places[name]
        return np.array(shard[number]["voxels"][_box(start, size)])


@cache
def _mds_format() -> Any:
    """Import the file format without the package around it, which needs torchvision and the clients of clouds."""
    spec = importlib.util.find_spec("streaming")
    root = Path(*(spec.submodule_search_locations or [])) if spec else Path()
    for name in ("streaming", "streaming.base"):
        module = types.ModuleType(name)
        module.__path__ = [str(root.joinpath(*name.split(".")[1:]))]
        sys.modules[name] = module
    return importlib.import_module("streaming.base.format")


class WebDataset:
    """Tar files of .npy members, one per volume so that a volume can be chosen; a patch costs its whole sample."""

    def write(self, folder: Path, volumes: Mapping[str, Voxels]) -> None:
        """Write each volume as a sample."""
        for name, voxels in volumes.items():
            content = io.BytesIO()
            np.save(content, voxels)
            with webdataset.TarWriter(str(folder / f"{name}.tar")) as writer:
                writer.write({"__key__": name, "voxels.npy": content.getvalue()})

    def open(self, folder: Path) -> "WebDataset":
        """Keep the folder."""
        self._folder = folder
        return self

    def patch(self, name: str, start: Start, size: Start) -> Voxels:
        """Stream the sample, decode it and cut the box out."""
        path = str(self._folder / f"{name}.tar")
        sample = next(iter(webdataset.WebDataset(path, shardshuffle=False).decode()))
        return np.array(sample["voxels.npy"][_box(start, size)])
