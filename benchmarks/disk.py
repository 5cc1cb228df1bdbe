"""The disk and the page cache, as benchmarks of reading need them."""

import os
from collections.abc import Callable
from pathlib import Path


def flush(folder: Path) -> None:
    """Bring all files of a folder to the disk."""
    for_each_file(folder, os.fsync)


def drop_pages(folder: Path) -> None:
    """Let the page cache forget all files of a folder; they have to be on the disk."""
    for_each_file(folder, lambda file: os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED))


def for_each_file(folder: Path, act: Callable[[int], None]) -> None:
    """Open each file below a folder, and close it behind what is done with its descriptor."""
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            act(descriptor)
            os.close(descriptor)


def bytes_from_disk(process: int | str = "self") -> int:
    """Return what a process has fetched from the disk so far."""
    for line in Path(f"/proc/{process}/io").read_text(encoding="ascii").splitlines():
        if line.startswith("read_bytes:"):
            return int(line.split()[1])
    msg = f"/proc/{process}/io has no line read_bytes"
    raise OSError(msg)
