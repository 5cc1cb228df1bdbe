"""Blurring against SciPy's Gaussian filter."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

pytest.importorskip("torch")
import torch
from torch import Tensor

from brains45k.training.augment.blur import Blur, blur, gaussian_matrix
from brains45k.training.augment.draws import stream


@pytest.mark.parametrize("sigma", [0.2, 0.5, 1.0, 3.0])
def test_it_is_scipys_filter(sigma: float, image: Tensor) -> None:
    expected = gaussian_filter(image[0, 0].double().numpy(), sigma)
    assert np.abs(blur(image, sigma_voxels=[sigma])[0, 0].numpy() - expected).max() < 1e-6


def test_a_point_becomes_a_gaussian() -> None:
    image = torch.zeros(1, 1, 17, 17, 17)
    image[0, 0, 8, 8, 8] = 1
    found = blur(image, sigma_voxels=[1.0])[0, 0]
    assert float(found.sum()) == pytest.approx(1, rel=1e-5)
    assert float(found[8, 8, 8]) == pytest.approx((2 * np.pi) ** -1.5, rel=1e-3)
    assert float(found[8, 9, 8] / found[8, 8, 8]) == pytest.approx(np.exp(-0.5), rel=1e-4)


@pytest.mark.parametrize("sigma", [0.0, 0.1])
def test_a_gaussian_narrower_than_a_voxel_changes_nothing(sigma: float, image: Tensor) -> None:
    assert torch.equal(blur(image, sigma_voxels=[sigma]), image)


def test_a_constant_stays_one() -> None:
    image = torch.full((1, 1, 8, 9, 10), 0.3)
    assert torch.allclose(blur(image, sigma_voxels=[1.0]), image)


def test_each_row_has_its_own_width(images: Tensor) -> None:
    found = blur(images, sigma_voxels=[0.5, 0.9, 0.0])
    assert torch.equal(found[1:2], blur(images[1:2], sigma_voxels=[0.9]))
    assert torch.equal(found[2], images[2])


def test_the_matrix_keeps_the_mean_of_a_line() -> None:
    matrix = gaussian_matrix(16, 0.8)
    assert np.allclose(matrix.sum(axis=1), 1)
    assert np.allclose(matrix.sum(axis=0), 1)


def test_it_comes_as_often_as_sample_and_channel_draw_it() -> None:
    transform = Blur(probability=0.6, channel_probability=0.5, sigma_voxels=(0.0, 1.0))
    drawn = [one for key in range(2000) if (one := transform.draw(stream(key, transform.name)))]
    assert abs(len(drawn) - 600) < 5 * (2000 * 0.3 * 0.7) ** 0.5
    sigmas = np.array([one["sigma_voxels"] for one in drawn])
    assert 0 <= sigmas.min() < 0.02
    assert 0.98 < sigmas.max() <= 1
    assert abs(sigmas.mean() - 0.5) < 0.06


def test_it_is_applied(images: Tensor) -> None:
    transform = Blur(probability=1.0, channel_probability=1.0, sigma_voxels=(0.0, 1.0))
    found = transform.apply(images[:2], [{"sigma_voxels": 0.5}, {"sigma_voxels": 0.9}])
    assert torch.equal(found, blur(images[:2], sigma_voxels=[0.5, 0.9]))
