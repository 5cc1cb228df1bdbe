"""The files of one source: each failure is counted and named, and none stays for ever."""

import io
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.http_answers import altered, status
from support.http_server import LoopbackServer, serve
from support.tiny_fetch import IMAGE, fetch, packed, put_voxels, source_of, source_of_unknown

import brains45k.fetch.getter as module
from brains45k.errors import CallError, DataError
from brains45k.fetch.remote import Remote
from brains45k.fetch.source import Outcome
from brains45k.fetch.space import DiskError


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with serve() as server:
        yield server


@pytest.mark.parametrize("code", [401, 403])
def test_one_file_that_is_refused_keeps_no_other_away(server: LoopbackServer, code: int, tmp_path: Path) -> None:
    urls, contents = put_voxels(server, 40)
    server.script("/00.nii", status(code), forever=True)
    with pytest.raises(CallError, match=rf"tiny: 1 of 40 files could not be fetched, .*00\.nii: .*status {code}"):
        fetch(source_of(*urls, contents=contents), tmp_path)
    assert len(list(tmp_path.glob("[0-9]*.nii"))) == 39


def test_all_that_fails_is_named_in_the_log(server: LoopbackServer, tmp_path: Path) -> None:
    urls, contents = put_voxels(server, 6)
    server.script("/01.nii", status(404), forever=True)
    server.script("/04.nii", status(403), forever=True)
    log = io.StringIO()
    with pytest.raises(DataError, match="2 of 6 files"):
        fetch(source_of(*urls, contents=contents), tmp_path, log=log)
    lines = sorted(line for line in log.getvalue().splitlines() if "status" in line)
    assert [line.partition(":")[0] for line in lines] == ["01.nii", "04.nii"]


class Noticed(io.StringIO):
    """A log that tells when something is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = threading.Event()

    def write(self, text: str) -> int:
        self.written.set()
        return super().write(text)


def test_a_full_disk_ends_it_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(remote: Remote, *_arguments: object, **_settings: object) -> None:
        asked.append(remote.path)
        if remote.path != "00.nii":
            assert log.written.wait(60)
        raise DiskError(f"{remote.path}: the disk is full.")

    asked: list[str] = []
    log = Noticed()
    monkeypatch.setattr(module, "download", fill)
    source = source_of_unknown(*(f"http://host/{number:02}.nii" for number in range(200)))
    with pytest.raises(DiskError, match=r"^00\.nii: the disk is full\.$"):
        fetch(source, tmp_path, log=log)
    assert len(asked) < 200


def test_a_damaged_archive_of_unknown_sum_is_fetched_anew(server: LoopbackServer, tmp_path: Path) -> None:
    whole = packed(sub_01=b"voxels")
    url = server.put("/a.zip", whole)
    server.script("/a.zip", altered(body=whole[:40]))
    with pytest.raises(DataError, match=r"a\.zip: it breaks off .*has been deleted"):
        fetch(source_of_unknown(url), tmp_path)
    assert not (tmp_path / "a.zip").exists()
    fetched = fetch(source_of_unknown(url), tmp_path)
    assert (fetched.outcome, fetched.files) == (Outcome.FETCHED, 1)
    assert (tmp_path / IMAGE).read_bytes() == b"voxels"


def test_an_archive_of_known_sum_that_cannot_be_unpacked_is_not_fetched_again(
    server: LoopbackServer, tmp_path: Path
) -> None:
    whole = packed(sub_01=b"voxels")[:-30]
    source = source_of(server.put("/a.zip", whole), contents=(whole,))
    for _ in range(2):
        with pytest.raises(DataError, match=r"a\.zip: it breaks off"):
            fetch(source, tmp_path)
    assert len(server.seen) == 1
