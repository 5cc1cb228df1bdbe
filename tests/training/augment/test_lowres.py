"""Lost resolution against scikit-image's resize."""

import numpy as np
import pytest
from skimage.transform import resize

pytest.importorskip("torch")
import torch
from torch import Tensor

from brains45k.training.augment.draws import stream
from brains45k.training.augment.lowres import (
    LowResolution,
    coarse_size,
    lower_resolution,
    nearest_positions,
    spline_matrix,
)


@pytest.mark.parametrize("axes", [[0], [1], [2], [0, 2], [0, 1, 2]])
@pytest.mark.parametrize("zoom", [0.5, 0.61, 0.9])
def test_it_is_scikit_images_resize_there_and_back(axes: list[int], zoom: float, image: Tensor) -> None:
    voxels = image[0, 0].double().numpy()
    shape = [round(32 * zoom) if axis in axes else 32 for axis in range(3)]
    coarse = resize(voxels, shape, order=0, mode="edge", anti_aliasing=False)
    expected = resize(coarse, (32,) * 3, order=3, mode="edge", anti_aliasing=False)
    found = lower_resolution(image, zoom=[zoom], axes=[axes])[0, 0]
    assert np.abs(found.numpy() - expected).max() < 2e-6


@pytest.mark.parametrize("size", [31, 32, 45, 96, 128])
@pytest.mark.parametrize("zoom", [0.5, 0.53, 0.77, 0.99, 1.0])
def test_the_nearest_voxel_is_scikit_images(size: int, zoom: float) -> None:
    coarse = coarse_size(size, zoom)
    line = np.arange(float(size))
    expected = resize(line, (coarse,), order=0, mode="edge", anti_aliasing=False, preserve_range=True)
    assert np.array_equal(nearest_positions(size, coarse), expected)


def test_a_constant_stays_one() -> None:
    image = torch.full((1, 1, 12, 12, 12), 0.3)
    assert torch.allclose(lower_resolution(image, zoom=[0.6], axes=[[0, 1, 2]]), image)
    assert np.allclose(spline_matrix(12, 7).sum(axis=1), 1)


@pytest.mark.parametrize(("zoom", "axes"), [(1.0, [0, 1, 2]), (0.5, [])])
def test_full_resolution_and_no_axis_change_nothing(zoom: float, axes: list[int], image: Tensor) -> None:
    assert (lower_resolution(image, zoom=[zoom], axes=[axes]) - image).abs().max() < 1e-6


def test_lines_finer_than_the_coarse_grid_vanish() -> None:
    """Every second voxel is taken of lines one voxel wide."""
    image = (torch.arange(16) % 2).float().view(1, 1, 16, 1, 1).expand(1, 1, 16, 16, 16).contiguous()
    found = lower_resolution(image, zoom=[0.5], axes=[[0]])
    assert (found == found[0, 0, 0, 0, 0]).all()
    assert (lower_resolution(image, zoom=[0.5], axes=[[1, 2]]) - image).abs().max() < 1e-6


def test_one_voxel_is_the_least_of_an_axis() -> None:
    assert coarse_size(4, 0.01) == 1


def test_each_row_has_its_own_zoom_and_axes(images: Tensor) -> None:
    found = lower_resolution(images, zoom=[0.5, 0.7, 0.9], axes=[[0], [1, 2], []])
    assert found.shape == images.shape
    assert torch.equal(found[1:2], lower_resolution(images[1:2], zoom=[0.7], axes=[[1, 2]]))
    assert torch.equal(found[2], images[2])


def test_the_range_is_that_of_the_coarse_image(image: Tensor) -> None:
    found = lower_resolution(image, zoom=[0.5], axes=[[0, 1, 2]])
    coarse = image[:, :, 1::2, 1::2, 1::2]
    assert found.min() == coarse.min()
    assert found.max() == coarse.max()


def test_it_comes_as_often_as_sample_channel_and_axes_draw_it() -> None:
    transform = LowResolution(probability=0.8, channel_probability=0.5, axis_probability=0.33, zoom=(0.5, 1.0))
    drawn = [one for key in range(3000) if (one := transform.draw(stream(key, transform.name)))]
    expected = 0.4 * (1 - 0.67**3)
    assert abs(len(drawn) - 3000 * expected) < 5 * (3000 * expected * (1 - expected)) ** 0.5
    axes = np.bincount([axis for one in drawn for axis in one["axes"]], minlength=3)
    assert np.abs(axes - 3000 * 0.4 * 0.33).max() < 5 * (3000 * 0.4 * 0.33) ** 0.5
    zooms = np.array([one["zoom"] for one in drawn])
    assert 0.5 <= zooms.min() < 0.51
    assert 0.99 < zooms.max() <= 1


def test_it_is_applied(image: Tensor) -> None:
    found = LowResolution(1.0, 1.0, 1.0, (0.5, 1.0)).apply(image, [{"zoom": 0.7, "axes": [1]}])
    assert torch.equal(found, lower_resolution(image, zoom=[0.7], axes=[[1]]))
