"""Patches are slices of their volumes with zeros around them, in memory that is used again."""

import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from support.small_corpus import SmallCorpus

pytest.importorskip("torch")

from brains45k.corpus import patches as reading
from brains45k.corpus.chunks import TOP_LEVEL
from brains45k.corpus.reader import Corpus, open_corpus
from brains45k.errors import DataError
from brains45k.training.order import patch_start
from brains45k.training.patches import Batch, Patches, rows_of
from brains45k.training.plan import FILLER_ROW
from brains45k.training.ring import Request, Ring

KEYS = [3, 2**40, 2**62]


@pytest.fixture(scope="module")
def opened(corpus: SmallCorpus) -> Corpus:
    return open_corpus(corpus.manifest)


def read(corpus: Corpus, size_voxels: int, rows: list[int], keys: list[int]) -> Batch:
    ring = Ring(1, (len(rows), *(size_voxels,) * 3), shared=False)
    request = Request(ring.claim(), rows, keys)
    # What an earlier batch left there.
    ring.levels(request).fill_(-1)
    batch = Patches(corpus, size_voxels=size_voxels, ring=ring)[request]
    assert isinstance(batch, Batch)
    return batch


def expected(corpus: Corpus, size_voxels: int, row: int, key: int) -> npt.NDArray[np.float32]:
    """Pad the whole volume by the size of a patch and slice it."""
    volume = corpus[row].data
    start = patch_start(key, volume.shape, size_voxels)
    box = tuple(slice(first + size_voxels, first + 2 * size_voxels) for first in start)
    return np.pad(volume, size_voxels)[box]


@pytest.mark.parametrize("size_voxels", [1, 24, 64, 80, 81, 90, 97, 110])
def test_a_patch_is_a_slice_of_the_padded_volume(opened: Corpus, size_voxels: int) -> None:
    rows = [0, 4, len(opened) - 1]  # 80, 80 and 96 voxels along each axis
    batch = read(opened, size_voxels, rows, KEYS)
    assert batch.levels.shape == (3, *(size_voxels,) * 3)
    for levels, row, key in zip(batch.levels, rows, KEYS, strict=True):
        voxels = levels.numpy() * np.float32(1 / TOP_LEVEL)
        np.testing.assert_array_equal(voxels, expected(opened, size_voxels, row, key))


def test_a_batch_says_what_it_holds(opened: Corpus) -> None:
    batch = read(opened, 8, [2, 7, 1], KEYS)
    assert (batch.rows.tolist(), batch.keys.tolist()) == ([2, 7, 1], KEYS)


def test_a_filler_is_zeros(opened: Corpus) -> None:
    batch = read(opened, 8, [FILLER_ROW], [0])
    assert batch.rows.tolist() == [FILLER_ROW]
    assert not batch.levels.any()


def test_of_a_wide_patch_the_inside_alone_is_read(opened: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    chunks: list[object] = []
    read_chunk = reading._read_chunk

    def count(file: int, index: reading.Index, chunk: tuple[int, int, int]) -> npt.NDArray[np.uint16]:
        chunks.append(chunk)
        return read_chunk(file, index, chunk)

    monkeypatch.setattr(reading, "_read_chunk", count)
    read(opened, 300, [0], [1])
    assert len(chunks) == len(set(chunks)) == 3 * 2 * 2


def test_splits_name_rows_of_the_manifest(opened: Corpus) -> None:
    train, val = rows_of(opened, "train"), rows_of(opened, "val")
    assert sorted(train + val) == list(range(len(opened)))
    assert opened.manifest["split"].iloc[val].eq("val").all()


def test_damage_is_returned_by_name(corpus: SmallCorpus, tmp_path: Path) -> None:
    workdir = Path(shutil.copytree(corpus.workdir, tmp_path / "copy"))
    opened = open_corpus(workdir / "manifests/corpus.parquet")
    shard = Path(opened.manifest["shard"][0])
    file = workdir / shard / opened.manifest["array"][0] / "c/0/0/0"
    content = bytearray(file.read_bytes())
    content[100] ^= 1
    file.write_bytes(content)
    ring = Ring(1, (1, 80, 80, 80), shared=False)
    error = Patches(opened, size_voxels=80, ring=ring)[Request(0, [0], [0])]
    assert isinstance(error, DataError)
    assert f"{shard}/" in str(error)
    assert "Delete" in str(error)
