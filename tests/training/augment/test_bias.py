"""Shading: a known polynomial."""

import numpy as np
import pytest
from scipy.stats import kstest

pytest.importorskip("torch")
import torch
from torch import Tensor

from brains45k.training.augment.bias import BiasField, shade
from brains45k.training.augment.draws import stream


def test_the_field_is_1_minus_the_squared_distances() -> None:
    image = torch.ones(1, 1, 8, 10, 12)
    image[0, 0, 0, 0, 0] = -9  # room below
    found = shade(image, centre=[(0.25, 0.5, 0.99)])[0, 0].double().numpy()
    x, y, z = np.indices((8, 10, 12))
    expected = 1 - ((x - 2) / 8) ** 2 - ((y - 5) / 10) ** 2 - ((z - 11) / 12) ** 2
    expected[0, 0, 0] *= -9
    assert np.abs(found - expected.clip(-9, 1)).max() < 1e-6


def test_the_centre_keeps_its_brightness(image: Tensor) -> None:
    found = shade(image, centre=[(0.5, 0.5, 0.5)])
    assert found[0, 0, 16, 16, 16] == image[0, 0, 16, 16, 16]
    assert (found <= image).all()


def test_what_the_field_makes_negative_is_black() -> None:
    found = shade(torch.rand(1, 1, 16, 16, 16) + 0.01, centre=[(0.0, 0.0, 0.0)])
    assert found[0, 0, 15, 15, 15] == found.min()
    assert found.min() > 0


def test_each_row_has_its_own_centre(images: Tensor) -> None:
    centres = [(0.1, 0.2, 0.3), (0.9, 0.5, 0.0), (0.4, 0.4, 0.4)]
    found = shade(images, centre=centres)
    for row, centre in enumerate(centres):
        assert torch.equal(found[row : row + 1], shade(images[row : row + 1], centre=[centre]))


def test_the_images_stay_as_they_are(images: Tensor) -> None:
    before = images.clone()
    shade(images, centre=[(0.1, 0.2, 0.3)] * 3)
    assert torch.equal(images, before)


def test_centres_lie_anywhere() -> None:
    transform = BiasField(probability=0.5)
    drawn = [one for key in range(1000) if (one := transform.draw(stream(key, transform.name)))]
    assert abs(len(drawn) - 500) < 5 * (1000 * 0.25) ** 0.5
    for places in np.array([one["centre"] for one in drawn]).T:
        assert kstest(places, "uniform").pvalue > 1e-3


def test_it_is_applied(image: Tensor) -> None:
    found = BiasField(1.0).apply(image, [{"centre": (0.1, 0.2, 0.3)}])
    assert torch.equal(found, shade(image, centre=[(0.1, 0.2, 0.3)]))
