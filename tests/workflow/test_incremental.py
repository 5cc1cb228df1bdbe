"""What is built again after a change: just what depends on it, with no flag."""

import os
import shutil
from pathlib import Path

import nibabel
import pandas as pd
import pytest
from support.workspace import REPOSITORY, Run, Workspace

from brains45k.corpus.plan import bucket_of, shard_name

pytestmark = pytest.mark.workflow

_BUCKETS = 2
# Made anew from the corpus's manifest, the last to change.
_PAGES = {"make_reports": 1}


def _a_kept_file(workspace: Workspace, source: str = "adni") -> tuple[Path, str]:
    """Return a raw file whose volume is kept, and the name of its shard."""
    rows = pd.read_parquet(workspace.folder / f"manifests/{source}.parquet")
    row = rows[rows["status"] == "kept"].iloc[0]
    path = workspace.folder / "data/demo" / source / row["source_path"]
    return path, shard_name(source, bucket_of(source, row["subject"], _BUCKETS))


def _assert_only(run: Run, shard: str) -> None:
    assert run.code == 0, run.text
    assert run.shards == {shard}
    assert run.jobs == {"write_shard": 1, "assemble_source": 1, "assemble_corpus": 1, "corpus": 1} | _PAGES


def test_a_touched_file_rebuilds_its_shard(copied_demo: Workspace) -> None:
    path, shard = _a_kept_file(copied_demo)
    path.touch()
    _assert_only(copied_demo.run(), shard)
    assert copied_demo.run().jobs == {}


def test_a_time_that_goes_back_rebuilds_its_shard(copied_demo: Workspace) -> None:
    path, shard = _a_kept_file(copied_demo)
    os.utime(path, (86_400, 86_400))
    _assert_only(copied_demo.run("-n"), shard)


def test_a_changed_file_rebuilds_its_shard_and_changes_its_row(copied_demo: Workspace) -> None:
    path, shard = _a_kept_file(copied_demo)
    before = pd.read_parquet(copied_demo.folder / "manifests/corpus.parquet").set_index("source_path")
    image = nibabel.load(path)
    nibabel.save(nibabel.Nifti1Image(image.get_fdata()[:, ::-1], image.affine, image.header), path)
    _assert_only(copied_demo.run(), shard)
    after = pd.read_parquet(copied_demo.folder / "manifests/corpus.parquet").set_index("source_path")
    name = str(path.relative_to(copied_demo.folder / "data/demo/adni"))
    changed = before["voxel_sha256"].fillna("") != after["voxel_sha256"].fillna("")
    assert list(before.index[changed]) == [name]


def test_an_added_and_a_removed_file_rebuild_their_shard(copied_demo: Workspace) -> None:
    path, shard = _a_kept_file(copied_demo)
    added = path.with_name(path.name.replace("_I", "_I9"))
    image = nibabel.load(path)
    nibabel.save(nibabel.Nifti1Image(image.get_fdata()[::-1], image.affine, image.header), added)
    _assert_only(copied_demo.run(), shard)
    rows = pd.read_parquet(copied_demo.folder / "manifests/adni.parquet")
    assert rows["source_path"].str.endswith(added.name).sum() == 1

    added.unlink()
    _assert_only(copied_demo.run(), shard)
    rows = pd.read_parquet(copied_demo.folder / "manifests/adni.parquet")
    assert rows["source_path"].str.endswith(added.name).sum() == 0
    assert copied_demo.run().jobs == {}


def test_a_new_label_rebuilds_no_shard_but_gets_its_row(copied_demo: Workspace) -> None:
    case = copied_demo.folder / "data/demo/wmh/training/Utrecht/0"
    shutil.copyfile(case / "wmh.nii.gz", case / "wmh.nii")
    run = copied_demo.run()
    assert run.jobs == {"assemble_source": 1, "assemble_corpus": 1, "corpus": 1} | _PAGES


def test_a_moved_download_rebuilds_nothing(copied_demo: Workspace) -> None:
    elsewhere = copied_demo.folder / "elsewhere"
    shutil.move(copied_demo.folder / "data/demo/msd", elsewhere)
    try:
        assert copied_demo.run(overrides={"sources": {"msd": {"root": "elsewhere"}}}).jobs == {}
    finally:
        shutil.move(elsewhere, copied_demo.folder / "data/demo/msd")


def test_a_parameter_of_the_preprocessing_rebuilds_all(copied_demo: Workspace) -> None:
    run = copied_demo.run("-n", overrides={"preprocess": {"clip_percentile": 99.5}})
    assert run.jobs["write_shard"] == len(list(copied_demo.folder.glob("data/corpus/*/*.zarr")))


def test_the_code_of_the_preprocessing_rebuilds_all(copied_demo: Workspace, tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "src", tmp_path / "src")
    with (tmp_path / "src/brains45k/volume/intensity.py").open("a") as module:
        module.write("# another version\n")
    run = copied_demo.run("-n", library=tmp_path / "src")
    assert run.jobs["write_shard"] == len(list(copied_demo.folder.glob("data/corpus/*/*.zarr")))


def test_a_lost_shard_is_built_again(copied_demo: Workspace) -> None:
    _, shard = _a_kept_file(copied_demo)
    shutil.rmtree(copied_demo.folder / f"data/corpus/adni/{shard}.zarr")
    _assert_only(copied_demo.run(), shard)


def test_a_dry_run_with_another_selection_leaves_the_corpus_finished(copied_demo: Workspace) -> None:
    assert copied_demo.run().jobs.keys() <= {"write_shard", "assemble_source", "assemble_corpus", "corpus"}
    other = copied_demo.run("-n", overrides={"selection": "clean"})
    assert other.jobs["write_shard"] > 1
    assert "demo_sources" not in other.jobs
    assert copied_demo.run().jobs == {}
