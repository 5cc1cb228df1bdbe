"""Unpack an archive into a folder, all of it or nothing."""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from brains45k.errors import DataError
from brains45k.fetch.archive_check import STAGING_PREFIX, Limits, check
from brains45k.fetch.archive_member import DOWNLOAD_AGAIN, ArchiveFault, Directory, naming_damage
from brains45k.fetch.archive_place import place_files, write_files
from brains45k.fetch.archive_tar import begins_tar, open_tar
from brains45k.fetch.archive_zip import ZIP_MAGICS, open_zip
from brains45k.fetch.space import disk_error, require_space
from brains45k.volume.container import looks_like_text

__all__ = ["Limits", "Unpacked", "is_archive", "names_in", "unpack"]

_LIMITS = Limits()
_HEAD_BYTES = 512
# Documents and arrays that are zip archives inside, and wanted as they are.
_ZIP_INSIDE = frozenset({".docx", ".jar", ".npz", ".ods", ".odt", ".pptx", ".whl", ".xlsm", ".xlsx"})


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What an archive held: its files, their bytes, and the side files of macOS that were left out."""

    files: int
    bytes: int
    left_out: int = 0


def is_archive(path: Path) -> bool:
    """Tell by its content whether a file is a zip or tar archive; a document that is a zip archive inside is none.

    A damaged archive is one as long as it begins like one; a page with an archive's name is none.
    """
    return path.suffix.lower() not in _ZIP_INSIDE and path.is_file() and _form(path) is not None


def names_in(archive: Path) -> list[str]:
    """Return the names of an archive's files as they stand in its directory, not judged: they may lead anywhere.

    What some programs write as backslashes are slashes here.

    Raises
    ------
    DataError
        If the archive is damaged.
    CallError
        If it cannot be read.
    """
    with _naming_archive(archive, "cannot be read"), naming_damage(), _open(archive, _LIMITS) as directory:
        return [name.replace("\\", "/") for name in directory.names()]


def unpack(
    archive: Path, folder: Path, *, limits: Limits = _LIMITS, advance: Callable[[int], object] | None = None
) -> Unpacked:
    """Unpack an archive into a folder, all of it or nothing.

    Its directory is judged before anything is written. The files are written into a hidden folder, and moved to
    their places once all are whole. They get plain modes and the archive's times; a file that is in place already
    with the same bytes is left as it is. After a kill the same call begins anew.

    Parameters
    ----------
    archive : Path
        A zip archive, or a tar archive, which may be compressed by gzip or bzip2.
    folder : Path
        Where the archive's files go; made if it is not there.
    limits : Limits
        What the archive may ask for.
    advance : callable, optional
        Is told how many more bytes were written.

    Raises
    ------
    DataError
        If the archive is damaged, or must not or cannot be unpacked here. The line names the member at fault.
    CallError
        If the disk fails or has too little room.
    """
    staging = folder / _staging_name(archive)
    try:
        with _naming_archive(archive, f"cannot be unpacked into {folder}"):
            _remove(staging)
            return _unpack(archive, staging, limits, advance or _ignore)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def _naming_archive(archive: Path, what: str) -> Iterator[None]:
    try:
        yield
    except ArchiveFault as fault:
        msg = f"{archive}: {fault}"
        raise DataError(msg) from fault
    except OSError as error:
        msg = f"{archive}: {what} ({error.strerror}). Mend that, and run again."
        raise disk_error(msg, error) from error


def _unpack(archive: Path, staging: Path, limits: Limits, advance: Callable[[int], object]) -> Unpacked:
    with naming_damage(), _open(archive, limits) as directory:
        plan = check(directory.members(), limits=limits, archive_bytes=archive.stat().st_size)
        if not plan.files:
            raise ArchiveFault("it holds no file", DOWNLOAD_AGAIN)
        require_space(staging.parent, plan.bytes)
        staging.mkdir(parents=True)
        write_files(directory, plan, staging, advance)
    place_files(staging, staging.parent)
    return Unpacked(len(plan.files), plan.bytes, plan.left_out)


def _ignore(_bytes: int) -> None:
    pass


def _open(archive: Path, limits: Limits) -> AbstractContextManager[Directory]:
    form = _form(archive)
    if form is None:
        raise ArchiveFault(_what_else(archive), DOWNLOAD_AGAIN)
    return open_zip(archive, limits) if form == "zip" else open_tar(archive)


def _form(archive: Path) -> str | None:
    """Return ``zip``, ``tar`` or None."""
    if _head(archive).startswith(ZIP_MAGICS):
        return "zip"
    return "tar" if begins_tar(archive) else None


def _what_else(archive: Path) -> str:
    head = _head(archive)
    if not head:
        return "it is empty"
    if looks_like_text(head):
        return "it is text or a web page, perhaps a login page, and no archive"
    return "it is neither a zip nor a tar archive"


def _head(archive: Path) -> bytes:
    with archive.open("rb") as file:
        return file.read(_HEAD_BYTES)


def _staging_name(archive: Path) -> str:
    """Name the hidden folder after the archive: the same call finds what it left, and another's is let be."""
    return STAGING_PREFIX + hashlib.sha256(os.fsencode(archive.resolve())).hexdigest()[:16]


def _remove(staging: Path) -> None:
    """Remove what a killed run left."""
    if staging.is_dir() and not staging.is_symlink():
        shutil.rmtree(staging)
    else:
        staging.unlink(missing_ok=True)
