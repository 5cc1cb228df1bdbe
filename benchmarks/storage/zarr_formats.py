"""Zarr v3 shards as ours, with other choices; and who else reads them.

A small reader in this file reads all choices alike, so that they differ in nothing but the choice.
"""

import itertools
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import google_crc32c
import numcodecs.blosc
import numpy as np
import numpy.typing as npt
import tensorstore
import zarr
from measure import Start, Voxels
from zarr.codecs import BloscCodec, Crc32cCodec

_FLOAT16_LEVELS = 0
_CRC_BYTES = 4
_ENTRY_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One way to store a volume in a shard of one file."""

    levels: int = 4095  # the largest whole number that stands for 1; 0 stores float16
    chunk: tuple[int, int, int] = (32, 64, 64)
    codec: str | None = "lz4"
    level: int = 5
    shuffle: str = "shuffle"

    def write(self, folder: Path, volumes: Mapping[str, Voxels]) -> None:
        """Write one array per volume into a group, by zarr-python."""
        group = zarr.create_group(folder)
        for name, voxels in volumes.items():
            stored = _quantise(voxels, self.levels)
            array = group.create_array(
                name,
                shape=stored.shape,
                chunks=self.chunk,
                shards=tuple(-(-size // side) * side for size, side in zip(stored.shape, self.chunk, strict=True)),
                dtype=stored.dtype,
                compressors=self._codecs(),
                config={"write_empty_chunks": True},
            )
            array[...] = stored

    def open(self, folder: Path) -> "SmallReader":
        """Open the group by the reader of this benchmark."""
        return SmallReader(folder, self)

    def _codecs(self) -> list[Any]:
        blosc = [BloscCodec(cname=self.codec, clevel=self.level, shuffle=self.shuffle)] if self.codec else []
        return [*blosc, Crc32cCodec()]


def _quantise(voxels: Voxels, levels: int) -> npt.NDArray[Any]:
    if levels == _FLOAT16_LEVELS:
        return voxels.astype(np.float16)
    return np.rint(voxels * np.float32(levels)).astype(np.uint16)


class SmallReader:
    """Read patches of any choice: index kept, one read per chunk, each checked, decoded in C."""

    def __init__(self, folder: Path, choice: Choice) -> None:
        self._folder = folder
        self._choice = choice
        self._dtype = np.dtype(np.uint16 if choice.levels else np.float16)
        self._chunk = np.empty(choice.chunk, self._dtype)
        self._open: dict[str, tuple[int, npt.NDArray[np.uint64]]] = {}

    def patch(self, name: str, start: Start, size: Start) -> Voxels:
        """Read a box of a volume as float32."""
        out = np.empty(size, np.float32)
        for place, source, target in _overlaps(start, size, self._choice.chunk):
            out[target] = self._decode(name, place)[source]
        if self._choice.levels:
            out *= np.float32(1 / self._choice.levels)
        return out

    def _decode(self, name: str, place: tuple[int, ...]) -> npt.NDArray[Any]:
        descriptor, index = self._file(name)
        offset, length = index[place].tolist()
        raw = os.pread(descriptor, length, offset)
        _require_checksum(raw, name)
        if self._choice.codec is None:
            return np.frombuffer(raw, self._dtype, count=self._chunk.size).reshape(self._chunk.shape)
        numcodecs.blosc.decompress(memoryview(raw)[:-_CRC_BYTES], self._chunk)
        return self._chunk

    def _file(self, name: str) -> tuple[int, npt.NDArray[np.uint64]]:
        if name not in self._open:
            shape = json.loads((self._folder / name / "zarr.json").read_text(encoding="utf-8"))["shape"]
            chunks = tuple(-(-length // side) for length, side in zip(shape, self._choice.chunk, strict=True))
            path = self._folder / name / "c" / "0" / "0" / "0"
            descriptor = os.open(path, os.O_RDONLY)
            length = int(np.prod(chunks)) * _ENTRY_BYTES + _CRC_BYTES
            raw = os.pread(descriptor, length, path.stat().st_size - length)
            _require_checksum(raw, name)
            index = np.frombuffer(raw[:-_CRC_BYTES], "<u8").reshape(*chunks, 2)
            self._open[name] = descriptor, index
        return self._open[name]


def _require_checksum(raw: bytes, name: str) -> None:
    # Bytes with their own checksum at the end all have the checksum of four zeros.
    if google_crc32c.value(raw) != google_crc32c.value(bytes(_CRC_BYTES)):
        msg = f"{name}: wrong checksum"
        raise ValueError(msg)


def _overlaps(
    start: Start, size: Start, chunk: tuple[int, int, int]
) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...], tuple[slice, ...]]]:
    """Yield the chunks that a box touches: place, the part of the chunk, and where it goes in the box."""
    axes = list(zip(start, size, chunk, strict=True))
    ranges = [range(first // side, -(-(first + length) // side)) for first, length, side in axes]
    for place in itertools.product(*ranges):
        source, target = [], []
        for (first, length, side), index in zip(axes, place, strict=True):
            low, high = max(first, index * side), min(first + length, (index + 1) * side)
            source.append(slice(low - index * side, high - index * side))
            target.append(slice(low - first, high - first))
        yield place, tuple(source), tuple(target)


class ZarrPython:
    """Plain zarr-python, or zarrs in its place for reading and decoding."""

    def __init__(self, folder: Path, *, pipeline: str | None = None) -> None:
        settings = {"threading.max_workers": 1, "codec_pipeline.path": pipeline} if pipeline else {}
        # zarr-python chooses its pipeline when an array is opened.
        with zarr.config.set(settings):
            arrays = dict(zarr.open_group(folder, mode="r").arrays())
        self._arrays = {name: (array, *_scaling(array.attrs)) for name, array in arrays.items()}

    def patch(self, name: str, start: Start, size: Start) -> Voxels:
        """Read a box of a volume as float32."""
        array, scale, offset = self._arrays[name]
        return _unscale(np.asarray(array[_box(start, size)]), scale, offset)


class Tensorstore:
    """Tensorstore with one thread, and a cache that holds indices and no chunk."""

    def __init__(self, folder: Path) -> None:
        self._context = tensorstore.Context(
            {
                "data_copy_concurrency": {"limit": 1},
                "file_io_concurrency": {"limit": 1},
                "cache_pool": {"total_bytes_limit": 200_000},
            }
        )
        self._arrays = {path.parent.name: self._open(path.parent) for path in folder.glob("*/zarr.json")}

    def patch(self, name: str, start: Start, size: Start) -> Voxels:
        """Read a box of a volume as float32."""
        array, scale, offset = self._arrays[name]
        return _unscale(array[_box(start, size)].read().result(), scale, offset)

    def _open(self, folder: Path) -> tuple[Any, float, float]:
        spec = {
            "driver": "zarr3",
            "kvstore": {"driver": "file", "path": f"{folder}/"},
            "recheck_cached_data": "open",
            "recheck_cached_metadata": "open",
        }
        attributes = json.loads((folder / "zarr.json").read_text(encoding="utf-8"))["attributes"]
        return tensorstore.open(spec, context=self._context, open=True).result(), *_scaling(attributes)


def _scaling(attributes: Mapping[str, Any]) -> tuple[float, float]:
    return float(attributes.get("scale_factor", 1)), float(attributes.get("add_offset", 0))


def _unscale(stored: npt.NDArray[Any], scale: float, offset: float) -> Voxels:
    """Give the stored numbers their meaning, as any reader of the attributes would."""
    values = np.multiply(stored, np.float32(scale), dtype=np.float32)
    return values + np.float32(offset) if offset else values


def _box(start: Start, size: Start) -> tuple[slice, ...]:
    return tuple(slice(first, first + length) for first, length in zip(start, size, strict=True))
