"""Which files are a series, in which order, and what tells one series from another."""

import os
from pathlib import Path

import pytest
from support.dicom import HOSTILE_NAMES

from brains45k.dicom.series import digest_of_content, digest_of_series, require_slice, series_files, stamp_of_series
from brains45k.volume.refusal import RefusalError


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"slice")
    return folder


def test_a_series_is_its_folders_dicom_files_by_name(tmp_path: Path) -> None:
    touch(tmp_path, "b.dcm", "a.dcm", "C.DCM", "a.json", "d/e.dcm", "dcm", "a.dcm.md5")
    assert series_files(tmp_path / "a.dcm") == [tmp_path / name for name in ("C.DCM", "a.dcm", "b.dcm")]


def test_any_of_its_files_names_the_series(tmp_path: Path) -> None:
    touch(tmp_path, "a.dcm", "b.dcm")
    assert series_files(tmp_path / "a.dcm") == series_files(tmp_path / "b.dcm")


def test_hidden_files_are_no_slices(tmp_path: Path) -> None:
    touch(tmp_path, "a.dcm", "._a.dcm", ".b.dcm")
    assert series_files(tmp_path / "a.dcm") == [tmp_path / "a.dcm"]


def test_a_folder_is_no_slice_and_a_broken_link_is_one(tmp_path: Path) -> None:
    touch(tmp_path, "a.dcm")
    (tmp_path / "b.dcm").mkdir()
    (tmp_path / "c.dcm").symlink_to(tmp_path / "nowhere")
    (tmp_path / "d.dcm").symlink_to(tmp_path / "b.dcm")
    assert series_files(tmp_path / "a.dcm") == [tmp_path / "a.dcm", tmp_path / "c.dcm"]


def test_names_may_be_anything(tmp_path: Path) -> None:
    touch(tmp_path, *HOSTILE_NAMES)
    assert {file.name for file in series_files(tmp_path / "IM.DCM")} == set(HOSTILE_NAMES)


def test_a_folder_that_vanished_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(RefusalError) as raised:
        series_files(tmp_path / "gone/a.dcm")
    assert raised.value.code == "E_CHANGED"


def test_the_digest_is_of_names_and_contents_in_order(tmp_path: Path) -> None:
    files = series_files(touch(tmp_path, "a.dcm", "b.dcm") / "a.dcm")
    digests = [digest_of_series(files), digest_of_series(files[::-1]), digest_of_series(files[:1])]
    files[0].write_bytes(b"other")
    digests.append(digest_of_series(files))
    files[0].write_bytes(b"slice")
    assert digest_of_series(files) == digests[0]
    digests.append(digest_of_series([files[0], files[1].rename(tmp_path / "c.dcm")]))
    assert len(set(digests)) == len(digests)
    assert len(digests[0]) == 64


def test_bytes_moved_to_the_next_file_change_the_digest(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(b"12")
    (tmp_path / "b.dcm").write_bytes(b"3")
    files = series_files(tmp_path / "a.dcm")
    before = digest_of_series(files)
    files[0].write_bytes(b"1")
    files[1].write_bytes(b"23")
    assert digest_of_series(files) != before


def test_the_digest_does_not_depend_on_where_the_folder_lies(tmp_path: Path) -> None:
    digests = {digest_of_series(series_files(touch(tmp_path / place, *HOSTILE_NAMES) / "IM.DCM")) for place in "ab"}
    assert len(digests) == 1


def test_a_file_that_vanished_has_no_digest_and_no_name_in_the_message(tmp_path: Path) -> None:
    with pytest.raises(RefusalError) as raised:
        digest_of_series([tmp_path / "JOHN_DOE.dcm"])
    assert raised.value.code == "E_CHANGED"
    assert "JOHN" not in str(raised.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_a_file_that_may_not_be_read_is_said_so(tmp_path: Path) -> None:
    touch(tmp_path, "a.dcm")
    (tmp_path / "a.dcm").chmod(0)
    with pytest.raises(RefusalError) as raised:
        digest_of_series([tmp_path / "a.dcm"])
    assert raised.value.code == "E_UNREADABLE"


@pytest.mark.parametrize("target", ["nowhere", "a.dcm"])
def test_a_link_that_leads_nowhere_is_said_so_and_not_that_it_changed(tmp_path: Path, target: str) -> None:
    (tmp_path / "a.dcm").symlink_to(tmp_path / target)
    for read in (digest_of_content, require_slice):
        with pytest.raises(RefusalError) as raised:
            read(tmp_path / "a.dcm")
        assert (raised.value.code, raised.value.detail) == ("E_UNREADABLE", "a slice is a link that leads nowhere")


def test_a_stamp_is_of_every_slices_name_size_and_time() -> None:
    slices = [("a.dcm", 10, 5), ("b.dcm", 10, 7)]
    others = [
        [("a.dcm", 10, 3), ("b.dcm", 10, 7)],
        [("a.dcm", 11, 5), ("b.dcm", 9, 7)],
        [("a.dcm", 10, 5), ("c.dcm", 10, 7)],
        [("a.dcm", 10, 7), ("b.dcm", 10, 5)],
        slices[:1],
        [("a.dcm1", 0, 5), ("b.dcm", 10, 7)],
        [],
    ]
    assert len({stamp_of_series(each) for each in (slices, *others)}) == len(others) + 1
    assert stamp_of_series(slices) == stamp_of_series(list(slices))


def test_a_stamp_is_short_and_takes_any_name() -> None:
    stamps = {stamp_of_series([(name, 1, 2)]) for name in HOSTILE_NAMES}
    assert len(stamps) == len(HOSTILE_NAMES)
    assert {len(stamp) for stamp in stamps} == {16}
