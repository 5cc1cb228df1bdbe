"""What reorientation trims and the steps never compute makes no difference to what comes out."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from support import bad_files as bad
from support.volumes import filled, image_of

from brains45k.codes import Code
from brains45k.volume.intensity import FOREGROUNDS, find_foreground
from brains45k.volume.preprocess import PRESETS, Preprocessing, preprocess_oriented
from brains45k.volume.refusal import RefusalError
from brains45k.volume.reorient import reorient
from brains45k.volume.volume import Volume

HEAD = bad.head_voxels().astype(np.float32)


@st.composite
def images(draw: st.DrawFn, *, lowest: float, margins: st.SearchStrategy[int]) -> NDArray[Any]:
    """Draw a small image of noise, with voxels of the background inside, in margins of background."""
    shape = draw(st.tuples(*[st.integers(2, 12)] * 3))
    noise = np.random.default_rng(draw(st.integers(0, 99)))
    inside = np.where(noise.random(shape) < draw(st.sampled_from([0.05, 0.6, 1.0])), noise.uniform(1, 100, shape), 0)
    width = np.reshape([draw(margins) for _ in range(6)], (3, 2)).tolist()
    return np.asarray(np.pad(inside, width) + lowest, np.float32)


def outcome(volume: Volume, parameters: Preprocessing) -> Volume | Code:
    try:
        return preprocess_oriented(volume, parameters)
    except RefusalError as refusal:
        return refusal.code


def require_equal(found: Volume | Code, expected: Volume | Code) -> None:
    if isinstance(found, Code) or isinstance(expected, Code):
        assert found == expected
        return
    assert found.shape == expected.shape
    assert found.crop_start == expected.crop_start
    assert found.spacing_mm == expected.spacing_mm
    assert np.allclose(found.affine, expected.affine, atol=1e-6)
    # Both are of the range 0 to 1.
    assert np.abs(found.data - expected.data).max() <= 1e-5
    assert np.array_equal(found.foreground, expected.foreground)  # type: ignore[arg-type]
    for name in ("clip_value", "foreground_mean", "foreground_std", "score_low", "score_high"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-4, abs=1e-4), name
    assert found.field is expected.field is None


def compare(voxels: NDArray[Any], affine: NDArray[np.float64], parameters: Preprocessing) -> None:
    trimmed = reorient(image_of(voxels, affine))
    require_equal(outcome(trimmed, parameters), outcome(filled(reorient(image_of(voxels, affine))), parameters))


@pytest.mark.parametrize("lowest", [0.0, -60.0, 45.0])
@pytest.mark.parametrize("foreground", FOREGROUNDS)
@pytest.mark.parametrize("preset", PRESETS)
@settings(max_examples=40)
@given(data=st.data(), spacing_mm=st.tuples(*[st.floats(0.45, 2.5)] * 3))
def test_trimmed_equals_whole(
    lowest: float, foreground: str, preset: str, data: st.DataObject, spacing_mm: tuple[float, float, float]
) -> None:
    voxels = data.draw(images(lowest=lowest, margins=st.integers(0, 9)))
    compare(voxels, bad.diagonal(*spacing_mm), Preprocessing(preset=preset, foreground=foreground))


@pytest.mark.parametrize("lowest", [0.0, -60.0, 45.0])
@pytest.mark.parametrize("foreground", FOREGROUNDS)
@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("spacing_mm", [2.3, 4.0, 6.0])
def test_a_head_in_wide_margins(lowest: float, foreground: str, preset: str, spacing_mm: float) -> None:
    voxels = np.pad(HEAD, ((3, 9), (0, 4), (12, 0))) + np.float32(lowest)
    compare(voxels, bad.diagonal(3.5, 4, 5), Preprocessing(preset=preset, foreground=foreground, spacing_mm=spacing_mm))


@pytest.mark.parametrize("lowest", [0.0, -30.0, 25.0])
@pytest.mark.parametrize("foreground", FOREGROUNDS)
def test_the_foreground_is_that_of_the_whole_field(lowest: float, foreground: str) -> None:
    voxels = np.pad(HEAD, 4) + np.float32(lowest)
    trimmed = find_foreground(reorient(image_of(voxels)), method=foreground)
    whole = find_foreground(filled(reorient(image_of(voxels))), method=foreground)
    assert trimmed.foreground is not None
    mask = filled(replace(trimmed, data=trimmed.foreground.astype(np.float32) + np.float32(lowest))).data > lowest
    assert trimmed.shape != whole.shape
    assert np.array_equal(mask, whole.foreground)  # type: ignore[arg-type]


@pytest.mark.parametrize("preset", PRESETS)
def test_a_margin_narrower_than_the_filter(preset: str) -> None:
    # No new voxel has the background's value then, and the smallest is one of the blurred margin.
    voxels = np.random.default_rng(3).integers(500, 520, (90, 16, 16)).astype(np.float32)
    voxels[:2] = 0
    compare(voxels, bad.diagonal(0.3, 4, 4), Preprocessing(preset=preset))
