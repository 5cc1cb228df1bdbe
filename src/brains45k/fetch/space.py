"""Room on the disk, asked for before anything is written."""

import shutil
from pathlib import Path

from brains45k.errors import CallError


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
    CallError
        If less is free, with both numbers.
    """
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    free_bytes = shutil.disk_usage(there).free
    if needed_bytes > free_bytes:
        msg = f"{folder}: needs {needed_bytes:,} bytes, {free_bytes:,} are free. Make room, or name another folder."
        raise CallError(msg)
