"""The file of one volume: what is read back, from where, and what damage is told."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.levels import as_stored

from brains45k.corpus import chunks
from brains45k.corpus.chunks import encode
from brains45k.corpus.patches import DamagedError, read_boxes, read_index
from brains45k.volume.box import Box

SHAPE = (130, 70, 64)
DATA = np.random.default_rng(7).random(SHAPE, np.float32)
ENCODED = encode(DATA)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("chunks") / "volume"
    target.write_bytes(ENCODED)
    return target


@pytest.fixture
def file(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def read(file: int, boxes: list[Box], dtype: Any = np.float32) -> list[npt.NDArray[Any]]:
    out = [np.empty([part.stop - part.start for part in box], dtype) for box in boxes]
    read_boxes(file, read_index(file, SHAPE, len(ENCODED)), boxes, out)
    return out


def box(*bounds: int) -> Box:
    x0, x1, y0, y1, z0, z1 = bounds
    return slice(x0, x1), slice(y0, y1), slice(z0, z1)


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    starts = [draw(st.integers(0, size)) for size in SHAPE]
    x, y, z = (slice(start, draw(st.integers(start, size))) for start, size in zip(starts, SHAPE, strict=True))
    return x, y, z


@given(st.lists(boxes(), max_size=4))
def test_boxes_are_slices(path: Path, wanted: list[Box]) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        for found, part in zip(read(descriptor, wanted), wanted, strict=True):
            np.testing.assert_array_equal(found, as_stored(DATA)[part])
    finally:
        os.close(descriptor)


def test_levels_come_as_they_are_stored(file: int) -> None:
    (found,) = read(file, [box(0, 130, 0, 70, 0, 64)], np.uint16)
    np.testing.assert_array_equal(found, np.floor(DATA * np.float32(4095) + np.float32(0.5)))


class Counter:
    """Counts the reads and bytes of a function that reads at an offset."""

    def __init__(self) -> None:
        self.reads = self.bytes = 0
        self._preadv = os.preadv

    def preadv(self, file: int, buffers: list[Any], offset: int) -> int:
        found = self._preadv(file, buffers, offset)
        self.reads, self.bytes = self.reads + 1, self.bytes + found
        return found


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> Counter:
    made = Counter()
    monkeypatch.setattr(os, "preadv", made.preadv)
    return made


@pytest.mark.parametrize(
    ("part", "touched"),
    [
        (box(0, 1, 0, 1, 0, 1), 1),
        (box(0, 32, 0, 64, 0, 64), 1),
        (box(0, 33, 0, 64, 0, 64), 2),
        (box(63, 65, 0, 70, 5, 9), 4),
        (box(0, 130, 0, 70, 0, 64), 10),
    ],
)
def test_a_box_reads_the_chunks_that_it_touches_once(file: int, counter: Counter, part: Box, touched: int) -> None:
    index = read_index(file, SHAPE, len(ENCODED))
    before = counter.reads
    read_boxes(file, index, [part], [np.empty([s.stop - s.start for s in part], np.uint16)])
    assert counter.reads - before == touched


def test_boxes_that_share_chunks_read_them_once(file: int, counter: Counter) -> None:
    parts = [box(0, 60, 0, 60, 0, 60), box(4, 64, 4, 64, 4, 64), box(1, 2, 3, 4, 5, 6)]
    read(file, parts)
    assert counter.reads == 3  # the index, and two chunks


def test_a_disk_that_gives_less_at_once_is_asked_again(file: int, monkeypatch: pytest.MonkeyPatch) -> None:
    preadv = os.preadv
    monkeypatch.setattr(os, "preadv", lambda file, buffers, offset: preadv(file, [buffers[0][:999]], offset))
    (found,) = read(file, [box(0, 130, 0, 70, 0, 64)])
    np.testing.assert_array_equal(found, as_stored(DATA))


def test_an_empty_box_reads_nothing(file: int, counter: Counter) -> None:
    read(file, [box(70, 70, 0, 10, 0, 10)])
    assert counter.reads == 1
    assert counter.bytes == 10 * 16 + 4


@pytest.mark.parametrize("shape", [(64, 70, 64), (130, 70, 65), (300, 300, 300)])
def test_another_shape_is_told(file: int, shape: tuple[int, int, int]) -> None:
    with pytest.raises(DamagedError, match="the index"):
        read_index(file, shape, len(ENCODED))


@pytest.mark.parametrize("length", [0, 3, 50, len(ENCODED) - 1])
def test_a_cut_file_is_told(tmp_path: Path, length: int) -> None:
    (tmp_path / "a").write_bytes(ENCODED[:length])
    with (tmp_path / "a").open("rb") as file, pytest.raises(DamagedError, match="the index"):
        read_index(file.fileno(), SHAPE, length)


@pytest.mark.parametrize("position", [*range(0, len(ENCODED), 4001), len(ENCODED) - 1])
def test_any_flipped_bit_is_told(tmp_path: Path, position: int) -> None:
    content = bytearray(ENCODED)
    content[position] ^= 4
    (tmp_path / "a").write_bytes(content)
    with (tmp_path / "a").open("rb") as file, pytest.raises(DamagedError, match="checksum"):
        read(file.fileno(), [box(0, 130, 0, 70, 0, 64)])


def test_a_chunk_that_does_not_inflate_is_told(tmp_path: Path) -> None:
    packed = chunks._seal(b"no blosc at all")
    index = chunks._seal(np.array([0, len(packed)], "<u8").tobytes())
    (tmp_path / "a").write_bytes(packed + index)
    with (tmp_path / "a").open("rb") as file:
        found = read_index(file.fileno(), (3, 3, 3), len(packed + index))
        with pytest.raises(DamagedError, match=r"chunk \(0, 0, 0\) does not inflate"):
            read_boxes(file.fileno(), found, [box(0, 1, 0, 1, 0, 1)], [np.empty((1, 1, 1), np.uint16)])
