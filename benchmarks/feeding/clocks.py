"""What a loader costs: CPU seconds and bytes from the disk, of this process and its workers together."""

import ctypes
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from disk import bytes_from_disk, for_each_file
from torch.utils.data import DataLoader

_LIBC = ctypes.CDLL(None)
_MIB = 1 << 20


@dataclass(slots=True)
class Cost:
    """Of a stretch of work.

    Attributes
    ----------
    main_cpu_s, workers_cpu_s : float
        CPU seconds of all threads of this process, and of the workers.
    wall_s : float
        Seconds on the wall.
    disk_mb : float
        What the workers fetched from the disk.
    """

    main_cpu_s: float = 0.0
    workers_cpu_s: float = 0.0
    wall_s: float = 0.0
    disk_mb: float = 0.0

    @property
    def cpu_s(self) -> float:
        """CPU seconds of all processes."""
        return self.main_cpu_s + self.workers_cpu_s


@contextmanager
def measured(workers: Sequence[int]) -> Iterator[Cost]:
    """Measure a block; the cost is known at its end."""
    cost = Cost()
    before = _readings(workers)
    yield cost
    after = _readings(workers)
    cost.main_cpu_s, cost.workers_cpu_s, cost.wall_s, cost.disk_mb = (b - a for a, b in zip(before, after, strict=True))


def worker_ids(loader: DataLoader[Any]) -> list[int]:
    """Return the process ids of a loader's workers, which stay from epoch to epoch."""
    return [worker.pid for worker in loader._iterator._workers]  # type: ignore[union-attr]


def resident_mib(process: int) -> float:
    """Return a process's resident memory without what it shares."""
    fields = dict(
        line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    )
    return (int(fields["VmRSS"].split()[0]) - int(fields["RssShmem"].split()[0])) * 1024 / _MIB


def open_files(process: int) -> int:
    """Return how many files a process has open."""
    return len(list(Path(f"/proc/{process}/fd").iterdir()))


def fill_pages(folder: Path) -> None:
    """Bring all files of a folder into the page cache."""

    def read(file: int) -> None:
        while os.read(file, _MIB):
            pass

    for_each_file(folder, read)


def _readings(workers: Sequence[int]) -> tuple[float, float, float, float]:
    disk_mb = sum(bytes_from_disk(worker) for worker in workers) / 1e6
    return time.process_time(), sum(map(_cpu_s, workers)), time.perf_counter(), disk_mb


def _cpu_s(process: int) -> float:
    """Return the CPU seconds of another process, all its threads together, to the nanosecond."""
    clock = ctypes.c_int()
    if _LIBC.clock_getcpuclockid(process, ctypes.byref(clock)):
        msg = f"no process {process}"
        raise OSError(msg)
    return time.clock_gettime(clock.value)
