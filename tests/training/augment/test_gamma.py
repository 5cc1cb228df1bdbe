"""Contrast: a power of the share of the range."""

import numpy as np
import pytest

pytest.importorskip("torch")
import torch
from torch import Tensor

from brains45k.training.augment.draws import stream
from brains45k.training.augment.gamma import Gamma, change_contrast


@pytest.mark.parametrize("gamma", [0.5, 0.8, 1.7, 2.0])
@pytest.mark.parametrize(("low", "width"), [(0.0, 1.0), (0.25, 0.5), (-3.0, 7.0)])
def test_shares_of_the_range_are_raised_to_the_power(gamma: float, low: float, width: float, image: Tensor) -> None:
    shares = image.double().numpy()
    found = change_contrast(low + width * image, gamma=[gamma], inverted=[False])
    assert np.abs(found.numpy() - (low + width * shares**gamma)).max() < 1e-5
    found = change_contrast(low + width * image, gamma=[gamma], inverted=[True])
    assert np.abs(found.numpy() - (low + width * (1 - (1 - shares) ** gamma))).max() < 1e-5


@pytest.mark.parametrize("inverted", [False, True])
def test_the_range_stays_whole(inverted: bool, image: Tensor) -> None:
    """The reference's gamma takes the maximum down to between 0.25 and 0.71."""
    for gamma in (0.5, 2.0):
        found = change_contrast(image, gamma=[gamma], inverted=[inverted])
        assert found.min() == 0
        assert found.max() == 1


@pytest.mark.parametrize("inverted", [False, True])
def test_rounding_leads_not_out_of_the_range(inverted: bool) -> None:
    random = torch.Generator().manual_seed(5)
    images = torch.rand(400, 1, 2, 2, 2, generator=random) * 0.7 + 0.1
    found = change_contrast(images, gamma=[0.5 + row / 300 for row in range(400)], inverted=[inverted] * 400)
    assert (found.amin((1, 2, 3, 4)) >= images.amin((1, 2, 3, 4))).all()
    assert (found.amax((1, 2, 3, 4)) <= images.amax((1, 2, 3, 4))).all()


@pytest.mark.parametrize("inverted", [False, True])
def test_a_power_of_1_changes_nothing(inverted: bool, image: Tensor) -> None:
    assert (change_contrast(image, gamma=[1.0], inverted=[inverted]) - image).abs().max() < 1e-6


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("value", [0.0, 0.4, -2.0])
def test_a_constant_stays_one(value: float, inverted: bool) -> None:
    image = torch.full((1, 1, 4, 4, 4), value)
    assert torch.equal(change_contrast(image, gamma=[0.5], inverted=[inverted]), image)


def test_inverting_turns_a_brightening_into_a_darkening(image: Tensor) -> None:
    assert (change_contrast(image, gamma=[0.5], inverted=[False]) >= image - 1e-6).all()
    assert (change_contrast(image, gamma=[0.5], inverted=[True]) <= image + 1e-6).all()


def test_each_row_has_its_own_power_and_range(images: Tensor) -> None:
    scaled = images * torch.tensor([1.0, 0.5, 0.25]).view(3, 1, 1, 1, 1)
    found = change_contrast(scaled, gamma=[0.5, 1.5, 2.0], inverted=[True, False, True])
    for row, (gamma, inverted) in enumerate([(0.5, True), (1.5, False), (2.0, True)]):
        alone = change_contrast(scaled[row : row + 1], gamma=[gamma], inverted=[inverted])
        assert torch.equal(found[row : row + 1], alone)


def test_powers_below_and_above_1_come_equally_often() -> None:
    transform = Gamma(probability=0.5, inverted_probability=0.05, gamma=(0.5, 2.0))
    drawn = [one for key in range(4000) if (one := transform.draw(stream(key, transform.name)))]
    assert abs(len(drawn) - 2000) < 5 * (4000 * 0.25) ** 0.5
    powers = np.array([one["gamma"] for one in drawn])
    for part, low, high in ((powers[powers < 1], 0.5, 1), (powers[powers >= 1], 1, 2)):
        assert abs(len(part) - len(drawn) / 2) < 5 * (len(drawn) * 0.25) ** 0.5
        assert low <= part.min() < low + 0.01
        assert high - 0.01 < part.max() <= high
        assert abs(part.mean() - (low + high) / 2) < 5 * (high - low) / 12**0.5 / len(part) ** 0.5
    inverted = sum(one["inverted"] for one in drawn)
    assert abs(inverted - 0.05 * len(drawn)) < 5 * (0.05 * 0.95 * len(drawn)) ** 0.5


def test_it_is_applied(image: Tensor) -> None:
    found = Gamma(1.0, 0.0, (0.5, 2.0)).apply(image, [{"gamma": 0.7, "inverted": True}])
    assert torch.equal(found, change_contrast(image, gamma=[0.7], inverted=[True]))
