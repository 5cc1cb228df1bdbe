"""What of a source lies in its folder already."""

from pathlib import Path

from brains45k.fetch.part import part_path
from brains45k.fetch.remote import Remote
from brains45k.sources.candidate import is_hidden
from brains45k.sources.catalog import Source
from brains45k.sources.scan import folders_above
from brains45k.sources.walk import walk_files


def holds_images(source: Source, root: Path) -> bool:
    """Tell whether an image of a source lies in its root, however it came there.

    Raises
    ------
    DataError
        If the disk fails.
    """
    if not root.is_dir():
        return False
    above = folders_above(root)
    return any(
        fits(source, f"{above}{file.path}", role="image") for file in walk_files(root) if not is_hidden(file.path)
    )


def fits(source: Source, path: str, *, role: str | None = None) -> bool:
    """Tell whether a layout of a source matches a path: any of them, or one of that role."""
    match = source.match(path)
    return match is not None and role in (None, match[0].role)


def missing_bytes(remote: Remote, root: Path) -> int:
    """Return how much of a file is still to come; 0 where its length is not known."""
    if remote.bytes is None:
        return 0
    target = remote.below(root)
    if size_bytes(target) == remote.bytes:
        return 0
    return max(remote.bytes - size_bytes(part_path(target)), 0)


def size_bytes(path: Path) -> int:
    """Return how long a file is; 0 where there is none."""
    return path.stat().st_size if path.is_file() else 0
