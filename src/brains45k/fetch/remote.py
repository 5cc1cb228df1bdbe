"""A file at a provider, and where it goes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from brains45k.errors import DataError

#: The checksums that providers state.
ALGORITHMS = ("md5", "sha1", "sha256")

_UNREADABLE = "(an address that cannot be read)"
# What Java servers put a session's name into.
_PATH_PARAMETERS = re.compile(r";[^/]*")
# Control characters and line breaks would break messages, and a lone surrogate every table.
_UNWRITABLE = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029\\ud800-\\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A file at a provider.

    Attributes
    ----------
    url : str
        Where it is. It may be signed, so only :func:`public_url` of it is ever told.
    path : str
        Where it goes, relative to the source's folder, with ``/`` between its parts.
    bytes : int, optional
        How long it is, where that is known.
    checksums : mapping
        From ``md5``, ``sha1`` or ``sha256`` to hexadecimal digits in lower case; empty where none is known.

    Raises
    ------
    DataError
        If the path could lead out of the folder or cannot be a file's name, or a checksum is of another kind.
    """

    url: str
    path: str
    bytes: int | None = None
    checksums: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _is_safe(self.path):
            msg = f"{self}: would be written to {self.path!r}, which is no path below the source's folder. Not fetched."
            raise DataError(msg)
        unknown = sorted(set(self.checksums) - set(ALGORITHMS))
        if unknown:
            msg = f"{self}: has a checksum of kind {unknown[0]!r}; known: {', '.join(ALGORITHMS)}. Not fetched."
            raise DataError(msg)

    def __str__(self) -> str:
        """Name it in a message."""
        return public_url(self.url)

    def below(self, folder: Path) -> Path:
        """Return where it goes."""
        return folder.joinpath(*self.path.split("/"))


def public_url(url: str) -> str:
    """Return an address without what may be secret in it: the only form in which messages name it.

    Examples
    --------
    >>> public_url("https://ann:secret@host.org:8443/data/a.zip;jsessionid=1F?X-Signature=ab#top")
    'https://host.org:8443/data/a.zip'
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return _UNREADABLE
    host = parts.netloc.rpartition("@")[2]
    path = _PATH_PARAMETERS.sub("", parts.path)
    return urlunsplit((parts.scheme, host, path, "", ""))


def _is_safe(path: str) -> bool:
    r"""Tell whether a path stays below its folder on any system, and is one that a system can write.

    >>> [_is_safe(path) for path in ("a/b .c./d.zip", "../a", "/a", "a//b", "a\\b", "a/.", "")]
    [True, False, False, False, False, False, False]
    """
    outward = "\\" in path or not {"", ".", ".."}.isdisjoint(path.split("/"))
    return not outward and not _UNWRITABLE.search(path)
