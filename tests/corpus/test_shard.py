"""A shard: kept and excluded rows, one row for each fault, and the same bytes every time."""

import contextlib
import errno
import gc
import hashlib
import io
import os
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import yaml
import zarr
from support import dicom
from support.levels import as_stored
from support.small_corpus import (
    HEAD,
    RAS,
    SmallCorpus,
    config,
    document,
    head,
    rebuild,
    write_catalog,
    write_nifti,
    write_one_shard,
)

import brains45k.corpus.shard as module
from brains45k.corpus import content, store
from brains45k.corpus.build import make_recipe
from brains45k.corpus.manifest import metadata_of, read_table
from brains45k.corpus.plan import read_plan
from brains45k.corpus.settings import Settings, read_settings
from brains45k.corpus.survey import survey
from brains45k.volume.preprocess import preprocess, preprocess_oriented
from brains45k.volume.read import open_volume

T1W = "sub-01/sub-01_T1w.nii.gz"


def bucket_of_file(corpus: SmallCorpus, path: str) -> int:
    plans = sorted((corpus.workdir / "data/plan/tiny").glob("*.json"))
    return next(n for n, plan in enumerate(plans) if path in {entry["path"] for entry in read_plan(plan)["volumes"]})


def write_again(corpus: SmallCorpus, path: str = T1W, log: io.StringIO | None = None) -> dict[str, dict[str, Any]]:
    """Write the shard that holds a file of ``tiny`` again, and return its rows by volume_id."""
    with contextlib.chdir(corpus.workdir):
        rows = write_one_shard("tiny", bucket_of_file(corpus, path), corpus.settings, log)
        return {row["volume_id"]: row for row in read_table(rows).to_pylist()}


def row_of(corpus: SmallCorpus, path: str) -> dict[str, Any]:
    """Write the shard that holds a file again, and return the file's row."""
    return write_again(corpus, path)[corpus.rows("tiny")[path]["volume_id"]]


def alone(workdir: Path, **changes: Any) -> Settings:
    """Return a config of ``tiny`` alone, with its files in ``root``."""
    sources = {"tiny": {"enabled": True, "root": "root"}}
    return read_settings(config(sources=sources, **changes), catalog=write_catalog(workdir / "config/sources"))


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_kept_row_says_what_was_read_and_stored(corpus: SmallCorpus) -> None:
    row = corpus.rows("tiny")[T1W]
    path = corpus.workdir / "data/sources/tiny" / T1W
    assert row["source_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (row["original_shape"], row["original_spacing"]) == ([24, 24, 24], [4, 4, 4])
    assert (row["original_orientation"], row["original_dtype"]) == ("RAS", "int16")
    assert (row["shape"], row["spacing"], row["crop_start"]) == ([80, 80, 80], [1, 1, 1], [8, 8, 8])
    # The first voxel kept is the corner of the head: 8 mm into an image whose edge lies at -2 mm.
    assert row["affine"] == [1, 0, 0, 6.5, 0, 1, 0, 6.5, 0, 0, 1, 6.5, 0, 0, 0, 1]
    assert row["foreground_fraction"] == 1
    assert 900 < row["clip_value"] < 1000
    assert 500 < row["mean"] < 600
    assert row["voxel_sha256"] is not None


def test_voxels_are_those_of_the_preprocessing(corpus: SmallCorpus) -> None:
    row = corpus.rows("tiny")[T1W]
    voxels = np.asarray(zarr.open_group(corpus.shard(row), mode="r")[row["array"]])
    expected = preprocess(corpus.workdir / "data/sources/tiny" / T1W)
    assert voxels.dtype == np.uint16
    np.testing.assert_array_equal(voxels * np.float32(1 / 4095), as_stored(expected.data))
    assert (voxels.min(), voxels.max()) == (0, 4095)


def test_a_damaged_file_costs_its_row_alone(corpus: SmallCorpus) -> None:
    rows = corpus.rows("tiny")
    damaged, empty = rows["sub-03/sub-03_T1w.nii.gz"], rows["sub-03/sub-03_T2w.nii.gz"]
    assert (damaged["reason"], damaged["shape"], damaged["shard"]) == ("E_GZ_TRUNC", None, None)
    assert (empty["reason"], empty["source_sha256"], empty["array"]) == ("E_EMPTY", None, None)
    assert rows[T1W]["status"] == "kept"


def test_an_excluded_volume_leaves_no_array(corpus: SmallCorpus) -> None:
    stored = {
        name for shard in corpus.workdir.glob("data/corpus/*/*.zarr") for name in zarr.open_group(shard, mode="r")
    }
    read = [row for source in ("tiny", "frames") for row in corpus.rows(source).values() if row["shape"]]
    assert stored == {row["volume_id"] for row in read}


def test_an_empty_bucket_is_an_empty_shard(corpus: SmallCorpus) -> None:
    tables = [read_table(path) for path in sorted(corpus.workdir.glob("data/corpus/frames/*.parquet"))]
    assert 0 in {table.num_rows for table in tables}
    shards = sorted(corpus.workdir.glob("data/corpus/frames/*.zarr"))
    assert [zarr.open_group(shard, mode="r").attrs["shard"] for shard in shards] == ["frames-0000", "frames-0001"]


def test_rows_and_shard_bear_the_build(corpus: SmallCorpus) -> None:
    recipe = make_recipe(dict(corpus.settings.preprocess))
    for path in corpus.workdir.glob("data/corpus/*/*.parquet"):
        metadata = metadata_of(read_table(path))
        assert metadata == {"build_id": recipe.build_id, "recipe": recipe.describe()}
        assert zarr.open_group(path.with_suffix(".zarr"), mode="r").attrs["build_id"] == recipe.build_id


def test_channels_are_volumes_of_their_own(corpus: SmallCorpus) -> None:
    rows = corpus.rows("frames")
    flair, t1gd = rows["images/case11.nii.gz:flair"], rows["images/case11.nii.gz:t1gd"]
    assert flair["source_sha256"] == t1gd["source_sha256"]
    assert flair["voxel_sha256"] != t1gd["voxel_sha256"]
    assert flair["original_shape"] == [24, 24, 24, 2]
    assert (t1gd["suffix"], t1gd["contrast_agent"], t1gd["status"]) == ("T1w", "gadolinium", "kept")


def test_a_bad_channel_costs_its_row_alone(corpus: SmallCorpus) -> None:
    rows = corpus.rows("frames")
    assert rows["images/case13.nii.gz:flair"]["reason"] == "E_ZERO"
    assert rows["images/case13.nii.gz:t1gd"]["status"] == "kept"


def test_a_file_without_the_channels_is_refused(corpus: SmallCorpus) -> None:
    rows = corpus.rows("frames")
    assert {rows[f"images/case14.nii.gz:{channel}"]["reason"] for channel in ("flair", "t1gd")} == {"E_4D"}


@pytest.mark.parametrize("newer", [".hdr", ".img"])
def test_a_pair_is_read_whichever_of_its_files_is_newer(tmp_path: Path, newer: str) -> None:
    settings = alone(tmp_path)
    path = tmp_path / "root/sub-01/sub-01_T1w.img"
    path.parent.mkdir(parents=True)
    nibabel.save(nibabel.Nifti1Pair(head(1), RAS), path)
    os.utime(path.with_suffix(newer), ns=(10**18, 4 * 10**18))
    rebuild(tmp_path, settings)
    (row,) = SmallCorpus(tmp_path, settings).rows("tiny").values()
    assert (row["status"], row["source_format"]) == ("kept", "img")


def test_a_volume_rule_decides_where_its_selection_does(tmp_path: Path) -> None:
    settings = alone(tmp_path, selection="clean")
    negative = head(6)
    negative[HEAD, HEAD, 4] = -5
    write_nifti(tmp_path / "root/sub-07/sub-07_T2w.nii.gz", negative)
    rebuild(tmp_path, settings)
    (row,) = SmallCorpus(tmp_path, settings).rows("tiny").values()
    assert (row["reason"], row["detail"]) == ("S_VOLUME_RULE", "smallest value -5, allowed 0")
    assert (row["reference_selected"], row["clean_selected"]) == (True, False)


def test_the_other_selections_rule_is_judged_too(corpus: SmallCorpus) -> None:
    row = corpus.rows("tiny")["sub-07/sub-07_T2w.nii.gz"]
    assert (row["status"], row["reference_selected"], row["clean_selected"]) == ("kept", True, False)
    assert row["flags"] == ["F_NEGATIVE"]


@pytest.mark.parametrize(("error", "code"), [(ValueError("boom"), "E_BUG"), (MemoryError("boom"), "E_OOM")])
def test_an_unforeseen_error_costs_its_row_alone(
    copied: SmallCorpus, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    calls: list[object] = []

    def fail_first(image: Any, parameters: Any) -> Any:
        calls.append(image)
        if len(calls) == 1:
            raise error
        return preprocess_oriented(image, parameters)

    monkeypatch.setattr(module, "preprocess_oriented", fail_first)
    first, *others = write_again(copied).values()
    assert first["reason"] == code
    assert first["detail"].startswith(f"{type(error).__name__}: boom (test_shard.py:")
    assert first["source_sha256"] is not None
    assert {row["reason"] for row in others} == {None}


def test_a_volume_that_cannot_be_stored_leaves_no_array(copied: SmallCorpus, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr(store, "encode", fail)
    rows = write_again(copied)
    assert {row["reason"] for row in rows.values()} == {"E_OOM"}
    assert list(zarr.open_group(copied.shard(copied.rows("tiny")[T1W]), mode="r")) == []


@pytest.mark.parametrize("selection", ["reference", "clean"])
def test_one_files_voxels_are_in_memory_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, selection: str
) -> None:
    files: list[weakref.ref[Any]] = []
    alive: list[int] = []

    def note(path: Path, read: bytes) -> Any:
        opened = open_volume(path, read)
        # Of the voxels themselves: what a refusal holds on to is found as well.
        files.append(weakref.ref(opened.stored))
        alive.append(sum(file() is not None for file in files))
        return opened

    settings = alone(tmp_path, selection=selection)
    for number in range(1, 7):
        negative = head(number)
        negative[HEAD, HEAD, 4] = -5
        write_nifti(tmp_path / f"root/sub-{number:02d}/sub-{number:02d}_T2w.nii.gz", negative)
    monkeypatch.setattr(content, "open_volume", note)
    gc.disable()
    try:
        rebuild(tmp_path, settings)
    finally:
        gc.enable()
    assert alive == [1] * 6


def test_a_full_disk_ends_the_job(copied: SmallCorpus, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module, "write_volume", fail)
    with pytest.raises(OSError, match="No space left"):
        write_again(copied)


def test_the_same_input_gives_the_same_bytes(corpus: SmallCorpus, copied: SmallCorpus) -> None:
    rebuild(copied.workdir, copied.settings)
    for folder in ("data/corpus", "data/index", "data/plan", "manifests"):
        found = digests(copied.workdir / folder)
        assert found == digests(corpus.workdir / folder)
        assert found


def test_nothing_partial_is_left(copied: SmallCorpus) -> None:
    shard = copied.workdir / str(copied.rows("tiny")[T1W]["shard"])
    # What a killed job left behind, and what an older build had in its shard.
    (shard.with_name(f".{shard.name}.partial") / "rest").mkdir(parents=True)
    (shard / "old").mkdir()
    write_again(copied)
    assert [path.name for path in shard.parent.iterdir() if path.name.startswith(".")] == []
    assert not (shard / "old").exists()
    assert not (shard / "rest").exists()


def test_a_job_that_dies_leaves_the_old_shard(copied: SmallCorpus, monkeypatch: pytest.MonkeyPatch) -> None:
    shard = copied.workdir / str(copied.rows("tiny")[T1W]["shard"])
    before = digests(shard)

    def die(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "write_volume", die)
    with pytest.raises(KeyboardInterrupt):
        write_again(copied)
    assert digests(shard) == before


def test_the_next_file_is_read_while_one_is_worked_on(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    monkeypatch.setattr(module, "_read_planned", lambda path, _: read.append(path.name))
    same: dict[str, Any] = {"readable": True, "kind": "image", "without": [], "stamp": None, "extent": None}
    files = [[module.Task(name, name, 1, 1, None, **same)] for name in ("a", "b", "c", "d")]
    with ThreadPoolExecutor(1) as reader:
        ahead = module._read_ahead(reader, files, Path())
        next(ahead)
        reader.submit(int).result()
        assert read == ["a", "b"]
        next(ahead)
        reader.submit(int).result()
        assert read == ["a", "b", "c"]
        assert len(list(ahead)) == 2


def test_a_file_that_grew_since_the_plan_is_told(copied: SmallCorpus) -> None:
    with (copied.workdir / "data/sources/tiny" / T1W).open("ab") as file:
        file.write(b"more")
    row = row_of(copied, T1W)
    assert row["reason"] == "E_CHANGED"
    assert row["detail"].endswith(f"planned {copied.rows('tiny')[T1W]['source_bytes']:,}")


def test_a_file_that_vanished_since_the_plan_is_told(copied: SmallCorpus) -> None:
    (copied.workdir / "data/sources/tiny" / T1W).unlink()
    assert (row_of(copied, T1W)["reason"], row_of(copied, T1W)["detail"]) == ("E_CHANGED", "the file vanished")


def test_a_file_that_changed_at_the_same_length_is_told(copied: SmallCorpus) -> None:
    path = copied.workdir / "data/sources/tiny/sub-05/sub-05_T1w.nii"
    length = path.stat().st_size
    write_nifti(path, head(99))
    assert path.stat().st_size == length
    assert row_of(copied, "sub-05/sub-05_T1w.nii")["reason"] == "E_CHANGED"


def test_the_log_has_a_line_for_each_volume(copied: SmallCorpus) -> None:
    log = io.StringIO()
    rows = write_again(copied, "sub-03/sub-03_T1w.nii.gz", log)
    lines = [line.split("\t") for line in log.getvalue().splitlines()]
    assert [(verdict, name) for verdict, _, name, *_ in lines] == [
        (row["reason"] or "kept", name) for name, row in rows.items()
    ]
    assert all(seconds.endswith(" s") for _, seconds, *_ in lines)


def test_each_image_of_a_series_has_a_row_and_an_array(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    dicom.save(dicom.dual_echo(), tmp_path / "root/sub-01")
    broken = dicom.save(dicom.series(number=2), tmp_path / "root/sub-02")
    dicom.truncate(broken[3])
    catalog = write_catalog(tmp_path / "config/sources")
    layouts = [{"name": "series", "path": "{subject}/{file}", "examples": ["sub-01/0000.dcm"]}]
    (catalog / "tiny.yaml").write_text(yaml.safe_dump(document(layouts=layouts)))
    sources = {"tiny": {"enabled": True, "root": "root"}}
    settings = read_settings(config(sources=sources), catalog=catalog)
    survey(settings)
    rows = [row for bucket in range(3) for row in read_table(write_one_shard("tiny", bucket, settings)).to_pylist()]
    first, second, refused = sorted(rows, key=lambda row: row["volume_id"])
    assert [row["part"] for row in (first, second, refused)] == ["e1", "e2", None]
    assert first["candidate"] == second["candidate"] == first["volume_id"].removesuffix("_e1")
    assert (first["array"], second["array"]) == (first["volume_id"], second["volume_id"])
    assert first["voxel_sha256"] != second["voxel_sha256"]
    assert (refused["reason"], refused["shape"]) == ("E_DCM_PARTIAL", None)
    without = read_settings(config(sources=sources, exclude_volumes=[first["volume_id"]]), catalog=catalog)
    survey(without)
    again = [row for bucket in range(3) for row in read_table(write_one_shard("tiny", bucket, without)).to_pylist()]
    reasons = {row["volume_id"]: row["reason"] for row in again}
    assert (reasons[first["volume_id"]], reasons[second["volume_id"]]) == ("S_NAMED", None)
