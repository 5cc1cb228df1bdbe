"""Changing intensities: each fact against NumPy, and exact at its ends."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from skimage.filters import threshold_otsu
from support import bad_files as bad

from brains45k.codes import Code
from brains45k.volume.intensity import _percentile, find_foreground, normalise
from brains45k.volume.refusal import RefusalError
from brains45k.volume.volume import Volume

HEAD = bad.head_voxels().astype(np.float32)
FLOATS = st.floats(-1000, 1000, width=32)
IMAGES = hnp.arrays(np.float32, st.tuples(*[st.integers(2, 6)] * 3), elements=FLOATS).filter(lambda a: np.ptp(a) > 0.01)


def volume(data: NDArray[Any], mask: NDArray[np.bool_] | None = None) -> Volume:
    """Make a volume of a copy, because normalising overwrites it."""
    return Volume(data.astype(np.float32), np.eye(4), (1.0, 1.0, 1.0), foreground=mask)


def normalised(data: NDArray[Any], mask: NDArray[np.bool_] | None = None, percentile: float = 100) -> Volume:
    return normalise(volume(data, mask), clip_percentile=percentile)


def plain_percentile(values: NDArray[Any], percentile: float) -> float:
    return float(np.percentile(values.astype(np.float64), percentile))


def refusal(data: NDArray[Any], mask: NDArray[np.bool_] | None = None, percentile: float = 99) -> RefusalError:
    with pytest.raises(RefusalError) as caught:
        normalised(data, mask, percentile)
    return caught.value


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


@given(IMAGES, st.floats(0, 100), st.data())
def test_the_percentile_is_numpys(data: NDArray[np.float32], percentile: float, drawn: st.DataObject) -> None:
    values = data.ravel()
    mask = drawn.draw(st.none() | hnp.arrays(np.bool_, values.shape).filter(np.any))
    inside = values if mask is None else values[mask]
    found = _percentile(values, mask, percentile)
    assert np.isclose(found, plain_percentile(inside, percentile), rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("values", [[5], [5, -2], [0, 0], [1, 1, 9], [-3, 7, 7]])
@pytest.mark.parametrize("percentile", [0, 0.5, 1, 50, 99, 99.9, 100])
def test_the_percentile_of_few_voxels_is_numpys(values: list[float], percentile: float) -> None:
    array = np.array(values, np.float32)
    for mask in (None, np.ones(array.size, np.bool_)):
        assert _percentile(array, mask, percentile) == pytest.approx(plain_percentile(array, percentile), rel=1e-12)


def _deceptive(kind: str) -> NDArray[np.float32]:
    """Make enough voxels that a sample of every third tells where to look, and mistake it."""
    values = np.random.default_rng(9).normal(100, 20, 3 << 16).astype(np.float32)
    sample = slice(None, None, 3)
    if kind == "sample is the highest":
        values[sample] += 1000
    elif kind == "sample is the lowest":
        values[sample] -= 1000
    elif kind == "sample is one value":
        values[sample] = 100
    elif kind == "few levels":
        values = np.rint(values / 40)
    elif kind == "tied at the percentile":
        values = np.minimum(values, np.float32(plain_percentile(values, 97)))
    elif kind == "tied below the percentile":
        values[values > plain_percentile(values, 90)] = 130
        values[:50] = 900
    return values


KINDS = ("plain", "sample is the highest", "sample is the lowest", "sample is one value", "few levels",
         "tied at the percentile", "tied below the percentile")  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("percentile", [0.5, 1.0, 50.0, 98.0, 99.0, 99.9, 100.0])
def test_a_sample_that_misleads_does_not_mislead_the_percentile(kind: str, percentile: float) -> None:
    values = _deceptive(kind)
    for mask in (None, values > values.min(), np.arange(values.size) % 3 == 0, np.arange(values.size) % 3 == 1):
        inside = values if mask is None else values[mask]
        found = _percentile(values, mask, percentile)
        assert found == pytest.approx(plain_percentile(inside, percentile), rel=1e-12)


@pytest.mark.parametrize("percentile", [50, 99])
def test_the_clip_value_is_the_percentile_of_the_foreground(percentile: float) -> None:
    clipped = normalised(HEAD, HEAD > 0, percentile)
    assert clipped.clip_value == pytest.approx(plain_percentile(HEAD[HEAD > 0], percentile), rel=1e-12)


@given(IMAGES, st.sampled_from([60, 80, 99, 100]))
def test_it_clips_above_and_maps_to_0_to_1(data: NDArray[np.float32], percentile: float) -> None:
    limit = np.float32(plain_percentile(data, percentile))
    if limit <= data.min() or np.minimum(data, limit).astype(np.float64).std() < 1e-2:
        return
    found = normalised(data, percentile=percentile).data
    expected = (np.minimum(data, limit).astype(np.float64) - data.min()) / (float(limit) - data.min())
    assert np.abs(found - expected).max() < 1e-6
    assert found.min() == 0
    assert found.max() == 1
    assert found.dtype == np.float32


@given(IMAGES)
def test_the_order_is_kept(data: NDArray[np.float32]) -> None:
    order = np.argsort(data.ravel(), kind="stable")
    assert (np.diff(normalised(data).data.ravel()[order]) >= 0).all()


@given(IMAGES)
def test_0_to_1_turns_back_into_z_scores_and_into_the_image(data: NDArray[np.float32]) -> None:
    found = normalised(data)
    assert found.score_low is not None
    assert found.score_high is not None
    assert found.foreground_mean is not None
    assert found.foreground_std is not None
    scores = found.score_low + found.data * (found.score_high - found.score_low)
    assert np.allclose(scores * found.foreground_std + found.foreground_mean, data, atol=1e-3)


@pytest.mark.parametrize("percentile", [50, 99, 100])
def test_the_z_scores_of_the_foreground_have_mean_0_and_deviation_1(percentile: float) -> None:
    found = normalised(HEAD, HEAD > 0, percentile)
    assert found.score_low is not None
    assert found.score_high is not None
    inside = found.score_low + found.data[HEAD > 0].astype(np.float64) * (found.score_high - found.score_low)
    assert abs(inside.mean()) < 1e-5
    assert abs(inside.std() - 1) < 1e-5


@pytest.mark.parametrize("offset", [0.0, -50.0, 1e3, 1e4, -1e4])
@pytest.mark.parametrize("spread", [1.0, 10.0, 300.0])
@pytest.mark.parametrize("masked", [False, True])
def test_mean_and_deviation_are_numpys_for_a_large_offset(offset: float, spread: float, masked: bool) -> None:
    data = np.random.default_rng(4).normal(offset, spread, (40, 50, 60)).astype(np.float32)
    mask = data > offset if masked else None
    found = normalised(data, mask)
    inside = (data if mask is None else data[mask]).astype(np.float64)
    assert found.foreground_mean == pytest.approx(inside.mean(), rel=1e-5, abs=1e-5 * spread)
    assert found.foreground_std == pytest.approx(inside.std(), rel=1e-5)


@pytest.mark.parametrize("share", [1e-1, 1e-2, 1e-3, 1e-4])
def test_the_deviation_is_numpys_far_above_the_background(share: float) -> None:
    data = np.zeros((40, 50, 60), np.float32)
    data[5:35, 5:45, 5:55] = np.random.default_rng(4).normal(1e4, 1e4 * share, (30, 40, 50))
    found = normalised(data, data > 0)
    inside = data[data > 0].astype(np.float64)
    assert found.foreground_mean == pytest.approx(inside.mean(), rel=1e-6)
    assert found.foreground_std == pytest.approx(inside.std(), rel=1e-5)


@pytest.mark.parametrize("scale", [1e-25, 1e-9, 1e15, 1e25])
def test_the_unit_of_the_intensities_does_not_matter(scale: float) -> None:
    found, expected = normalised(HEAD * scale, HEAD > 0), normalised(HEAD, HEAD > 0)
    assert np.allclose(found.data, expected.data, atol=1e-6)
    assert found.score_high == pytest.approx(expected.score_high, rel=1e-5)


@pytest.mark.parametrize("value", [4.0, 0.1, 0.0, -1e6, 1 / 3])
def test_a_constant_has_no_contrast(value: float) -> None:
    assert refusal(np.full((3, 3, 3), value)).code is Code.E_CONST


@pytest.mark.parametrize("value", [7.0, 0.1, 1 / 3, 12345.678])
@pytest.mark.parametrize("size", [3, 20, 60])
def test_a_foreground_of_one_value_has_no_contrast(value: float, size: int) -> None:
    data = np.zeros((size, size, size), np.float32)
    data[1:, 1:, 1:] = value
    assert refusal(data, data > 0).code is Code.E_CONST


def test_one_value_after_clipping_has_no_contrast() -> None:
    data = np.zeros((10, 10, 10))
    data[0, 0, 0] = 5
    assert "after clipping" in str(refusal(data))


def test_no_foreground_has_no_contrast() -> None:
    assert "nothing is left" in str(refusal(HEAD, np.zeros(HEAD.shape, np.bool_)))


def test_a_mask_of_all_is_no_mask() -> None:
    with_mask, without = normalised(HEAD, np.ones(HEAD.shape, np.bool_), 99), normalised(HEAD, None, 99)
    assert with_mask.data.tobytes() == without.data.tobytes()
    assert with_mask.foreground_mean == without.foreground_mean


def test_normalising_overwrites_the_voxels_and_finding_the_foreground_does_not() -> None:
    given_volume = volume(HEAD)
    found = find_foreground(given_volume, method="nonzero")
    assert np.array_equal(given_volume.data, HEAD)
    assert normalise(found, clip_percentile=99).data is given_volume.data
