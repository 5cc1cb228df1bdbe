"""The loss against its definition, over all voxels and over the hidden ones."""

import math

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

from brains45k.errors import CallError
from brains45k.training.loss import reconstruction_loss
from brains45k.training.masking import draw_mask

SHAPE = (2, 1, 8, 8, 8)
MASK = draw_mask([3, 4], size_voxels=8)


@pytest.fixture(scope="module")
def pair() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    return torch.rand(SHAPE, generator=generator), torch.rand(SHAPE, generator=generator)


def test_over_all_voxels_hidden_or_not(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    errors = (pair[0].double() - pair[1].double()).numpy() ** 2
    assert float(reconstruction_loss(*pair, MASK)) == pytest.approx(errors.mean(), rel=1e-6)
    assert torch.equal(reconstruction_loss(*pair, MASK), reconstruction_loss(*pair, ~MASK, over="all"))


def test_over_the_hidden_voxels_divided_by_their_number(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    errors = (pair[0].double() - pair[1].double()).numpy() ** 2
    found = float(reconstruction_loss(*pair, MASK, over="masked"))
    assert found == pytest.approx(errors[MASK.numpy()].mean(), rel=1e-6)


def test_the_reference_divides_by_all_voxels_instead(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    theirs = torch.nn.functional.mse_loss(pair[0] * MASK, pair[1] * MASK)
    ours = reconstruction_loss(*pair, MASK, over="masked")
    assert float(theirs) == pytest.approx(float(ours) * float(MASK.float().mean()), rel=1e-6)


def test_a_constant_error_is_its_square_either_way(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    for over in ("all", "masked"):
        assert float(reconstruction_loss(pair[0] + 0.5, pair[0], MASK, over=over)) == pytest.approx(0.25, rel=1e-5)
        assert float(reconstruction_loss(pair[0], pair[0], MASK, over=over)) == 0


def test_each_hidden_voxel_pulls_alike_and_no_visible_one() -> None:
    prediction = torch.ones(SHAPE, requires_grad=True)
    reconstruction_loss(prediction, torch.zeros(SHAPE), MASK, over="masked").backward()  # type: ignore[no-untyped-call]
    assert prediction.grad is not None
    expected = torch.where(MASK, 2 / MASK.sum(), torch.tensor(0.0))
    assert torch.allclose(prediction.grad, expected, rtol=1e-5)


def test_channels_share_a_mask() -> None:
    prediction = torch.rand(2, 3, 8, 8, 8)
    found = reconstruction_loss(prediction, torch.zeros_like(prediction), MASK, over="masked")
    expected = np.mean(prediction.numpy()[np.broadcast_to(MASK.numpy(), prediction.shape)] ** 2)
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("over", ["all", "masked"])
def test_a_prediction_of_low_precision_is_compared_in_float32(over: str) -> None:
    prediction = torch.full(SHAPE, 1 / 3).bfloat16()
    found = reconstruction_loss(prediction, torch.full(SHAPE, 1 / 3), MASK, over=over)
    assert found.dtype == torch.float32
    assert float(found) == pytest.approx((float(prediction[0, 0, 0, 0, 0]) - 1 / 3) ** 2, rel=1e-3)


def test_a_mean_over_no_voxel_is_no_number(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    assert math.isnan(reconstruction_loss(*pair, torch.zeros_like(MASK), over="masked"))


def test_what_the_mean_is_over_has_to_be_known(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    with pytest.raises(CallError, match="all, masked"):
        reconstruction_loss(*pair, MASK, over="visible")


@pytest.mark.parametrize("shape", [(2, 1, 8, 8, 4), (1, 1, 8, 8, 8), (2, 2, 8, 8, 8)])
def test_other_shapes_are_refused(shape: tuple[int, ...], pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    with pytest.raises(CallError, match="have to be equal"):
        reconstruction_loss(torch.zeros(shape), pair[1], MASK)
    if shape[1] == 2:
        with pytest.raises(CallError, match="one channel"):
            reconstruction_loss(*pair, torch.zeros(shape, dtype=torch.bool))
