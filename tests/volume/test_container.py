"""From a file to the bytes of an image: what the gzip stream says is checked, and memory stays bounded."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support import bad_files as bad

from brains45k.codes import Code
from brains45k.volume import container
from brains45k.volume.container import looks_like_text, read_file, require_image, unpack
from brains45k.volume.read import read_image
from brains45k.volume.refusal import RefusalError

GOOD = bad.nifti()
MEASURE = """
import re, sys
from pathlib import Path
from brains45k.volume import RefusalError, read_image
for name in sys.argv[1:]:
    try:
        read_image(Path(name))
    except RefusalError as refusal:
        print(refusal.code)
# Not ru_maxrss, which a process takes over from the one that started it.
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


def whole(_: bytes) -> int:
    return len(GOOD)


def test_a_bomb_takes_no_memory(tmp_path: Path) -> None:
    tiny = np.zeros((1, 1, 1), "u1")
    bombs = {
        "undeclared.nii.gz": bad.bomb(GOOD, megabytes=3400),
        "declared.nii.gz": bad.bomb(bad.nifti(tiny, dim=bad.dim(1100, 1100, 1100)), megabytes=1270),
        "members.nii.gz": bad.gz(GOOD) + bad.bomb(b"", megabytes=500) * 3,
    }
    for name, content in bombs.items():
        (tmp_path / name).write_bytes(content)
    command = [sys.executable, "-c", MEASURE, *(str(tmp_path / name) for name in bombs)]
    *codes, peak_kb = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert codes == ["E_BOMB", "E_DIM_BOMB", "E_BOMB"]
    assert int(peak_kb) < 300_000


@pytest.mark.parametrize("packed", [bad.gz(GOOD), bad.gz(GOOD, 0), bad.members(GOOD, 5000)], ids=len)
def test_a_flipped_bit_never_changes_voxels_unseen(packed: bytes, tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    path = tmp_path / "a.nii.gz"
    seen = 0
    for position in rng.integers(len(packed), size=200).tolist():
        path.write_bytes(bad.flip(packed, position, int(rng.integers(8))))
        try:
            image = read_image(path)
        except RefusalError:
            seen += 1
            continue
        # A flip in the name, time or system of a gzip header harms nothing.
        assert np.array_equal(image.voxels, bad.head_voxels())
    assert seen > 190


@pytest.mark.parametrize("kept", range(0, 30000, 997))
def test_a_truncated_stream_is_told(kept: int) -> None:
    packed = bad.gz(GOOD)
    with pytest.raises(RefusalError) as caught:
        unpack(packed[: max(2, kept % len(packed))], named_gz=True, declared_bytes=whole)
    assert caught.value.code in {Code.E_GZ_TRUNC, Code.E_GZ_CRC}


@pytest.mark.parametrize("size", [1, 10, 100, 1000, 4096, 4097, 24000])
def test_any_cutting_into_members_gives_the_same_image(size: int) -> None:
    content = GOOD[:6000] if size < 100 else GOOD
    payload = unpack(bad.members(content, size), named_gz=True, declared_bytes=lambda _: len(content))
    assert payload.content == content
    assert payload.remarks == ()


def test_many_members_take_no_time() -> None:
    # Reading on where a member ends must not copy all the rest, or this takes minutes.
    packed = bad.gz(GOOD) + bad.gz(b"") * 100_000
    assert unpack(packed, named_gz=True, declared_bytes=whole).content == GOOD


def test_plain_content_passes_through() -> None:
    payload = unpack(GOOD, named_gz=False, declared_bytes=whole)
    assert payload.content is GOOD
    assert payload.remarks == ()


def test_a_missing_file_has_changed(tmp_path: Path) -> None:
    with pytest.raises(RefusalError) as caught:
        read_file(tmp_path / "gone.nii")
    assert caught.value.code is Code.E_CHANGED


def test_a_folder_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(RefusalError) as caught:
        read_file(tmp_path)
    assert caught.value.code is Code.E_UNREADABLE


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (bad.LOGIN_PAGE, True),
        (b"subject;session\r\n1;2\r\n", True),
        ("Stra\u00dfe".encode(), True),
        (GOOD[:512], False),
        (bytes(range(1, 256)) * 2, False),
        (b"", False),
    ],
)
def test_text_is_told_from_bytes(head: bytes, expected: bool) -> None:
    assert looks_like_text(head) is expected


def test_the_beginning_of_a_page_is_shown() -> None:
    with pytest.raises(RefusalError, match="DOCTYPE"):
        require_image(bad.LOGIN_PAGE)


@pytest.mark.parametrize(
    "content", [b"\x1f\x8b\x08\0 rest", b"....\x1f\x8b\x08", b"..\x1f\x8b\x08\x20..\x1f\x8b\x08\x04"]
)
def test_what_may_be_another_member_goes_the_careful_way(content: bytes) -> None:
    assert container._may_hold_more(b"\x1f\x8b\x08\0" + content)
    assert not container._may_hold_more(b"\x1f\x8b\x08\0" + content.replace(b"\x08", b"\x09"))
