"""Bring one source into its folder: fetch what may be fetched, unpack what lies there, name what is left."""

import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TextIO

import requests

from brains45k.errors import CallError
from brains45k.fetch.archive_check import STAGING_PREFIX
from brains45k.fetch.by_hand import Unpacker
from brains45k.fetch.credentials import synapse_token
from brains45k.fetch.getter import Getter
from brains45k.fetch.journal import Journal, digest_of
from brains45k.fetch.listing import list_files
from brains45k.fetch.patience import PATIENCE, Patience
from brains45k.fetch.present import holds_images, missing_bytes, size_bytes
from brains45k.fetch.remote import Remote
from brains45k.fetch.space import require_space
from brains45k.fetch.synapse import download_synapse
from brains45k.fetch.unpack import is_archive
from brains45k.sources.catalog import Source


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
    foreign : tuple of str
        Names of archives in its folder that were left alone, because they are not of this source.
    """

    name: str
    outcome: Outcome
    files: int = 0
    foreign: tuple[str, ...] = ()


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
        Its folder; made when the first file is about to be fetched.
    accepted : collection of str
        Sources whose terms the user accepts.
    keep_archives : bool
        Whether archives stay once they are unpacked.
    log : file
        Gets a line for each file that is done, or failed.
    patience : Patience
        How long to wait for a server, and how often to try again.

    Raises
    ------
    DataError
        If the provider fails, or an archive is damaged; what was fetched whole stays, and another call goes on.
    CredentialsError
        If credentials are missing or refused.
    CallError
        If the disk is full, or the root cannot be used.
    """
    try:
        _clear(root)
        task = _Task(source, root, keep_archives=keep_archives, log=log, patience=patience)
        return task.run(accepted=source.name in accepted)
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        msg = (
            f"{root}: cannot be used ({error.strerror or type(error).__name__}{where}). Mend the folder, or name "
            f"another one at sources.{source.name}.root in the config."
        )
        raise CallError(msg) from error


def _clear(root: Path) -> None:
    """Remove what a run left that was killed while it unpacked an archive, which may not be there any more."""
    for stale in root.glob(f"{STAGING_PREFIX}*"):
        shutil.rmtree(stale)


class _Task:
    """One source and its root, as they are found."""

    def __init__(self, source: Source, root: Path, *, keep_archives: bool, log: TextIO, patience: Patience) -> None:
        self._source, self._root = source, root
        self._access = source.document["access"]
        self._fetch = self._access.get("fetch")
        self._digest = digest_of(self._fetch)
        self._journal = Journal(root)
        self._holds = holds_images(source, root)
        self._keep_archives, self._log, self._patience = keep_archives, log, patience
        self._unpacker = Unpacker(
            source=source, root=root, journal=self._journal, holds=self._holds, keep_archives=keep_archives, log=log
        )

    def run(self, *, accepted: bool) -> Fetched:
        unpacked = self._unpacker.by_hand()
        outcome, files = (Outcome.UNPACKED, unpacked) if unpacked else self._without_unpacking(accepted=accepted)
        return Fetched(self._source.name, outcome, files, tuple(self._unpacker.foreign))

    def _without_unpacking(self, *, accepted: bool) -> tuple[Outcome, int]:
        if self._is_there():
            return Outcome.THERE, 0
        if not self._fetch:
            return Outcome.BY_HAND, 0
        if not accepted:
            return Outcome.TERMS, 0
        files = self._fetch_synapse() if self._fetch["provider"] == "synapse" else self._fetch_listed()
        self._journal.end(self._digest)
        return Outcome.FETCHED, files

    def _is_there(self) -> bool:
        """Tell whether there is nothing to fetch; what was begun here counts only once it is complete."""
        if not self._holds or not self._fetch:
            return self._holds
        return not self._journal.begun or self._journal.is_complete(self._digest)

    def _fetch_synapse(self) -> int:
        files = download_synapse(self._fetch, self._root, token=synapse_token(), begin=self._begin_synapse)
        self._unpacker.all(filter(is_archive, files))
        return len(files)

    def _begin_synapse(self, names: Sequence[str]) -> None:
        there_bytes = sum(size_bytes(self._root / name) for name in names)
        require_space(self._root, max((self._access.get("download_bytes") or 0) - there_bytes, 0))
        self._journal.begin(self._digest)

    def _fetch_listed(self) -> int:
        # Of another list, such as one of fewer kinds of scans, a folder that is there may be but a part.
        have = None if self._journal.knows_another(self._digest) else self._have
        with requests.Session() as session:
            remotes = list_files(self._fetch, session=session, patience=self._patience, have=have)
            missing = [remote for remote in remotes if not self._is_done(remote)]
            require_space(self._root, sum(missing_bytes(remote, self._root) for remote in missing))
            self._journal.begin(self._digest)
            getter = Getter(
                root=self._root,
                session=session,
                patience=self._patience,
                journal=self._journal,
                keep_archives=self._keep_archives,
                log=self._log,
            )
            getter.all(missing, name=self._source.name)
        return len(missing)

    def _have(self, name: str) -> bool:
        """Tell whether a folder of that name is there, with images in it."""
        return holds_images(self._source, self._root / name)

    def _is_done(self, remote: Remote) -> bool:
        done = self._journal.done(remote)
        if done is None or done.archive:
            return done is not None and self._holds
        target = remote.below(self._root)
        return target.is_file() and size_bytes(target) == done.bytes
