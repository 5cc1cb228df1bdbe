"""What goes into an archive comes out: names, bytes, times, plain modes, in little memory."""

import errno
import io
import os
import stat
import tarfile
import tempfile
import time
import tracemalloc
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brains45k.errors import CallError, DataError
from brains45k.fetch.archive_check import safe_path
from brains45k.fetch.archive_member import FALLBACK_MTIME_S, ArchiveFault
from brains45k.fetch.unpack import Unpacked, is_archive, unpack

MTIME_S = 1_234_567_890
Tree = dict[str, Any]


class Unseekable(io.BytesIO):
    """A pipe, as far as a writer can tell: sizes then come behind the contents."""

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise OSError


def write_zip(files: dict[str, bytes | None], method: int = zipfile.ZIP_DEFLATED, *, large: bool = False) -> bytes:
    """A zip archive; a name without content is that of a folder."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, content in files.items():
            info = zipfile.ZipInfo(name if content is not None else f"{name}/", time.gmtime(MTIME_S)[:6])
            info.compress_type = method
            with file.open(info, "w", force_zip64=large) as member:
                member.write(content or b"")
    return buffer.getvalue()


def write_zip64(files: dict[str, bytes | None]) -> bytes:
    """A zip archive with all records of a large one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 0)
        content = write_zip(files, large=True)
    assert b"PK\x06\x06" in content
    return content


def write_streamed_zip(files: dict[str, bytes | None]) -> bytes:
    buffer = Unseekable()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.comment = b"made by a server"
        for name, content in files.items():
            file.writestr(name if content is not None else f"{name}/", content or b"")
    return buffer.getvalue()


def write_tar(files: dict[str, bytes | None], mode: str = "w", form: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar archive; a name without content is that of a folder."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode, format=form) as file:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(f"./{name}")
            info.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
            info.size, info.mtime = len(content or b""), MTIME_S
            file.addfile(info, io.BytesIO(content or b""))
    return buffer.getvalue()


WRITERS: dict[str, Callable[[dict[str, bytes | None]], bytes]] = {
    "zip": write_zip,
    "zip, stored": lambda files: write_zip(files, zipfile.ZIP_STORED),
    "zip, bzip2": lambda files: write_zip(files, zipfile.ZIP_BZIP2),
    "zip64": write_zip64,
    "zip, streamed": write_streamed_zip,
    "tar": write_tar,
    "tar, GNU": lambda files: write_tar(files, form=tarfile.GNU_FORMAT),
    "tar.gz": lambda files: write_tar(files, "w:gz"),
    "tar.bz2": lambda files: write_tar(files, "w:bz2"),
}


def read_tree(root: Path) -> dict[str, bytes | None]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes() if path.is_file() else None for path in root.rglob("*")
    }


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A folder to unpack into; at the end nothing may lie anywhere else but the archive."""
    root = tmp_path / "above" / "root"
    yield root
    elsewhere = {path for path in tmp_path.rglob("*") if not path.is_relative_to(root)}
    assert elsewhere <= {root.parent, tmp_path / "archive"}


def unpacked(content: bytes, root: Path) -> Unpacked:
    archive = root.parents[1] / "archive"
    archive.write_bytes(content)
    return unpack(archive, root)


def is_plain(name: str) -> bool:
    """Whether any disk takes a name, and no rule of ours objects."""
    side_file = name.startswith("._") or name in (".ds_store", "__macosx")
    try:
        unchanged = safe_path(name, depth=1) == name == unicodedata.normalize("NFC", name.casefold())
    except ArchiveFault:
        return False
    return unchanged and not side_file


names = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=9).filter(is_plain)
trees = st.recursive(
    st.binary(max_size=300), lambda inner: st.dictionaries(names, inner, max_size=4), max_leaves=12
).filter(lambda tree: isinstance(tree, dict))


def flat(tree: Tree, above: str = "") -> Iterator[tuple[str, bytes | None]]:
    for name, content in tree.items():
        yield above + name, content if isinstance(content, bytes) else None
        if isinstance(content, dict):
            yield from flat(content, f"{above}{name}/")


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
@settings(max_examples=20)
@given(tree=trees)
def test_what_goes_in_comes_out(write: Callable[[dict[str, bytes | None]], bytes], tree: Tree) -> None:
    files = dict(flat({**tree, "last": b"a file at least"}))
    with tempfile.TemporaryDirectory() as folder:
        archive, root = Path(folder, "archive"), Path(folder, "root")
        archive.write_bytes(write(files))
        assert is_archive(archive)
        contents = [content for content in files.values() if content is not None]
        assert unpack(archive, root) == Unpacked(len(contents), sum(map(len, contents)))
        assert read_tree(root) == files
        assert len(list(Path(folder).iterdir())) == 2


@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_names_that_are_not_utf8_keep_their_bytes(write: Callable[..., bytes], root: Path) -> None:
    content = write({"sub-M_ller.nii": b"x"}).replace(b"M_ller", b"M\xfcller")
    # The header's checksum of tar changes with the name.
    content = content if write is write_zip else write_tar({os.fsdecode(b"sub-M\xfcller.nii"): b"x"})
    unpacked(content, root)
    assert [os.fsencode(path.name) for path in root.iterdir()] == [b"sub-M\xfcller.nii"]


def test_zip_names_that_are_utf8_without_saying_so_are_read_as_such(root: Path) -> None:
    unpacked(write_zip({"M__ller": b"x"}).replace(b"M__ller", "Müller".encode()), root)
    assert list(read_tree(root)) == ["Müller"]


def test_side_files_of_macos_are_left_out_and_counted(root: Path) -> None:
    files = {"a/b.nii": b"x", "__MACOSX/a/._b.nii": b"y", "a/._b.nii": b"z", "a/.DS_Store": b"", "a/.bidsignore": b""}
    assert unpacked(write_tar({**files}), root) == Unpacked(2, 1, left_out=3)
    assert set(read_tree(root)) == {"a", "a/b.nii", "a/.bidsignore"}


def test_archives_within_an_archive_stay_files(root: Path) -> None:
    inner = write_zip({"a": b"x"})
    unpacked(write_tar({"BraTS2021_00495.tar": inner}), root)
    assert read_tree(root) == {"BraTS2021_00495.tar": inner}


@pytest.mark.parametrize(("umask", "file_mode", "folder_mode"), [(0o077, 0o600, 0o700), (0o002, 0o664, 0o775)])
def test_modes_are_plain_whatever_the_archive_says(umask: int, file_mode: int, folder_mode: int, root: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as file:
        for name, kind in (("folder", tarfile.DIRTYPE), ("folder/file", tarfile.REGTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.mode, info.uid, info.gid = kind, 0o7777, 4321, 4321
            file.addfile(info)
    former = os.umask(umask)
    try:
        unpacked(buffer.getvalue(), root)
    finally:
        os.umask(former)
    statuses = [(root / name).stat() for name in ("folder/file", "folder")]
    assert [stat.S_IMODE(status.st_mode) for status in statuses] == [file_mode, folder_mode]
    assert {(status.st_uid, status.st_gid) for status in statuses} == {(os.getuid(), os.getgid())}


@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_times_are_those_of_the_archive_in_any_time_zone(
    write: Callable[..., bytes], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = set()
    for zone in ("UTC", "America/New_York", "Asia/Tokyo"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        unpacked(write({"a.nii": b"x"}), root)
        times.add((root / "a.nii").stat().st_mtime_ns)
        (root / "a.nii").unlink()
    monkeypatch.undo()
    time.tzset()
    assert times == {MTIME_S * 10**9}


@pytest.mark.parametrize("mtime_s", [-5, 0, 1e300, float("inf"), float("nan")])
def test_a_time_that_no_file_can_have_is_replaced(mtime_s: float, root: Path) -> None:
    buffer = io.BytesIO()
    info = tarfile.TarInfo("a")
    info.pax_headers = {"mtime": str(mtime_s)}
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as file:
        file.addfile(info)
    unpacked(buffer.getvalue(), root)
    assert (root / "a").stat().st_mtime == FALLBACK_MTIME_S


def test_a_date_that_does_not_exist_is_replaced(root: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(zipfile.ZipInfo("a", (1980, 0, 0, 0, 0, 0)), b"x")
    unpacked(buffer.getvalue(), root)
    assert (root / "a").stat().st_mtime == FALLBACK_MTIME_S


def test_progress_counts_what_is_written(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archive.write_bytes(write_zip({"a": bytes(3 << 20), "b": b"x"}))
    counts: list[int] = []
    assert unpack(archive, tmp_path / "root", advance=counts.append).bytes == sum(counts) == (3 << 20) + 1
    assert max(counts) <= 1 << 20


@pytest.mark.parametrize("mode", ["zip", "w", "w:gz"])
def test_a_large_member_takes_little_memory(mode: str, root: Path) -> None:
    files: dict[str, bytes | None] = {"large": bytes(40 << 20)}
    (root.parents[1] / "archive").write_bytes(write_zip(files) if mode == "zip" else write_tar(files, mode))
    del files
    tracemalloc.start()
    try:
        unpack(root.parents[1] / "archive", root)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 8 << 20


def test_names_that_differ_in_case_alone_are_taken_where_the_disk_tells_them_apart(root: Path) -> None:
    root.mkdir(parents=True)
    (root / "probe").touch()
    if (root / "PROBE").exists():
        pytest.skip("this disk does not tell capitals")
    unpacked(write_zip({"S1/T1.nii": b"1", "s1/t1.nii": b"2", "S1/t1.nii": b"3"}), root)
    assert len(list(root.rglob("*.nii"))) == 3


@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_names_that_the_disk_takes_for_one_are_named(
    write: Callable[..., bytes], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Path.open
    monkeypatch.setattr(Path, "open", lambda path, mode: opened(path.parent / path.name.lower(), mode))
    with pytest.raises(DataError, match=r"this disk takes names for one: 'S1/t1.nii', 'S1/T1.nii'"):
        unpacked(write({"S1/t1.nii": b"1", "S1/T1.nii": b"2"}), root)
    assert not list(root.iterdir())


def test_a_name_that_the_disk_does_not_take_is_named(root: Path) -> None:
    # Each name is short enough, and the whole path longer than the 4,096 bytes of Linux.
    with pytest.raises(DataError, match=r"this disk does not take the name 'ddd.* \(File name too long\)"):
        unpacked(write_tar({"/".join(["d" * 200] * 30): b"x"}), root)
    assert not list(root.iterdir())


def test_all_is_on_the_disk_before_it_gets_its_name(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[str]] = []
    monkeypatch.setattr(os, "sync", lambda: seen.append({path.name for path in root.iterdir()}))
    unpacked(write_zip({"a": b"x"}), root)
    assert len(seen) == 1
    assert "a" not in seen[0]


def test_an_archive_that_changes_while_it_is_read_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def change(_folder: Path, _needed_bytes: int) -> None:
        # Between the look at its directory and the reading of its files.
        (root.parents[1] / "archive").write_bytes(write_tar({"b.nii": bytes(1 << 18)}))

    monkeypatch.setattr("brains45k.fetch.unpack.require_space", change)
    with pytest.raises(DataError, match="it changed while it was read"):
        unpacked(write_tar({"a.nii": bytes(1 << 18)}), root)
    assert not list(root.iterdir())


def test_a_disk_that_fills_up_on_the_way_is_told_and_nothing_stays(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "utime", fill)
    with pytest.raises(CallError, match=r"cannot be unpacked into .* \(No space left on device\)"):
        unpacked(write_zip({"a.nii": b"x"}), root)
    assert not list(root.iterdir())


def test_a_name_that_no_disk_takes_is_refused() -> None:
    with pytest.raises(ArchiveFault, match="characters in its name that no disk takes"):
        safe_path("a/\ud800.nii", depth=9)
