"""Write files whole or not at all."""

from contextlib import suppress
from pathlib import Path

from brains45k.errors import CallError


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that a user asked for, whole or not at all.

    Raises
    ------
    CallError
        If the disk does not take it.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        msg = f"{path}: cannot be written ({error.strerror}). Name another place."
        raise CallError(msg) from error
