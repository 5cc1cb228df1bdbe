"""Walk a source's folder and list every file that could hold an image, and the tables that lie beside them."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from brains45k.dicom.series import EXTENSION, is_of_series, series_files, stamp_of_series
from brains45k.errors import DataError
from brains45k.sources.layout import extension_of

#: Stands for the extension of a folder that the operating system does not let be listed.
UNLISTED = "folder"
#: Extensions of tables that a download may bring along.
TABLES = (".csv", ".tsv", ".xml", ".xlsx")
#: Extension of a DICOM series.
DICOM = EXTENSION


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file as the walk met it; a folder of DICOM files counts as one, named after its first, with all their bytes."""

    path: str
    extension: str
    bytes: int
    mtime_ns: int
    stamp: str | None = None


class Measure(NamedTuple):
    """What tells one state of a file from another.

    Attributes
    ----------
    bytes : int
        Of a DICOM series, of all its files.
    mtime_ns : int
        When the newest of them was modified; the header of a pair counts as well.
    stamp : str, optional
        Of a DICOM series, a digest of each file's name, size and time.
    """

    bytes: int
    mtime_ns: int
    stamp: str | None = None


def walk_files(root: Path) -> Iterator[FoundFile]:
    """Yield every candidate below ``root``, and every table, always in the same order.

    Links are followed, each folder is entered once, and a folder below the root by its own name alone. A link
    that leads nowhere is listed like a file, and so is a folder that may not be listed; a file that may not be
    opened is found out when it is read. Anything else that is no regular file (a pipe, a device) is passed over.

    Raises
    ------
    DataError
        If the disk fails: what could not be listed now must not be taken for gone.
    """
    yield from _Walk(root).files(str(root), "")


class _Walk:
    """One walk: where it began, and which folders it has entered."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._entered = {_identity(root.stat())}

    def files(self, folder: str, prefix: str) -> Iterator[FoundFile]:
        try:
            entries = _entries(folder)
        except PermissionError:
            yield FoundFile(prefix.rstrip("/") or ".", UNLISTED, 0, 0)
            return
        yield from _candidates([entry for entry in entries if _is_file(entry)], prefix)
        for entry in entries:
            if self._enter(entry):
                yield from self.files(entry.path, f"{prefix}{entry.name}/")

    def _enter(self, entry: os.DirEntry[str]) -> bool:
        """Tell whether to descend, and remember it."""
        try:
            if not entry.is_dir():
                return False
            if entry.is_symlink() and Path(entry.path).resolve().is_relative_to(self._root):
                return False
            identity = _identity(entry.stat())
        except OSError:
            return False
        new = identity not in self._entered
        self._entered.add(identity)
        return new


def _candidates(files: list[os.DirEntry[str]], prefix: str) -> Iterator[FoundFile]:
    """Pick one folder's candidates and tables: of a pair the voxels, of DICOM the first file."""
    names = {entry.name.lower() for entry in files}
    series = [entry for entry in files if is_of_series(entry.name)]
    for entry in files:
        extension = extension_of(entry.name) or _table_extension(entry.name)
        if extension is None or (extension == ".hdr" and _is_pair(entry.name.lower(), names)):
            continue
        if not is_of_series(entry.name):
            yield _found(entry, prefix, extension)
        elif entry is series[0]:
            yield _found_series(series, prefix)


def _table_extension(name: str) -> str | None:
    return next((extension for extension in TABLES if name.lower().endswith(extension)), None)


def measure(path: Path) -> Measure:
    """Measure a candidate as it lies there now.

    Raises
    ------
    OSError
        If it cannot be looked at.
    RefusalError
        If the folder of a DICOM series cannot.
    """
    if is_of_series(path.name):
        return _measure_series([(file.name, file.stat()) for file in series_files(path)])
    status = path.stat()
    headers = (path.with_suffix(suffix) for suffix in (".hdr", ".HDR")) if path.suffix.lower() == ".img" else ()
    times = [file.stat().st_mtime_ns for file in headers if file.is_file()]
    return Measure(status.st_size, max([status.st_mtime_ns, *times]))


def _measure_series(files: Iterable[tuple[str, os.stat_result]]) -> Measure:
    slices = [(name, status.st_size, status.st_mtime_ns) for name, status in files]
    sizes, times = [size for _, size, _ in slices], [time for _, _, time in slices]
    return Measure(sum(sizes), max(times, default=0), stamp_of_series(slices))


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as scan:
            return sorted(scan, key=lambda entry: entry.name)
    except PermissionError:
        raise
    except OSError as error:
        msg = f"{folder}: cannot be listed ({error.strerror}). Mend the disk or the mount, and run again."
        raise DataError(msg) from error


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Tell whether an entry is a regular file, or a link that leads nowhere, which is listed like a file."""
    try:
        return entry.is_file() or (entry.is_symlink() and not Path(entry.path).exists())
    except OSError:
        return entry.is_symlink()


def _is_pair(header_name: str, names: set[str]) -> bool:
    return not names.isdisjoint({f"{header_name[:-4]}.img", f"{header_name[:-4]}.img.gz"})


def _found(entry: os.DirEntry[str], prefix: str, extension: str) -> FoundFile:
    try:
        if extension == ".img":
            return FoundFile(prefix + entry.name, extension, *measure(Path(entry.path)))
        status = entry.stat()
    except OSError:
        return FoundFile(prefix + entry.name, extension, 0, 0)
    return FoundFile(prefix + entry.name, extension, status.st_size, status.st_mtime_ns)


def _found_series(series: list[os.DirEntry[str]], prefix: str) -> FoundFile:
    try:
        found = _measure_series([(entry.name, entry.stat()) for entry in series])
    except OSError:
        return FoundFile(prefix + series[0].name, DICOM, 0, 0)
    return FoundFile(prefix + series[0].name, DICOM, *found)


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
