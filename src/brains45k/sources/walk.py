"""Walk a source's folder and list every file that could hold an image."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from brains45k.sources.layout import extension_of


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file as the walk met it; a folder of DICOM files counts as one, named after its first file."""

    path: str
    extension: str
    bytes: int
    mtime_ns: int


def walk_images(root: Path) -> Iterator[FoundFile]:
    """Yield every candidate below ``root``, in the order of their paths.

    Symbolic links are followed, each folder once. Anything that is no regular file (a pipe, a device) and
    any folder that cannot be opened is passed over; a file that cannot be opened is found out when it is read.
    """
    yield from _walk(str(root), "", {_identity(str(root))})


def _walk(folder: str, prefix: str, visited: set[tuple[int, int]]) -> Iterator[FoundFile]:
    entries = _entries(folder)
    files = [entry for entry in entries if _is_file(entry)]
    names = {entry.name.lower() for entry in files}
    first_dicom = True
    for entry in files:
        extension = extension_of(entry.name)
        if extension is None or (extension == ".hdr" and f"{entry.name.lower()[:-4]}.img" in names):
            continue
        if extension == ".dcm" and not first_dicom:
            continue
        first_dicom &= extension != ".dcm"
        status = entry.stat()
        mtime_ns = max(status.st_mtime_ns, _header_mtime_ns(entry)) if extension == ".img" else status.st_mtime_ns
        yield FoundFile(prefix + entry.name, extension, status.st_size, mtime_ns)
    for entry in entries:
        if entry.is_dir() and _enter(entry, visited):
            yield from _walk(entry.path, f"{prefix}{entry.name}/", visited)


def _header_mtime_ns(entry: os.DirEntry[str]) -> int:
    """Return the time of a pair's header, so that a changed header is seen; 0 where there is none."""
    headers = (Path(entry.path).with_suffix(suffix) for suffix in (".hdr", ".HDR"))
    return max((header.stat().st_mtime_ns for header in headers if header.is_file()), default=0)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as scan:
            return sorted(scan, key=lambda entry: entry.name)
    except OSError:
        return []


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def _enter(entry: os.DirEntry[str], visited: set[tuple[int, int]]) -> bool:
    """Tell whether to descend: a folder reached through a link is entered only if it is new."""
    if not entry.is_symlink():
        return True
    identity = _identity(entry.path)
    new = identity not in visited
    visited.add(identity)
    return new


def _identity(path: str) -> tuple[int, int]:
    status = Path(path).stat()
    return status.st_dev, status.st_ino
