"""One source, from its provider on the loopback to a folder that the scan takes."""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.http_answers import cut, status
from support.http_server import LoopbackServer, serve
from support.small_corpus import document, head, write_nifti

import brains45k.fetch.source as module
from brains45k.errors import CallError, DataError
from brains45k.fetch.credentials import CredentialsError
from brains45k.fetch.patience import Patience
from brains45k.fetch.source import Fetched, Outcome, fetch_source, holds_images
from brains45k.sources.catalog import Source
from brains45k.sources.scan import scan_source

_QUICK = Patience(attempts=3, first_wait_s=0.0, sleep=lambda _: None)
_IMAGE = "sub-01/sub-01_T1w.nii.gz"


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with serve() as server:
        yield server


@pytest.fixture
def archive(tmp_path: Path) -> bytes:
    """A zip with one image of the tiny source."""
    image = write_nifti(tmp_path / "made" / _IMAGE, head(1))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.write(image, _IMAGE)
    return packed.getvalue()


def source_with(**access: Any) -> Source:
    return Source("tiny", document(access={"kind": "open", "steps": ["Run fetch."]} | access))


def source_of(*urls: str, contents: tuple[bytes, ...]) -> Source:
    files = [
        {"url": url, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for url, content in zip(urls, contents, strict=True)
    ]
    return source_with(fetch={"provider": "files", "files": files})


def fetch(source: Source, root: Path, **changes: Any) -> Fetched:
    terms: dict[str, Any] = {"accepted": ["tiny"], "keep_archives": False, "log": io.StringIO(), "patience": _QUICK}
    return fetch_source(source, root, **terms | changes)


def test_an_archive_is_fetched_unpacked_and_removed(server: LoopbackServer, archive: bytes, tmp_path: Path) -> None:
    source, root, log = source_of(server.put("/a.zip", archive), contents=(archive,)), tmp_path / "root", io.StringIO()
    assert fetch(source, root, log=log) == Fetched("tiny", Outcome.FETCHED, 1)
    assert [candidate.file.path for candidate in scan_source(source, root).candidates] == [_IMAGE]
    assert not (root / "a.zip").exists()
    assert log.getvalue() == f"a.zip: {len(archive):,} bytes, 1 files in it\n"


def test_what_was_fetched_is_not_fetched_again(server: LoopbackServer, archive: bytes, tmp_path: Path) -> None:
    source, root = source_of(server.put("/a.zip", archive), contents=(archive,)), tmp_path / "root"
    fetch(source, root)
    asked = len(server.seen)
    assert fetch(source, root) == Fetched("tiny", Outcome.THERE)
    assert len(server.seen) == asked


def test_archives_stay_where_that_is_asked(server: LoopbackServer, archive: bytes, tmp_path: Path) -> None:
    source, root = source_of(server.put("/a.zip", archive), contents=(archive,)), tmp_path / "root"
    fetch(source, root, keep_archives=True)
    assert (root / "a.zip").read_bytes() == archive
    assert (root / _IMAGE).is_file()


def test_what_lies_there_already_is_left_alone(tmp_path: Path) -> None:
    source, root = source_of("http://127.0.0.1:1/a.zip", contents=(b"never",)), tmp_path / "root"
    write_nifti(root / _IMAGE, head(1))
    assert holds_images(source, root)
    assert fetch(source, root) == Fetched("tiny", Outcome.THERE)


def test_nothing_is_fetched_before_the_terms_are_accepted(server: LoopbackServer, tmp_path: Path) -> None:
    source = source_of(server.put("/a.nii", b"voxels"), contents=(b"voxels",))
    assert fetch(source, tmp_path / "root", accepted=[]) == Fetched("tiny", Outcome.TERMS)
    assert server.seen == []
    assert not (tmp_path / "root").exists()


def test_one_file_that_fails_keeps_no_other_away(server: LoopbackServer, tmp_path: Path) -> None:
    contents = tuple(bytes([0, 200, number]) * 9 for number in range(5))
    urls = [server.put(f"/{number}.nii", content) for number, content in enumerate(contents)]
    server.script("/2.nii", status(404), forever=True)
    source, root = source_of(*urls, contents=contents), tmp_path / "root"
    with pytest.raises(DataError, match=r"tiny: 1 of 5 files could not be fetched, the first: .*2\.nii"):
        fetch(source, root)
    assert sorted(path.name for path in root.glob("*.nii")) == ["0.nii", "1.nii", "3.nii", "4.nii"]
    server.script("/2.nii")
    server._forever.clear()
    assert fetch(source, root) == Fetched("tiny", Outcome.FETCHED, 1)
    assert len(server.of("/0.nii")) == 1


def test_a_cut_costs_what_was_missing(server: LoopbackServer, archive: bytes, tmp_path: Path) -> None:
    source = source_of(server.put("/a.zip", archive), contents=(archive,))
    server.script("/a.zip", cut(len(archive) // 2))
    fetch(source, tmp_path / "root")
    assert server.sent_bytes("/a.zip") == len(archive)


def test_when_all_fail_the_rest_is_not_asked_for(server: LoopbackServer, tmp_path: Path) -> None:
    contents = tuple(bytes([0, 200, number]) * 9 for number in range(60))
    urls = [server.url(f"/{number}.nii") for number in range(60)]
    with pytest.raises(DataError, match="could not be fetched"):
        fetch(source_of(*urls, contents=contents), tmp_path / "root")
    assert len(server.seen) < 30


def test_credentials_that_are_refused_end_the_source_at_once(server: LoopbackServer, tmp_path: Path) -> None:
    contents = tuple(bytes([0, 200, number]) * 9 for number in range(60))
    urls = [server.put(f"/{number}.nii", content) for number, content in enumerate(contents)]
    for number in range(60):
        server.script(f"/{number}.nii", status(401), forever=True)
    with pytest.raises(CallError):
        fetch(source_of(*urls, contents=contents), tmp_path / "root")
    assert len(server.seen) < 30


def test_archives_that_a_person_put_there_are_unpacked_once(archive: bytes, tmp_path: Path) -> None:
    source, root = source_with(kind="by_hand", archives=["*.zip"]), tmp_path / "root"
    assert fetch(source, root) == Fetched("tiny", Outcome.BY_HAND)
    root.mkdir()
    (root / "download.zip").write_bytes(archive)
    assert fetch(source, root, accepted=[]) == Fetched("tiny", Outcome.UNPACKED, 1)
    assert (root / _IMAGE).is_file()
    assert not (root / "download.zip").exists()
    assert fetch(source, root) == Fetched("tiny", Outcome.THERE)


def test_an_archive_that_stays_is_not_unpacked_again(archive: bytes, tmp_path: Path) -> None:
    source, root = source_with(kind="by_hand", archives=["*.zip"]), tmp_path / "root"
    root.mkdir()
    (root / "download.zip").write_bytes(archive)
    fetch(source, root, keep_archives=True)
    (root / _IMAGE).unlink()
    assert fetch(source, root, keep_archives=True) == Fetched("tiny", Outcome.BY_HAND)


def test_what_a_killed_run_was_unpacking_goes(tmp_path: Path) -> None:
    stale = tmp_path / "root/.unpacking-gone/sub-01"
    stale.mkdir(parents=True)
    fetch(source_with(kind="by_hand"), tmp_path / "root")
    assert list((tmp_path / "root").iterdir()) == []


def test_a_damaged_archive_says_so_and_stays(archive: bytes, tmp_path: Path) -> None:
    source, root = source_with(kind="by_hand", archives=["*.zip"]), tmp_path / "root"
    root.mkdir()
    (root / "download.zip").write_bytes(archive[: len(archive) // 2])
    with pytest.raises(DataError, match=r"download\.zip"):
        fetch(source, root)
    assert [path.name for path in root.iterdir()] == ["download.zip"]


def test_synapse_without_a_token_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SYNAPSE_AUTH_TOKEN", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    source = source_with(kind="account", fetch={"provider": "synapse", "project": "syn1", "names": ["*.zip"]})
    with pytest.raises(CredentialsError, match="SYNAPSE_AUTH_TOKEN"):
        fetch(source, tmp_path / "root")


def test_what_synapse_gives_is_unpacked_where_it_is_an_archive(
    archive: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def give(_: object, folder: Path, *, token: str | None) -> list[Path]:
        assert token is not None
        (folder / "a.zip").write_bytes(archive)
        (folder / "mapping.csv").write_text("BraTS2021\n")
        return [folder / "a.zip", folder / "mapping.csv"]

    monkeypatch.setenv("SYNAPSE_AUTH_TOKEN", "token")
    monkeypatch.setattr(module, "download_synapse", give)
    fetch_from = {"provider": "synapse", "project": "syn1", "names": ["*.zip", "*.csv"]}
    source, root = source_with(kind="account", fetch=fetch_from), tmp_path / "root"
    assert fetch(source, root) == Fetched("tiny", Outcome.FETCHED, 2)
    assert (root / _IMAGE).is_file()
    assert (root / "mapping.csv").is_file()
    assert fetch(source, root) == Fetched("tiny", Outcome.THERE)


def test_the_journal_is_no_candidate(server: LoopbackServer, archive: bytes, tmp_path: Path) -> None:
    source, root = source_of(server.put("/a.zip", archive), contents=(archive,)), tmp_path / "root"
    fetch(source, root)
    lines = [json.loads(line) for line in (root / ".brains45k-fetch.jsonl").read_text().splitlines()]
    assert lines == [{"begun": True}, {"path": "a.zip", "bytes": len(archive)}, {"complete": True}]
    assert len(scan_source(source, root).candidates) == 1
