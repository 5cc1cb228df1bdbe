"""The reader: volumes and patches, in this process and in workers, and no damage unseen."""

import contextlib
import errno
import json
import multiprocessing
import os
import pickle
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import zarr
from support.small_corpus import SmallCorpus, send_total

import brains45k
import brains45k.corpus.reader as module
from brains45k.corpus.manifest import MANIFEST, metadata_of, read_table, write_table
from brains45k.corpus.reader import Corpus, open_corpus
from brains45k.corpus.store import data_file
from brains45k.errors import DataError

TIMEOUT_S = 60
BOXES = [
    ((0, 0, 0), (80, 80, 80)),
    ((0, 0, 0), (1, 1, 1)),
    ((79, 79, 79), (1, 1, 1)),
    ((60, 0, 50), (10, 80, 20)),
    ((64, 64, 64), (16, 16, 16)),
    ((5, 6, 7), (0, 3, 3)),
]


@pytest.fixture
def opened(corpus: SmallCorpus) -> Corpus:
    return open_corpus(corpus.manifest)


@pytest.fixture
def name(corpus: SmallCorpus) -> str:
    """A volume of 80 voxels along each axis: three chunks along x, two along y and z."""
    return str(corpus.rows()["sub-01/sub-01_T1w.nii.gz"]["volume_id"])


def stored_file(corpus: SmallCorpus, volume_id: str) -> Path:
    row = next(row for row in corpus.rows().values() if row["volume_id"] == volume_id)
    return data_file(corpus.shard(row), row["array"])


def test_a_corpus_holds_what_is_kept(opened: Corpus, corpus: SmallCorpus) -> None:
    kept = [row["volume_id"] for row in corpus.rows().values() if row["status"] == "kept"]
    assert len(opened) == len(kept) == 9
    assert opened.manifest["volume_id"].tolist() == kept


def test_the_package_opens_a_corpus(corpus: SmallCorpus) -> None:
    assert len(brains45k.open_corpus(str(corpus.manifest))) == 9


def test_a_sources_manifest_is_a_corpus_too(corpus: SmallCorpus) -> None:
    assert len(open_corpus(corpus.workdir / "manifests/tiny.parquet")) == 5


def test_a_volume_is_found_by_place_and_by_name(opened: Corpus) -> None:
    for index, name in enumerate(opened.manifest["volume_id"]):
        np.testing.assert_array_equal(opened[index].data, opened.volume(name).data)
    np.testing.assert_array_equal(opened[-1].data, opened[len(opened) - 1].data)


def test_a_place_that_is_not_there(opened: Corpus) -> None:
    with pytest.raises(IndexError):
        opened[len(opened)]


def test_a_volume_comes_with_its_place(opened: Corpus, corpus: SmallCorpus, name: str) -> None:
    volume, row = opened.volume(name), corpus.rows()["sub-01/sub-01_T1w.nii.gz"]
    assert volume.data.dtype == np.float32
    assert volume.shape == tuple(row["shape"])
    assert volume.affine.ravel().tolist() == row["affine"]
    assert (volume.spacing_mm, volume.crop_start) == (tuple(row["spacing"]), tuple(row["crop_start"]))
    assert (volume.clip_value, volume.foreground_mean, volume.foreground_std) == (
        row["clip_value"],
        row["mean"],
        row["std"],
    )


@pytest.mark.parametrize(("start", "size"), BOXES)
def test_a_patch_is_a_slice(opened: Corpus, name: str, start: tuple[int, ...], size: tuple[int, ...]) -> None:
    box = tuple(slice(first, first + length) for first, length in zip(start, size, strict=True))
    patch = opened.patch(name, start, size)
    assert patch.shape == size
    np.testing.assert_array_equal(patch, opened.volume(name).data[box])


@pytest.mark.parametrize(
    ("start", "size"),
    [((-1, 0, 0), (4, 4, 4)), ((77, 0, 0), (4, 4, 4)), ((0, 0, 0), (4, 4, 81)), ((90, 0, 0), (1, 1, 1))],
)
def test_a_patch_outside_is_refused(opened: Corpus, name: str, start: tuple[int, ...], size: tuple[int, ...]) -> None:
    with pytest.raises(IndexError, match="leave the shape"):
        opened.patch(name, start, size)


def test_a_patch_outside_is_told_the_shape(opened: Corpus, name: str) -> None:
    with pytest.raises(IndexError, match=r"start \(77, 0, 0\) and size \(4, 4, 4\) leave the shape \(80, 80, 80\)"):
        opened.patch(name, (77, 0, 0), (4, 4, 4))


@pytest.mark.parametrize("start", [0, 5])
def test_a_patch_of_negative_size_is_refused(opened: Corpus, name: str, start: int) -> None:
    with pytest.raises(IndexError):
        opened.patch(name, (start, 0, 0), (-1, 4, 4))


def test_a_patch_of_two_axes_is_refused(opened: Corpus, name: str) -> None:
    with pytest.raises(ValueError, match="zip"):
        opened.patch(name, (0, 0, 0), (4, 4))


def test_several_patches_are_the_same_as_one_by_one(opened: Corpus, name: str) -> None:
    starts = [(0, 0, 0), (40, 41, 42), (56, 0, 56), (0, 0, 0)]
    together = opened.patches(name, starts, (24, 20, 16))
    assert together.shape == (4, 24, 20, 16)
    for patch, start in zip(together, starts, strict=True):
        np.testing.assert_array_equal(patch, opened.patch(name, start, (24, 20, 16)))


def test_no_patch_at_all_is_none(opened: Corpus, name: str) -> None:
    assert opened.patches(name, [], (4, 5, 6)).shape == (0, 4, 5, 6)


def test_a_patch_comes_in_stored_levels(opened: Corpus, name: str) -> None:
    levels = opened.patch(name, (3, 4, 5), (60, 70, 70), dtype=np.uint16)
    assert levels.dtype == np.uint16
    np.testing.assert_array_equal(levels * np.float32(1 / 4095), opened.patch(name, (3, 4, 5), (60, 70, 70)))


def test_a_patch_of_another_type_is_the_callers_fault(opened: Corpus, name: str) -> None:
    with pytest.raises(ValueError, match="float64: patches are read as float32 or uint16"):
        opened.patch(name, (0, 0, 0), (1, 1, 1), dtype=np.float64)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_a_box_is_read_into_memory_that_is_there(opened: Corpus, name: str, dtype: type) -> None:
    index = opened.manifest["volume_id"].tolist().index(name)
    memory: npt.NDArray[Any] = np.full((2, 12, 13, 14), 7, dtype)
    opened.read_into(index, (60, 3, 5), memory[1, 2:10, ::2, 4:])
    expected = np.full_like(memory, 7)
    expected[1, 2:10, ::2, 4:] = opened.patch(name, (60, 3, 5), (8, 7, 10), dtype=dtype)
    np.testing.assert_array_equal(memory, expected)


def test_what_is_read_into_memory_is_checked(opened: Corpus) -> None:
    with pytest.raises(IndexError, match="leave the shape"):
        opened.read_into(0, (0, 0, 0), np.empty((99, 1, 1), np.uint16))
    with pytest.raises(IndexError):
        opened.read_into(len(opened), (0, 0, 0), np.empty((1, 1, 1), np.uint16))
    with pytest.raises(ValueError, match="int16: patches are read as float32 or uint16"):
        opened.read_into(0, (0, 0, 0), np.empty((1, 1, 1), np.int16))


def test_a_row_tells_its_shape(opened: Corpus) -> None:
    assert [opened.shape(index) for index in range(len(opened))] == [volume.shape for volume in opened]


def test_no_file_stays_open(opened: Corpus, corpus: SmallCorpus, name: str) -> None:
    for volume in opened:
        opened.patch(name, (0, 0, 0), (9, 9, 9))
        assert volume.data.size
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            assert corpus.workdir / "data/corpus" not in link.readlink().parents


def test_what_is_remembered_is_bounded(opened: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_INDICES", 3)
    for volume_id in list(opened.manifest["volume_id"]) * 2:
        opened.patch(volume_id, (0, 0, 0), (2, 2, 2))
        assert len(opened._indices) <= 3


def test_threads_read_what_one_reads(opened: Corpus, name: str) -> None:
    starts = [(n, 2 * n, 3 * n) for n in range(20)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda start: opened.patch(name, start, (9, 8, 7)), starts))
    for patch, start in zip(found, starts, strict=True):
        np.testing.assert_array_equal(patch, opened.patch(name, start, (9, 8, 7)))


def test_a_name_that_is_not_kept(opened: Corpus, corpus: SmallCorpus) -> None:
    for unknown in ("no-such", corpus.rows()["sub-04/sub-04_T1w.nii.gz"]["volume_id"]):
        with pytest.raises(KeyError, match=f"{unknown}: the corpus keeps no volume of this name"):
            opened.volume(unknown)
        with pytest.raises(KeyError):
            opened.patch(unknown, (0, 0, 0), (1, 1, 1))


def test_a_corpus_can_be_pickled(opened: Corpus, name: str) -> None:
    total = opened.volume(name).data.sum()
    again = pickle.loads(pickle.dumps(opened))  # noqa: S301 - our own bytes
    assert again.volume(name).data.sum() == total
    assert len(pickle.dumps(opened)) < 100_000


# A fork beside a library's thread is what training does, and what Python 3.12 warns of.
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_workers_read_after_their_parent(opened: Corpus, name: str, method: str) -> None:
    expected = (float(opened.volume(name).data.sum()), float(opened.patch(name, (0, 60, 9), (8, 8, 8)).sum()))
    context = multiprocessing.get_context(method)
    receiver, sender = context.Pipe(duplex=False)
    worker = context.Process(target=send_total, args=(sender, opened, name))  # type: ignore[attr-defined]
    worker.start()
    sender.close()
    try:
        assert receiver.poll(TIMEOUT_S), f"the worker hangs ({method})"
        assert receiver.recv() == expected
    finally:
        worker.kill()
        worker.join()
        receiver.close()


def test_any_flipped_bit_is_found(copied: SmallCorpus, name: str) -> None:
    path = stored_file(copied, name)
    content = path.read_bytes()
    for position in [*range(0, len(content), len(content) // 40), len(content) - 1]:
        path.write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
        # Opened anew, because a corpus reads the index of a file once.
        corpus = open_corpus(copied.manifest)
        with pytest.raises(
            DataError, match=r"data/corpus/tiny/tiny-000\d\.zarr/.*: damaged .*Delete .*build the corpus"
        ):
            corpus.volume(name)
    path.write_bytes(content)
    assert corpus.volume(name).shape == (80, 80, 80)


def test_a_flipped_bit_is_found_by_a_patch_that_reads_it(copied: SmallCorpus, name: str) -> None:
    path = stored_file(copied, name)
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        open_corpus(copied.manifest).patch(name, (0, 0, 0), (4, 4, 4))


@pytest.mark.parametrize("missing_bytes", [1, 10**9])
def test_a_short_file_is_refused_at_once(copied: SmallCorpus, name: str, missing_bytes: int) -> None:
    path = stored_file(copied, name)
    path.write_bytes(path.read_bytes()[: max(0, path.stat().st_size - missing_bytes)])
    with pytest.raises(DataError, match=f"{name}/c/0/0/0: .* bytes, the manifest says"):
        open_corpus(copied.manifest)


def test_a_deleted_file_is_refused_at_once(copied: SmallCorpus, name: str) -> None:
    stored_file(copied, name).unlink()
    with pytest.raises(DataError, match="c/0/0/0: 0 bytes, the manifest says"):
        open_corpus(copied.manifest)


def test_a_file_deleted_after_opening_is_found(copied: SmallCorpus, name: str) -> None:
    corpus = open_corpus(copied.manifest)
    stored_file(copied, name).unlink()
    with pytest.raises(DataError):
        corpus.volume(name)


def test_a_missing_shard_is_refused_at_once(copied: SmallCorpus) -> None:
    shard = copied.shard(copied.rows()["sub-01/sub-01_T1w.nii.gz"])
    shutil.rmtree(shard)
    with pytest.raises(DataError, match=f"{shard}: the shard is missing. Build the corpus again"):
        open_corpus(copied.manifest)


def test_a_shard_of_another_build_is_refused_at_once(copied: SmallCorpus) -> None:
    shard = copied.shard(copied.rows()["sub-01/sub-01_T1w.nii.gz"])
    zarr.open_group(shard).attrs["build_id"] = "another"
    with pytest.raises(DataError, match=f"{shard}: of build another, but the manifest is of"):
        open_corpus(copied.manifest)


@pytest.mark.parametrize("text", ["[]", '{"attributes": null}', '{"zarr_'])
def test_a_shard_whose_metadata_are_damaged_is_refused_at_once(copied: SmallCorpus, text: str) -> None:
    shard = copied.shard(copied.rows()["sub-01/sub-01_T1w.nii.gz"])
    (shard / "zarr.json").write_text(text)
    with pytest.raises(DataError, match=f"{shard}: damaged .*Delete it and build the corpus again"):
        open_corpus(copied.manifest)


def test_a_disk_that_does_not_answer_is_no_damage(opened: Corpus, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(DataError, match=r"cannot be read now .*Too many open files") as caught:
        opened.volume(name)
    assert "Delete" not in str(caught.value)


def test_a_missing_manifest_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"corpus\.parquet: no such file\. Build it with 'snakemake"):
        open_corpus(tmp_path / "corpus.parquet")


def test_a_corpus_may_move(copied: SmallCorpus, name: str) -> None:
    moved = Path(shutil.move(copied.workdir, copied.workdir.with_name("moved")))
    assert open_corpus(moved / "manifests/corpus.parquet").volume(name).shape == (80, 80, 80)


def test_a_corpus_without_volumes_is_empty(corpus: SmallCorpus, tmp_path: Path) -> None:
    table = read_table(corpus.manifest)
    rows = [row for row in table.to_pylist() if row["status"] != "kept"]
    write_table(rows, MANIFEST, tmp_path / "corpus.parquet", metadata=metadata_of(table))
    assert list(open_corpus(tmp_path / "corpus.parquet")) == []


def test_zarr_reads_a_shard_without_the_manifest(corpus: SmallCorpus, opened: Corpus, name: str) -> None:
    row = corpus.rows()["sub-01/sub-01_T1w.nii.gz"]
    group = zarr.open_group(corpus.shard(row), mode="r")
    assert (group.attrs["source"], group.attrs["shard"]) == ("tiny", Path(row["shard"]).stem)
    array = group[name]
    assert isinstance(array, zarr.Array)
    assert array.attrs["scale_factor"] == 1 / 4095
    np.testing.assert_array_equal(np.asarray(array) * np.float32(1 / 4095), opened.volume(name).data)
    assert array.attrs["volume_id"] == name
    assert array.attrs["spacing_mm"] == [1, 1, 1]
    assert np.asarray(array.attrs["affine"]).ravel().tolist() == row["affine"]
    assert (array.attrs["mean"], array.attrs["std"]) == (row["mean"], row["std"])
    assert array.metadata.dimension_names == ("x", "y", "z")  # type: ignore[union-attr]


def test_a_patch_of_fractions_is_the_callers_fault(opened: Corpus, name: str) -> None:
    with pytest.raises(TypeError, match="float"):
        opened.patch(name, (0.5, 0, 0), (2, 2, 2))  # type: ignore[arg-type]


def test_an_array_of_another_shape_is_refused(copied: SmallCorpus, name: str) -> None:
    path = stored_file(copied, name).parents[3] / "zarr.json"
    metadata = json.loads(path.read_text())
    metadata["shape"][0] -= 1
    path.write_text(json.dumps(metadata))
    with pytest.raises(DataError, match="the manifest says"):
        open_corpus(copied.manifest).volume(name)


def test_scores_can_be_had_back(opened: Corpus, name: str) -> None:
    volume = opened.volume(name)
    assert volume.score_low is not None
    assert volume.score_high is not None
    assert volume.foreground_mean is not None
    assert volume.foreground_std is not None
    scores = volume.score_low + volume.data * (volume.score_high - volume.score_low)
    # The clip is the brightest voxel there is.
    brightest = scores.max() * volume.foreground_std + volume.foreground_mean
    assert brightest == pytest.approx(volume.clip_value, rel=1e-5)
