"""The coarse noise against the definition: filtered white noise of full size."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, gaussian_filter1d

pytest.importorskip("torch")

from brains45k.training.augment.draws import stream
from brains45k.training.augment.elastic import cell_count, cell_weights, draw_elastic


def field_of(seed: int, *, size: int, sigma: float, alpha: float = 300.0) -> NDArray[np.float64]:
    """Return the displacements (3, size, size, size) that cells stand for, in voxels."""
    drawn = draw_elastic(stream(seed, "test"), size_voxels=size, sigma_voxels=sigma, alpha=alpha)
    weights = cell_weights(size, drawn.sigma_voxels)
    return np.asarray(np.einsum("dabc,xa,yb,zc->dxyz", drawn.cells, weights, weights, weights, optimize=True))


@pytest.mark.parametrize("size", [32, 40, 64, 96, 100, 128])
@pytest.mark.parametrize("sigma", [20.0, 25.0, 30.0])
def test_covariance_along_an_axis_is_that_of_filtered_noise(size: int, sigma: float) -> None:
    """Variance, its fall towards the faces, and correlation at every distance at once."""
    operator = gaussian_filter1d(np.eye(size), sigma, axis=0, mode="constant")
    weights = cell_weights(size, sigma)
    expected, found = operator @ operator.T, weights @ weights.T
    assert np.abs(found - expected).max() < 0.01 * expected.max()
    assert np.abs(np.diag(found) / np.diag(expected) - 1).max() < 0.02


def test_an_axis_that_no_cell_divides_has_narrower_cells() -> None:
    assert [cell_count(size) for size in (8, 32, 33, 128)] == [1, 4, 5, 16]


def test_fields_are_as_strong_as_filtered_noise() -> None:
    size, sigma, count = 32, 20.0, 60
    random = np.random.default_rng(8)
    theirs = np.stack(
        [300 * gaussian_filter(random.uniform(-1, 1, (size,) * 3), sigma, mode="constant") for _ in range(3 * count)]
    )
    ours = np.concatenate([field_of(seed, size=size, sigma=sigma) for seed in range(count)])
    assert ours.shape == theirs.shape
    # At this size a field is nearly one number, so that 180 of them tell a deviation to about 5 %.
    for place in ((16, 16, 16), (0, 16, 16), (0, 0, 0), (31, 31, 31)):
        ratio = ours[:, *place].std() / theirs[:, *place].std()
        assert 0.75 < ratio < 1.33
    assert abs(ours.mean()) < 5 * ours[:, 16, 16, 16].std() / (3 * count) ** 0.5


def test_the_real_size_of_the_displacement_in_voxels() -> None:
    """For the widest and for the narrowest Gaussian of the preset, in the middle of a large patch."""
    for sigma, alpha, expected in ((20.0, 600.0, 0.58), (25.0, 400.0, 0.28), (30.0, 200.0, 0.105)):
        theory = alpha * 3**-0.5 * (2 * np.pi**0.5 * sigma) ** -1.5
        weights = cell_weights(256, sigma)[128]
        found = alpha * 3**-0.5 * np.square(weights).sum() ** 1.5
        assert found == pytest.approx(theory, rel=0.01)
        assert found == pytest.approx(expected, rel=0.02)


def test_axes_move_independently() -> None:
    fields = np.stack([field_of(seed, size=16, sigma=20.0)[:, 8, 8, 8] for seed in range(400)])
    correlation = np.corrcoef(fields.T) - np.eye(3)
    assert np.abs(correlation).max() < 5 / 400**0.5


def test_the_factor_scales_and_0_is_no_displacement() -> None:
    once, twice = (field_of(3, size=16, sigma=20.0, alpha=alpha) for alpha in (200.0, 400.0))
    assert np.allclose(2 * once, twice)
    assert not field_of(3, size=16, sigma=20.0, alpha=0.0).any()
