"""Ghosts: as many, as far and as faint as they should be."""

import numpy as np
import pytest

pytest.importorskip("torch")
import torch
from torch import Tensor

from brains45k.training.augment.draws import stream
from brains45k.training.augment.motion import MotionGhosting, add_ghosts, comb


def point(size: int = 24) -> Tensor:
    image = torch.zeros(1, 1, size, size, size)
    image[0, 0, 5, 6, 7] = 1
    return image


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("repetitions", [2, 3, 4, 6, 8])
def test_a_point_has_ghosts_at_equal_distances(axis: int, repetitions: int) -> None:
    line = add_ghosts(point(), strength=[0.85], repetitions=[repetitions], axis=[axis])[0, 0]
    share = 0.15 / repetitions
    expected = torch.zeros(24, 24, 24)
    for number in range(repetitions):
        place = [5, 6, 7]
        place[axis] = (place[axis] + number * 24 // repetitions) % 24
        expected[tuple(place)] = share if number else 1 - share
    assert (line - expected).abs().max() < 1e-6


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("repetitions", [2, 5, 7, 10])
def test_it_is_numpys_transform_of_the_whole_image(axis: int, repetitions: int, image: Tensor) -> None:
    spectrum = np.fft.fftn(image[0, 0].double().numpy())
    np.moveaxis(spectrum, axis, 0)[::repetitions] *= 0.9
    expected = np.abs(np.fft.ifftn(spectrum)).clip(0, 1)
    found = add_ghosts(image, strength=[0.9], repetitions=[repetitions], axis=[axis])[0, 0]
    assert np.abs(found.numpy() - expected).max() < 1e-6


def test_the_last_frequency_is_scaled_where_its_turn_comes() -> None:
    """The reference leaves the last one out, which is a multiple of some distances at some sizes."""
    weights = comb(64, 0.9, 7)
    assert weights[63] == 0.9
    assert (weights == 0.9).sum() == 10
    assert set(weights) == {0.9, 1.0}


def test_a_strength_of_1_changes_nothing(image: Tensor) -> None:
    assert (add_ghosts(image, strength=[1.0], repetitions=[3], axis=[1]) - image).abs().max() < 1e-6


def test_each_row_has_its_own_parameters_and_range(images: Tensor) -> None:
    scaled = images * torch.tensor([1.0, 0.5, 0.25]).view(3, 1, 1, 1, 1)
    found = add_ghosts(scaled, strength=[0.85, 0.9, 0.95], repetitions=[2, 5, 9], axis=[0, 1, 2])
    assert torch.equal(found[1:2], add_ghosts(scaled[1:2], strength=[0.9], repetitions=[5], axis=[1]))
    assert (found.amax((1, 2, 3, 4)) <= scaled.amax((1, 2, 3, 4))).all()
    assert (found >= 0).all()


def test_parameters_are_spread_over_their_ranges() -> None:
    transform = MotionGhosting(probability=0.5, strength=(0.85, 0.95), repetitions=(2, 10))
    drawn = [one for key in range(1000) if (one := transform.draw(stream(key, transform.name)))]
    assert abs(len(drawn) - 500) < 5 * (1000 * 0.25) ** 0.5
    assert {one["repetitions"] for one in drawn} == set(range(2, 11))
    assert {one["axis"] for one in drawn} == {0, 1, 2}
    strengths = np.array([one["strength"] for one in drawn])
    assert 0.85 <= strengths.min() < 0.853
    assert 0.947 < strengths.max() <= 0.95


def test_it_is_applied(image: Tensor) -> None:
    drawn = {"strength": 0.9, "repetitions": 4, "axis": 2}
    found = MotionGhosting(1.0, (0, 1), (2, 10)).apply(image, [drawn])
    assert torch.equal(found, add_ghosts(image, strength=[0.9], repetitions=[4], axis=[2]))
