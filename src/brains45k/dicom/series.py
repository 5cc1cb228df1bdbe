"""A DICOM series: the DICOM files of one folder."""

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
        raise _refusal(error) from error
    return [first.parent / name for name in sorted(names)]


def digest_of_series(files: Sequence[Path]) -> str:
    """Return the SHA-256 over names and contents of a series' files, in their order.

    Raises
    ------
    RefusalError
        ``E_CHANGED`` if a file vanished, ``E_UNREADABLE`` if the system forbids it.
    """
    digest = hashlib.sha256()
    for file in files:
        digest.update(hashlib.sha256(os.fsencode(file.name)).digest())
        digest.update(digest_of_content(file))
    return digest.hexdigest()


def digest_of_content(file: Path) -> bytes:
    """Return the SHA-256 of a file's content.

    Raises
    ------
    RefusalError
        ``E_CHANGED`` if it vanished, ``E_UNREADABLE`` if the system forbids it.
    """
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").digest()
    except OSError as error:
        raise _refusal(error) from error


def _is_file(entry: os.DirEntry[str]) -> bool:
    return entry.is_file() or (entry.is_symlink() and not entry.is_dir())


def _refusal(error: OSError) -> RefusalError:
    """Say why a file of a series cannot be read; its name may hold what identifies a person."""
    if isinstance(error, FileNotFoundError):
        return RefusalError(Code.E_CHANGED, "a file of the series vanished, or is a link that leads nowhere")
    return RefusalError(Code.E_UNREADABLE, error.strerror or "")
