"""Ringing: which frequencies stay, at any size of patch."""

import numpy as np
import pytest

pytest.importorskip("torch")
import torch
from torch import Tensor

from brains45k.training.augment.draws import stream
from brains45k.training.augment.gibbs import GibbsRinging, ring, window


def wave(cycles: int, axis: int, size: int = 32) -> Tensor:
    """Make a cosine about 0.5 along an axis."""
    line = 0.5 + 0.5 * torch.cos(2 * torch.pi * cycles * torch.arange(size) / size)
    shape = [1, 1, 1, 1, 1]
    shape[2 + axis] = size
    return line.view(shape).expand(1, 1, size, size, size).contiguous()


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_what_lies_below_the_cut_passes_unchanged(axis: int) -> None:
    for cycles in (0, 3, 11):
        image = wave(cycles, axis)
        assert (ring(image, kept_share=[0.75], axis=[axis]) - image).abs().max() < 1e-6


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_what_lies_above_the_cut_is_gone(axis: int) -> None:
    for cycles in (13, 15, 16):
        assert (ring(wave(cycles, axis), kept_share=[0.75], axis=[axis]) - 0.5).abs().max() < 1e-5


def test_other_axes_keep_their_frequencies() -> None:
    image = wave(15, 1)
    assert (ring(image, kept_share=[0.75], axis=[0]) - image).abs().max() < 1e-6


@pytest.mark.parametrize(("size", "share", "half"), [(128, 96 / 128, 48), (128, 97 / 128, 49), (128, 127 / 128, 64),
                                                     (96, 96 / 128, 36), (32, 0.75, 12), (32, 1.5, 16)])  # fmt: skip
def test_the_window_reaches_from_the_negative_half_on(size: int, share: float, half: int) -> None:
    kept = np.fft.fftfreq(size, 1 / size)[window(size, share) == 1]
    assert sorted(kept) == list(range(-half, half))


def test_an_edge_rings() -> None:
    """The overshoot behind an edge is 9 % of the step, however many frequencies stay."""
    image = torch.ones(1, 1, 256, 2, 2)  # lines of 1 do not ring, and leave room above
    image[0, 0, :, 0, 0] = 0
    image[0, 0, 64:192, 0, 0] = 0.5
    for share in (0.0625, 0.125):
        found = ring(image, kept_share=[share], axis=[0])[0, 0, :, 0, 0]
        assert 0.085 < float(found[70:186].max() - 0.5) / 0.5 < 0.095


def test_it_is_numpys_transform_of_the_whole_image(image: Tensor) -> None:
    spectrum = np.fft.fftshift(np.fft.fftn(image[0, 0].double().numpy()), axes=1)
    spectrum[:, :3] = spectrum[:, 29:] = 0
    expected = np.abs(np.fft.ifftn(np.fft.ifftshift(spectrum, axes=1))).clip(0, 1)
    assert np.abs(ring(image, kept_share=[26 / 32], axis=[1])[0, 0].numpy() - expected).max() < 1e-6


@pytest.mark.parametrize("share", [1.0, 1.5])
def test_all_frequencies_are_the_image(share: float, image: Tensor) -> None:
    """The reference wipes an image out whose axis is shorter than the cut."""
    assert (ring(image, kept_share=[share], axis=[2]) - image).abs().max() < 1e-6


def test_each_row_has_its_own_cut_and_axis(images: Tensor) -> None:
    found = ring(images, kept_share=[0.75, 0.8, 0.9], axis=[0, 1, 2])
    assert torch.equal(found[1:2], ring(images[1:2], kept_share=[0.8], axis=[1]))
    assert (found >= 0).all()
    assert (found.amax((1, 2, 3, 4)) <= 1).all()


def test_the_share_that_stays_is_the_references_at_any_size() -> None:
    transform = GibbsRinging(probability=0.5, kept_lines=(96, 128), of_lines=128)
    drawn = [one for key in range(1500) if (one := transform.draw(stream(key, transform.name)))]
    assert abs(len(drawn) - 750) < 5 * (1500 * 0.25) ** 0.5
    assert {round(one["kept_share"] * 128) for one in drawn} == set(range(96, 129))
    assert {one["axis"] for one in drawn} == {0, 1, 2}


def test_it_is_applied(image: Tensor) -> None:
    found = GibbsRinging(1.0, (96, 128), 128).apply(image, [{"kept_share": 0.8, "axis": 1}])
    assert torch.equal(found, ring(image, kept_share=[0.8], axis=[1]))
