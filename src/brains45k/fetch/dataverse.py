"""List the files of a dataset on a Dataverse server, each with its folder, size and checksum."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import requests

from brains45k.errors import DataError
from brains45k.fetch.ask import get_json, require_distinct
from brains45k.fetch.patience import Patience
from brains45k.fetch.remote import Remote, public_url

# How Dataverse names the kinds of checksum, and how many hexadecimal digits each has.
_CHECKSUMS = {"MD5": ("md5", 32), "SHA-1": ("sha1", 40), "SHA-256": ("sha256", 64)}
_GLOB_TOKEN = re.compile(r"(\*\*/|\*\*|\*|\?)")
_GLOB = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def list_dataset(access_fetch: Mapping[str, Any], *, session: requests.Session, patience: Patience) -> list[Remote]:
    """List the files of a dataset's latest version.

    Parameters
    ----------
    access_fetch : mapping
        ``server``, ``doi`` and, where not all files are wanted, ``only``: globs over a file's path in the dataset.
    session : requests.Session
        Asks.
    patience : Patience
        How long to wait, and how often to try again.

    Returns
    -------
    list of Remote
        By path; with a size and a checksum where the server states them.

    Raises
    ------
    DataError
        If the server cannot be reached or answers with something else; if a path leaves its folder or occurs twice;
        if a glob fits no file; if a wanted file is restricted.
    """
    server = str(access_fetch["server"]).rstrip("/")
    url = f"{server}/api/datasets/:persistentId/?persistentId={quote(access_fetch['doi'], safe=':/')}"
    where = f"{public_url(url)} ({access_fetch['doi']})"
    entries = _entries(get_json(url, session=session, patience=patience), where)
    by_path = [(_path(entry, where), entry) for entry in entries]
    wanted = _wanted([path for path, _ in by_path], access_fetch.get("only", ()), where)
    remotes = [_remote(path, entry, server, where) for path, entry in by_path if path in wanted]
    require_distinct(remotes, where)
    return sorted(remotes, key=lambda remote: remote.path)


def compile_glob(glob: str) -> re.Pattern[str]:
    """Turn a glob over POSIX paths into an expression for a whole path.

    ``*`` and ``?`` stay within one folder, ``**`` crosses folders; all else is literal.

    >>> bool(compile_glob("training/**/pre/*.nii.gz").fullmatch("training/Amsterdam/GE3T/100/pre/T1.nii.gz"))
    True
    >>> bool(compile_glob("training/*/pre/*.nii.gz").fullmatch("training/Amsterdam/GE3T/100/pre/T1.nii.gz"))
    False
    """
    return re.compile("".join(_GLOB.get(token, re.escape(token)) for token in _GLOB_TOKEN.split(glob)), re.DOTALL)


def _entries(document: Any, where: str) -> list[Mapping[str, Any]]:
    """Return the dataset's files as the server lists them."""
    if isinstance(document, dict) and document.get("status") == "ERROR":
        msg = f"{where}: the server refuses: {str(document.get('message'))[:200]!r}. Check the DOI."
        raise DataError(msg)
    try:
        entries = document["data"]["latestVersion"]["files"]
    except (KeyError, TypeError, IndexError):
        entries = None
    if not isinstance(entries, list) or not all(_is_file(entry) for entry in entries):
        msg = f"{where}: the answer is no list of a dataset's files. Try again later."
        raise DataError(msg)
    return entries


def _is_file(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("dataFile"), dict)


def _path(entry: Mapping[str, Any], where: str) -> str:
    """Return where a file lies in the dataset, under the name that it was uploaded with."""
    file = entry["dataFile"]
    name = file.get("originalFileName") or entry.get("label") or file.get("filename")
    folder = entry.get("directoryLabel") or ""
    if not isinstance(name, str) or not isinstance(folder, str):
        msg = f"{where}: lists a file without a name. Report it to the provider."
        raise DataError(msg)
    return f"{folder}/{name}" if folder else name


def _wanted(paths: Sequence[str], globs: Sequence[str], where: str) -> frozenset[str]:
    """Return the paths that some glob fits; all where no glob is given."""
    if not globs:
        return frozenset(paths)
    wanted: set[str] = set()
    for glob in globs:
        expression = compile_glob(glob)
        fitting = {path for path in paths if expression.fullmatch(path)}
        if not fitting:
            msg = f"{where}: none of its {len(paths):,} files fits {glob!r}. Mend `only` in the source file."
            raise DataError(msg)
        wanted |= fitting
    return frozenset(wanted)


def _remote(path: str, entry: Mapping[str, Any], server: str, where: str) -> Remote:
    file = entry["dataFile"]
    number = file.get("id")
    if not isinstance(number, int) or isinstance(number, bool):
        msg = f"{where}: lists {path!r} without a number. Report it to the provider."
        raise DataError(msg)
    if entry.get("restricted"):
        msg = f"{where}: {path!r} is restricted. Ask the dataset's contact for access, and download it by hand."
        raise DataError(msg)
    # Dataverse turns a table into its own format unless the original is asked for. The checksum that it states is
    # that of the original; the size is not, and has an entry of its own.
    table = "originalFileFormat" in file
    return Remote(
        url=f"{server}/api/access/datafile/{number}" + ("?format=original" if table else ""),
        path=path,
        bytes=_size(file.get("originalFileSize" if table else "filesize")),
        checksums=_checksums(file),
    )


def _size(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _checksums(file: Mapping[str, Any]) -> dict[str, str]:
    """Return a file's checksum by its algorithm; nothing where the server states none that is known and whole."""
    stated = file.get("checksum") or {"type": "MD5", "value": file.get("md5")}
    kind = stated.get("type") if isinstance(stated, dict) else None
    if not isinstance(kind, str) or kind not in _CHECKSUMS:
        return {}
    algorithm, digits = _CHECKSUMS[kind]
    value = str(stated.get("value")).lower()
    return {algorithm: value} if re.fullmatch(f"[0-9a-f]{{{digits}}}", value) else {}
