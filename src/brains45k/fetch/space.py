"""Room on the disk, asked for before anything is written, and what shows that a disk will take nothing more."""

import errno
import shutil
from pathlib import Path

from brains45k.errors import CallError

#: The numbers of a full disk.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_FAILING = FULL | {errno.EIO, errno.EROFS}


class DiskError(CallError):
    """The disk is full or fails, so that the next file will fare no better."""


def disk_error(message: str, cause: OSError) -> CallError:
    """Return the error for what could not be written: a :class:`DiskError` if that is not this one file's fault."""
    return DiskError(message) if cause.errno in _FAILING else CallError(message)


def require_space(folder: Path, needed_bytes: int) -> None:
    """Refuse to begin what would fill the disk.

    Parameters
    ----------
    folder : Path
        Where it would be written; it need not exist yet.
    needed_bytes : int
        How much would be written.

    Raises
    ------
    DiskError
        If less is free, with both numbers.
    """
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    free_bytes = shutil.disk_usage(there).free
    if needed_bytes > free_bytes:
        msg = f"{folder}: needs {needed_bytes:,} bytes, {free_bytes:,} are free. Make room, or name another folder."
        raise DiskError(msg)
