"""The walk below a root: every file that could be an image, each once, in one order."""

import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.small_corpus import tiny_source

from brains45k.codes import Code
from brains45k.corpus.manifest import read_table
from brains45k.corpus.plan import read_plan, write_index, write_plans
from brains45k.errors import DataError
from brains45k.sources.scan import scan_source
from brains45k.sources.walk import measure, walk_files


def touch(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"voxels")
    return root


def paths(root: Path) -> list[str]:
    return [file.path for file in walk_files(root)]


def test_images_are_listed_with_size_and_time(tmp_path: Path) -> None:
    (file,) = walk_files(touch(tmp_path, "sub-01/T1w.NII.gz"))
    assert (file.path, file.extension, file.bytes) == ("sub-01/T1w.NII.gz", ".nii.gz", 6)
    assert file.mtime_ns == (tmp_path / "sub-01/T1w.NII.gz").stat().st_mtime_ns


def test_what_is_no_image_is_passed_over(tmp_path: Path) -> None:
    assert paths(touch(tmp_path, "a.json", "b.txt", "README", "c.nii.gz.md5", "nii")) == []


def test_hidden_files_are_listed(tmp_path: Path) -> None:
    # They get a row with a code of their own: nothing is lost silently.
    assert paths(touch(tmp_path, "._a.nii.gz", "__MACOSX/b.nii")) == ["._a.nii.gz", "__MACOSX/b.nii"]


def test_an_empty_root_has_nothing(tmp_path: Path) -> None:
    assert paths(tmp_path) == []


def test_the_order_is_that_of_names_whatever_the_order_of_creation(tmp_path: Path) -> None:
    names = [f"s{index:02d}/{image}.nii" for index in range(12) for image in ("a", "b")]
    touch(tmp_path / "forth", *names)
    touch(tmp_path / "back", *reversed(names))
    assert paths(tmp_path / "forth") == names
    assert paths(tmp_path / "back") == names


def test_files_come_before_the_folders_beside_them(tmp_path: Path) -> None:
    assert paths(touch(tmp_path, "a/b.nii", "z.nii")) == ["z.nii", "a/b.nii"]


def test_a_pair_is_one_file(tmp_path: Path) -> None:
    assert paths(touch(tmp_path, "a.hdr", "a.img", "B.HDR", "B.IMG")) == ["B.IMG", "a.img"]


@pytest.mark.parametrize("newer", ["a.hdr", "a.img"])
def test_a_pair_is_as_new_as_its_newer_file(tmp_path: Path, newer: str) -> None:
    for name in ("a.hdr", "a.img"):
        os.utime(touch(tmp_path, name) / name, ns=(10**18, 10**18))
    os.utime(tmp_path / newer, ns=(10**18, 2 * 10**18))
    (file,) = walk_files(tmp_path)
    assert file.mtime_ns == 2 * 10**18


def test_a_header_without_its_image_is_listed(tmp_path: Path) -> None:
    assert paths(touch(tmp_path, "a.hdr", "other/a.img")) == ["a.hdr", "other/a.img"]


def test_a_folder_of_dicom_is_one_file(tmp_path: Path) -> None:
    touch(tmp_path, "s1/3.dcm", "s1/1.dcm", "s1/2.DCM", "s1/x.nii", "s2/1.dcm")
    assert paths(tmp_path) == ["s1/1.dcm", "s1/x.nii", "s2/1.dcm"]


def test_a_folder_of_dicom_has_the_bytes_of_all_and_the_time_of_the_newest(tmp_path: Path) -> None:
    touch(tmp_path, "s1/1.dcm", "s1/2.DCM", "s1/x.txt")
    (tmp_path / "s1/2.DCM").write_bytes(b"longer than the first")
    os.utime(tmp_path / "s1/1.dcm", ns=(10**18, 10**18))
    os.utime(tmp_path / "s1/2.DCM", ns=(10**18, 2 * 10**18))
    (file,) = walk_files(tmp_path)
    assert (file.path, file.bytes, file.mtime_ns) == ("s1/1.dcm", 6 + 21, 2 * 10**18)
    assert measure(tmp_path / "s1/1.dcm") == (file.bytes, file.mtime_ns, file.stamp)


def test_a_slice_that_is_replaced_at_its_size_and_by_an_older_one_is_noticed(tmp_path: Path) -> None:
    touch(tmp_path, "s1/1.dcm", "s1/2.dcm")
    os.utime(tmp_path / "s1/1.dcm", ns=(10**18, 10**18))
    (before,) = walk_files(tmp_path)
    os.utime(tmp_path / "s1/1.dcm", ns=(10**17, 10**17))
    (after,) = walk_files(tmp_path)
    assert (before.bytes, before.mtime_ns) == (after.bytes, after.mtime_ns)
    assert before.stamp != after.stamp


def test_tables_are_met_beside_images(tmp_path: Path) -> None:
    touch(tmp_path, "idaSearch.csv", "notes.txt", "a/x.nii", "a/X.XML", "a/m.xlsx")
    assert paths(tmp_path) == ["idaSearch.csv", "a/X.XML", "a/m.xlsx", "a/x.nii"]


def test_a_linked_file_counts(tmp_path: Path) -> None:
    touch(tmp_path, "store/a.nii")
    (tmp_path / "root").mkdir()
    (tmp_path / "root/b.nii").symlink_to(tmp_path / "store/a.nii")
    (file,) = walk_files(tmp_path / "root")
    assert (file.path, file.bytes) == ("b.nii", 6)


def test_a_linked_folder_is_entered(tmp_path: Path) -> None:
    touch(tmp_path, "store/sub-01/a.nii")
    (tmp_path / "root").mkdir()
    (tmp_path / "root/link").symlink_to(tmp_path / "store")
    assert paths(tmp_path / "root") == ["link/sub-01/a.nii"]


def test_two_links_to_one_folder_are_one(tmp_path: Path) -> None:
    touch(tmp_path, "store/a.nii")
    (tmp_path / "root").mkdir()
    for name in ("link1", "link2"):
        (tmp_path / "root" / name).symlink_to(tmp_path / "store")
    assert paths(tmp_path / "root") == ["link1/a.nii"]


def test_a_link_to_the_root_is_no_loop(tmp_path: Path) -> None:
    touch(tmp_path, "sub-01/a.nii")
    (tmp_path / "sub-01/up").symlink_to(tmp_path)
    assert paths(tmp_path) == ["sub-01/a.nii"]


def test_a_loop_of_folders_ends(tmp_path: Path) -> None:
    touch(tmp_path, "one/a.nii", "two/b.nii")
    (tmp_path / "one/other").symlink_to(tmp_path / "two")
    (tmp_path / "two/other").symlink_to(tmp_path / "one")
    assert paths(tmp_path) == ["one/a.nii", "two/b.nii"]


@pytest.mark.parametrize("link", ["sub-01/again", "sub-02"])
def test_a_folder_is_entered_once_by_name_and_by_link(tmp_path: Path, link: str) -> None:
    touch(tmp_path, "sub-01/a.nii")
    (tmp_path / link).symlink_to(tmp_path / "sub-01")
    assert len(paths(tmp_path)) == 1


def test_a_link_to_itself_is_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "a.nii")
    (tmp_path / "loop").symlink_to("loop")
    assert paths(tmp_path) == ["a.nii"]


@pytest.mark.parametrize("target", ["a.nii", "nowhere.nii"])
def test_a_link_that_leads_nowhere_is_listed(tmp_path: Path, target: str) -> None:
    (tmp_path / "a.nii").symlink_to(target)
    assert [(file.path, file.bytes) for file in walk_files(tmp_path)] == [("a.nii", 0)]


def test_a_linked_folder_from_outside_is_walked_once(tmp_path: Path) -> None:
    touch(tmp_path / "outside", "sub-01/a.nii")
    (tmp_path / "outside/sub-01/again").symlink_to(tmp_path / "outside")
    (tmp_path / "root").mkdir()
    for name in ("one", "two"):
        (tmp_path / "root" / name).symlink_to(tmp_path / "outside")
    assert paths(tmp_path / "root") == ["one/sub-01/a.nii"]


def test_a_pipe_and_a_socket_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "a.nii")
    os.mkfifo(tmp_path / "pipe.nii")
    # A socket's path is short by law, so it is bound from within the folder.
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("socket.nii")
        assert paths(tmp_path) == ["a.nii"]


def write_raw_name(folder: Path, name: bytes) -> None:
    folder.mkdir(parents=True)
    try:
        Path(os.fsdecode(os.path.join(os.fsencode(folder), name))).write_bytes(b"voxels")  # noqa: PTH118 - bytes
    except OSError:
        pytest.skip("this file system takes UTF-8 names alone")


def test_a_name_that_is_not_utf8_survives_to_the_index_and_the_plan(tmp_path: Path) -> None:
    write_raw_name(tmp_path / "caf\u00e9", b"\xe9.nii")
    source = tiny_source(layouts=[{"name": "any", "path": "*", "examples": ["a.nii"]}])
    (candidate,) = scan_source(source, tmp_path).candidates
    write_index([candidate], [], tmp_path / "index.parquet", demo=False)
    (row,) = read_table(tmp_path / "index.parquet").to_pylist()
    assert row["source_path"] == "caf\u00e9/\\xe9.nii"
    plans = write_plans(source, [candidate], root=tmp_path, selection="reference", buckets=1, folder=tmp_path)
    (volume,) = read_plan(plans[0])["volumes"]
    assert (tmp_path / volume["path"]).read_bytes() == b"voxels"


def test_a_field_that_is_not_utf8_survives_to_the_index(tmp_path: Path) -> None:
    write_raw_name(tmp_path / "sub-01", b"\xe9.nii")
    source = tiny_source(layouts=[{"name": "any", "path": "{subject}/{series}", "examples": ["a/b.nii"]}])
    write_index(scan_source(source, tmp_path).candidates, [], tmp_path / "index.parquet", demo=False)
    (row,) = read_table(tmp_path / "index.parquet").to_pylist()
    assert (row["subject"], row["series"]) == ("sub-01", "\\xe9")


def test_a_folder_that_may_not_be_listed_is_listed_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "open/a.nii", "closed/b.nii")
    monkeypatch.setattr(os, "scandir", _failing(os.scandir, tmp_path / "closed", PermissionError(errno.EACCES, "no")))
    assert [(file.path, file.extension) for file in walk_files(tmp_path)] == [
        ("closed", "folder"),
        ("open/a.nii", ".nii"),
    ]
    verdicts = {
        candidate.file.path: candidate.reference.code for candidate in scan_source(tiny_source(), tmp_path).candidates
    }
    assert verdicts["closed"] is Code.E_UNREADABLE


def test_a_disk_that_fails_ends_the_walk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "a/a.nii", "b/b.nii")
    monkeypatch.setattr(os, "scandir", _failing(os.scandir, tmp_path / "b", OSError(errno.EIO, "Input/output error")))
    with pytest.raises(DataError, match="cannot be listed"):
        list(walk_files(tmp_path))


def _failing(scandir: Callable[[str], Any], folder: Path, error: OSError) -> Callable[[str], Any]:
    """Stand in for a folder that root cannot take away from itself."""

    def scan(path: str) -> Any:
        if Path(path) == folder:
            raise error
        return scandir(path)

    return scan
