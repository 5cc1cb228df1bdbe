"""Archives in a source's folder: those of the source are unpacked, and nobody else's is touched."""

import io
import os
from pathlib import Path

import pytest
from support.tiny_fetch import IMAGE, fetch, packed, packed_as, source_with

from brains45k.errors import CallError, DataError
from brains45k.fetch.source import Outcome
from brains45k.fetch.space import DiskError
from brains45k.sources.catalog import Source

BACKUP = packed_as({"thesis/chapter-1.tex": b"It was a dark night.", "thesis/sub-01.csv": b"1\n"})


@pytest.fixture
def source() -> Source:
    return source_with(kind="by_hand", archives=["*.zip"], metadata=("loni",))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def names(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_an_archive_of_somebody_else_is_left_as_it_is_and_named(source: Source, root: Path) -> None:
    (root / "thesis-backup.zip").write_bytes(BACKUP)
    (root / "download.zip").write_bytes(packed(sub_01=b"voxels"))
    log = io.StringIO()
    fetched = fetch(source, root, log=log)
    assert (root / "thesis-backup.zip").read_bytes() == BACKUP
    assert names(root) == [IMAGE, "thesis-backup.zip"]
    assert (fetched.outcome, fetched.files, fetched.foreign) == (Outcome.UNPACKED, 1, ("thesis-backup.zip",))
    assert "thesis-backup.zip: not of this source" in log.getvalue()
    again = fetch(source, root)
    assert (again.outcome, again.foreign) == (Outcome.THERE, ("thesis-backup.zip",))


@pytest.mark.parametrize(
    ("files", "taken"),
    [
        ({"my/download/sub-01/sub-01_T1w.nii.gz": b"x", "readme.txt": b"y"}, True),
        ({"./sub-01/sub-01_mask.nii.gz": b"x"}, True),
        ({"search/ADNI.CSV": b"1\n", "meta/a.xml": b"<a/>"}, True),
        ({"__MACOSX/._a.csv": b"1", "a.csv": b"1\n"}, True),
        ({"a.csv": b"1\n", "notes.txt": b"y"}, False),
        ({"__MACOSX/sub-01/sub-01_T1w.nii.gz": b"x", "a.txt": b"y"}, False),
        ({"scan.nii.gz": b"x"}, False),
        ({"thesis/": b""}, False),
    ],
)
def test_the_members_tell_whose_an_archive_is(
    files: dict[str, bytes], source: Source, root: Path, *, taken: bool
) -> None:
    (root / "a.zip").write_bytes(packed_as(files))
    fetched = fetch(source, root)
    assert (fetched.outcome is Outcome.UNPACKED, (root / "a.zip").exists()) == (taken, not taken)


def test_tables_alone_are_of_no_source_that_has_none(root: Path) -> None:
    (root / "a.zip").write_bytes(packed_as({"accounts.xlsx": b"1"}))
    assert fetch(source_with(kind="by_hand", archives=["*.zip"]), root).foreign == ("a.zip",)
    assert names(root) == ["a.zip"]


@pytest.mark.parametrize(
    ("name", "fault"),
    [("../sub-01/sub-01_T1w.nii.gz", "leads out of its folder"), (r"sub-01\sub-01_T1w.nii.gz", "has a backslash")],
)
def test_what_is_of_the_source_and_must_not_be_unpacked_is_refused(
    name: str, fault: str, source: Source, root: Path
) -> None:
    (root / "a.zip").write_bytes(packed_as({name: b"x"}))
    with pytest.raises(DataError, match=fault):
        fetch(source, root)


def test_bad_archives_keep_no_good_one_away(source: Source, root: Path) -> None:
    whole = packed(sub_01=b"voxels")
    (root / "a.zip").write_bytes(whole[: len(whole) // 2])
    (root / "b.zip").write_bytes(whole)
    (root / "c.zip").write_bytes(b"<html>Log in</html>")
    (root / "d.zip").write_bytes(packed(sub_02=b"voxels"))
    log = io.StringIO()
    with pytest.raises(DataError, match=r"tiny: 2 of 4 archives could not be unpacked \(a\.zip, c\.zip\), the first: "):
        fetch(source, root, log=log)
    assert names(root) == ["a.zip", "c.zip", IMAGE, "sub-02/sub-02_T1w.nii.gz"]
    assert [f"{root / name}: it" in log.getvalue() for name in ("a.zip", "c.zip")] == [True, True]


def test_a_full_disk_ends_it_at_once(source: Source, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> None:
        asked.append(1)
        raise OSError(28, "No space left on device")

    asked: list[int] = []
    for name in ("a", "b"):
        (root / f"{name}.zip").write_bytes(packed(sub_01=name.encode()))
    monkeypatch.setattr(os, "utime", full)
    with pytest.raises(DiskError, match=r"a\.zip: cannot be unpacked into .*No space left"):
        fetch(source, root)
    assert len(asked) == 1


def test_an_archive_that_cannot_be_read_is_one_failure(
    source: Source, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.open

    def shut(path: Path, *arguments: str, **named: str) -> object:
        if path.name == "a.zip":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *arguments, **named)  # type: ignore[call-overload]

    for name in ("a", "b"):
        (root / f"{name}.zip").write_bytes(packed(sub_01=b"voxels"))
    monkeypatch.setattr(Path, "open", shut)
    with pytest.raises(CallError, match=r"1 of 2 .*\(a\.zip\).* cannot be read \(Permission denied\)"):
        fetch(source, root)
    assert names(root) == ["a.zip", IMAGE]


def test_an_archive_that_stays_is_unpacked_again_once_its_images_are_gone(source: Source, root: Path) -> None:
    (root / "a.zip").write_bytes(packed(sub_01=b"voxels", sub_02=b"voxels"))
    (root / "tables.zip").write_bytes(packed_as({"a.csv": b"1\n"}))
    assert fetch(source, root, keep_archives=True).files == 2
    (root / IMAGE).unlink()
    assert fetch(source, root, keep_archives=True).outcome is Outcome.THERE
    assert not (root / IMAGE).exists()
    (root / "sub-02/sub-02_T1w.nii.gz").unlink()
    assert fetch(source, root, keep_archives=True).files == 1
    assert (root / IMAGE).is_file()


def test_tables_that_stay_packed_are_unpacked_once(source: Source, root: Path) -> None:
    (root / "tables.zip").write_bytes(packed_as({"a.csv": b"1\n"}))
    outcomes = [fetch(source, root, keep_archives=True).outcome for _ in range(2)]
    assert outcomes == [Outcome.UNPACKED, Outcome.BY_HAND]
