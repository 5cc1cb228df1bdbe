"""Noise: its distribution, and what it hangs on."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kstest

pytest.importorskip("torch")
import torch
from torch import Tensor

from brains45k.training.augment.draws import stream
from brains45k.training.augment.noise import AdditiveNoise, MultiplicativeNoise, add_noise, multiply_noise

BOTH = pytest.mark.parametrize("noisy", [add_noise, multiply_noise])
Noisy = Callable[..., Tensor]


def grey(count: int = 1) -> Tensor:
    """Make images whose range leaves room for noise about 0.5."""
    images = torch.full((count, 1, 24, 24, 24), 0.5)
    images[:, :, 0, 0, :2] = torch.tensor([0.0, 1.0])
    return images


def inside(images: Tensor) -> Tensor:
    """Leave out what sets the range."""
    return images[:, :, 1:].flatten(1)


@pytest.mark.parametrize(("noisy", "scale"), [(add_noise, 1.0), (multiply_noise, 0.5)])
def test_errors_are_normal_and_as_strong_as_asked_for(noisy: Noisy, scale: float) -> None:
    errors = inside(noisy(grey(), sigma=[0.02], seed=[5]))[0].double().numpy() - 0.5
    assert kstest(errors / (0.02 * scale), "norm").pvalue > 1e-3


@BOTH
def test_each_row_has_its_own_strength_and_seed(noisy: Noisy) -> None:
    found = noisy(grey(3), sigma=[0.01, 0.01, 0.03], seed=[5, 6, 5])
    errors = inside(found) - 0.5
    assert torch.allclose(errors[2], errors[0] * 3, atol=1e-6)
    assert abs(np.corrcoef(errors[0].numpy(), errors[1].numpy())[0, 1]) < 5 / errors.shape[1] ** 0.5
    for row, (sigma, seed) in enumerate([(0.01, 5), (0.01, 6), (0.03, 5)]):
        assert torch.equal(noisy(grey(), sigma=[sigma], seed=[seed])[0], found[row])


@BOTH
def test_neighbours_have_independent_errors(noisy: Noisy) -> None:
    errors = noisy(grey(), sigma=[0.02], seed=[5])[0, 0, 1:].numpy() - 0.5
    for axis in range(3):
        first, second = np.delete(errors, -1, axis).ravel(), np.delete(errors, 0, axis).ravel()
        assert abs(np.corrcoef(first, second)[0, 1]) < 5 / first.size**0.5


def test_multiplied_noise_leaves_black_black(image: Tensor) -> None:
    found = multiply_noise(image, sigma=[0.1], seed=[5])
    assert (found[image == 0] == 0).all()
    assert not torch.equal(found, image)


@BOTH
def test_no_strength_changes_nothing(noisy: Noisy, image: Tensor) -> None:
    assert torch.equal(noisy(image, sigma=[0.0], seed=[5]), image)


@BOTH
def test_the_range_is_kept(noisy: Noisy, images: Tensor) -> None:
    scaled = images * 0.5 + 0.25
    found = noisy(scaled, sigma=[0.5] * 3, seed=[1, 2, 3])
    assert (found.amin((1, 2, 3, 4)) == scaled.amin((1, 2, 3, 4))).all()
    assert (found.amax((1, 2, 3, 4)) == scaled.amax((1, 2, 3, 4))).all()


@BOTH
def test_the_images_stay_as_they_are(noisy: Noisy, images: Tensor) -> None:
    before = images.clone()
    noisy(images, sigma=[0.5] * 3, seed=[1, 2, 3])
    assert torch.equal(images, before)


@pytest.mark.parametrize("kind", [AdditiveNoise, MultiplicativeNoise])
def test_parameters_are_spread(kind: type[AdditiveNoise]) -> None:
    transform = kind(probability=1.0, sigma=(1e-4, 1e-3))
    drawn = [transform.draw(stream(key, transform.name)) for key in range(500)]
    sigmas = np.array([one["sigma"] for one in drawn if one])
    assert kstest((sigmas - 1e-4) / 9e-4, "uniform").pvalue > 1e-3
    assert len({one["seed"] for one in drawn if one}) == 500
    assert replace(transform, probability=0.0).draw(stream(3, "test")) is None


def test_both_kinds_are_applied(image: Tensor) -> None:
    drawn: Sequence[dict[str, float | int]] = [{"sigma": 0.1, "seed": 4}]
    added = AdditiveNoise(1.0, (0, 1)).apply(image, drawn)
    multiplied = MultiplicativeNoise(1.0, (0, 1)).apply(image, drawn)
    assert torch.equal(added, add_noise(image, sigma=[0.1], seed=[4]))
    assert torch.equal(multiplied, multiply_noise(image, sigma=[0.1], seed=[4]))
    assert AdditiveNoise.name != MultiplicativeNoise.name
