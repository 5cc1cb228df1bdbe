"""Fetch the files of one source, several at a time."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import requests
from tqdm import tqdm

from brains45k.errors import BrainsError, DataError
from brains45k.fetch.failures import common_kind
from brains45k.fetch.journal import Done, Journal
from brains45k.fetch.patience import Patience
from brains45k.fetch.remote import Remote
from brains45k.fetch.space import DiskError
from brains45k.fetch.transfer import download
from brains45k.fetch.unpack import is_archive, unpack

# Enough for a listing of small files, few enough for any provider.
_CONNECTIONS = 4
# When so many files in a row fail, the rest will too.
_MAX_FAILURES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Getter:
    """Fetches files of one source, several at a time, and unpacks those that are archives."""

    root: Path
    session: requests.Session
    patience: Patience
    journal: Journal
    keep_archives: bool
    log: TextIO

    def all(self, remotes: Sequence[Remote], *, name: str) -> None:
        """Fetch files and unpack archives; one that fails does not keep the others away.

        Raises
        ------
        BrainsError
            If files failed: a line of the log names each, this error the first.
        DiskError
            At once, where the disk takes no more.
        """
        known = [remote.bytes for remote in remotes]
        total = sum(size or 0 for size in known) if all(known) else None
        with (
            ThreadPoolExecutor(_CONNECTIONS) as pool,
            tqdm(total=total, desc=name, unit="B", unit_scale=True, dynamic_ncols=True) as bar,
        ):
            jobs = {pool.submit(self._one, remote, bar): remote for remote in remotes}
            try:
                failures = self._failures(jobs)
            except BaseException:
                _cancel(jobs)
                raise
        if failures:
            msg = f"{name}: {len(failures)} of {len(remotes)} files could not be fetched, the first: {failures[0]} "
            raise common_kind(failures)(msg + "What came whole is in place; run again for the rest.")

    def _one(self, remote: Remote, bar: "tqdm[Any]") -> None:
        path = download(remote, self.root, session=self.session, patience=self.patience, advance=bar.update)
        size, archive = path.stat().st_size, is_archive(path)
        if archive:
            files = self._unpack(path, remote)
            self.log.write(f"{remote.path}: {size:,} bytes, {files:,} files in it\n")
        else:
            self.log.write(f"{remote.path}: {size:,} bytes\n")
        self.journal.add(remote, Done(size, archive))

    def _unpack(self, path: Path, remote: Remote) -> int:
        try:
            unpacked = unpack(path, self.root)
        except DataError as error:
            if remote.checksums:
                raise
            # Nothing else would show that it is damaged, so that it would be taken for whole for ever.
            path.unlink()
            msg = f"{error} It has been deleted: the next run fetches it anew."
            raise DataError(msg) from error
        if not self.keep_archives:
            path.unlink()
        return unpacked.files

    def _failures(self, jobs: Mapping[Future[None], Remote]) -> list[BrainsError]:
        """Return what failed; when all of the last ones did, give the rest up."""
        failures: list[BrainsError] = []
        in_a_row = 0
        for job in as_completed(jobs):
            try:
                job.result()
                in_a_row = 0
            except CancelledError:
                continue
            except BrainsError as error:
                self.log.write(f"{jobs[job].path}: {error}\n")
                if isinstance(error, DiskError):
                    raise
                failures.append(error)
                in_a_row += 1
            if in_a_row == _MAX_FAILURES:
                self.log.write(f"the last {_MAX_FAILURES} failed: no other is asked for\n")
                _cancel(jobs)
        return failures


def _cancel(jobs: Iterable[Future[None]]) -> None:
    for job in jobs:
        job.cancel()
