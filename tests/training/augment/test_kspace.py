"""Weighting frequencies along an axis against NumPy's FFT of the whole image."""

import numpy as np
import pytest

pytest.importorskip("torch")
import torch
from torch import Tensor

from brains45k.training.augment.kspace import weight_frequencies, weight_rows


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("size", [12, 13])
def test_it_is_there_weight_and_back(axis: int, size: int) -> None:
    random = np.random.default_rng(5)
    image = random.random((size, size, size)).astype(np.float32)
    weights = random.random(size)
    shape = [1, 1, 1]
    shape[axis] = size
    expected = np.abs(np.fft.ifftn(np.fft.fftn(image) * weights.reshape(shape)))
    assert np.abs(weight_frequencies(torch.from_numpy(image), weights, axis).numpy() - expected).max() < 1e-6


def test_weights_of_1_change_nothing(image: Tensor) -> None:
    for axis in range(3):
        assert (weight_frequencies(image[0, 0], np.ones(32), axis) - image[0, 0]).abs().max() < 1e-6


def test_rows_have_their_own_weights_and_axes(images: Tensor) -> None:
    weights = list(np.random.default_rng(5).random((3, 32)))
    found = weight_rows(images, weights, [2, 0, 1])
    assert found.shape == images.shape
    for row, axis in enumerate([2, 0, 1]):
        assert torch.equal(found[row, 0], weight_frequencies(images[row, 0], weights[row], axis))
