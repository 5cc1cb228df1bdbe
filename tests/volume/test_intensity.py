"""Changing intensities: each step against NumPy, and exact at its ends."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from skimage.filters import threshold_otsu
from support import bad_files as bad

from brains45k.codes import Code
from brains45k.volume.intensity import clip, find_foreground, rescale, znormalise
from brains45k.volume.refusal import RefusalError
from brains45k.volume.volume import Volume

HEAD = bad.head_voxels().astype(np.float32)
FLOATS = st.floats(-1000, 1000, width=32)
IMAGES = hnp.arrays(np.float32, st.tuples(*[st.integers(2, 6)] * 3), elements=FLOATS).filter(lambda a: np.ptp(a) > 0.01)


def volume(data: NDArray[np.float32], mask: NDArray[np.bool_] | None = None) -> Volume:
    return Volume(data, np.eye(4), (1.0, 1.0, 1.0), foreground=mask)


def test_the_foreground_differs_from_the_minimum() -> None:
    found = find_foreground(volume(HEAD - 7), method="nonzero")
    assert found.foreground is not None
    assert np.array_equal(found.foreground, HEAD > 0)
    assert found.foreground_fraction == np.count_nonzero(HEAD) / HEAD.size


def test_otsu_takes_what_lies_above_the_threshold() -> None:
    noisy = HEAD + np.random.default_rng(2).rayleigh(8, HEAD.shape).astype(np.float32)
    found = find_foreground(volume(noisy), method="otsu").foreground
    assert found is not None
    assert np.array_equal(found, noisy > threshold_otsu(noisy))


def test_otsu_leaves_the_noise_out() -> None:
    noisy = HEAD + np.random.default_rng(2).rayleigh(8, HEAD.shape).astype(np.float32)
    shares = [find_foreground(volume(noisy), method=method).foreground_fraction or 0 for method in ("otsu", "nonzero")]
    assert shares[0] < 0.5
    assert shares[1] > 0.9


@given(IMAGES, st.floats(0, 100))
def test_the_percentile_is_numpys(data: NDArray[np.float32], percentile: float) -> None:
    clipped = clip(volume(data), percentile=percentile)
    assert clipped.clip_value is not None
    assert np.isclose(clipped.clip_value, np.percentile(data.astype(np.float64), percentile), rtol=1e-12, atol=1e-9)


def test_the_percentile_is_of_the_foreground() -> None:
    clipped = clip(volume(HEAD, HEAD > 0), percentile=99)
    assert clipped.clip_value == pytest.approx(np.percentile(HEAD[HEAD > 0].astype(np.float64), 99), rel=1e-12)


@given(IMAGES)
def test_clipping_touches_only_what_lies_above(data: NDArray[np.float32]) -> None:
    clipped = clip(volume(data), percentile=80)
    limit = np.float32(clipped.clip_value)
    assert clipped.data.max() <= limit
    assert np.array_equal(clipped.data[data <= limit], data[data <= limit])


@given(IMAGES)
def test_mean_and_deviation_restore_the_image(data: NDArray[np.float32]) -> None:
    normal = znormalise(volume(data))
    assert normal.foreground_mean is not None
    assert normal.foreground_std is not None
    assert np.allclose(normal.data * normal.foreground_std + normal.foreground_mean, data, atol=1e-3)


def test_the_foreground_has_mean_0_and_deviation_1() -> None:
    inside = znormalise(volume(HEAD, HEAD > 0)).data[HEAD > 0].astype(np.float64)
    assert abs(inside.mean()) < 1e-5
    assert abs(inside.std() - 1) < 1e-5


@given(IMAGES)
def test_the_ends_are_exactly_0_and_1(data: NDArray[np.float32]) -> None:
    scaled = rescale(volume(data)).data
    assert scaled.min() == 0
    assert scaled.max() == 1
    assert scaled.dtype == np.float32


@given(IMAGES)
def test_rescaling_keeps_the_order(data: NDArray[np.float32]) -> None:
    order = np.argsort(data.ravel(), kind="stable")
    assert (np.diff(rescale(volume(data)).data.ravel()[order]) >= 0).all()


def test_the_range_0_to_1_turns_back_into_z_scores() -> None:
    normal = znormalise(volume(HEAD, HEAD > 0))
    scaled = rescale(normal)
    assert scaled.foreground_mean is not None
    assert scaled.foreground_std is not None
    low, high = (
        (value - scaled.foreground_mean) / scaled.foreground_std for value in (float(HEAD.min()), float(HEAD.max()))
    )
    assert np.allclose(scaled.data * (high - low) + low, normal.data, atol=1e-5)


@pytest.mark.parametrize("step", [znormalise, rescale])
def test_a_constant_has_no_contrast(step: object) -> None:
    assert callable(step)
    with pytest.raises(RefusalError) as caught:
        step(volume(np.full((3, 3, 3), 4, np.float32)))
    assert caught.value.code is Code.E_CONST


def test_no_step_changes_its_input() -> None:
    data = HEAD.copy()
    given_volume = volume(data, HEAD > 0)
    rescale(znormalise(clip(find_foreground(given_volume, method="nonzero"), percentile=99)))
    assert np.array_equal(data, HEAD)
