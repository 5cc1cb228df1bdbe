"""Archives that share folders are merged; what is there already is kept, or refuses the archive."""

import io
import os
import signal
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from brains45k.errors import CallError, DataError
from brains45k.fetch.unpack import Unpacked, unpack

FIRST = {"ADNI/1/a.nii": b"first", "ADNI/2/a.nii": b"second", "ADNI/list.csv": b"all"}
SECOND = {"ADNI/2/b.nii": b"third", "ADNI/3/a.nii": b"fourth", "ADNI/list.csv": b"all", "new/c.nii": b"fifth"}

# Unpacks until a number of bytes is written, or of files is moved, and dies as if the machine had failed.
KILLED = """
import os, signal, sys
from pathlib import Path
from brains45k.fetch.unpack import unpack

what, count, archive, root = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4])
left = [count]

def spend(number):
    left[0] -= number
    if left[0] <= 0:
        os.kill(os.getpid(), signal.SIGKILL)

rename = Path.rename
if what == "move":
    Path.rename = lambda path, target: (spend(1), rename(path, target))
unpack(archive, root, advance=spend if what == "write" else None)
"""


def write(archive: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(archive, "w") as file:
        for name, content in files.items():
            file.writestr(zipfile.ZipInfo(name, (2009, 2, 13, 23, 31, 30)), content)
    return archive


def read(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def hidden(root: Path) -> list[Path]:
    return [path for path in root.iterdir() if path.name.startswith(".")]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder into which the first archive was unpacked."""
    root = tmp_path / "root"
    unpack(write(tmp_path / "first.zip", FIRST), root)
    assert read(root) == FIRST
    return root


def test_archives_with_the_same_root_are_merged(tmp_path: Path, root: Path) -> None:
    assert unpack(write(tmp_path / "second.zip", SECOND), root) == Unpacked(4, 19)
    assert read(root) == {**FIRST, **SECOND}
    assert not hidden(root)


def test_a_file_with_the_same_bytes_is_left_as_it_is(tmp_path: Path, root: Path) -> None:
    os.utime(root / "ADNI/list.csv", (10**9, 10**9))
    before = (root / "ADNI/list.csv").stat()
    unpack(write(tmp_path / "second.zip", SECOND), root)
    after = (root / "ADNI/list.csv").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_the_same_call_again_changes_nothing(tmp_path: Path, root: Path) -> None:
    before = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in root.rglob("*")}
    assert unpack(tmp_path / "first.zip", root).files == 3
    after = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in root.rglob("*")}
    assert {path: both for path, both in after.items() if path.is_file()} == {
        path: both for path, both in before.items() if path.is_file()
    }
    assert after.keys() == before.keys()


@pytest.mark.parametrize("other", [b"ALL", b"longer", b""])
def test_a_file_with_other_bytes_refuses_the_archive_before_anything_moves(
    other: bytes, tmp_path: Path, root: Path
) -> None:
    (root / "ADNI/list.csv").write_bytes(other)
    with pytest.raises(DataError, match=r"second.zip: 'ADNI/list.csv' is in place already with other bytes"):
        unpack(write(tmp_path / "second.zip", SECOND), root)
    assert read(root) == {**FIRST, "ADNI/list.csv": other}
    assert not hidden(root)


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("ADNI/2", "'ADNI/2' is a file, and something else"),
        ("ADNI/list.csv/x", "'ADNI/list.csv' is a folder, and a file"),
    ],
)
def test_a_file_does_not_take_a_folders_place_nor_the_reverse(
    name: str, cause: str, tmp_path: Path, root: Path
) -> None:
    with pytest.raises(DataError, match=cause):
        unpack(write(tmp_path / "other.zip", {"a.nii": b"x", name: b"x"}), root)
    assert read(root) == FIRST


def test_a_pipe_in_a_files_place_is_not_opened(tmp_path: Path, root: Path) -> None:
    os.mkfifo(root / "pipe")
    with pytest.raises(DataError, match="'pipe' is a file, and something else"):
        unpack(write(tmp_path / "other.zip", {"pipe": b"x"}), root)


def test_nothing_is_written_through_a_link_to_a_folder(tmp_path: Path, root: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "new").symlink_to(outside)
    with pytest.raises(DataError, match="'new' is a link that leads out"):
        unpack(write(tmp_path / "second.zip", SECOND), root)
    assert not list(outside.iterdir())
    assert read(root) == FIRST


def test_a_link_to_the_same_bytes_stays(tmp_path: Path, root: Path) -> None:
    (root / "new").mkdir()
    (tmp_path / "elsewhere").write_bytes(b"fifth")
    (root / "new/c.nii").symlink_to(tmp_path / "elsewhere")
    unpack(write(tmp_path / "second.zip", SECOND), root)
    assert (root / "new/c.nii").is_symlink()


def test_a_link_that_leads_nowhere_is_not_written_through(tmp_path: Path, root: Path) -> None:
    (root / "c.nii").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=r"'c.nii' is a file, and something else"):
        unpack(write(tmp_path / "other.zip", {"c.nii": b"x"}), root)
    assert not (tmp_path / "elsewhere").exists()


def test_a_disk_that_fails_in_the_middle_of_moving_gets_all_back(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = write(tmp_path / "second.zip", SECOND)
    rename, failing = Path.rename, [root / "new"]

    def fail(path: Path, target: Path) -> Path:
        if target in failing:
            raise OSError(5, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(CallError, match=r"cannot be unpacked into .*root \(Input/output error\)"):
        unpack(archive, root)
    assert read(root) == FIRST
    assert not hidden(root)
    failing.clear()
    unpack(archive, root)
    assert read(root) == {**FIRST, **SECOND}


def test_archives_of_one_root_may_be_unpacked_at_the_same_time(tmp_path: Path) -> None:
    parts = [{f"ADNI/{number}/{index}.nii": b"x" * index for index in range(9)} for number in range(16)]
    archives = [
        write(tmp_path / f"{number}.zip", {**part, "ADNI/list.csv": b"all"}) for number, part in enumerate(parts)
    ]
    with ThreadPoolExecutor(8) as pool:
        assert [done.files for done in pool.map(lambda path: unpack(path, tmp_path / "root"), archives)] == [10] * 16
    assert read(tmp_path / "root") == {"ADNI/list.csv": b"all"} | {k: v for part in parts for k, v in part.items()}
    assert not hidden(tmp_path / "root")


@pytest.mark.parametrize(("what", "count"), [("write", 1), ("write", 14), ("move", 1), ("move", 3)])
def test_after_a_kill_the_same_call_ends_right(what: str, count: int, tmp_path: Path, root: Path) -> None:
    archive = write(tmp_path / "second.zip", SECOND)
    before = set(tmp_path.iterdir())
    call = [sys.executable, "-c", KILLED, what, str(count), str(archive), str(root)]
    assert subprocess.run(call, check=False).returncode == -signal.SIGKILL
    assert hidden(root)
    if what == "write":
        assert {path: content for path, content in read(root).items() if not path.startswith(".")} == FIRST
    unpack(archive, root)
    assert read(root) == {**FIRST, **SECOND}
    assert not hidden(root)
    assert set(tmp_path.iterdir()) == before


def test_a_killed_call_whose_archive_is_then_damaged_leaves_nothing(tmp_path: Path, root: Path) -> None:
    archive = write(tmp_path / "second.zip", SECOND)
    call = [sys.executable, "-c", KILLED, "write", "1", str(archive), str(root)]
    subprocess.run(call, check=False)
    archive.write_bytes(io.BytesIO(archive.read_bytes()).read(40))
    with pytest.raises(DataError, match="breaks off before its end"):
        unpack(archive, root)
    assert read(root) == FIRST
    assert not hidden(root)
