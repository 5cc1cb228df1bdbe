"""Write an archive's files into a hidden folder, and move them from there to where they belong."""

import errno
import os
import threading
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from brains45k.fetch.archive_check import Plan
from brains45k.fetch.archive_member import (
    BY_HAND,
    DOWNLOAD_AGAIN,
    ArchiveFault,
    Directory,
    Member,
    Readable,
    shown,
)

_BLOCK_BYTES = 1 << 20
_NO_NAME_HERE = frozenset({errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL})
# Several archives are unpacked into one folder at a time: what one finds free, another must not take.
_PLACING = threading.Lock()


def write_files(directory: Directory, plan: Plan, staging: Path, advance: Callable[[int], object]) -> None:
    """Write an archive's files below an empty folder, block by block, with plain modes.

    Parameters
    ----------
    advance : callable
        Is told how many more bytes were written.

    Raises
    ------
    ArchiveFault
        If a file is shorter than declared, or this disk does not take its name, or takes it for another's.
    OSError
        If the disk fails.
    """
    for folder in sorted(plan.folders):
        with _naming_what_cannot_be(folder, plan):
            # A disk that does not tell capitals may have it under another name.
            (staging / folder).mkdir(exist_ok=True)
    written = 0
    for member, opened in directory.contents(plan.files):
        path = plan.files[member]
        with opened as content, _create(staging / path, path, plan) as file:
            _copy(content, file, member, advance)
        os.utime(staging / path, (member.mtime_s, member.mtime_s))
        written += 1
    if written != len(plan.files):
        raise ArchiveFault("it changed while it was read", DOWNLOAD_AGAIN)


def _create(target: Path, path: str, plan: Plan) -> BinaryIO:
    with _naming_what_cannot_be(path, plan):
        return target.open("xb")


@contextmanager
def _naming_what_cannot_be(path: str, plan: Plan) -> Iterator[None]:
    """Say which name the disk does not take, or which names it takes for one: only the disk knows."""
    try:
        yield
    except FileExistsError as error:
        twins = [shown(other) for other in (*plan.files.values(), *plan.folders) if _folded(other) == _folded(path)]
        raise ArchiveFault(f"this disk takes names for one: {', '.join(twins)}", BY_HAND) from error
    except OSError as error:
        if error.errno not in _NO_NAME_HERE:
            raise
        raise ArchiveFault(f"this disk does not take the name {shown(path)} ({error.strerror})", BY_HAND) from error


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", path.casefold())


def _copy(content: Readable, file: BinaryIO, member: Member, advance: Callable[[int], object]) -> None:
    """Copy a member's content, never more of it than was declared."""
    left_bytes = member.bytes
    while block := content.read(min(_BLOCK_BYTES, left_bytes)):
        left_bytes -= len(block)
        file.write(block)
        advance(len(block))
    if left_bytes:
        raise ArchiveFault(f"{shown(member.name)} is shorter than the {member.bytes:,} bytes declared", DOWNLOAD_AGAIN)


def place_files(staging: Path, folder: Path) -> None:
    """Move all that lies in a hidden folder into the folder around it, merging the folders that both have.

    A file that is there already with the same bytes is left as it is.

    Raises
    ------
    ArchiveFault
        Before anything is moved: with the name of a file that is there with other bytes, of a file where a folder
        is needed or the other way round, or of a link where a folder is needed.
    OSError
        If the disk fails; what was moved is moved back.
    """
    # A power cut must not leave files that have their names and not yet their bytes.
    os.sync()
    with _PLACING:
        _require_room(staging, folder, "")
        moved: list[tuple[Path, Path]] = []
        try:
            _move(staging, folder, moved)
        except BaseException:
            for origin, target in reversed(moved):
                with suppress(OSError):
                    target.rename(origin)
            raise


def _require_room(staged: Path, folder: Path, path: str) -> None:
    for entry in _entries(staged):
        target = folder / entry.name
        shown_path = shown(path + entry.name)
        if not os.path.lexists(target):
            continue
        if not entry.is_dir():
            _require_same(Path(entry.path), target, shown_path)
        elif target.is_symlink():
            raise ArchiveFault(f"{shown_path} is a link that leads out of {folder}", "Put a folder in its place.")
        elif not target.is_dir():
            raise ArchiveFault(f"{shown_path} is a folder, and a file of that name is there", "Move that away.")
        else:
            _require_room(Path(entry.path), target, f"{path}{entry.name}/")


def _require_same(staged: Path, target: Path, shown_path: str) -> None:
    if not target.is_file():
        raise ArchiveFault(f"{shown_path} is a file, and something else of that name is there", "Move that away.")
    if not _same_bytes(staged, target):
        cause = f"{shown_path} is in place already with other bytes"
        raise ArchiveFault(cause, "Move away whichever is wrong, that file or the archive.")


def _same_bytes(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        while block := first.read(_BLOCK_BYTES):
            if block != second.read(_BLOCK_BYTES):
                return False
    return True


def _move(staged: Path, folder: Path, moved: list[tuple[Path, Path]]) -> None:
    """Move what is not there; a folder that is not there goes at once with all that it holds."""
    for entry in _entries(staged):
        origin, target = Path(entry.path), folder / entry.name
        if not os.path.lexists(target):
            origin.rename(target)
            moved.append((origin, target))
        elif entry.is_dir():
            _move(origin, target, moved)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as scan:
        return sorted(scan, key=lambda entry: entry.name)
