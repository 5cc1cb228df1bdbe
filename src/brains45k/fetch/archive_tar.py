"""Tar archives, plain or compressed, read by :mod:`tarfile`, with the checks that it leaves out."""

import bz2
import gzip
import io
import math
import tarfile
from collections.abc import Container, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from brains45k.fetch.archive_member import (
    ASK_PROVIDER,
    DOWNLOAD_AGAIN,
    ArchiveFault,
    Member,
    Readable,
    naming_damage,
    sane_mtime_s,
)

GZIP_MAGIC = b"\x1f\x8b"
BZIP2_MAGIC = b"BZh"

# What one member may spend on headers: several of the longest names, and room for extended attributes.
_HEADERS_BYTES = 1 << 16
_BLOCK_BYTES = 1 << 20
_KINDS = {
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.LNKTYPE: "a hard link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
    tarfile.DIRTYPE: "folder",
}


@contextmanager
def open_tar(archive: Path) -> Iterator["TarDirectory"]:
    """Open a tar archive, compressed by gzip, bzip2 or not at all."""
    with _inflated(archive) as stream:
        yield TarDirectory(stream)


def begins_tar(archive: Path) -> bool:
    """Tell whether a file begins with a header of tar, once inflated if it is compressed."""
    try:
        with naming_damage(), _inflated(archive) as stream:
            tarfile.TarInfo.frombuf(stream.read(tarfile.BLOCKSIZE), "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ArchiveFault):
        return False
    return True


class TarDirectory:
    """An open tar archive: see :class:`brains45k.fetch.archive_member.Directory`."""

    def __init__(self, stream: io.BufferedIOBase) -> None:
        self._stream = stream

    def names(self) -> Iterator[str]:
        """Yield the names of all files; a compressed archive is read whole."""
        return (member.name for member in self.members() if member.kind != "folder")

    def members(self) -> Iterator[Member]:
        """Yield all entries; a missing end, or bytes behind it, are refused. A compressed archive is read whole."""
        guard = self._rewound()
        with tarfile.TarFile(fileobj=guard, encoding="utf-8", errors="surrogateescape") as opened:
            for info in _infos(opened, guard):
                yield _member(info)
        _require_end(guard)

    def contents(self, wanted: Container[Member]) -> Iterator[tuple[Member, AbstractContextManager[Readable]]]:
        """Yield the wanted entries with their contents."""
        guard = self._rewound()
        with tarfile.TarFile(fileobj=guard, encoding="utf-8", errors="surrogateescape") as opened:
            for info in _infos(opened, guard):
                member = _member(info)
                content = opened.extractfile(info) if member in wanted else None
                if content is not None:
                    guard.left_bytes = math.inf
                    yield member, content

    def _rewound(self) -> "_Guard":
        self._stream.seek(0)
        return _Guard(self._stream)


class _Guard(io.RawIOBase):
    """A stream that gives :mod:`tarfile` only so many bytes of headers: it would take any number into memory."""

    def __init__(self, stream: io.BufferedIOBase) -> None:
        self._stream = stream
        self.left_bytes: float = _HEADERS_BYTES
        #: What was read last.
        self.last = b""

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= self.left_bytes:
            raise ArchiveFault("a member's header is too long, or lies about its length", ASK_PROVIDER)
        self.left_bytes -= size
        self.last = self._stream.read(size)
        return self.last

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()


def _inflated(archive: Path) -> io.BufferedIOBase:
    with archive.open("rb") as file:
        head = file.read(len(BZIP2_MAGIC))
    if head.startswith(GZIP_MAGIC):
        return gzip.open(archive)
    return bz2.open(archive) if head == BZIP2_MAGIC else archive.open("rb")


def _infos(opened: tarfile.TarFile, guard: _Guard) -> Iterator[tarfile.TarInfo]:
    """Yield the headers, without keeping them."""
    while (info := opened.next()) is not None:
        # A negative size would send the reader round in circles.
        if info.size < 0:
            raise ArchiveFault("a member declares less than no bytes", ASK_PROVIDER)
        yield info
        # They would be kept for a look-up by name: a gigabyte for a million.
        opened.members.clear()  # type: ignore[attr-defined]
        guard.left_bytes = _HEADERS_BYTES


def _require_end(guard: _Guard) -> None:
    """Refuse an archive that stops without the block of zeros that ends it, or goes on with something else."""
    if guard.last != bytes(tarfile.BLOCKSIZE):
        raise ArchiveFault("it breaks off before its end, or is damaged in the middle", DOWNLOAD_AGAIN)
    guard.left_bytes = math.inf
    while block := guard.read(_BLOCK_BYTES):
        if block.strip(b"\0"):
            raise ArchiveFault("something follows its end", DOWNLOAD_AGAIN)


def _member(info: tarfile.TarInfo) -> Member:
    kind = "a file with holes" if info.issparse() else _KINDS.get(info.type, "of an unknown kind")
    if kind == "of an unknown kind" and info.isreg():
        kind = "file"
    return Member(info.name, kind, info.size if kind == "file" else 0, sane_mtime_s(info.mtime))
