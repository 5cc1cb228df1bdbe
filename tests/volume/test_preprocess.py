"""The preprocessing as a whole: known answers, equal inputs, equal bytes."""

import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nibabel
import numpy as np
import pytest
from support import bad_files as bad

from brains45k.errors import CallError
from brains45k.volume import Preprocessing, RefusalError, Volume, preprocess, read_image
from brains45k.volume.preprocess import PRESETS

HEAD = bad.head_voxels()
SPACING_MM = 4.0
UNCHANGED_GRID = {preset: Preprocessing(preset=preset, spacing_mm=SPACING_MM) for preset in PRESETS}
RESAMPLED = {preset: Preprocessing(preset=preset, spacing_mm=2.3) for preset in PRESETS}
DIGEST = """
import hashlib, sys
from pathlib import Path
from brains45k.volume import Preprocessing, preprocess
for preset in ("paper", "reference"):
    volume = preprocess(Path(sys.argv[1]), Preprocessing(preset=preset, spacing_mm=2.3))
    print(hashlib.sha256(volume.data.tobytes() + volume.affine.tobytes()).hexdigest())
"""


def digest(volume: Volume) -> str:
    return hashlib.sha256(volume.data.tobytes() + volume.affine.tobytes()).hexdigest()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    data, affine = bad.oriented(HEAD, bad.diagonal(), "LPS")
    target = tmp_path / "head.nii.gz"
    target.write_bytes(bad.gz(bad.nifti(data, affine=affine)))
    return target


def box_of_head() -> tuple[slice, ...]:
    hits = np.argwhere(HEAD > 0)
    return tuple(slice(low, high + 1) for low, high in zip(hits.min(axis=0), hits.max(axis=0), strict=True))


def test_paper_gives_the_known_answer(path: Path) -> None:
    volume = preprocess(path, UNCHANGED_GRID["paper"])
    limit = np.percentile(HEAD[HEAD > 0].astype(np.float64), 99)
    expected = np.minimum(HEAD, limit)[box_of_head()] / limit
    assert volume.shape == expected.shape
    assert np.abs(volume.data - expected).max() < 1e-6
    assert volume.clip_value == pytest.approx(limit)
    assert volume.crop_start == tuple(part.start for part in box_of_head())


def test_the_mean_and_deviation_are_of_the_clipped_foreground(path: Path) -> None:
    volume = preprocess(path, UNCHANGED_GRID["paper"])
    inside = HEAD[HEAD > 0].astype(np.float64)
    inside = np.minimum(inside, np.percentile(inside, 99))
    assert volume.foreground_mean == pytest.approx(inside.mean(), rel=1e-6)
    assert volume.foreground_std == pytest.approx(inside.std(), rel=1e-6)


def test_reference_gives_the_known_answer(path: Path) -> None:
    volume = preprocess(path, UNCHANGED_GRID["reference"])
    # The head fills the grid up to its edges but for the corners, so that the box has no room for its margin.
    limit = np.percentile(HEAD[HEAD > 0].astype(np.float64), 99)
    box = tuple(slice(part.start, part.stop + 1) for part in box_of_head())
    assert np.abs(volume.data - np.minimum(HEAD, limit)[box] / limit).max() < 1e-6


@pytest.mark.parametrize("preset", PRESETS)
def test_the_affine_places_every_voxel(preset: str, path: Path) -> None:
    volume = preprocess(path, UNCHANGED_GRID[preset])
    expected = bad.diagonal() @ np.array([*volume.crop_start, 1.0])
    assert np.allclose(volume.affine[:, 3], expected, atol=1e-4)
    assert np.allclose(volume.affine[:3, :3], np.diag([SPACING_MM] * 3))


@pytest.mark.parametrize("preset", PRESETS)
def test_the_result_is_in_0_to_1(preset: str, path: Path) -> None:
    volume = preprocess(path, RESAMPLED[preset])
    assert volume.data.dtype == np.float32
    assert volume.data.flags.c_contiguous
    assert (float(volume.data.min()), float(volume.data.max())) == (0.0, 1.0)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_path_an_image_and_nibabels_image_are_alike(preset: str, path: Path) -> None:
    inputs = (path, str(path), read_image(path), nibabel.load(path))
    assert len({digest(preprocess(image, RESAMPLED[preset])) for image in inputs}) == 1


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("codes", ["RAS", "PIL", "SRA"])
def test_the_stored_order_does_not_matter(preset: str, codes: str, tmp_path: Path, path: Path) -> None:
    data, affine = bad.oriented(HEAD, bad.diagonal(), codes)
    other = tmp_path / "other.nii"
    other.write_bytes(bad.nifti(data, affine=affine))
    first, second = (preprocess(image, RESAMPLED[preset]) for image in (path, other))
    assert first.data.tobytes() == second.data.tobytes()
    assert np.allclose(first.affine, second.affine, atol=1e-4)


def test_the_number_of_blas_threads_does_not_matter(path: Path) -> None:
    results = set()
    for threads in ("1", "2"):
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
        command = [sys.executable, "-c", DIGEST, str(path)]
        results.add(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
    expected = [digest(preprocess(path, RESAMPLED[preset])) for preset in ("paper", "reference")]
    assert [result.split() for result in results] == [expected]


def test_threads_give_the_same_bytes(path: Path) -> None:
    expected = digest(preprocess(path, RESAMPLED["paper"]))
    with ThreadPoolExecutor(4) as pool:
        volumes = pool.map(lambda _: preprocess(path, RESAMPLED["paper"]), range(12))
        assert {digest(volume) for volume in volumes} == {expected}


def test_the_paper_preset_is_the_default(path: Path) -> None:
    assert digest(preprocess(path)) == digest(preprocess(path, Preprocessing(preset="paper", spacing_mm=1.0)))


def test_otsu_crops_to_the_head(tmp_path: Path) -> None:
    noisy = HEAD + np.random.default_rng(2).rayleigh(8, HEAD.shape)
    path = tmp_path / "noisy.nii"
    path.write_bytes(bad.nifti(noisy.astype(np.float32)))
    settings = Preprocessing(spacing_mm=SPACING_MM, foreground="otsu")
    assert preprocess(path, settings).data.size < preprocess(path, UNCHANGED_GRID["paper"]).data.size


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    path.write_bytes(bad.nifti()[:-3])
    with pytest.raises(RefusalError):
        preprocess(path)


def test_an_unknown_preset_is_the_callers_fault() -> None:
    with pytest.raises(CallError, match="papre"):
        Preprocessing(preset="papre")
