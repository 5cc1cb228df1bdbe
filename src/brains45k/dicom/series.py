"""A DICOM series: the DICOM files of one folder."""

import errno
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from brains45k.codes import Code
from brains45k.volume.refusal import RefusalError

#: Extension of the files of a series, in any case.
EXTENSION = ".dcm"


def is_of_series(name: str) -> bool:
    """Tell whether a file is one of its folder's DICOM series, by its name.

    Hidden files are not: macOS lays one beside each slice.

    >>> is_of_series("IM-0001.DCM"), is_of_series("._IM-0001.dcm"), is_of_series("IM-0001.nii")
    (True, False, False)
    """
    return name.lower().endswith(EXTENSION) and not name.startswith(".")


def series_files(first: Path) -> list[Path]:
    """Return the DICOM files of the folder of ``first``, by name.

    A link that leads nowhere is one of them, because the slice that it stands for would be missed.

    Raises
    ------
    RefusalError
        ``E_CHANGED`` if the folder vanished, ``E_UNREADABLE`` if the system forbids it.
    """
    try:
        with os.scandir(first.parent) as scan:
            names = [entry.name for entry in scan if is_of_series(entry.name) and _is_file(entry)]
    except OSError as error:
        raise _refusal(error, first) from error
    return [first.parent / name for name in sorted(names)]


def digest_of_series(files: Sequence[Path]) -> str:
    """Return the SHA-256 over names and contents of a series' files, in their order.

    Raises
    ------
    RefusalError
        ``E_CHANGED`` if a file vanished, ``E_UNREADABLE`` if it is a link that leads nowhere or the system forbids it.
    """
    digest = hashlib.sha256()
    for file in files:
        digest.update(hashlib.sha256(os.fsencode(file.name)).digest())
        digest.update(digest_of_content(file))
    return digest.hexdigest()


def stamp_of_series(slices: Sequence[tuple[str, int, int]]) -> str:
    """Return a short digest over name, size in bytes and time in ns of each slice: another state has another."""
    digest = hashlib.sha256()
    for name, size_bytes, mtime_ns in sorted(slices):
        digest.update(os.fsencode(name) + f"\0{size_bytes}\0{mtime_ns}\0".encode())
    return digest.hexdigest()[:16]


def digest_of_content(file: Path) -> bytes:
    """Return the SHA-256 of a file's content.

    Raises
    ------
    RefusalError
        ``E_CHANGED`` if it vanished, ``E_UNREADABLE`` if it is a link that leads nowhere or the system forbids it.
    """
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").digest()
    except OSError as error:
        raise _refusal(error, file) from error


def require_slice(file: Path) -> None:
    """Require a slice to be a file.

    Raises
    ------
    RefusalError
        ``E_CHANGED`` if it vanished, ``E_UNREADABLE`` if it is a link that leads nowhere.
    """
    if not file.is_file():
        raise _missing(file)


def _is_file(entry: os.DirEntry[str]) -> bool:
    return entry.is_file() or (entry.is_symlink() and not entry.is_dir())


def _refusal(error: OSError, file: Path) -> RefusalError:
    """Say why a file of a series cannot be read; its name may hold what identifies a person."""
    if isinstance(error, FileNotFoundError) or error.errno == errno.ELOOP:
        return _missing(file)
    return RefusalError(Code.E_UNREADABLE, error.strerror or "")


def _missing(file: Path) -> RefusalError:
    """Tell a link that leads nowhere, which another run finds again, from a file that went."""
    if file.is_symlink():
        return RefusalError(Code.E_UNREADABLE, "a slice is a link that leads nowhere")
    return RefusalError(Code.E_CHANGED, "a file of the series vanished")
