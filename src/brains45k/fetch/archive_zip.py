"""Zip archives, read by :mod:`zipfile`, with the checks that it leaves out."""

import stat
import struct
import zipfile
from collections.abc import Container, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import IO

from brains45k.fetch.archive_check import Limits, too_many
from brains45k.fetch.archive_member import (
    BY_HAND,
    DOWNLOAD_AGAIN,
    FALLBACK_MTIME_S,
    ArchiveFault,
    Member,
    Readable,
    sane_mtime_s,
    shown,
)

#: How a zip archive begins: with a member, with the end of an empty one, or as the first part of a split one.
ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")

_END_MAGIC = b"PK\x05\x06"
_END_BYTES = 22
_LONGEST_COMMENT_BYTES = (1 << 16) - 1
# What lies before the end record of a zip64 archive: a longer end record, and where to find it.
_END64_MAGIC = b"PK\x06\x06"
_END64_BYTES = 56
_END64_MEMBERS_OFFSET = 32
_LOCATOR_MAGIC = b"PK\x06\x07"
_LOCATOR_BYTES = 20
_LOCAL_HEADER_BYTES = 30
_FLAG_ENCRYPTED = 0x1
_FLAG_PATCH = 0x20
_FLAG_UTF8 = 0x800
# LZMA is not among them: a member may demand as much memory as it likes.
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2})
# What the upper half of the attributes says on Unix; 0 is written elsewhere.
_KINDS = {0: "file", stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "a symbolic link"}


@contextmanager
def open_zip(archive: Path, limits: Limits) -> Iterator["ZipDirectory"]:
    """Open a zip archive.

    Raises
    ------
    ArchiveFault
        If its end is not where it should be, or counts more members than allowed.
    """
    with archive.open("rb") as file:
        end = _find_end(file)
        if end.members > limits.members:
            raise too_many(limits)
        with zipfile.ZipFile(file) as opened:
            yield ZipDirectory(opened, end)


class ZipDirectory:
    """An open zip archive: see :class:`brains45k.fetch.archive_member.Directory`."""

    def __init__(self, opened: zipfile.ZipFile, end: "_End") -> None:
        self._zip = opened
        self._end = end

    def names(self) -> Iterator[str]:
        """Yield the names of all files."""
        members = map(_member, self._zip.infolist())
        return (member.name for member in members if member.kind != "folder")

    def members(self) -> Iterator[Member]:
        """Yield all entries; members that cannot be read, or share bytes, are refused."""
        infos = self._zip.infolist()
        if len(infos) % self._end.modulus != self._end.members:
            cause = f"its directory lists {len(infos):,} members, its end {self._end.members:,}"
            raise ArchiveFault(cause, DOWNLOAD_AGAIN)
        _require_apart(infos, self._zip.start_dir)
        for info in infos:
            _require_readable(info)
            yield _member(info)

    def contents(self, wanted: Container[Member]) -> Iterator[tuple[Member, AbstractContextManager[Readable]]]:
        """Yield the wanted entries with their contents."""
        for info in sorted(self._zip.infolist(), key=lambda info: info.header_offset):
            member = _member(info)
            if member in wanted:
                yield member, self._zip.open(info)


@dataclass(frozen=True, slots=True)
class _End:
    """The end record: the number of members, counted modulo what its field holds."""

    members: int
    modulus: int


def _find_end(file: IO[bytes]) -> _End:
    """Find and read the end record, which must be the last thing in the file."""
    size_bytes = file.seek(0, 2)
    file.seek(max(0, size_bytes - _END_BYTES - _LONGEST_COMMENT_BYTES - _END64_BYTES - _LOCATOR_BYTES))
    tail = file.read()
    place = tail.rfind(_END_MAGIC)
    if place < 0 or len(tail) - place < _END_BYTES:
        raise ArchiveFault("it breaks off before its end", DOWNLOAD_AGAIN)
    disk, first_disk, _, members, _, _, comment_bytes = struct.unpack_from("<4H2LH", tail, place + len(_END_MAGIC))
    surplus_bytes = len(tail) - place - _END_BYTES - comment_bytes
    if surplus_bytes:
        what = "follow its end" if surplus_bytes > 0 else "are missing at its end"
        raise ArchiveFault(f"{abs(surplus_bytes):,} bytes {what}", DOWNLOAD_AGAIN)
    if disk or first_disk:
        raise ArchiveFault("it is one part of a split archive", BY_HAND)
    # Programs that know no zip64 write more than 65,535 members as well, and let the number wrap around.
    return _read_end64(tail[:place]) or _End(members, 1 << 16)


def _read_end64(before: bytes) -> _End | None:
    """Read the longer end record, if there is one."""
    record = before[-_END64_BYTES - _LOCATOR_BYTES :]
    if not (record.startswith(_END64_MAGIC) and record.startswith(_LOCATOR_MAGIC, _END64_BYTES)):
        return None
    return _End(struct.unpack_from("<Q", record, _END64_MEMBERS_OFFSET)[0], 1 << 64)


def _require_apart(infos: Sequence[zipfile.ZipInfo], directory_start: int) -> None:
    """Refuse members that share bytes: the densest zip bombs are made so."""
    places = sorted((info.header_offset, len(info.orig_filename) + info.compress_size) for info in infos)
    for (start, content_bytes), (following, _) in pairwise([*places, (directory_start, 0)]):
        if start < 0:
            raise ArchiveFault("bytes of it are missing", DOWNLOAD_AGAIN)
        if start + _LOCAL_HEADER_BYTES + content_bytes > following:
            raise ArchiveFault("its members overlap, as in a zip bomb or a damaged archive", DOWNLOAD_AGAIN)


def _require_readable(info: zipfile.ZipInfo) -> None:
    if info.flag_bits & _FLAG_ENCRYPTED:
        raise ArchiveFault(f"{shown(info.filename)} is encrypted", BY_HAND)
    if info.compress_type not in _METHODS or info.flag_bits & _FLAG_PATCH:
        raise ArchiveFault(f"{shown(info.filename)} is compressed by method {info.compress_type}", BY_HAND)


def _member(info: zipfile.ZipInfo) -> Member:
    name = _name(info)
    kind = _KINDS.get(stat.S_IFMT(info.external_attr >> 16), "a pipe or a device")
    if kind == "file" and name.endswith("/"):
        kind = "folder"
    return Member(name, kind, info.file_size if kind == "file" else 0, _mtime_s(info))


def _name(info: zipfile.ZipInfo) -> str:
    """Return a name by its bytes; ``filename`` would break off at a NUL, and guess at what is not declared UTF-8."""
    if info.flag_bits & _FLAG_UTF8:
        return info.orig_filename
    return info.orig_filename.encode("cp437").decode("utf-8", "surrogateescape")


def _mtime_s(info: zipfile.ZipInfo) -> int:
    """Return the time of change; zip states no zone, and as UTC it is the same on every machine."""
    try:
        return sane_mtime_s(datetime(*info.date_time, tzinfo=UTC).timestamp())
    except ValueError:
        return FALLBACK_MTIME_S
