"""What an archive's directory says about one member, and why an archive is refused."""

import errno
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Container, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

#: Remedies: how the line ends that refuses an archive.
DOWNLOAD_AGAIN = "Delete it and download it again."
ASK_PROVIDER = "Do not use it: ask its provider for another copy."
BY_HAND = "Unpack it with another program, and put its files in place."

#: Stands for a time of change that no file can have had: 1980, the first year that zip knows.
FALLBACK_MTIME_S = 315_532_800
# The year 2100.
_LATEST_MTIME_S = 4_102_444_800
_SHOWN_CHARACTERS = 200
# What Python's readers raise on damaged or hostile archives, besides operating system errors without a number.
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    ArithmeticError,
    LookupError,
    RuntimeError,
    ValueError,
)


class ArchiveFault(Exception):  # noqa: N818 - caught on the way, where the archive's name is added
    """An archive that cannot be taken: the cause, and the remedy."""

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(f"{cause}. {remedy}")


@dataclass(frozen=True, slots=True)
class Member:
    """An entry of an archive's directory.

    Attributes
    ----------
    kind : str
        ``file``, ``folder``, or what else it is, in words.
    bytes : int
        The declared size; 0 for all but files.
    """

    name: str
    kind: str
    bytes: int
    mtime_s: int


class Readable(Protocol):
    """A member's content."""

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes, none at the end."""
        ...


class Directory(Protocol):
    """An open archive: what it holds, and the files' contents."""

    def names(self) -> Iterator[str]:
        """Yield the names of all files, whether they can be unpacked or not."""
        ...

    def members(self) -> Iterator[Member]:
        """Yield all entries, and make sure that the archive's frame is whole."""
        ...

    def contents(self, wanted: Container[Member]) -> Iterator[tuple[Member, AbstractContextManager[Readable]]]:
        """Yield the wanted entries with their contents as they lie in the archive; each is read before the next."""
        ...


@contextmanager
def naming_damage() -> Iterator[None]:
    """Turn what Python's readers raise on a damaged archive into a fault; errors of the disk pass.

    Raises
    ------
    ArchiveFault
        If the archive is damaged.
    """
    try:
        yield
    except OSError as error:
        # Bad data of gzip and bzip2 has no error number; a place before the file's start has this one.
        if error.errno not in (None, errno.EINVAL):
            raise
        raise _damaged(error) from error
    except _DAMAGE as error:
        raise _damaged(error) from error


def _damaged(error: Exception) -> ArchiveFault:
    words = " ".join(str(error).split()).encode("utf-8", "backslashreplace").decode()
    return ArchiveFault(f"it is damaged ({words or type(error).__name__})", DOWNLOAD_AGAIN)


def shown(name: str) -> str:
    r"""Quote a member's name for a message: one line, printable, not endless.

    >>> print(shown("a\nb\udcff"))
    'a\nb\udcff'
    """
    quoted = repr(name)
    return quoted if len(quoted) <= _SHOWN_CHARACTERS else f"{quoted[:_SHOWN_CHARACTERS]}...'"


def sane_mtime_s(mtime_s: float) -> int:
    """Return a time of change in whole seconds since 1970, or a fixed one for what no file can have had.

    >>> sane_mtime_s(1e9 + 0.5), sane_mtime_s(float("nan")) == sane_mtime_s(-1) == FALLBACK_MTIME_S
    (1000000000, True)
    """
    return int(mtime_s) if FALLBACK_MTIME_S <= mtime_s < _LATEST_MTIME_S else FALLBACK_MTIME_S
