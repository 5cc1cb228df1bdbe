"""A file on its way: ``.NAME.part`` beside its place, what is known of it, and its checksums.

It stays whenever a download ends early, so that the next one goes on behind it, and is moved into its place only
when it is proved. What the server said of it lies in ``.NAME.part.json``.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from brains45k.errors import CallError
from brains45k.fetch.page import HEAD_BYTES
from brains45k.fetch.space import FULL, disk_error

_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What a server said of a file when its first byte came.

    Attributes
    ----------
    url : str
        Its public address.
    validator : str, optional
        What changes whenever the file does: a strong ETag, or else the time of its last change.
    total_bytes : int, optional
        How long the whole is.
    """

    url: str
    validator: str | None = None
    total_bytes: int | None = None


class Part:
    """A file on its way, open and locked as long as the ``with`` lasts.

    Parameters
    ----------
    target : Path
        Its place in the end.
    algorithms : iterable of str
        The checksums that will be wanted.
    advance : callable
        Told of each change of the length, in bytes: what is there at the start, what comes, what is thrown away.

    Raises
    ------
    CallError
        If the disk does not take it, or another run is at it.
    """

    def __init__(self, target: Path, algorithms: Iterable[str], advance: Callable[[int], object]) -> None:
        self._target = target
        self._path = part_path(target)
        self._mark_path = target.with_name(f".{target.name}.part.json")
        self._algorithms = tuple(algorithms)
        self._advance = advance
        self._published = False

    def __enter__(self) -> Self:
        with self._disk():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a+b", buffering=0)
        try:
            with self._disk():
                self._lock()
                self.length = self._file.seek(0, os.SEEK_END)
        except BaseException:
            self._file.close()
            raise
        self._digests, self._digested = new_digests(self._algorithms), 0
        if self.length:
            self._advance(self.length)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.length and not self._published:
            self._forget(self._path)
            self._forget(self._mark_path)
        self._file.close()

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self._path.parent

    def mark(self) -> Mark | None:
        """Return what is known of it; None if nothing is, or it cannot be read."""
        try:
            mark = Mark(**json.loads(self._mark_path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        # It becomes a header.
        usable = mark.validator is None or (isinstance(mark.validator, str) and mark.validator.isprintable())
        return mark if usable and isinstance(mark.total_bytes, int | None) else None

    def restart(self, mark: Mark) -> None:
        """Begin anew with an empty file, of which this is known."""
        self.discard()
        with self._disk():
            self._mark_path.write_text(json.dumps(asdict(mark)), encoding="utf-8")

    def append(self, chunk: bytes) -> None:
        """Write behind the end.

        Raises
        ------
        CallError
            If the disk is full or fails.
        """
        self._catch_up()
        rest = memoryview(chunk)
        with self._disk():
            while rest:
                written = self._file.write(rest)
                self.length += written
                rest = rest[written:]
        for digest in self._digests.values():
            digest.update(chunk)
        self._digested = self.length
        self._advance(len(chunk))

    def discard(self) -> None:
        """Throw away what has come."""
        self._forget(self._mark_path)
        if not self.length:
            return
        with self._disk():
            self._file.truncate(0)
        self._advance(-self.length)
        self.length = self._digested = 0
        self._digests = new_digests(self._algorithms)

    def head(self) -> bytes:
        """Return its first bytes."""
        with self._disk():
            self._file.seek(0)
            return self._file.read(HEAD_BYTES)

    def differing(self, checksums: Mapping[str, str]) -> str:
        """Return the first checksum that differs and both its values, in words; empty if none does."""
        self._catch_up()
        found = {name: digest.hexdigest() for name, digest in self._digests.items()}
        return differing(found, checksums)

    def publish(self) -> None:
        """Move it into its place, where it then lies whole whatever happens to the machine."""
        with self._disk():
            os.fsync(self._file.fileno())
            self._path.replace(self._target)
            self._published = True
            _sync_folder(self.folder)
        self._forget(self._mark_path)

    def _lock(self) -> None:
        """Keep other runs away, where the disk knows locks."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise self._busy() from error
        except OSError:
            return
        # Another run may have moved it into its place just before the lock was free.
        if not self._path.exists() or not os.path.samestat(os.fstat(self._file.fileno()), self._path.stat()):
            raise self._busy()

    def _busy(self) -> CallError:
        return CallError(f"{self._target}: another run is fetching it. Wait until that one is done.")

    def _catch_up(self) -> None:
        """Read what came before and is not yet in the checksums."""
        if self._digested == self.length or not self._digests:
            return
        with self._disk():
            self._file.seek(self._digested)
            while block := self._file.read(_BLOCK_BYTES):
                for digest in self._digests.values():
                    digest.update(block)
        self._digested = self.length

    def _forget(self, path: Path) -> None:
        with suppress(OSError):
            path.unlink()

    @contextmanager
    def _disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in FULL:
                msg = f"{self._target}: the disk is full. Make room and run again: what has come is kept."
            else:
                msg = f"{self._target}: cannot be written ({error.strerror}). Mend the folder, or name another one."
            raise disk_error(msg, error) from error


def part_path(target: Path) -> Path:
    """Return where the part of a file lies that is on its way to ``target``."""
    return target.with_name(f".{target.name}.part")


def new_digests(algorithms: Iterable[str]) -> dict[str, Any]:
    """Return a fresh checksum of each kind."""
    # Some of them are old, and guard against damage, not against malice.
    return {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}


def differing(found: Mapping[str, str], expected: Mapping[str, str]) -> str:
    """Name the first checksum that differs, with both values; empty if none does.

    >>> differing({"md5": "0a"}, {"md5": "0b"}), differing({"md5": "0a"}, {"md5": "0A"})
    ('md5 is 0a, expected 0b', '')
    """
    wrong = (name for name, digits in expected.items() if found[name] != digits.strip().lower())
    return next((f"{name} is {found[name]}, expected {expected[name]}" for name in wrong), "")


def _sync_folder(folder: Path) -> None:
    """Let the move itself survive a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
