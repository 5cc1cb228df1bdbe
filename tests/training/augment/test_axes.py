"""Matrices along an axis against NumPy."""

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

from brains45k.training.augment.axes import apply_matrix


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("new", [1, 4, 9])
def test_all_lines_of_an_axis_are_multiplied(axis: int, new: int) -> None:
    random = np.random.default_rng(3)
    image = random.random((5, 6, 7))
    matrix = random.normal(size=(new, image.shape[axis]))
    found = apply_matrix(torch.from_numpy(image.astype(np.float32)), matrix, axis)
    expected = np.moveaxis(np.tensordot(matrix, image, axes=(1, axis)), 0, axis)
    assert found.dtype == torch.float32
    assert found.shape == expected.shape
    assert np.abs(found.numpy() - expected).max() < 1e-5


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_unit_matrix_changes_nothing(axis: int, image: torch.Tensor) -> None:
    assert torch.equal(apply_matrix(image[0, 0], np.eye(32), axis), image[0, 0])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_view_of_an_image_will_do(axis: int, image: torch.Tensor) -> None:
    turned = image[0, 0].permute(2, 0, 1)
    matrix = np.random.default_rng(4).normal(size=(3, 32))
    assert torch.allclose(
        apply_matrix(turned, matrix, axis), apply_matrix(turned.contiguous(), matrix, axis), atol=1e-5
    )
