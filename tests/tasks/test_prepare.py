"""Prepared cases: the corpus's own preprocessing, several images on one grid, one row per case whatever happens."""

import gzip
import io
import json
import os
import shutil
from collections import Counter
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pyarrow as pa
import pytest
from support import bad_files as bad
from support.small_corpus import RAS, head, write_nifti
from support.volumes import filled, image_of
from tasks.trees import lesion, plan_tree, tiny_task, write_case, write_tree

from brains45k.codes import Code
from brains45k.corpus.chunks import SCALE
from brains45k.corpus.manifest import read_table, write_table
from brains45k.corpus.record import digest_of_voxels
from brains45k.errors import DataError
from brains45k.tasks import prepare
from brains45k.tasks.manifest import CASES
from brains45k.tasks.prepare import prepare_images, prepare_task, read_case
from brains45k.tasks.row import Row
from brains45k.tasks.task import IGNORED, Task
from brains45k.volume.image import Image
from brains45k.volume.preprocess import (
    PRESETS,
    Preprocessing,
    preprocess,
    preprocess_oriented,
    preprocess_together,
)
from brains45k.volume.read import read_image
from brains45k.volume.refusal import RefusalError
from brains45k.volume.reorient import reorient

# Cases stay small at their own spacing.
COARSE = Preprocessing(spacing_mm=4.0)
AFFINE = bad.rotated(bad.diagonal(3.9, 4, 4.4), 9)


def image(seed: int = 1, affine: np.ndarray = RAS) -> Image:
    return image_of(head(seed), affine)


def run(
    root: Path,
    folder: Path,
    parameters: Preprocessing = COARSE,
    *,
    task: Task | None = None,
    workers: int = 1,
    log: io.StringIO | None = None,
) -> list[Row]:
    task = task or tiny_task()
    plan = plan_tree(task, root)
    return prepare_task(plan, task, root, parameters, folder, workers=workers, log=log or io.StringIO())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "tiny", pool=2, test=2)


@pytest.mark.parametrize("spacing_mm", [4.0, 2.3, 5.1])
@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("foreground", ["nonzero", "otsu"])
def test_one_image_alone_is_what_the_corpus_makes_of_it(preset: str, spacing_mm: float, foreground: str) -> None:
    data, affine = bad.oriented(bad.head_voxels() - np.int16(3), AFFINE, "PIL")
    parameters = Preprocessing(preset=preset, spacing_mm=spacing_mm, foreground=foreground)
    found = prepare_images([image_of(data, affine)], parameters)
    expected = preprocess(image_of(data, affine), parameters)
    assert found.image.shape == (1, *expected.shape)
    assert np.array_equal(found.image[0], expected.data)
    assert np.allclose(found.grid.network_affine, expected.affine, atol=1e-9)


@pytest.mark.parametrize("preset", PRESETS)
def test_images_together_are_each_what_it_is_alone(preset: str) -> None:
    """In the box of all: within an image's own box its voxels are those of the corpus, outside it is background."""
    small = head(2)
    small[:8] = 0
    parameters = Preprocessing(preset=preset, spacing_mm=4.0)
    both = prepare_images([image(1), image_of(small, RAS)], parameters)
    first = preprocess(image(1), parameters)
    assert np.array_equal(both.image[0], first.data)
    alone = preprocess(image_of(small, RAS), Preprocessing(spacing_mm=4.0))
    begin = alone.crop_start[0] - first.crop_start[0]
    # Yucca's box is one voxel larger at the high ends.
    part = tuple(slice(0, size) for size in alone.shape)
    assert np.allclose(both.image[1][begin:][part], alone.data, atol=1e-6)
    assert not both.image[1][:begin].any()


def test_the_paper_crops_to_all_foregrounds_and_the_reference_to_the_first() -> None:
    low, high = head(1), head(2)
    low[12:], high[:10] = 0, 0
    images = [image_of(low, RAS), image_of(high, RAS)]
    union = prepare_images(images, Preprocessing(preset="paper", spacing_mm=4.0))
    first = prepare_images(images, Preprocessing(preset="reference", spacing_mm=4.0))
    assert (union.grid.crop_start, union.grid.crop_shape) == ((2, 2, 2), (20, 20, 20))
    # One voxel too large at the high ends, as Yucca's is.
    assert (first.grid.field_start, first.grid.field_shape) == ((2, 2, 2), (11, 21, 21))
    assert first.image.max() == 1.0


def test_an_image_without_contrast_is_refused() -> None:
    flat = np.zeros((24, 24, 24), np.int16)
    flat[4:9, 4:9, 4:9] = 7
    with pytest.raises(RefusalError, match="one value"):
        prepare_images([image(1), image_of(flat, RAS)], COARSE)


def test_a_tree_is_prepared(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cases"
    log = io.StringIO()
    rows = run(root, folder, log=log)
    assert [(row["case"], row["part"], row["group"], row["status"]) for row in rows] == [
        ("sub-01", "pool", "in_domain", "kept"),
        ("sub-02", "pool", "in_domain", "kept"),
        ("sub-51", "test", "in_domain", "kept"),
        ("sub-52", "test", "new_scanner", "kept"),
    ]
    assert log.getvalue().splitlines() == [f"kept\t{row['case']}\t" for row in rows]
    case = read_case(folder / "sub-51")
    assert (case.name, case.subject, case.part, case.group) == ("sub-51", "sub-51", "test", "in_domain")
    assert case.label_path == "test/A/sub-51/sub-51_mask.nii.gz"
    assert case.image.dtype == np.uint16
    assert isinstance(case.image, np.memmap)
    stored = read_image(root / "test/A/sub-51/sub-51_T1w.nii.gz")
    expected = preprocess(stored, COARSE)
    assert np.abs(case.image[1] * SCALE - expected.data).max() <= SCALE / 2 + 1e-6
    label = np.select([lesion(51) == 1, lesion(51) == 4, lesion(51) == 9], [1, 2, IGNORED])
    assert np.array_equal(case.label, label[case.grid.crop_box])
    assert case.grid.shape == (24, 24, 24)


def test_digests_are_the_corpus_own(root: Path, tmp_path: Path) -> None:
    rows = {row["case"]: row for row in run(root, tmp_path / "cases")}
    path = root / "train/A/sub-01/sub-01_FLAIR.nii.gz"
    flair = rows["sub-01"]["images"][0]
    assert flair["role"] == "flair"
    assert flair["voxel_sha256"] == digest_of_voxels(reorient(read_image(path)))
    assert len(flair["sha256"]) == len(rows["sub-01"]["label_sha256"]) == 64


def test_the_table_takes_the_rows(root: Path, tmp_path: Path) -> None:
    (root / "train/A/sub-02/sub-02_mask.nii.gz").unlink()
    rows = run(root, tmp_path / "cases")
    write_table(rows, CASES, tmp_path / "little.parquet")
    assert read_table(tmp_path / "little.parquet").to_pylist() == rows
    assert Counter(row["status"] for row in rows) == {"kept": 3, "excluded": 1}
    assert pa.Table.from_pylist(rows, schema=CASES).num_rows == 4


def test_processes_give_what_one_gives(root: Path, tmp_path: Path) -> None:
    alone, together = run(root, tmp_path / "one"), run(root, tmp_path / "two", workers=2)
    assert [row | {"folder": ""} for row in alone] == [row | {"folder": ""} for row in together]
    for row in alone:
        first, second = (tmp_path / name / row["case"] for name in ("one", "two"))
        assert {path.name for path in first.iterdir()} == {"image.npy", "label.npy", "case.json"}
        assert all((second / path.name).read_bytes() == path.read_bytes() for path in first.iterdir())


def test_what_is_unchanged_is_not_prepared_again(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "cases"
    rows = run(root, folder)
    calls: list[int] = []
    real = prepare.prepare_images

    def counted(*given: Any) -> Any:
        calls.append(1)
        return real(*given)

    monkeypatch.setattr(prepare, "prepare_images", counted)
    assert run(root, folder) == rows
    assert not calls
    write_nifti(root / "train/A/sub-01/sub-01_T1w.nii.gz", head(77))
    changed = run(root, folder)
    assert len(calls) == 1
    assert changed[1:] == rows[1:]
    assert changed[0]["images"][1] != rows[0]["images"][1]
    run(root, folder, Preprocessing(spacing_mm=5.0))
    assert len(calls) == 5
    run(root, folder, Preprocessing(spacing_mm=5.0), task=tiny_task(ignore=[9, 7]))
    assert len(calls) == 9


def test_a_half_written_case_is_prepared_again(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cases"
    rows = run(root, folder)
    (folder / "sub-01" / "label.npy").unlink()
    (folder / ".sub-02.partial").mkdir()
    assert run(root, folder) == rows
    assert read_case(folder / "sub-01").label.any()
    assert sorted(path.name for path in folder.iterdir()) == ["sub-01", "sub-02", "sub-51", "sub-52"]


def test_a_case_that_moves_to_the_test_part_says_so(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cases"
    run(root, folder)
    swapped = tiny_task(test={"where": {"part": ["train"]}}, groups=None)
    rows = run(root, folder, task=swapped)
    assert [row["part"] for row in rows] == ["test", "test", "pool", "pool"]
    assert (read_case(folder / "sub-01").part, read_case(folder / "sub-52").group) == ("test", "all")


def test_cases_that_are_gone_are_removed(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cases"
    run(root, folder)
    (folder / "notes").mkdir()
    shutil.rmtree(root / "train/A/sub-01")
    assert len(run(root, folder)) == 3
    assert sorted(path.name for path in folder.iterdir()) == ["notes", "sub-02", "sub-51", "sub-52"]


@pytest.mark.parametrize(
    ("name", "reason", "detail"),
    [("FLAIR", "E_GZ_TRUNC", "flair: "), ("T1w", "E_GZ_TRUNC", "t1: "), ("mask", "E_GZ_TRUNC", "label: ")],
)
def test_a_damaged_file_costs_its_case_alone(root: Path, tmp_path: Path, name: str, reason: str, detail: str) -> None:
    path = root / f"train/A/sub-01/sub-01_{name}.nii.gz"
    path.write_bytes(path.read_bytes()[:-20])
    rows = run(root, tmp_path / "cases")
    assert (rows[0]["status"], rows[0]["reason"], rows[0]["folder"]) == ("excluded", reason, None)
    assert rows[0]["detail"].startswith(detail)
    assert [row["status"] for row in rows[1:]] == ["kept"] * 3
    assert not (tmp_path / "cases" / "sub-01").exists()


def test_a_label_of_another_grid_costs_its_case(root: Path, tmp_path: Path) -> None:
    write_nifti(root / "train/A/sub-01/sub-01_mask.nii.gz", lesion(1), AFFINE)
    write_nifti(root / "train/A/sub-02/sub-02_mask.nii.gz", lesion(1)[:-1])
    rows = run(root, tmp_path / "cases")
    assert [row["reason"] for row in rows] == ["E_LABEL_GRID", "E_LABEL_GRID", None, None]
    assert "voxels apart" in rows[0]["detail"]
    assert "(23, 24, 24)" in rows[1]["detail"]


def test_a_label_that_agrees_by_the_other_form_is_kept_with_a_flag(root: Path, tmp_path: Path) -> None:
    path = root / "train/A/sub-01/sub-01_mask.nii.gz"
    mask = nibabel.Nifti1Image(lesion(1), AFFINE)
    mask.set_qform(RAS, code=1)
    mask.set_sform(AFFINE, code=1)
    path.write_bytes(gzip.compress(mask.to_bytes()))
    for _ in range(2):
        # What is not prepared again keeps its flag.
        row = run(root, tmp_path / "cases")[0]
        assert (row["status"], row["flags"]) == ("kept", [Code.F_LABEL_FORM])


def test_a_file_that_says_it_is_a_label_is_one(root: Path, tmp_path: Path) -> None:
    path = root / "train/A/sub-01/sub-01_mask.nii.gz"
    mask = nibabel.Nifti1Image(lesion(1), RAS)
    mask.header.set_intent("label")
    path.write_bytes(gzip.compress(mask.to_bytes()))
    assert run(root, tmp_path / "cases")[0]["status"] == "kept"


def test_a_file_that_changes_after_the_plan_is_left_for_the_next_run(root: Path, tmp_path: Path) -> None:
    task = tiny_task()
    plan = plan_tree(task, root)
    flair, t1 = (root / f"train/A/sub-0{number}/sub-0{number}_FLAIR.nii.gz" for number in (1, 2))
    os.utime(flair, ns=(1, 1))
    t1.unlink()
    rows = prepare_task(plan, task, root, COARSE, tmp_path / "cases", workers=1, log=io.StringIO())
    assert [row["reason"] for row in rows] == ["E_CHANGED", "E_CHANGED", None, None]
    assert rows[0]["detail"] == "flair: it is another file than when the plan was made"
    assert rows[1]["detail"] == "flair: the file vanished, or its link leads nowhere"


@pytest.mark.parametrize(("error", "code"), [(ValueError("boom"), "E_BUG"), (MemoryError("boom"), "E_OOM")])
def test_what_nobody_foresaw_costs_one_case(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    real = prepare.prepare_images
    calls: list[int] = []

    def failing(*given: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise error
        return real(*given)

    monkeypatch.setattr(prepare, "prepare_images", failing)
    rows = run(root, tmp_path / "cases")
    assert [row["reason"] for row in rows] == [None, code, None, None]
    assert f"{type(error).__name__}: boom (test_prepare.py:" in rows[1]["detail"]


def test_a_killed_process_is_told_with_a_remedy(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise BrokenProcessPool

    monkeypatch.setattr(prepare, "as_completed", killed)
    with pytest.raises(DataError, match=r"task little: the system ended a process .* fewer cores"):
        run(root, tmp_path / "cases", workers=2)


def test_a_pool_case_with_an_image_of_a_test_case_is_left_out(root: Path, tmp_path: Path) -> None:
    stolen = root / "test/A/sub-51/sub-51_T1w.nii.gz"
    shutil.copy(stolen, root / "train/A/sub-02/sub-02_T1w.nii.gz")
    rows = run(root, tmp_path / "cases")
    assert [row["reason"] for row in rows] == [None, "E_TEST_IMAGE", None, None]
    assert rows[1]["detail"] == "t1 of sub-51"
    assert not (tmp_path / "cases" / "sub-02").exists()


def test_a_missing_case_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a whole prepared case"):
        read_case(tmp_path / "none")
    (tmp_path / "case.json").write_text(json.dumps({"case": "a"}))
    with pytest.raises(DataError, match="subject"):
        read_case(tmp_path)


def test_channels_of_one_file_are_read_by_their_frame(tmp_path: Path) -> None:
    write_case(tmp_path, "train/A/sub-01", 1)
    path = write_nifti(tmp_path / "train/A/sub-01/sub-01_FLAIR.nii.gz", np.stack([head(8), head(9)], axis=-1))
    task = tiny_task()
    plan = plan_tree(task, tmp_path)
    entry = plan["cases"][0]
    entry["images"][0] |= {"frame": 1, "bytes": path.stat().st_size, "mtime_ns": path.stat().st_mtime_ns}
    (row,) = prepare_task(plan, task, tmp_path, COARSE, tmp_path / "cases", workers=1, log=io.StringIO())
    assert row["images"][0]["voxel_sha256"] == digest_of_voxels(reorient(image_of(head(9), RAS)))


@pytest.mark.parametrize("preset", PRESETS)
def test_trimmed_margins_do_not_change_what_images_become(preset: str) -> None:
    """Trimming is a trick of the reader: with all margins in place the same comes out."""
    parameters = Preprocessing(preset=preset, spacing_mm=2.3)
    together = prepare_images([image(1), image(2)], parameters)
    for seed, found in zip((1, 2), together.image, strict=True):
        assert np.allclose(found, preprocess_oriented(filled(reorient(image(seed))), parameters).data, atol=1e-5)


def test_images_of_different_grids_are_not_preprocessed_together() -> None:
    with pytest.raises(ValueError, match="do not lie on one grid"):
        preprocess_together([reorient(image(1)), reorient(image_of(head(1)[1:], RAS))], COARSE)
