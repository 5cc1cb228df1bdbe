"""Masks: exact counts, whole cubes, and chance that hangs on the key alone."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

pytest.importorskip("torch")
import torch
from torch import Tensor

from brains45k.errors import CallError
from brains45k.training.masking import count_kept, draw_mask, mask_voxels, random_mask

SHARED_FILLING = Path(__file__).parents[3] / "shared" / "amaes" / "fill.py"
Noise = NDArray[np.float64]


def tokens_of(mask: Tensor, token: int = 4) -> NDArray[np.bool_]:
    """Take one voxel of each cube: (N, L)."""
    return mask[:, 0, ::token, ::token, ::token].reshape(len(mask), -1).numpy()


def ranked(noise: Noise, ratio: float) -> NDArray[np.bool_]:
    """Hide as the reference words it: rank the noise, keep the first ranks."""
    ranks = noise.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
    return ranks >= int(noise.shape[1] * (1 - ratio))


@pytest.mark.parametrize(("size", "tokens", "kept"), [(32, 512, 204), (64, 4096, 1638), (96, 13824, 5529),
                                                      (128, 32768, 13107)])  # fmt: skip
def test_exactly_so_many_cubes_are_hidden(size: int, tokens: int, kept: int) -> None:
    mask = draw_mask([3, 8], size_voxels=size)
    assert mask.shape == (2, 1, size, size, size)
    assert mask.dtype == torch.bool
    assert tokens_of(mask).shape == (2, tokens)
    assert (mask.sum(dim=(1, 2, 3, 4)) == (tokens - kept) * 64).all()


@given(st.integers(1, 5), st.integers(1, 4), st.floats(0, 1), st.integers(0, 2**63 - 1))
def test_cubes_are_hidden_whole_at_any_size(side: int, token: int, ratio: float, key: int) -> None:
    mask = draw_mask([key], size_voxels=side * token, token_voxels=token, ratio=ratio)
    cubes = mask.view(side, token, side, token, side, token)
    assert torch.equal(cubes.amax((1, 3, 5)), cubes.amin((1, 3, 5)))
    assert int(mask.sum()) == (side**3 - int(side**3 * (1 - ratio))) * token**3


@pytest.mark.parametrize("ratio", [0.0, 0.25, 0.6, 1.0])
def test_noise_decides_as_in_the_reference(ratio: float) -> None:
    noise = np.random.default_rng(5).normal(size=(4, 343))
    mask = random_mask(torch.from_numpy(noise), token_voxels=2, ratio=ratio)
    assert np.array_equal(tokens_of(mask, 2), ranked(noise, ratio))


def test_equal_noise_keeps_the_exact_count() -> None:
    mask = random_mask(torch.zeros(1, 64), token_voxels=1, ratio=0.6)
    assert int(mask.sum()) == 64 - 25


def test_cubes_are_counted_in_c_order() -> None:
    noise = torch.zeros(1, 27)
    noise[0, 5] = 1  # x 0, y 1, z 2
    mask = random_mask(noise, token_voxels=4, ratio=0.03)
    assert torch.equal(mask.nonzero().amin(0), torch.tensor([0, 0, 0, 4, 8]))
    assert torch.equal(mask.nonzero().amax(0), torch.tensor([0, 0, 3, 7, 11]))


@pytest.mark.shared
def test_the_deterministic_noise_of_the_reference_decides() -> None:
    if not SHARED_FILLING.exists():
        pytest.skip(f"the reference's filling is not here: {SHARED_FILLING} does not exist")
    noise = _noise_values()(3, 512)
    mask = random_mask(torch.from_numpy(noise), token_voxels=4, ratio=0.6)
    assert np.array_equal(tokens_of(mask), ranked(noise, 0.6))


def _noise_values() -> Callable[[int, int], Noise]:
    spec = importlib.util.spec_from_file_location("fill", SHARED_FILLING)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    values: Callable[[int, int], Noise] = module.noise_values
    return values


def test_a_key_has_one_mask_whatever_the_batch() -> None:
    together = draw_mask([4, 9, 2**62], size_voxels=32)
    for row, key in enumerate([4, 9, 2**62]):
        assert torch.equal(draw_mask([key], size_voxels=32)[0], together[row])
    assert torch.equal(draw_mask(torch.tensor([9, 4]), size_voxels=32), together[[1, 0]])


def test_the_global_generators_neither_decide_nor_move() -> None:
    states = torch.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[index]  # noqa: NPY002
    first = draw_mask([4], size_voxels=32)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.array_equal(np.random.get_state()[1], states[1])  # type: ignore[index]  # noqa: NPY002
    torch.manual_seed(1)
    assert torch.equal(draw_mask([4], size_voxels=32), first)


def test_masks_of_two_samples_agree_as_chance_would() -> None:
    masks = tokens_of(draw_mask(range(40), size_voxels=32))
    agreement = (masks[:20] == masks[20:]).mean()
    # 0.6 * 0.6 + 0.4 * 0.4 of 20 x 512 cubes.
    assert abs(agreement - 0.52) < 5 * (0.52 * 0.48 / (20 * 512)) ** 0.5


def test_each_cube_is_hidden_as_often() -> None:
    draws = 600
    share = tokens_of(draw_mask(range(draws), size_voxels=16, token_voxels=4)).mean(axis=0)
    hidden = 39 / 64
    assert np.abs(share - hidden).max() < 5 * (hidden * (1 - hidden) / draws) ** 0.5


def test_neighbouring_cubes_are_hidden_independently() -> None:
    hidden = draw_mask(range(60), size_voxels=32)[:, 0, ::4, ::4, ::4].double()
    centred = hidden - hidden.mean()
    for neighbour in (centred[:, 1:], centred[:, :, 1:], centred[:, :, :, 1:]):
        first = centred[:, : neighbour.shape[1], : neighbour.shape[2], : neighbour.shape[3]]
        correlation = float((first * neighbour).mean() / centred.square().mean())
        assert abs(correlation) < 5 / neighbour.numel() ** 0.5


def test_no_sample_gives_no_mask() -> None:
    assert draw_mask([], size_voxels=8).shape == (0, 1, 8, 8, 8)


def test_hidden_voxels_are_0_and_the_others_as_they_were() -> None:
    images = torch.rand(2, 3, 8, 8, 8) + 0.1
    before = images.clone()
    mask = draw_mask([1, 2], size_voxels=8)
    masked = mask_voxels(images, mask)
    hidden = mask.expand_as(images)
    assert (masked[hidden] == 0).all()
    assert torch.equal(masked[~hidden], images[~hidden])
    assert torch.equal(images, before)


@pytest.mark.parametrize(("size", "token"), [(30, 4), (2, 4), (0, 4), (8, 0), (8, -2)])
def test_cubes_that_do_not_fill_the_image_are_refused(size: int, token: int) -> None:
    with pytest.raises(CallError, match="choose a divisor"):
        draw_mask([1], size_voxels=size, token_voxels=token)


@pytest.mark.parametrize("tokens", [0, 2, 9, 63, 65])
def test_an_image_that_is_no_cube_is_refused(tokens: int) -> None:
    if tokens == 0:
        assert random_mask(torch.zeros(2, 0), token_voxels=4, ratio=0.6).shape == (2, 1, 0, 0, 0)
        return
    with pytest.raises(CallError, match="fill no cube"):
        random_mask(torch.zeros(2, tokens), token_voxels=4, ratio=0.6)


@pytest.mark.parametrize("ratio", [-0.1, 1.1, float("nan")])
def test_a_ratio_that_is_no_share_is_refused(ratio: float) -> None:
    with pytest.raises(CallError, match="from 0 to 1"):
        count_kept(512, ratio=ratio)
