"""Warping: known answers on simple images, SciPy's, and how often what is drawn."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

pytest.importorskip("torch")
import torch
from torch import Tensor

from brains45k.training.augment import spatial
from brains45k.training.augment.draws import stream
from brains45k.training.augment.elastic import cell_weights, draw_elastic
from brains45k.training.augment.preset import PRESETS
from brains45k.training.augment.spatial import Spatial, Warp, centre_of, rotation, warp

_FOUND = PRESETS["all"].spatial
assert _FOUND is not None
PRESET: Spatial = _FOUND
NEVER = replace(PRESET, elastic_probability=0.0, rotation_probability=0.0, scale_probability=0.0)
BOTH = pytest.mark.parametrize("interpolation", ["linear", "cubic"])


def warped(source: Tensor, how: Warp, size: int, interpolation: str = "linear") -> Tensor:
    out = torch.full((size,) * 3, torch.nan)
    warp(source, how, out=out, interpolation=interpolation)
    return out


def turn(*degrees: float, scale: float = 1.0) -> Warp:
    return Warp(rotation(degrees).T * scale)


def ball(size: int, radius: float) -> Tensor:
    """Make a ball with an edge two voxels wide about the centre of an image."""
    steps = torch.arange(size) - (size - 1) / 2
    distance = torch.sqrt(steps[:, None, None] ** 2 + steps[:, None] ** 2 + steps**2)
    return ((radius - distance) / 2 + 0.5).clamp(0, 1)


def hill(size: int) -> Tensor:
    """Make a Gaussian about the centre of an image."""
    line = torch.exp(-(((torch.arange(size) - (size - 1) / 2) / 4) ** 2) / 2)
    return line[:, None, None] * line[:, None] * line


def radius_of(image: Tensor) -> float:
    return float((3 * image.sum() / (4 * np.pi)) ** (1 / 3))


def scipys(source: Tensor, places: NDArray[np.float64], interpolation: str) -> NDArray[np.float64]:
    low, high = float(source.min()), float(source.max())
    voxels = source.double().numpy()
    if interpolation == "linear":
        return np.asarray(map_coordinates(voxels, places, order=1, mode="constant", cval=low))
    return np.asarray(np.clip(map_coordinates(voxels, places, order=3, mode="constant", cval=low), low, high))


@BOTH
@pytest.mark.parametrize(("size", "tolerance"), [(22, 1e-6), (32, 1e-6)])
def test_no_rotation_and_no_scale_change_nothing(
    size: int, tolerance: float, interpolation: str, image: Tensor
) -> None:
    found = warped(image[0, 0], turn(0, 0, 0), size, interpolation)
    assert (found - centre_of(image[0, 0], size)).abs().max() < tolerance


@BOTH
@pytest.mark.parametrize(("degrees", "axes"), [((90, 0, 0), (1, 2)), ((0, 90, 0), (2, 0)), ((0, 0, 90), (0, 1))])
@pytest.mark.parametrize("quarters", [1, 2, 3, -1])
def test_quarter_turns_are_permutations_of_the_voxels(
    degrees: tuple[float, ...], axes: tuple[int, int], quarters: int, interpolation: str, image: Tensor
) -> None:
    how = turn(*(quarters * angle for angle in degrees))
    found = warped(image[0, 0], how, 32, interpolation)
    assert (found - torch.rot90(image[0, 0], quarters, axes)).abs().max() < 5e-6


def test_rotations_about_x_come_before_those_about_y_and_z() -> None:
    first, second, third = (rotation(one) for one in ((30, 0, 0), (0, -20, 0), (0, 0, 10)))
    assert np.allclose(rotation((30, -20, 10)), first @ second @ third)
    assert np.allclose(rotation((30, -20, 10)) @ rotation((30, -20, 10)).T, np.eye(3))


@BOTH
@pytest.mark.parametrize("scale", [0.9, 1.1])
def test_a_scale_below_1_makes_a_ball_grow(scale: float, interpolation: str) -> None:
    found = warped(ball(33, 9), turn(0, 0, 0, scale=scale), 32, interpolation)
    assert radius_of(found) == pytest.approx(radius_of(ball(33, 9)) / scale, rel=0.005)


@BOTH
def test_a_rotation_leaves_what_is_round_alone(interpolation: str) -> None:
    found = warped(hill(45), turn(25, -17, 8), 32, interpolation)
    assert (found - hill(32)).abs().max() < 0.03


@BOTH
@pytest.mark.parametrize("elastic", [False, True])
@pytest.mark.parametrize(("source", "size"), [(32, 32), (32, 22), (31, 16)])
def test_places_are_the_matrix_times_the_displaced_voxels(
    source: int, size: int, elastic: bool, interpolation: str, image: Tensor
) -> None:
    """SciPy reads the same places, outside ones included; the displacement is one of many voxels."""
    voxels = image[0, 0, :source, :source, :source] + 0.25
    drawn = draw_elastic(stream(4, "test"), size_voxels=size, sigma_voxels=6.0, alpha=150.0) if elastic else None
    how = Warp(rotation((20, -28, 13)).T * 1.07, drawn)
    steps = np.indices((size,) * 3) - (size - 1) / 2
    if drawn is not None:
        weights = cell_weights(size, drawn.sigma_voxels)
        shift = np.einsum("dabc,xa,yb,zc->dxyz", drawn.cells, weights, weights, weights)
        assert 0.5 < shift.std() < 5
        steps = steps + shift
    places = np.tensordot(how.matrix, steps, axes=1) + (source - 1) / 2
    # Where rounding decides what is outside, nothing can be said.
    decided = (np.minimum(np.abs(places), np.abs(places - (source - 1))) > 2e-4).all(axis=0)
    differences = np.abs(warped(voxels, how, size, interpolation).numpy() - scipys(voxels, places, interpolation))
    assert decided.mean() > 0.99
    assert differences[decided].max() < 1e-5


def test_outside_stands_the_smallest_voxel(image: Tensor) -> None:
    found = warped(image[0, 0] + 0.25, turn(0, 0, 0, scale=2.0), 32)
    assert (found[:7] == 0.25).all()
    assert (found[:, :, 25:] == 0.25).all()
    assert (found[10:20, 15:20, 10:20] > 0.25).any()


@BOTH
def test_no_value_leaves_the_range_of_the_source(interpolation: str) -> None:
    """White noise makes a cubic spline overshoot."""
    source = torch.rand(24, 24, 24, generator=torch.Generator().manual_seed(3)) * 0.5 + 0.25
    found = warped(source, turn(11, 7, -20), 20, interpolation)
    assert found.min() >= source.min()
    assert found.max() <= source.max()


@pytest.mark.parametrize("block_voxels", [1, 1 << 10, 3 << 10, 1 << 20])
def test_blocks_of_planes_change_nothing(block_voxels: int, image: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = draw_elastic(stream(4, "test"), size_voxels=22, sigma_voxels=20.0, alpha=400.0)
    how = Warp(rotation((20, -28, 13)).T, drawn)
    expected = warped(image[0, 0], how, 22)
    monkeypatch.setattr(spatial, "_CPU_BLOCK_VOXELS", block_voxels)
    assert (warped(image[0, 0], how, 22) - expected).abs().max() < 1e-5


def test_a_source_may_be_a_view(image: Tensor) -> None:
    turned = image[0, 0].permute(2, 1, 0)
    assert torch.equal(warped(turned, turn(9, 0, 0), 20), warped(turned.contiguous(), turn(9, 0, 0), 20))


@pytest.mark.parametrize(("source", "size", "first"), [(8, 8, 0), (8, 6, 1), (9, 6, 1), (45, 32, 6), (181, 128, 26)])
def test_the_middle_is_cut_at_whole_voxels(source: int, size: int, first: int) -> None:
    line = torch.arange(source).expand(source, source, source)
    found = centre_of(line, size)
    assert found.shape == (size,) * 3
    assert found[0, 0].tolist() == list(range(first, first + size))
    assert torch.equal(centre_of(line.permute(2, 1, 0), size), found.permute(2, 1, 0))


def often(preset: Spatial, drawn: Callable[[Warp], bool], count: int = 3000) -> int:
    found = (preset.draw(stream(key, "spatial"), size_voxels=8) for key in range(count))
    return sum(how is not None and drawn(how) for how in found)


def about(count: int, probability: float) -> float:
    """Return how far chance may lead from the expected number of 3000."""
    assert count == 3000
    return float(5 * (count * probability * (1 - probability)) ** 0.5)


SCALE_OF = np.linalg.det


@pytest.mark.parametrize(
    ("drawn", "probability"),
    [
        (lambda how: how.elastic is not None, 0.33),
        (lambda how: abs(SCALE_OF(how.matrix) - 1) > 1e-9, 0.2),
        # A rotation about at least one axis, which alone makes other elements than the diagonal's.
        (lambda how: abs(how.matrix - np.diag(np.diag(how.matrix))).max() > 1e-9, 0.2 * (1 - 0.34**3)),
        (lambda how: isinstance(how, Warp), 1 - 0.67 * 0.8 * (1 - 0.2 * (1 - 0.34**3))),
    ],
)
def test_samples_are_warped_as_often_as_in_the_reference(drawn: Callable[[Warp], bool], probability: float) -> None:
    assert abs(often(PRESET, drawn) - 3000 * probability) < about(3000, probability)


def test_angles_are_spread_over_their_range() -> None:
    preset = replace(NEVER, rotation_probability=1.0, axis_probability=1.0)
    degrees = []
    for key in range(600):
        how = preset.draw(stream(key, "spatial"), size_voxels=8)
        assert how is not None
        turned = how.matrix.T
        about_y = np.arcsin(turned[0, 2])
        degrees.append([np.arctan2(-turned[1, 2], turned[2, 2]), about_y, np.arctan2(-turned[0, 1], turned[0, 0])])
    angles = np.rad2deg(degrees)
    assert np.abs(angles).max() <= 30
    assert (np.abs(angles).max(axis=0) > 29).all()
    assert np.allclose(angles.std(axis=0), 60 / 12**0.5, rtol=0.08)
    assert np.abs(angles.mean(axis=0)).max() < 5 * 60 / 12**0.5 / 600**0.5


def test_scales_and_deformations_are_spread_over_their_ranges() -> None:
    preset = replace(NEVER, elastic_probability=1.0, scale_probability=1.0)
    drawn = [preset.draw(stream(key, "spatial"), size_voxels=8) for key in range(500)]
    scales = np.array([how.matrix[0, 0] for how in drawn if how is not None])
    sigmas = np.array([how.elastic.sigma_voxels for how in drawn if how is not None and how.elastic is not None])
    assert len(scales) == len(sigmas) == 500
    for values, low, high in ((scales, 0.9, 1.1), (sigmas, 20, 30)):
        assert low <= values.min() < low + 0.03 * (high - low)
        assert high - 0.03 * (high - low) < values.max() <= high
    alphas = np.array([how.elastic.cells for how in drawn if how is not None and how.elastic is not None]) * 3**0.5
    # The mean square of a factor that is uniform from 200 to 600.
    assert np.sqrt(np.square(alphas).mean()) == pytest.approx(((600**3 - 200**3) / 3 / 400) ** 0.5, rel=0.08)


@pytest.mark.parametrize("preset", [NEVER, replace(NEVER, rotation_probability=1.0, axis_probability=0.0)])
def test_what_turns_about_no_axis_is_not_warped(preset: Spatial) -> None:
    assert all(preset.draw(stream(key, "spatial"), size_voxels=8) is None for key in range(20))


def test_a_sample_that_is_only_turned_or_only_scaled_or_only_deformed_is_warped() -> None:
    for preset in (
        replace(NEVER, elastic_probability=1.0),
        replace(NEVER, rotation_probability=1.0, axis_probability=1.0),
        replace(NEVER, scale_probability=1.0),
    ):
        assert preset.draw(stream(3, "spatial"), size_voxels=8) is not None
