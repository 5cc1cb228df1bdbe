"""A tiny source that is fetched from the loopback or unpacked by hand: what the tests of fetching share."""

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

from brains45k.fetch.patience import Patience
from brains45k.fetch.source import Fetched, fetch_source
from brains45k.sources.catalog import Source
from support.http_server import LoopbackServer
from support.small_corpus import document

#: An image of the tiny source, by the path that its layout wants.
IMAGE = "sub-01/sub-01_T1w.nii.gz"
_QUICK = Patience(attempts=3, first_wait_s=0.0, sleep=lambda _: None)


def packed(**files: bytes) -> bytes:
    """Return a zip of one image of the tiny source for each name, such as ``sub_01=b"voxels"``."""
    return packed_as({f"{name}/{name}_T1w.nii.gz".replace("sub_", "sub-"): content for name, content in files.items()})


def packed_as(files: dict[str, bytes]) -> bytes:
    """Return a zip of files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in files.items():
            file.writestr(name, content)
    return buffer.getvalue()


def source_with(*, metadata: tuple[str, ...] = (), **access: Any) -> Source:
    """Return the tiny source with another access."""
    whole = {"kind": "open", "steps": ["Run fetch."]} | access
    return Source("tiny", document(access=whole, metadata=list(metadata)))


def source_of(*urls: str, contents: tuple[bytes, ...]) -> Source:
    """Return the tiny source with files of known sizes and sums."""
    files = [
        {"url": url, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for url, content in zip(urls, contents, strict=True)
    ]
    return source_with(fetch={"provider": "files", "files": files})


def source_of_unknown(*urls: str) -> Source:
    """Return the tiny source with files of which no sum is known."""
    return source_with(fetch={"provider": "files", "files": [{"url": url} for url in urls]})


def fetch(source: Source, root: Path, **changes: Any) -> Fetched:
    """Fetch it, its terms accepted."""
    terms: dict[str, Any] = {"accepted": ["tiny"], "keep_archives": False, "log": io.StringIO(), "patience": _QUICK}
    return fetch_source(source, root, **terms | changes)


def put_voxels(server: LoopbackServer, count: int) -> tuple[list[str], tuple[bytes, ...]]:
    """Lay down so many files that are no archives; return their addresses and contents."""
    contents = tuple(bytes([0, 200, number]) * 9 for number in range(count))
    return [server.put(f"/{number:02}.nii", content) for number, content in enumerate(contents)], contents
