"""Bring one source into its folder: fetch what may be fetched, unpack what lies there, name what is left."""

import shutil
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TextIO

import requests
from tqdm import tqdm

from brains45k.errors import DataError
from brains45k.fetch.archive_check import STAGING_PREFIX
from brains45k.fetch.credentials import synapse_token
from brains45k.fetch.journal import Journal
from brains45k.fetch.listing import list_files
from brains45k.fetch.patience import PATIENCE, Patience
from brains45k.fetch.remote import Remote
from brains45k.fetch.space import require_space
from brains45k.fetch.synapse import download_synapse
from brains45k.fetch.transfer import download
from brains45k.fetch.unpack import is_archive, unpack
from brains45k.sources.catalog import Source
from brains45k.sources.walk import walk_files

# Enough for a listing of small files, few enough for any provider.
_CONNECTIONS = 4
# When so many files in a row fail, the rest will too.
_MAX_FAILURES = 10


class Outcome(StrEnum):
    """What became of a source."""

    FETCHED = "fetched"
    UNPACKED = "unpacked"
    THERE = "there already"
    BY_HAND = "left to you"
    TERMS = "terms not accepted"
    CREDENTIALS = "no credentials"


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was done about one source.

    Attributes
    ----------
    files : int
        Files and archives that were fetched, or archives that were unpacked.
    """

    name: str
    outcome: Outcome
    files: int = 0


def fetch_source(
    source: Source,
    root: Path,
    *,
    accepted: Collection[str],
    keep_archives: bool,
    log: TextIO,
    patience: Patience = PATIENCE,
) -> Fetched:
    """Fetch a source into its root as far as that is possible without a person.

    Parameters
    ----------
    source : Source
        Its ``access`` says where from.
    root : Path
        Its folder; made if it is not there.
    accepted : collection of str
        Sources whose terms the user accepts.
    keep_archives : bool
        Whether archives stay once they are unpacked.
    log : file
        Gets a line for each file that is done.
    patience : Patience
        How long to wait for a server, and how often to try again.

    Raises
    ------
    DataError
        If the provider fails, or an archive is damaged; what was fetched whole stays, and another call goes on.
    CredentialsError
        If credentials are missing or refused.
    CallError
        If the disk is full or cannot be written.
    """
    access, journal = source.document["access"], Journal(root)
    for stale in root.glob(f"{STAGING_PREFIX}*"):
        # Of a run that was killed while it unpacked an archive that may not be there any more.
        shutil.rmtree(stale)
    there = {path for pattern in access.get("archives", ()) for path in root.glob(pattern) if path.is_file()}
    unpacked = _unpack_each(there, root, journal, keep_archives=keep_archives, log=log)
    if unpacked:
        return Fetched(source.name, Outcome.UNPACKED, unpacked)
    if journal.complete or (not journal.begun and holds_images(source, root)):
        return Fetched(source.name, Outcome.THERE)
    if "fetch" not in access:
        return Fetched(source.name, Outcome.BY_HAND)
    if source.name not in accepted:
        return Fetched(source.name, Outcome.TERMS)
    root.mkdir(parents=True, exist_ok=True)
    if access["fetch"]["provider"] == "synapse":
        require_space(root, access.get("download_bytes") or 0)
        files = download_synapse(access["fetch"], root, token=synapse_token())
        journal.begin()
        _unpack_each(filter(is_archive, files), root, journal, keep_archives=keep_archives, log=log)
        journal.end()
        return Fetched(source.name, Outcome.FETCHED, len(files))
    with requests.Session() as session:
        remotes = list_files(access["fetch"], session=session, patience=patience, have=lambda name: _have(root, name))
        missing = [remote for remote in remotes if not journal.has(remote.path)]
        require_space(root, sum(remote.bytes or 0 for remote in missing))
        journal.begin()
        getter = _Getter(
            root=root, session=session, patience=patience, journal=journal, keep_archives=keep_archives, log=log
        )
        getter.all(missing, name=source.name)
    journal.end()
    return Fetched(source.name, Outcome.FETCHED, len(missing))


def _have(root: Path, name: str) -> bool:
    return (root / name).is_dir()


def holds_images(source: Source, root: Path) -> bool:
    """Tell whether an image of a source lies in its root, however it came there."""
    if not root.is_dir():
        return False
    matches = (source.match(file.path) for file in walk_files(root))
    return any(match is not None and match[0].role == "image" for match in matches)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Getter:
    """Fetches files of one source, several at a time."""

    root: Path
    session: requests.Session
    patience: Patience
    journal: Journal
    keep_archives: bool
    log: TextIO

    def all(self, remotes: Sequence[Remote], *, name: str) -> None:
        """Fetch files and unpack archives; one that fails does not keep the others away."""
        known = [remote.bytes for remote in remotes]
        total = sum(size or 0 for size in known) if all(known) else None
        with (
            ThreadPoolExecutor(_CONNECTIONS) as pool,
            tqdm(total=total, desc=name, unit="B", unit_scale=True, dynamic_ncols=True) as bar,
        ):
            jobs = {pool.submit(self._one, remote, bar): remote for remote in remotes}
            failures = list(_failures(jobs))
        if failures:
            msg = f"{name}: {len(failures)} of {len(remotes)} files could not be fetched, the first: {failures[0]} "
            raise DataError(msg + "What came whole is in place; run again for the rest.")

    def _one(self, remote: Remote, bar: "tqdm[Any]") -> None:
        path = download(remote, self.root, session=self.session, patience=self.patience, advance=bar.update)
        size = path.stat().st_size
        if is_archive(path):
            unpacked = unpack(path, self.root)
            self.log.write(f"{remote.path}: {size:,} bytes, {unpacked.files:,} files in it\n")
            if not self.keep_archives:
                path.unlink()
        else:
            self.log.write(f"{remote.path}: {size:,} bytes\n")
        self.journal.done(remote.path, size)


def _failures(jobs: Iterable[Future[None]]) -> Iterator[DataError]:
    """Give the files that failed; when all of the last ones did, give the rest up."""
    in_a_row = 0
    for job in as_completed(jobs):
        try:
            job.result()
            in_a_row = 0
        except CancelledError:
            continue
        except DataError as error:
            in_a_row += 1
            yield error
        except BaseException:
            _cancel(jobs)
            raise
        if in_a_row == _MAX_FAILURES:
            _cancel(jobs)


def _cancel(jobs: Iterable[Future[None]]) -> None:
    for job in jobs:
        job.cancel()


def _unpack_each(paths: Iterable[Path], root: Path, journal: Journal, *, keep_archives: bool, log: TextIO) -> int:
    """Unpack archives that lie in a root, each once; return how many that were."""
    new = [path for path in sorted(paths) if not journal.has(_identity(path))]
    for path in new:
        name, size = _identity(path), path.stat().st_size
        unpacked = unpack(path, root)
        log.write(f"{path.name}: {unpacked.files:,} files in it\n")
        if keep_archives:
            journal.done(name, size)
        else:
            path.unlink()
    return len(new)


def _identity(path: Path) -> str:
    """Name an archive so that another of the same name is told apart."""
    status = path.stat()
    return f"{path.name} {status.st_size} {status.st_mtime_ns}"
