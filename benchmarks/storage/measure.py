"""Measure a format: bytes, writing, fidelity, and patches with a warm and with a cold page cache.

The same functions run in our process and in the peers', each with its own formats.
"""

import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from disk import bytes_from_disk, drop_pages, flush

Voxels = npt.NDArray[np.float32]
Start = Sequence[int]
#: Volume and first voxel of a patch.
Request = tuple[str, Start]

_WARM_CPU_S = 0.25


class Reader(Protocol):
    """An opened format."""

    def patch(self, name: str, start: Start, size: Start) -> npt.NDArray[np.generic]:
        """Read a box of a volume: float32 in memory of its own, as training takes it."""


class Format(Protocol):
    """A way to store volumes."""

    def write(self, folder: Path, volumes: Mapping[str, Voxels]) -> None:
        """Store float32 volumes, by name, in an empty folder."""

    def open(self, folder: Path) -> Reader:
        """Open what was stored."""


def handlers_of(formats: Mapping[str, Format], readers: Mapping[str, Callable[[Path], Reader]]) -> dict[str, Any]:
    """Bind the measurements to what one process can write and read; all take and return plain JSON."""
    opened: dict[str, Reader] = {}
    ways = {name: form.open for name, form in formats.items()} | dict(readers)

    def reader_of(name: str, folder: str) -> Reader:
        if name not in opened:
            opened[name] = ways[name](Path(folder))
        return opened[name]

    def write(name: str, folder: str, volumes: dict[str, str]) -> float:
        opened.pop(name, None)
        return write_cpu_s(formats[name], Path(folder), load(tuple(volumes.items())))

    def check(name: str, folder: str, volumes: dict[str, str]) -> dict[str, Any]:
        return check_reading(reader_of(name, folder), load(tuple(volumes.items())))

    def patches(name: str, folder: str, requests: list[Request], size: int, cold: bool) -> dict[str, float]:
        read = read_cold if cold else read_warm
        return read(reader_of(name, folder), Path(folder), requests, (size,) * 3)

    return {"write": write, "check": check, "patches": patches}


@lru_cache(maxsize=1)
def load(volumes: tuple[tuple[str, str], ...]) -> dict[str, Voxels]:
    """Read the float32 volumes that all formats store."""
    return {name: np.load(path) for name, path in volumes}


def write_cpu_s(form: Format, folder: Path, volumes: Mapping[str, Voxels]) -> float:
    """Write all volumes anew and return the CPU seconds per volume; flushing to the disk is not in them."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    start = time.process_time()
    form.write(folder, volumes)
    seconds = time.process_time() - start
    flush(folder)
    return seconds / len(volumes)


def bytes_of(folder: Path, names: Sequence[str]) -> tuple[int, dict[str, int]]:
    """Return the bytes of all files below a folder, and of those that bear a volume's name in their path."""
    sizes = {path.relative_to(folder): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    by_volume = {
        name: sum(size for path, size in sizes.items() if name in {part.partition(".")[0] for part in path.parts})
        for name in names
    }
    return sum(sizes.values()), by_volume


def check_reading(reader: Reader, volumes: Mapping[str, Voxels]) -> dict[str, Any]:
    """Read every volume whole: the lowest PSNR with a peak of 1 (None: no voxel differs), and 0 and 1 exact."""
    mean_squares, ends = [], True
    for name, voxels in volumes.items():
        found = reader.patch(name, (0, 0, 0), voxels.shape)
        if found.dtype != np.float32 or found.shape != voxels.shape:
            msg = f"{name}: read as {found.dtype} {found.shape}, stored as float32 {voxels.shape}"
            raise TypeError(msg)
        mean_squares.append(float(np.mean(np.square(found - voxels), dtype=np.float64)))
        ends &= all(bool((found[voxels == end] == end).all()) for end in (0, 1))
    worst = max(mean_squares)
    return {"psnr_db": -10 * math.log10(worst) if worst else None, "ends_exact": ends}


def read_warm(reader: Reader, folder: Path, requests: Sequence[Request], size: Start) -> dict[str, float]:
    """Read the patches again and again for a while; what they need is in the page cache."""
    del folder
    for name, start in requests:
        reader.patch(name, start, size)
    count, begin = 0, time.process_time()
    while time.process_time() - begin < _WARM_CPU_S:
        for name, start in requests:
            reader.patch(name, start, size)
        count += len(requests)
    return {"patches_per_cpu_s": count / (time.process_time() - begin)}


def read_cold(reader: Reader, folder: Path, requests: Sequence[Request], size: Start) -> dict[str, float]:
    """Read each patch once, with none of the format's files in the page cache."""
    cpu = wall = read = 0.0
    for name, start in requests:
        drop_pages(folder)
        before = (time.process_time(), time.perf_counter(), bytes_from_disk())
        reader.patch(name, start, size)
        after = (time.process_time(), time.perf_counter(), bytes_from_disk())
        cpu, wall, read = (total + b - a for total, a, b in zip((cpu, wall, read), before, after, strict=True))
    return {
        "patches_per_cpu_s": len(requests) / cpu,
        "patches_per_wall_s": len(requests) / wall,
        "mb_from_disk": read / len(requests) / 1e6,
    }
