"""Index and plans: a subject's bucket for ever, and a plan that changes only with its own files."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.small_corpus import tiny_source, write_nifti, write_tiny

import brains45k.corpus.plan as module
from brains45k.corpus.manifest import metadata_of, read_table
from brains45k.corpus.memory import BASE_BYTES, Extent, peak_bytes, peek
from brains45k.corpus.plan import bucket_of, memory_mb, read_plan, tables_of, write_index, write_plans
from brains45k.sources.catalog import Source
from brains45k.sources.scan import scan_source
from brains45k.sources.walk import FoundFile

BUCKETS = 5
LONG_AGO_NS = 10**18


@pytest.mark.parametrize(
    ("source", "subject", "buckets", "bucket"),
    [
        ("adni", "002_S_0295", 64, 54),
        ("brats21", "BraTS2021_00000", 30, 4),
        ("ppmi", "3365", 40, 28),
        ("tiny", "caf\udce9", 7, 1),
        ("tiny", "sub-01", 1, 0),
    ],
)
def test_a_subject_stays_in_its_bucket_for_ever(source: str, subject: str, buckets: int, bucket: int) -> None:
    assert bucket_of(source, subject, buckets) == bucket


@given(st.text(max_size=30), st.integers(1, 10_000))
def test_a_bucket_is_one_of_those_there_are(subject: str, buckets: int) -> None:
    assert 0 <= bucket_of("tiny", subject, buckets) < buckets


def test_subjects_are_spread_evenly() -> None:
    counts = [0] * 10
    for number in range(5000):
        counts[bucket_of("tiny", f"sub-{number:04d}", 10)] += 1
    assert min(counts) > 400
    assert max(counts) < 600


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_tiny(tmp_path / "root")
    return tmp_path / "root"


def plan(
    root: Path, *, source: Source | None = None, selection: str = "reference", buckets: int = BUCKETS
) -> list[Path]:
    taken = source or tiny_source()
    folder = root.parent / "plan"
    return write_plans(
        taken, scan_source(taken, root).candidates, root=root, selection=selection, buckets=buckets, folder=folder
    )


def volumes(paths: list[Path]) -> dict[str, str]:
    """Return the plan in which each file stands."""
    return {volume["path"]: path.stem for path in paths for volume in read_plan(path)["volumes"]}


def changed(root: Path, paths: list[Path]) -> set[str]:
    """Plan again and return the plans that were written anew."""
    for path in paths:
        os.utime(path, ns=(LONG_AGO_NS, LONG_AGO_NS))
    return {path.stem for path in plan(root) if path.stat().st_mtime_ns != LONG_AGO_NS}


def test_each_bucket_has_a_plan_even_if_it_is_empty(root: Path) -> None:
    paths = plan(root, buckets=40)
    assert [path.name for path in paths] == [f"tiny-{bucket:04d}.json" for bucket in range(40)]
    assert sum(not read_plan(path)["volumes"] for path in paths) >= 33


def test_each_selected_volume_stands_in_one_plan(root: Path) -> None:
    paths = plan(root)
    selected = sorted(one.file.path for one in scan_source(tiny_source(), root).candidates if one.reference.taken)
    assert len(selected) == 9
    assert sorted(volume["path"] for path in paths for volume in read_plan(path)["volumes"]) == selected


def test_a_selection_plans_what_it_takes(root: Path) -> None:
    assert "sub-06/sub-06_FLAIR.nii.gz" in volumes(plan(root))
    paths = plan(root, selection="clean")
    assert "sub-06/sub-06_FLAIR.nii.gz" not in volumes(paths)
    assert {read_plan(path)["selection"] for path in paths} == {"clean"}


def test_a_plan_holds_what_its_shard_depends_on(root: Path) -> None:
    paths = plan(root, buckets=1)
    (entry,) = (volume for volume in read_plan(paths[0])["volumes"] if volume["path"] == "sub-01/sub-01_T1w.nii.gz")
    status = (root / entry["path"]).stat()
    assert (entry["bytes"], entry["mtime_ns"]) == (status.st_size, status.st_mtime_ns)
    assert (entry["frame"], entry["kind"], entry["readable"]) == (None, "image", True)
    assert read_plan(paths[0])["rules"]["clean"]["min_value"] == 0


def test_the_volumes_of_a_subject_share_a_plan(root: Path) -> None:
    found = volumes(plan(root))
    assert found["sub-01/sub-01_T1w.nii.gz"] == found["sub-01/sub-01_T2w.nii.gz"]
    assert found["sub-03/sub-03_T1w.nii.gz"] == found["sub-03/sub-03_T2w.nii.gz"]
    assert len(set(found.values())) > 1


def test_files_without_a_subject_are_spread_by_path(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    for number in range(20):
        (tmp_path / f"root/{number}.nii").touch()
    source = tiny_source(layouts=[{"name": "any", "path": "{series}", "examples": ["a.nii"]}])
    assert len(set(volumes(plan(tmp_path / "root", source=source)).values())) == BUCKETS


def test_nothing_changed_changes_no_plan(root: Path) -> None:
    assert changed(root, plan(root)) == set()


def test_a_touched_file_changes_one_plan(root: Path) -> None:
    paths = plan(root)
    os.utime(root / "sub-02/sub-02_T1w.nii.gz", ns=(LONG_AGO_NS, LONG_AGO_NS))
    assert changed(root, paths) == {volumes(paths)["sub-02/sub-02_T1w.nii.gz"]}


def test_a_longer_file_changes_one_plan(root: Path) -> None:
    paths = plan(root)
    with (root / "sub-02/sub-02_T1w.nii.gz").open("ab") as file:
        file.write(b"more")
    assert changed(root, paths) == {volumes(paths)["sub-02/sub-02_T1w.nii.gz"]}


def test_an_added_subject_changes_one_plan(root: Path) -> None:
    paths = plan(root)
    (root / "sub-99").mkdir()
    (root / "sub-99/sub-99_T1w.nii").write_bytes(b"voxels")
    anew = changed(root, paths)
    assert anew == {volumes(paths)["sub-99/sub-99_T1w.nii"]}


def test_a_removed_file_changes_one_plan(root: Path) -> None:
    paths = plan(root)
    before = volumes(paths)
    (root / "sub-06/sub-06_FLAIR.nii.gz").unlink()
    assert changed(root, paths) == {before["sub-06/sub-06_FLAIR.nii.gz"]}


def test_a_label_changes_no_plan(root: Path) -> None:
    paths = plan(root)
    (root / "sub-02/sub-02_mask.nii.gz").write_bytes(b"mask")
    assert changed(root, paths) == set()


def test_a_plan_holds_what_a_header_declares(root: Path) -> None:
    found = {volume["path"]: volume["extent"] for path in plan(root) for volume in read_plan(path)["volumes"]}
    declared = {"shape": [24, 24, 24], "spacing_mm": [4, 4, 4], "voxel_bytes": 2}
    assert found["sub-01/sub-01_T1w.nii.gz"] == declared
    assert found["sub-05/sub-05_T1w.nii"] == declared
    assert found["sub-03/sub-03_T1w.nii.gz"] == declared  # cut short: its header is whole
    assert found["sub-03/sub-03_T2w.nii.gz"] is None  # empty


def test_headers_are_read_of_new_and_changed_files_alone(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def note(path: Path) -> Extent | None:
        read.append(path.name)
        return peek(path)

    monkeypatch.setattr(module, "peek", note)
    paths = plan(root)
    assert len(read) == len(volumes(paths))
    read.clear()
    plan(root)
    # That file is empty; of what could not be read it is not remembered.
    assert read == ["sub-03_T2w.nii.gz"]
    os.utime(root / "sub-02/sub-02_T1w.nii.gz", ns=(LONG_AGO_NS, LONG_AGO_NS))
    read.clear()
    plan(root)
    assert sorted(read) == ["sub-02_T1w.nii.gz", "sub-03_T2w.nii.gz"]


def test_a_job_is_given_the_memory_of_its_largest_volume(root: Path) -> None:
    large = root / "sub-98/sub-98_T1w.nii"
    write_nifti(large, np.zeros((200, 200, 100), np.int16), np.diag([1, 1, 2, 1]))
    paths = {path: {volume["path"] for volume in read_plan(path)["volumes"]} for path in plan(root)}
    extent = Extent((200, 200, 100), (1.0, 1.0, 2.0), 2)
    expected = peak_bytes(extent, file_bytes=large.stat().st_size, spacing_mm=1.0)
    for path, files in paths.items():
        is_large = "sub-98/sub-98_T1w.nii" in files
        assert (memory_mb(path, spacing_mm=1.0) > (BASE_BYTES + expected) / 2**20) == is_large


def test_a_shard_of_nothing_is_given_what_python_needs(root: Path) -> None:
    empty = next(path for path in plan(root, buckets=40) if not read_plan(path)["volumes"])
    assert memory_mb(empty, spacing_mm=1.0) == BASE_BYTES // 2**20 + 1


def test_the_index_has_a_row_for_every_candidate(root: Path) -> None:
    candidates = scan_source(tiny_source(), root).candidates
    index = root.parent / "index.parquet"
    assert write_index(candidates, [FoundFile("a.csv", ".csv", 3, 4)], index, demo=False)
    table = read_table(index)
    rows = {row["source_path"]: row for row in table.to_pylist()}
    assert len(rows) == len(candidates) == 12
    assert metadata_of(table)["demo"] == "False"
    assert tables_of(table) == ["a.csv"]
    mask = rows["sub-01/sub-01_mask.nii.gz"]
    assert (mask["layout"], mask["reference_code"], mask["source_format"]) == ("mask", "S_LABEL", "nii.gz")
    flair = rows["sub-06/sub-06_FLAIR.nii.gz"]
    assert (flair["reference_code"], flair["clean_code"]) == (None, "S_COHORT")
    assert flair["clean_detail"] == "image is 'FLAIR'"


def test_an_index_that_would_say_the_same_is_left_alone(root: Path) -> None:
    index = root.parent / "index.parquet"
    assert write_index(scan_source(tiny_source(), root).candidates, [], index, demo=False)
    assert not write_index(scan_source(tiny_source(), root).candidates, [], index, demo=False)
    (root / "sub-02/sub-02_mask.nii.gz").write_bytes(b"mask")
    assert write_index(scan_source(tiny_source(), root).candidates, [], index, demo=False)
