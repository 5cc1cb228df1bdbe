"""Bring one file from its server: go on where it was cut, prove it, and only then put it into its place."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import requests

from brains45k.errors import CallError, DataError
from brains45k.fetch.page import HEAD_BYTES, is_unasked_page
from brains45k.fetch.part import Mark, Part, differing, new_digests
from brains45k.fetch.patience import PATIENCE, PassingError, Patience, insist
from brains45k.fetch.ranges import Range, content_range, is_unchanged, unsatisfied_total_bytes, validator_of
from brains45k.fetch.remote import Remote
from brains45k.fetch.request import open_answer, read_chunks
from brains45k.fetch.space import require_space

__all__ = ["Patience", "download"]

_WHOLE, _PARTIAL, _BEYOND = 200, 206, 416
_BLOCK_BYTES = 1 << 20


def download(
    remote: Remote,
    folder: Path,
    *,
    session: requests.Session,
    patience: Patience = PATIENCE,
    advance: Callable[[int], object] | None = None,
) -> Path:
    """Bring a file whole and checked into its place, or leave its place as it is.

    What a download that broke off has brought lies beside the place in ``.NAME.part``, and the next one goes on
    behind it. A file that is there already and agrees with what is known of it is not fetched again.

    Parameters
    ----------
    remote : Remote
        What to fetch.
    folder : Path
        The folder that its path is relative to.
    session : requests.Session
        What holds connections, cookies and credentials; threads may share it.
    patience : Patience
        How long and how often to try.
    advance : callable, optional
        Told of bytes as they come, of those that are there already, and of those thrown away, which are negative:
        in the end the sum is the length of the file.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    DataError
        If the server is at fault: not the file, another size, other checksums, no answer after many attempts.
    CallError
        If the server refuses the credentials, the disk is full or cannot be written, or another run is at it.
    """
    target = remote.below(folder)
    advance = advance or _ignore
    if target.is_dir():
        msg = f"{target}: is a folder, and a file is to be put there. Move it away."
        raise CallError(msg)
    if target.is_file() and _is_proved(target, remote):
        advance(target.stat().st_size)
        return target
    with Part(target, remote.checksums, advance) as part:
        _Transfer(remote, part, session, patience).run()
        part.publish()
    return target


@dataclass(frozen=True, slots=True)
class _Transfer:
    """One file, the part that it lies in, and the means to bring the rest."""

    remote: Remote
    part: Part
    session: requests.Session
    patience: Patience

    def run(self) -> None:
        """Bring the file and prove it; wrong bytes cost one more try from the start."""
        for is_last in (False, True):
            insist(self._attempt, patience=self.patience, reached=lambda: self.part.length)
            if self._is_page(self.part.head()):
                self.part.discard()
                raise self._page_error()
            wrong = self.part.differing(self.remote.checksums)
            if not wrong:
                return
            self.part.discard()
            if is_last:
                msg = f"{self.remote}: {wrong}, twice. The provider may have changed the file: see its page."
                raise DataError(msg)

    def _attempt(self) -> None:
        """Bring what is missing, or as much of it as comes."""
        mark = self._mark()
        total_bytes = mark.total_bytes if mark and self.remote.bytes is None else self.remote.bytes
        if total_bytes is not None and self.part.length > total_bytes:
            self.part.discard()
        if self.part.length and self.part.length == total_bytes:
            return
        if not (self.part.length and self._continue(mark)):
            self._begin()

    def _mark(self) -> Mark | None:
        """Return what is known of the part, if it is of this address."""
        mark = self.part.mark()
        return mark if mark and mark.url == str(self.remote) else None

    def _continue(self, mark: Mark | None) -> bool:
        """Ask for the rest of a part; return False if the file must begin anew."""
        validator = mark.validator if mark else None
        if not validator and not self.remote.checksums:
            # Nothing would show that these bytes and the next are of one file.
            return False
        headers = {"Range": f"bytes={self.part.length}-"} | ({"If-Range": validator} if validator else {})
        with self._open(headers, (_WHOLE, _PARTIAL, _BEYOND)) as answer:
            if answer.status_code == _WHOLE:
                self._receive_whole(answer)
                return True
            if answer.status_code == _BEYOND:
                return self._ends_here(answer)
            return self._receive_rest(answer, mark)

    def _begin(self) -> None:
        with self._open({}, (_WHOLE,)) as answer:
            self._receive_whole(answer)

    def _open(self, headers: dict[str, str], accepted: tuple[int, ...]) -> requests.Response:
        return open_answer(
            self.remote.url, session=self.session, patience=self.patience, headers=headers, accepted=accepted
        )

    def _ends_here(self, answer: requests.Response) -> bool:
        """Tell whether there are no more bytes because all have come."""
        total_bytes = unsatisfied_total_bytes(answer.headers)
        if total_bytes is not None:
            return total_bytes == self.part.length
        return bool(self.remote.checksums) and not self.part.differing(self.remote.checksums)

    def _receive_rest(self, answer: requests.Response, mark: Mark | None) -> bool:
        """Receive the bytes behind the part, unless they are not the next ones of the file that was begun."""
        found = content_range(answer.headers)
        total_bytes = self._one_total(found, mark)
        fits = (
            found is not None
            and total_bytes is not None
            and found.first == self.part.length
            and found.last < total_bytes
            and _length(answer) in (None, found.last + 1 - found.first)
            and is_unchanged(mark, answer.headers)
        )
        if not found or not fits:
            return False
        self._receive(read_chunks(self.remote.url, answer), found.last + 1)
        self._require_length(total_bytes)
        return True

    def _one_total(self, found: Range | None, mark: Mark | None) -> int | None:
        """Return how long the file is by all that say it; None if none does, or they differ."""
        told = (found.total_bytes if found else None, self.remote.bytes, mark.total_bytes if mark else None)
        totals = {total for total in told if total is not None}
        return totals.pop() if len(totals) == 1 else None

    def _receive_whole(self, answer: requests.Response) -> None:
        """Receive a file from its first byte; what was there before goes once the new bytes are no page."""
        chunks = self._checked(read_chunks(self.remote.url, answer))
        first = next(chunks, b"")
        total_bytes = self._agreed_bytes(_length(answer))
        self._require_framed(answer, total_bytes)
        self.part.restart(
            Mark(url=str(self.remote), validator=validator_of(answer.headers), total_bytes=_length(answer))
        )
        self._receive(chain((first,), chunks), total_bytes)
        self._require_length(total_bytes)

    def _checked(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield what comes, the beginning in one piece once it is seen to be no page."""
        head, failure = _take_head(chunks)
        if failure is None and self._is_page(head):
            raise self._page_error()
        if head:
            yield head
        if failure is not None:
            raise failure
        yield from chunks

    def _receive(self, chunks: Iterator[bytes], end: int | None) -> None:
        """Write what comes, which may not go beyond ``end``."""
        if end is not None:
            require_space(self.part.folder, end - self.part.length)
        for chunk in chunks:
            if end is not None and self.part.length + len(chunk) > end:
                self.part.discard()
                msg = f"{self.remote}: sends more than the {end:,} bytes that it should have. Broken off."
                raise DataError(msg)
            self.part.append(chunk)

    def _require_length(self, total_bytes: int | None) -> None:
        if total_bytes is not None and self.part.length < total_bytes:
            raise PassingError(f"{self.remote}: ends after {self.part.length:,} of {total_bytes:,} bytes")
        if not self.part.length and self.remote.bytes is None and not self.remote.checksums:
            raise PassingError(f"{self.remote}: is empty")

    def _agreed_bytes(self, told_bytes: int | None) -> int | None:
        """Return how long the file is, by the server and by what is known; they may not differ."""
        known_bytes = self.remote.bytes
        if None not in (told_bytes, known_bytes) and told_bytes != known_bytes:
            msg = f"{self.remote}: is {told_bytes:,} bytes, expected {known_bytes:,}. See the provider's page."
            raise DataError(msg)
        return told_bytes if known_bytes is None else known_bytes

    def _require_framed(self, answer: requests.Response, total_bytes: int | None) -> None:
        """Refuse a file whose end nothing would tell from a cut."""
        in_chunks = "chunked" in answer.headers.get("Transfer-Encoding", "").lower()
        if total_bytes is None and not in_chunks and not self.remote.checksums:
            msg = f"{self.remote}: tells no length, so that a cut would go unseen. State `bytes` in the source file."
            raise DataError(msg)

    def _is_page(self, head: bytes) -> bool:
        return is_unasked_page(head, self.remote.path)

    def _page_error(self) -> DataError:
        msg = (
            f"{self.remote}: is a web page instead of {self.remote.path!r}, probably a login page. Check the "
            "credentials, and in a browser whether terms are to be accepted first."
        )
        return DataError(msg)


def _take_head(chunks: Iterator[bytes]) -> tuple[bytes, PassingError | None]:
    """Take the beginning, and what broke it off, if something did."""
    head = bytearray()
    try:
        while len(head) < HEAD_BYTES and (chunk := next(chunks, b"")):
            head += chunk
    except PassingError as failure:
        return bytes(head), failure
    return bytes(head), None


def _length(answer: requests.Response) -> int | None:
    """Return the body's length as the server tells it; a chunked body's header is not heeded."""
    if "chunked" in answer.headers.get("Transfer-Encoding", "").lower():
        return None
    told = answer.headers.get("Content-Length", "")
    return int(told) if told.isascii() and told.isdigit() else None


def _is_proved(target: Path, remote: Remote) -> bool:
    """Tell whether a file agrees with all that is known of it."""
    digests = new_digests(remote.checksums)
    try:
        if remote.bytes not in (None, target.stat().st_size):
            return False
        with target.open("rb") as file:
            if is_unasked_page(file.read(HEAD_BYTES), remote.path):
                return False
            file.seek(0)
            while digests and (block := file.read(_BLOCK_BYTES)):
                for digest in digests.values():
                    digest.update(block)
    except OSError:
        return False
    return not differing({name: digest.hexdigest() for name, digest in digests.items()}, remote.checksums)


def _ignore(_bytes: int) -> None:
    """Tell nobody."""
