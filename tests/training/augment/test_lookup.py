"""Reading between voxels against SciPy's map_coordinates."""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, spline_filter

pytest.importorskip("torch")
import torch
from torch import Tensor

from brains45k.training.augment.lookup import (
    cubic_weights,
    pull_inside,
    read_cubic,
    read_linear,
    read_nearest,
    spline_coefficients,
)

SHAPE = (7, 9, 11)
Read = Callable[[Tensor, Sequence[Tensor]], Tensor]


@pytest.fixture(scope="module")
def voxels() -> NDArray[np.float32]:
    return np.random.default_rng(6).random(SHAPE, np.float32)


def places_in(shape: Sequence[int], count: int = 500, *, beyond: float = 0) -> NDArray[np.float32]:
    """Draw places, and add every corner and voxel centre of the image."""
    random = np.random.default_rng(12)
    limits = np.array(shape) - 1.0
    drawn = random.uniform(-beyond, limits + beyond, (count, 3))
    whole = np.indices(shape).reshape(3, -1).T
    return np.concatenate([drawn, whole]).T.astype(np.float32)


def as_tensors(places: NDArray[np.float32]) -> list[Tensor]:
    return [torch.from_numpy(axis.copy()) for axis in places]


def linear(image: Tensor) -> tuple[Tensor, Read, Literal[1, 3]]:
    return image, read_linear, 1


def cubic(image: Tensor) -> tuple[Tensor, Read, Literal[1, 3]]:
    return spline_coefficients(image), read_cubic, 3


Way = Callable[[Tensor], tuple[Tensor, Read, Literal[1, 3]]]


@pytest.mark.parametrize("way", [linear, cubic])
def test_values_are_scipys(way: Way, voxels: NDArray[np.float32]) -> None:
    table, read, order = way(torch.from_numpy(voxels))
    places = places_in(SHAPE)
    expected = map_coordinates(voxels.astype(np.float64), places.astype(np.float64), order=order, mode="constant")
    assert np.abs(read(table, as_tensors(places)).numpy() - expected).max() < 2e-6


def test_nearest_values_are_scipys() -> None:
    labels = np.random.default_rng(4).integers(0, 256, SHAPE, np.uint8)
    places = places_in(SHAPE)
    expected = map_coordinates(labels, places, order=0, mode="nearest")
    found = read_nearest(torch.from_numpy(labels), as_tensors(places))
    assert found.dtype == torch.uint8
    assert np.array_equal(found.numpy(), expected)


@pytest.mark.parametrize("way", [linear, cubic])
def test_voxels_are_found_again(way: Way, voxels: NDArray[np.float32]) -> None:
    table, read, _ = way(torch.from_numpy(voxels))
    found = read(table, [torch.from_numpy(axis.astype(np.float32)) for axis in np.indices(SHAPE)])
    assert found.shape == SHAPE
    assert np.abs(found.numpy() - voxels).max() < (1e-6 if way is cubic else 1e-9)


@pytest.mark.parametrize("way", [linear, cubic])
def test_a_slope_stays_a_slope(way: Way) -> None:
    """A mirrored spline flattens at the border, so that cubic lookups are made in the middle."""
    x, y, z = np.indices((32, 32, 32)).astype(np.float32) / 100
    table, read, _ = way(torch.from_numpy(0.1 + x + 2 * y - 0.5 * z))
    places = places_in((4, 4, 4)) + 14
    expected = 0.1 + (places[0] + 2 * places[1] - 0.5 * places[2]) / 100
    assert np.abs(read(table, as_tensors(places)).numpy() - expected).max() < 2e-6


def test_coefficients_are_scipys_with_a_mirrored_margin(voxels: NDArray[np.float32]) -> None:
    expected = np.pad(spline_filter(voxels.astype(np.float64), order=3, mode="mirror"), 1, mode="reflect")
    assert np.abs(spline_coefficients(torch.from_numpy(voxels)).numpy() - expected).max() < 1e-5


def test_cubic_weights_are_those_of_the_spline() -> None:
    share = torch.linspace(0, 1, 21, dtype=torch.float64)
    weights = torch.stack(cubic_weights(share))
    assert torch.allclose(weights.sum(dim=0), torch.ones(21, dtype=torch.float64))
    # The weighted mean of the taps' positions is the place.
    taps = torch.tensor([-1.0, 0, 1, 2], dtype=torch.float64)
    assert torch.allclose(taps @ weights, share)
    # The spline itself at whole numbers.
    assert torch.allclose(weights[:, 0], torch.tensor([1 / 6, 4 / 6, 1 / 6, 0], dtype=torch.float64))
    assert (weights >= 0).all()


def test_what_lies_outside_is_scipys(voxels: NDArray[np.float32]) -> None:
    places = places_in(SHAPE, beyond=3)
    expected = map_coordinates(voxels + 1.0, places.astype(np.float64), order=1, mode="constant", cval=0) == 0
    tensors = as_tensors(places)
    outside = pull_inside(tensors, SHAPE)
    assert np.array_equal(outside.numpy(), expected)
    assert 0.1 < expected.mean() < 0.9


def test_places_are_pulled_to_the_border() -> None:
    tensors = [torch.tensor([-0.5, 3.0, 9.0]), torch.tensor([2.0, 8.0, 8.25]), torch.tensor([10.0, 0.0, 5.0])]
    outside = pull_inside(tensors, SHAPE)
    assert outside.tolist() == [True, False, True]
    assert [axis.tolist() for axis in tensors] == [[0, 3, 6], [2, 8, 8], [10, 0, 5]]


def test_rounding_at_the_border_leads_not_outside() -> None:
    tensors = [torch.tensor([-1e-5, 6.00001]), torch.tensor([0.0, 8.0]), torch.tensor([10.00001, 10.0])]
    assert not pull_inside(tensors, SHAPE).any()
    assert [axis.tolist() for axis in tensors] == [[0, 6], [0, 8], [10, 10]]
