"""What has been fetched into a source's folder: a line for each file that is done, so that nothing is fetched twice."""

import hashlib
import json
import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from brains45k.fetch.remote import Remote

#: Below the source's root; the scan passes hidden files over.
JOURNAL = ".brains45k-fetch.jsonl"

_DIGEST_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class Done:
    """A file that is done: its length in bytes as it came, and whether it was an archive and unpacked."""

    bytes: int
    archive: bool


class Journal:
    """The record of one root, added to line by line: a run that is killed loses none of what it finished.

    Parameters
    ----------
    root : Path
        The source's folder.
    """

    def __init__(self, root: Path) -> None:
        self._path = root / JOURNAL
        self._lock = threading.Lock()
        self._runs: list[dict[str, Any]] = []
        self._files: dict[str, dict[str, Any]] = {}
        self._kept: dict[str, dict[str, Any]] = {}
        for line in _read(self._path):
            self._sort_in(line)

    @property
    def begun(self) -> bool:
        """Whether files were fetched into this folder, all of them or not."""
        return bool(self._runs)

    @property
    def unfinished(self) -> bool:
        """Whether the last run that fetched files did not fetch all that there is."""
        return bool(self._runs) and "complete" not in self._runs[-1]

    def knows_another(self, digest: str) -> bool:
        """Tell whether anything was ever fetched into this folder by an ``access.fetch`` of another digest."""
        return any(digest not in run.values() for run in self._runs)

    def is_complete(self, digest: str) -> bool:
        """Tell whether the last run fetched all that an ``access.fetch`` of this digest has."""
        return bool(self._runs) and self._runs[-1].get("complete") == digest

    def done(self, remote: Remote) -> Done | None:
        """Return what came of a file, if it is done and still the same at its provider."""
        line = self._files.get(remote.path)
        if line is None or line.get("of") != _identity(remote):
            return None
        return Done(int(line["bytes"]), bool(line["archive"]))

    def keeps(self, name: str) -> bool:
        """Tell whether an archive of a person is unpacked, and stays."""
        return name in self._kept

    def has_images(self, name: str) -> bool:
        """Tell whether an archive that is unpacked held more than tables."""
        return bool(self._kept[name].get("images"))

    def begin(self, digest: str) -> None:
        """Note that files of this root are fetched."""
        self._add({"begun": digest})

    def add(self, remote: Remote, done: Done) -> None:
        """Note that a file is done."""
        line = {"path": remote.path, "bytes": done.bytes, "archive": done.archive, "of": _identity(remote)}
        self._add(line)

    def keep(self, name: str, *, images: bool) -> None:
        """Note that an archive of a person is unpacked, and stays."""
        self._add({"kept": name, "images": images})

    def end(self, digest: str) -> None:
        """Note that all files are done."""
        self._add({"complete": digest})

    def _sort_in(self, line: dict[str, Any]) -> None:
        if "begun" in line or "complete" in line:
            self._runs.append(line)
        elif "path" in line:
            self._files[str(line["path"])] = line
        elif "kept" in line:
            self._kept[str(line["kept"])] = line

    def _add(self, line: dict[str, Any]) -> None:
        with self._lock:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a+b") as file:
                file.write(_ending(file) + json.dumps(line).encode() + b"\n")
            self._sort_in(line)


def unfinished(root: Path) -> bool:
    """Tell whether files were fetched into a folder and not all of them; False where that cannot be read."""
    with suppress(OSError):
        return Journal(root).unfinished
    return False


def digest_of(access_fetch: Mapping[str, Any] | None) -> str:
    """Return what changes whenever ``access.fetch`` of a source file does."""
    return _digest(access_fetch)


def _identity(remote: Remote) -> str:
    """Tell a file from another that its provider puts into its place: by its sums, or else by its address and size."""
    return _digest(dict(remote.checksums) or [str(remote), remote.bytes])


def _digest(document: Any) -> str:
    text = json.dumps(document, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARACTERS]


def _ending(file: BinaryIO) -> bytes:
    """Return what ends the line that a killed run left unfinished, or the next would be lost with it."""
    if not file.seek(0, os.SEEK_END):
        return b""
    file.seek(-1, os.SEEK_END)
    return b"" if file.read(1) == b"\n" else b"\n"


def _read(path: Path) -> list[dict[str, Any]]:
    """Read a journal's lines; one that a killed run left unfinished counts for nothing."""
    if not path.is_file():
        return []
    lines = []
    for text in path.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict):
            lines.append(line)
    return lines
