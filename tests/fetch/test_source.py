"""One source, from its provider on the loopback to a folder that the scan takes."""

import io
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.http_answers import cut, status
from support.http_server import LoopbackServer, serve
from support.small_corpus import head, write_nifti
from support.tiny_fetch import IMAGE, fetch, packed, put_voxels, source_of, source_with

import brains45k.fetch.source as module
from brains45k.errors import CallError, DataError
from brains45k.fetch.credentials import CredentialsError
from brains45k.fetch.journal import unfinished
from brains45k.fetch.source import Fetched, Outcome
from brains45k.sources.scan import scan_source


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with serve() as server:
        yield server


@pytest.fixture
def archive(tmp_path: Path) -> bytes:
    """A zip with one image of the tiny source."""
    image = write_nifti(tmp_path / "made" / IMAGE, head(1))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.write(image, IMAGE)
    return packed.getvalue()


def test_an_archive_is_fetched_unpacked_and_removed(server: LoopbackServer, archive: bytes, tmp_path: Path) -> None:
    source, root, log = source_of(server.put("/a.zip", archive), contents=(archive,)), tmp_path / "root", io.StringIO()
    assert fetch(source, root, log=log) == Fetched("tiny", Outcome.FETCHED, 1)
    assert [candidate.file.path for candidate in scan_source(source, root).candidates] == [IMAGE]
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
    assert (root / IMAGE).is_file()


def test_what_lies_there_already_is_left_alone(tmp_path: Path) -> None:
    source, root = source_of("http://127.0.0.1:1/a.zip", contents=(b"never",)), tmp_path / "root"
    write_nifti(root / IMAGE, head(1))
    assert fetch(source, root) == Fetched("tiny", Outcome.THERE)


def test_nothing_is_fetched_before_the_terms_are_accepted(server: LoopbackServer, tmp_path: Path) -> None:
    source = source_of(server.put("/a.nii", b"voxels"), contents=(b"voxels",))
    assert fetch(source, tmp_path / "root", accepted=[]) == Fetched("tiny", Outcome.TERMS)
    assert server.seen == []
    assert not (tmp_path / "root").exists()


def test_one_file_that_fails_keeps_no_other_away(server: LoopbackServer, tmp_path: Path) -> None:
    urls, contents = put_voxels(server, 5)
    server.script("/02.nii", status(404), forever=True)
    source, root = source_of(*urls, contents=contents), tmp_path / "root"
    with pytest.raises(DataError, match=r"tiny: 1 of 5 files could not be fetched, the first: .*02\.nii"):
        fetch(source, root)
    assert sorted(path.name for path in root.glob("*.nii")) == ["00.nii", "01.nii", "03.nii", "04.nii"]
    server.script("/02.nii")
    server._forever.clear()
    assert fetch(source, root) == Fetched("tiny", Outcome.FETCHED, 1)
    assert len(server.of("/00.nii")) == 1


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


def test_credentials_that_are_always_refused_end_the_source(server: LoopbackServer, tmp_path: Path) -> None:
    urls, contents = put_voxels(server, 60)
    for number in range(60):
        server.script(f"/{number:02}.nii", status(401), forever=True)
    with pytest.raises(CallError):
        fetch(source_of(*urls, contents=contents), tmp_path / "root")
    assert len(server.seen) < 30


def test_archives_that_a_person_put_there_are_unpacked_once(archive: bytes, tmp_path: Path) -> None:
    source, root = source_with(kind="by_hand", archives=["*.zip"]), tmp_path / "root"
    assert fetch(source, root) == Fetched("tiny", Outcome.BY_HAND)
    root.mkdir()
    (root / "download.zip").write_bytes(archive)
    assert fetch(source, root, accepted=[]) == Fetched("tiny", Outcome.UNPACKED, 1)
    assert (root / IMAGE).is_file()
    assert not (root / "download.zip").exists()
    assert fetch(source, root) == Fetched("tiny", Outcome.THERE)


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
    def give(_: object, folder: Path, *, token: str | None, begin: Callable[[Sequence[str]], object]) -> list[Path]:
        assert token is not None
        begin(["a.zip", "mapping.csv"])
        assert unfinished(folder)
        (folder / "a.zip").write_bytes(archive)
        (folder / "mapping.csv").write_text("BraTS2021\n")
        return [folder / "a.zip", folder / "mapping.csv"]

    monkeypatch.setenv("SYNAPSE_AUTH_TOKEN", "token")
    monkeypatch.setattr(module, "download_synapse", give)
    fetch_from = {"provider": "synapse", "project": "syn1", "names": ["*.zip", "*.csv"]}
    source, root = source_with(kind="account", fetch=fetch_from), tmp_path / "root"
    assert fetch(source, root) == Fetched("tiny", Outcome.FETCHED, 2)
    assert (root / IMAGE).is_file()
    assert (root / "mapping.csv").is_file()
    assert fetch(source, root) == Fetched("tiny", Outcome.THERE)


def test_the_journal_is_no_candidate(server: LoopbackServer, archive: bytes, tmp_path: Path) -> None:
    source, root = source_of(server.put("/a.zip", archive), contents=(archive,)), tmp_path / "root"
    fetch(source, root)
    lines = [json.loads(line) for line in (root / ".brains45k-fetch.jsonl").read_text().splitlines()]
    assert [sorted(line) for line in lines] == [["begun"], ["archive", "bytes", "of", "path"], ["complete"]]
    assert len(scan_source(source, root).candidates) == 1


def test_a_root_that_was_emptied_is_fetched_again(server: LoopbackServer, archive: bytes, tmp_path: Path) -> None:
    source, root = source_of(server.put("/a.zip", archive), contents=(archive,)), tmp_path / "root"
    fetch(source, root)
    shutil.rmtree(root / "sub-01")
    assert fetch(source, root) == Fetched("tiny", Outcome.FETCHED, 1)
    assert (root / IMAGE).is_file()
    assert fetch(source, root) == Fetched("tiny", Outcome.THERE)


def test_a_file_that_is_gone_is_fetched_again_alone(server: LoopbackServer, tmp_path: Path) -> None:
    urls, contents = put_voxels(server, 3)
    source = source_of(*urls, contents=contents)
    fetch(source, tmp_path)
    (tmp_path / "01.nii").unlink()
    (tmp_path / "02.nii").write_bytes(b"cut")
    assert fetch(source, tmp_path) == Fetched("tiny", Outcome.FETCHED, 2)
    assert [len(server.of(f"/{number:02}.nii")) for number in range(3)] == [1, 2, 2]


def test_another_list_of_files_is_noticed(server: LoopbackServer, tmp_path: Path) -> None:
    first, second = packed(sub_01=b"voxels"), packed(sub_02=b"voxels")
    urls = [server.put("/a.zip", first), server.put("/b.zip", second)]
    fetch(source_of(urls[0], contents=(first,)), tmp_path)
    both = source_of(*urls, contents=(first, second))
    assert fetch(both, tmp_path) == Fetched("tiny", Outcome.FETCHED, 1)
    assert (tmp_path / "sub-02/sub-02_T1w.nii.gz").is_file()
    assert len(server.of("/a.zip")) == 1
    assert fetch(both, tmp_path) == Fetched("tiny", Outcome.THERE)


def test_another_file_of_the_same_name_is_noticed(server: LoopbackServer, tmp_path: Path) -> None:
    first, second = packed(sub_01=b"voxels"), packed(sub_02=b"voxels")
    fetch(source_of(server.put("/a.zip", first), contents=(first,)), tmp_path)
    assert fetch(source_of(server.put("/a.zip", second), contents=(second,)), tmp_path).files == 1
    assert (tmp_path / "sub-02/sub-02_T1w.nii.gz").is_file()


def break_root(tmp_path: Path, fault: str) -> Path:
    """Make a root that cannot be used."""
    root = tmp_path / "root"
    if fault == "below a file":
        (tmp_path / "file").touch()
        return tmp_path / "file/root"
    if fault == "dangling link":
        root.symlink_to(tmp_path / "gone")
    elif fault == "journal is a folder":
        (root / ".brains45k-fetch.jsonl").mkdir(parents=True)
    else:
        root.mkdir()
        (root / ".unpacking-x").touch()
    return root


@pytest.mark.parametrize("fault", ["below a file", "dangling link", "journal is a folder", "file for a folder"])
def test_a_root_that_cannot_be_used_is_one_line(fault: str, server: LoopbackServer, tmp_path: Path) -> None:
    urls, contents = put_voxels(server, 1)
    root = break_root(tmp_path, fault)
    with pytest.raises(CallError, match=r"cannot be used \(.*\)\. Mend the folder, or name another") as caught:
        fetch(source_of(*urls, contents=contents), root)
    assert str(caught.value).startswith(f"{root}: ")


def test_a_root_below_the_beginning_of_a_layout_is_not_taken_for_empty(tmp_path: Path) -> None:
    root = tmp_path / "sub-01"
    write_nifti(root / "sub-01_T1w.nii.gz", head(1))
    source = source_of("http://127.0.0.1:1/a.zip", contents=(b"never",))
    assert fetch(source, root) == Fetched("tiny", Outcome.THERE)


@pytest.mark.parametrize("provider", ["synapse", "xnat", "full"])
def test_a_folder_is_made_when_a_file_is_about_to_come(
    provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("SYNAPSE_AUTH_TOKEN", "NETRC"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    listings = {
        "synapse": {"provider": "synapse", "project": "syn1", "names": ["*.zip"]},
        "xnat": {"provider": "xnat", "server": "http://127.0.0.1:1/ir", "project": "P", "scans": ["T1w"]},
        "full": {"provider": "files", "files": [{"url": "http://127.0.0.1:1/a.zip", "bytes": 1 << 60}]},
    }
    with pytest.raises(CallError):
        fetch(source_with(kind="account", fetch=listings[provider]), tmp_path / "root")
    assert not (tmp_path / "root").exists()


def test_room_is_asked_for_what_is_still_to_come(
    server: LoopbackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = bytes([0, 200, 7]) * 1000
    source = source_of(server.put("/a.nii", content), contents=(content,))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(CallError, match="needs 3,000 bytes"):
        fetch(source, tmp_path)
    (tmp_path / ".a.nii.part").write_bytes(content[:2000])
    assert fetch(source, tmp_path).outcome is Outcome.FETCHED
    assert (tmp_path / "a.nii").read_bytes() == content
