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
from support.volumes import image_of

from brains45k.codes import Code
from brains45k.errors import CallError
from brains45k.volume import Preprocessing, RefusalError, Volume, preprocess, read_image
from brains45k.volume.intensity import FOREGROUNDS
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


def stored_as(dtype: str, slope: float, intercept: float, order: str, codes: str) -> bytes:
    """Store intensities of twice the head, with margins and a negative background, so that float32 is exact."""
    intensities = np.pad(HEAD, ((3, 2), (0, 4), (5, 1))) * 2 - 100
    stored = (intensities - intercept) / slope
    assert np.array_equal(stored, np.rint(stored))
    data, affine = bad.oriented(stored.astype(dtype), bad.diagonal(3.5, 4, 5), codes)
    return bad.nifti(data, affine=affine, order=order, scl_slope=slope, scl_inter=intercept)


@pytest.mark.parametrize("preset", PRESETS)
def test_how_the_intensities_are_stored_does_not_matter(preset: str, tmp_path: Path) -> None:
    results = {}
    for dtype in ("int16", "int32", "int64", "float32", "float64"):
        for slope, intercept in ((1.0, 0.0), (0.5, 0.0), (2.0, 0.0), (-1.0, 0.0), (2.0, 64.0), (-0.5, -100.0)):
            for order, codes in (("<", "RAS"), (">", "PIL")):
                path = tmp_path / f"{dtype}_{slope:g}_{intercept:g}_{codes}.nii"
                path.write_bytes(stored_as(dtype, slope, intercept, order, codes))
                volume = preprocess(path, RESAMPLED[preset])
                results[path.name] = (volume.data.tobytes(), volume.crop_start, volume.clip_value)
    assert len(results) == 60
    assert len(set(results.values())) == 1


@pytest.mark.parametrize("preset", PRESETS)
def test_unsigned_bytes_give_the_bytes_of_float32(preset: str) -> None:
    small = np.pad(HEAD // 8, 3).astype(np.uint8)
    images = [image_of(small.astype(dtype), bad.diagonal()) for dtype in ("uint8", "int16", ">u2", "float32", ">f4")]
    assert len({digest(preprocess(image, RESAMPLED[preset])) for image in images}) == 1


@pytest.mark.parametrize("parameters", [*UNCHANGED_GRID.values(), *RESAMPLED.values()], ids=str)
@pytest.mark.parametrize("dtype", ["int16", "float32", "float64"])
@pytest.mark.parametrize("codes", ["RAS", "LPI", "SAR"])
def test_the_callers_image_stays_as_it_is(parameters: Preprocessing, dtype: str, codes: str) -> None:
    data, affine = bad.oriented(np.ascontiguousarray(HEAD - 5), bad.diagonal(), codes)
    for voxels in (np.array(data, dtype), np.array(data, dtype, order="F")):
        before, before_affine = voxels.copy(), affine.copy()
        loaded = nibabel.Nifti1Image(voxels, affine)
        header = loaded.header.binaryblock
        narrow = voxels.astype(np.float32) if dtype == "float64" else voxels
        for image in (loaded, image_of(narrow, affine)):
            preprocess(image, parameters)
        assert np.array_equal(voxels, before)
        assert np.array_equal(np.asarray(loaded.dataobj), before)
        assert np.array_equal(affine, before_affine)
        assert loaded.header.binaryblock == header


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("writeable", [True, False])
def test_an_image_may_be_preprocessed_twice(preset: str, writeable: bool) -> None:
    voxels = HEAD.astype(np.float32)
    voxels.setflags(write=writeable)
    image = image_of(voxels, bad.diagonal())
    first, second = (preprocess(image, UNCHANGED_GRID[preset]) for _ in range(2))
    assert digest(first) == digest(second)
    assert not np.shares_memory(first.data, second.data)
    assert np.array_equal(voxels, HEAD)


@pytest.mark.parametrize("preset", PRESETS)
def test_what_comes_out_has_no_field_left(preset: str, path: Path) -> None:
    volume = preprocess(path, RESAMPLED[preset])
    assert volume.field is None
    assert volume.foreground is not None
    assert volume.foreground.shape == volume.shape


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("foreground", FOREGROUNDS)
def test_no_contrast_is_refused_not_a_crash(preset: str, foreground: str) -> None:
    dip = np.full((9, 9, 9), -3.0)
    dip[-1, -1, -1] = 7
    for voxels in (np.zeros((5, 5, 5)), np.full((5, 5, 5), 4.0), np.full((5, 5, 5), -4.0), dip):
        with pytest.raises(RefusalError) as caught:
            preprocess(image_of(voxels.astype(np.float32)), Preprocessing(preset=preset, foreground=foreground))
        assert caught.value.code is Code.E_CONST
