"""Download one file from a server on the loopback: what the tests of the transfer share."""

import hashlib
import random
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from brains45k.fetch.remote import Remote
from brains45k.fetch.transfer import Patience, download
from support.http_server import LoopbackServer, direct_session, serve

#: What must be in no message, no log and no file: it stands in the query, in a header, in a cookie and in a password.
SECRET = "s3cr3t-do-not-tell"  # noqa: S105
QUERY = f"?X-Signature={SECRET}&expires=1"
#: Enough for several packets; it begins like a zip.
CONTENT = b"PK\x03\x04" + random.Random(6).randbytes(120_000)  # noqa: S311 - any bytes
HALF = len(CONTENT) // 2
# Long enough that no busy machine meets it.
_CALM_S = 60.0


def sums(content: bytes) -> dict[str, str]:
    """Return the checksums that a provider would state."""
    return {
        "md5": hashlib.md5(content, usedforsecurity=False).hexdigest(),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


@dataclass
class Download:
    """One file on a server, and the folder that it goes to."""

    server: LoopbackServer
    session: requests.Session
    folder: Path
    path: str = "/data/a.zip"
    waits_s: list[float] = field(default_factory=list)
    steps_bytes: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sleep: Callable[[float], object] = self.waits_s.append

    def remote(self, **known: Any) -> Remote:
        """Describe the file, its size and sums known unless said otherwise."""
        usual: dict[str, Any] = {
            "url": self.server.url(self.path) + QUERY,
            "path": "sub/a.zip",
            "bytes": len(CONTENT),
            "checksums": sums(CONTENT),
        }
        return Remote(**usual | known)

    def patience(self, *, attempts: int = 3, read_s: float = _CALM_S) -> Patience:
        """Wait for the server in earnest, and between attempts not at all."""
        return Patience(
            connect_s=_CALM_S, read_s=read_s, attempts=attempts, first_wait_s=1.0, longest_wait_s=60.0,
            sleep=self.sleep,
        )  # fmt: skip

    def run(self, remote: Remote | None = None, *, attempts: int = 3, read_s: float = _CALM_S) -> Path:
        """Download it."""
        return download(
            remote or self.remote(), self.folder, session=self.session,
            patience=self.patience(attempts=attempts, read_s=read_s), advance=self.steps_bytes.append,
        )  # fmt: skip

    def fail(self, kind: type[Exception], remote: Remote | None = None, **how: Any) -> str:
        """Download it, expect an error, and return its message, which is one line without a secret."""
        with pytest.raises(kind) as caught:
            self.run(remote, **how)
        assert caught.type is kind
        assert SECRET not in "".join(traceback.format_exception(caught.value))
        message = str(caught.value)
        assert len(message.splitlines()) == 1
        return message

    def interrupt(self, remote: Remote | None = None, **how: Any) -> None:
        """Download it, and stop as a person would at the first wait."""

        def stop(_seconds: float) -> None:
            raise KeyboardInterrupt

        self.sleep, usual = stop, self.sleep
        with pytest.raises(KeyboardInterrupt):
            self.run(remote, **how)
        self.sleep = usual

    def there(self) -> dict[str, bytes]:
        """Return every file below the folder."""
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in files}

    def leave_part(self, content: bytes, mark: str | None = None) -> None:
        """Lay down what an earlier download would have left."""
        (self.folder / "sub").mkdir(parents=True, exist_ok=True)
        (self.folder / "sub" / ".a.zip.part").write_bytes(content)
        if mark is not None:
            (self.folder / "sub" / ".a.zip.part.json").write_text(mark, encoding="utf-8")

    @property
    def ranges(self) -> list[str | None]:
        """The ranges that were asked for, request by request."""
        return [seen.headers.get("Range") for seen in self.server.of(self.path)]


@contextmanager
def downloading(folder: Path) -> Iterator[Download]:
    """Open a server that has the file, and a session that holds credentials."""
    with serve() as server, direct_session() as session:
        session.headers["X-Token"] = SECRET
        session.auth = ("ann", SECRET)
        session.cookies.set("JSESSIONID", SECRET)
        download = Download(server, session, folder)
        server.put(download.path, CONTENT)
        yield download
