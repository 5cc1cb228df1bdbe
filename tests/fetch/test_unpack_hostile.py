"""Hostile and damaged archives: each is refused in one line, and leaves nothing behind, in its folder or outside."""

import bz2
import gzip
import io
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from brains45k.errors import CallError, DataError
from brains45k.fetch.unpack import Limits, is_archive, unpack

GOOD = "good/keep.nii"
HTML = b"<!DOCTYPE html><html><title>Log in</title><body>Your session has ended.</body></html>"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to unpack into; at the end nothing may lie anywhere else but the archive."""
    root = tmp_path / "above" / "root"
    working = tmp_path / "working"
    for folder in (root, working):
        folder.mkdir(parents=True)
    monkeypatch.chdir(working)
    yield root
    elsewhere = {path for path in tmp_path.rglob("*") if not path.is_relative_to(root)}
    assert elsewhere - {tmp_path / "archive"} == {root.parent, working}


def zip_of(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive of a good file and the members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        file.writestr(GOOD, b"voxels" * 99)
        for name, content in members:
            file.writestr(name, content)
    return buffer.getvalue()


def zip_entry(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


def zip_forged(forge: Callable[[list[zipfile.ZipInfo]], object]) -> bytes:
    """A zip archive of two more files, whose directory is changed before it is written."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name in (GOOD, "good/1", "good/2"):
            file.writestr(name, bytes(1000))
        forge(file.filelist)
    return buffer.getvalue()


def zip_patched(old: bytes, new: bytes, *members: tuple[str, bytes]) -> bytes:
    content = zip_of(*members)
    assert old in content
    return content.replace(old, new)


def tar_of(
    *members: tuple[str, bytes] | tarfile.TarInfo, mode: str = "w", form: int = tarfile.PAX_FORMAT, keep: str = GOOD
) -> bytes:
    """A tar archive of a good file and the members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode, format=form) as file:  # type: ignore[call-overload]
        for member in ((keep, b"voxels" * 99), *members):
            if isinstance(member, tarfile.TarInfo):
                file.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                file.addfile(info, io.BytesIO(member[1]))
    return buffer.getvalue()


def tar_entry(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def tar_header(name: str, kind: bytes, size: bytes) -> bytes:
    """A header with a size field that tarfile would not write."""
    header = bytearray(tar_entry(name, kind).tobuf(tarfile.GNU_FORMAT))
    header[124:136] = size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def flipped(content: bytes, place: int) -> bytes:
    place %= len(content)
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def set_field(name: str, value: int | str, *, index: int = 2) -> Callable[[list[zipfile.ZipInfo]], object]:
    return lambda infos: setattr(infos[index], name, value)


TAR_END = bytes(2 * tarfile.BLOCKSIZE)
PLAIN_TAR = tar_of(("good/2", np.random.default_rng(0).bytes(700)))
GZIP_TAR = gzip.compress(PLAIN_TAR, mtime=0)
NEGATIVE = b"\xff" * 10 + b"\xfc\0"

TABLE: dict[str, tuple[bytes, str]] = {
    # Names that lead elsewhere.
    "zip, parent": (zip_of(("../evil", b"x")), "'../evil' leads out of its folder"),
    "zip, parent within": (zip_of(("a/../../evil", b"x")), "'a/../../evil' leads out of its folder"),
    "zip, folder that is the parent": (zip_of(("../evil/", b"")), "'../evil/' leads out"),
    "zip, side file with parent": (zip_of(("__MACOSX/../../._evil", b"x")), "leads out of its folder"),
    "zip, absolute": (zip_of(("/nowhere/evil", b"x")), "is an absolute path"),
    "zip, drive": (zip_of(("C:/evil", b"x")), "'C:/evil' is an absolute path"),
    "zip, drive without slash": (zip_of(("c:evil", b"x")), "'c:evil' is an absolute path"),
    "zip, backslash": (zip_of(("a\\..\\evil", b"x")), "has a backslash"),
    "zip, NUL": (zip_patched(b"aNULb", b"aN\0Lb", ("aNULb", b"x")), r"'aN\x00Lb' has a NUL in its name"),
    "tar, parent": (tar_of(("../evil", b"x")), "'../evil' leads out of its folder"),
    "tar, parent in a pax header": (tar_of(("../" + "e" * 120, b"x")), "leads out of its folder"),
    "tar, absolute": (tar_of(("/nowhere/evil", b"x")), "is an absolute path"),
    "tar, backslash": (tar_of(("..\\evil", b"x")), "has a backslash"),
    "tar, drive": (tar_of(("C:\\evil", b"x")), "is an absolute path"),
    "tar.gz, parent": (tar_of(("../evil", b"x"), mode="w:gz"), "'../evil' leads out of its folder"),
    # Members that are neither files nor folders.
    "zip, symbolic link": (zip_of((zip_entry("link", stat.S_IFLNK | 0o777), b"..")), "'link' is a symbolic link"),
    "zip, pipe": (zip_of((zip_entry("p", stat.S_IFIFO | 0o666), b"")), "'p' is a pipe or a device"),
    "zip, device": (zip_of((zip_entry("d", stat.S_IFCHR | 0o666), b"")), "'d' is a pipe or a device"),
    "tar, symbolic link": (tar_of(tar_entry("link", tarfile.SYMTYPE, "good")), "'link' is a symbolic link"),
    "tar, file through a link": (
        tar_of(tar_entry("link", tarfile.SYMTYPE, ".."), ("link/evil", b"x")),
        "'link' is a symbolic link",
    ),
    "tar, hard link": (tar_of(tar_entry("link", tarfile.LNKTYPE, "/etc/passwd")), "'link' is a hard link"),
    "tar, hard link within": (tar_of(tar_entry("link", tarfile.LNKTYPE, GOOD)), "'link' is a hard link"),
    "tar, device": (tar_of(tar_entry("null", tarfile.CHRTYPE)), "'null' is a device"),
    "tar, block device": (tar_of(tar_entry("disk", tarfile.BLKTYPE)), "'disk' is a device"),
    "tar, pipe": (tar_of(tar_entry("pipe", tarfile.FIFOTYPE)), "'pipe' is a pipe"),
    "tar, holes": (tar_of(tar_entry("sparse", tarfile.GNUTYPE_SPARSE)), "'sparse' is a file with holes"),
    "tar, unknown kind": (tar_of(tar_entry("odd", b"Q")), "'odd' is of an unknown kind"),
    # Names that cannot stand beside each other, or on a disk.
    "zip, twice": (zip_patched(b"two/a", b"one/a", ("one/a", b"1"), ("two/a", b"2")), "'one/a' is in it twice"),
    "zip, twice in other words": (zip_of(("one", b"1"), ("./one", b"2")), "'./one' is in it twice"),
    "tar, twice": (tar_of(("one", b"1"), ("one", b"2")), "'one' is in it twice"),
    "zip, file and folder": (zip_of(("good", b"1")), "'good' is a file and a folder in one"),
    "tar, folder and file": (tar_of(("f", b"1"), ("f/g", b"2")), "'f' is a file and a folder in one"),
    "tar, file without a name": (tar_of(("./.", b"1")), "'./.' is a file and a folder in one"),
    "zip, long name": (zip_of(("é" * 128, b"1")), "has a name of 256 bytes; disks take 255"),
    "tar, long name": (tar_of(("n" * 9999, b"1")), "has a name of 9,999 bytes; disks take 255"),
    "zip, deep": (zip_of(("d/" * 100 + "f", b"1")), "lies 101 folders deep"),
    "tar, reserved": (tar_of((".unpacking-0/f", b"1")), "has a name that is reserved"),
    # What cannot be read.
    "zip, encrypted": (zip_forged(set_field("flag_bits", 1)), "'good/2' is encrypted"),
    "zip, LZMA": (zip_of(("l", b"1"), method=zipfile.ZIP_LZMA), "is compressed by method 14"),
    "zip, deflate64": (zip_forged(set_field("compress_type", 9)), "'good/2' is compressed by method 9"),
    "zip, split": (zip_of()[:-18] + struct.pack("<H", 1) + zip_of()[-16:], "one part of a split archive"),
    # Bombs and lies.
    "zip, overlap": (zip_forged(set_field("header_offset", 0)), "its members overlap"),
    "zip, overlap with the directory": (zip_forged(set_field("compress_size", 999)), "its members overlap"),
    "zip, longer than declared": (zip_forged(set_field("file_size", 10)), "it is damaged"),
    "zip, shorter than declared": (zip_forged(set_field("file_size", 1001)), "shorter than the 1,001 bytes declared"),
    "zip, other name in place": (zip_forged(set_field("filename", "good/3")), "it is damaged (File name in directory"),
    "tar, too large": (tar_of()[:-10240] + tar_header("b", b"0", b"\x80" + b"\x7f" * 11), "more than the 4,398,046"),
    "tar, negative size": (PLAIN_TAR[:1536] + tar_header("m", b"0", NEGATIVE), "declares less than no bytes"),
    "tar, negative header": (PLAIN_TAR[:1536] + tar_header("m", b"x", NEGATIVE), "lies about its length"),
    "tar, endless header": (PLAIN_TAR[:1536] + tar_header("m", b"L", b"77777777777\0"), "header is too long"),
    # Damage.
    "zip, half": (zip_of()[: len(zip_of()) // 2], "it breaks off before its end"),
    "zip, last bytes missing": (zip_of()[:-5], "it breaks off before its end"),
    "zip, comment missing": (zip_of()[:-2] + b"\x09\0", "9 bytes are missing at its end"),
    "zip, garbage behind": (zip_of() + b"\0" * 7, "7 bytes follow its end"),
    "zip, bit flipped": (flipped(zip_of(method=zipfile.ZIP_STORED), 60), f"Bad CRC-32 for file '{GOOD}'"),
    "zip, stream broken": (flipped(zip_of(), 45), "it is damaged"),
    "zip, start missing": (b"PK\x03\x04" + zip_of()[30:], "bytes of it are missing"),
    "zip, miscounted": (zip_of()[:-12] + struct.pack("<H", 5) + zip_of()[-10:], "lists 1 members, its end 5"),
    "tar, half": (PLAIN_TAR[:2500], "it is damaged (unexpected end of data)"),
    "tar, end missing": (PLAIN_TAR[:3072], "it breaks off before its end"),
    "tar, part of a header": (PLAIN_TAR[:1800], "it breaks off before its end"),
    "tar, header broken": (flipped(PLAIN_TAR, 1540), "or is damaged in the middle"),
    "tar, garbage behind": (PLAIN_TAR + b"x", "something follows its end"),
    "tar, another tar behind": (PLAIN_TAR * 2, "something follows its end"),
    "tar.gz, half": (GZIP_TAR[: len(GZIP_TAR) // 2], "it is damaged (Compressed file ended before"),
    "tar.gz, last byte missing": (GZIP_TAR[:-1], "it is damaged (Compressed file ended before"),
    "tar.gz, checksum": (flipped(GZIP_TAR, -8), "it is damaged (CRC check failed"),
    "tar.gz, garbage behind": (GZIP_TAR + b"garbage", "it is damaged (Not a gzipped file"),
    "tar.bz2, last byte missing": (bz2.compress(PLAIN_TAR)[:-1], "it is damaged (Compressed file ended before"),
    "tar.bz2, checksum": (flipped(bz2.compress(PLAIN_TAR), -3), "it is damaged (Invalid data stream)"),
    # Nothing in it, or no archive.
    "zip, empty": (b"PK\x05\x06" + bytes(18), "it holds no file"),
    "tar, folders": (tar_of(tar_entry("f", tarfile.DIRTYPE), keep=".DS_Store"), "it holds no file"),
    "tar, side files": (tar_of(keep="__MACOSX/._a"), "it holds no file"),
    "tar, empty": (TAR_END, "neither a zip nor a tar archive"),
    "no bytes": (b"", "it is empty"),
    "web page": (HTML, "perhaps a login page"),
    "answer of a server": (b'{"message": "denied"}', "perhaps a login page"),
    "web page, compressed": (gzip.compress(HTML, mtime=0), "neither a zip nor a tar archive"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + bytes(range(256)), "neither a zip nor a tar archive"),
}


@pytest.mark.parametrize(("content", "cause"), TABLE.values(), ids=TABLE)
def test_it_is_refused_in_one_line_and_leaves_nothing(content: bytes, cause: str, tmp_path: Path, root: Path) -> None:
    archive = tmp_path / "archive"
    archive.write_bytes(content)
    with pytest.raises(DataError) as refusal:
        unpack(archive, root)
    line = str(refusal.value)
    assert cause in line
    assert line.startswith(f"{archive}: ")
    assert line.isprintable()
    assert line.endswith(".")
    assert not list(root.iterdir())


@pytest.mark.parametrize("build", [zip_of, tar_of])
def test_an_absolute_path_that_could_be_written_is_not(build: Callable[..., bytes], tmp_path: Path, root: Path) -> None:
    archive = tmp_path / "archive"
    archive.write_bytes(build((f"{tmp_path}/evil", b"x")))
    with pytest.raises(DataError, match="is an absolute path"):
        unpack(archive, root)
    assert not list(root.iterdir())


LIMITS: dict[str, tuple[Limits, str]] = {
    "members": (Limits(members=2), "more than the 2 members allowed"),
    "bytes": (Limits(bytes=2000), "more than the 2,000 bytes allowed"),
    "ratio": (Limits(ratio=2, harmless_bytes=3000), "more than 2 times as many, as in a zip bomb"),
    "depth": (Limits(depth=1), "lies 2 folders deep"),
}


@pytest.mark.parametrize(("limits", "cause"), LIMITS.values(), ids=LIMITS)
@pytest.mark.parametrize("build", [zip_of, lambda *members: tar_of(*members, mode="w:gz")], ids=["zip", "tar"])
def test_limits_are_kept(build: Callable[..., bytes], limits: Limits, cause: str, tmp_path: Path, root: Path) -> None:
    archive = tmp_path / "archive"
    archive.write_bytes(build(("good/1", bytes(3000)), ("good/2", b"x")))
    with pytest.raises(DataError, match=cause):
        unpack(archive, root, limits=limits)
    assert not list(root.iterdir())
    assert unpack(archive, root).files == 3


def test_room_is_asked_for_before_anything_is_written(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=593))
    archive = tmp_path / "archive"
    archive.write_bytes(zip_of())
    with pytest.raises(CallError, match="needs 594 bytes, 593 are free"):
        unpack(archive, root)
    assert not list(root.iterdir())


def test_a_disk_that_fails_is_no_damage(tmp_path: Path, root: Path) -> None:
    archive = tmp_path / "archive"
    archive.write_bytes(zip_of())
    (root / "file").touch()
    with pytest.raises(CallError, match=r"cannot be unpacked into .*file \(Not a directory\)"):
        unpack(archive, root / "file")


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.zip", zip_of(), True),
        ("download", zip_of(), True),
        ("cut.zip", zip_of()[:60], True),
        ("a.tar", PLAIN_TAR, True),
        ("a.tgz", GZIP_TAR, True),
        ("a.tar.bz2", bz2.compress(PLAIN_TAR), True),
        ("a.XLSX", zip_of(), False),
        ("a.npz", zip_of(), False),
        ("a.nii.gz", gzip.compress(bytes(4) + b"n+1" + bytes(999), mtime=0), False),
        ("a.nii.gz", gzip.compress(PLAIN_TAR, mtime=0)[:40], False),
        ("a.nii", bytes(352), False),
        ("a.zip", HTML, False),
        ("a.zip", b"", False),
    ],
)
def test_the_content_tells_an_archive(name: str, content: bytes, expected: bool, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert is_archive(tmp_path / name) is expected


def test_what_is_no_file_is_no_archive(tmp_path: Path) -> None:
    assert not is_archive(tmp_path)
    assert not is_archive(tmp_path / "nothing.zip")
