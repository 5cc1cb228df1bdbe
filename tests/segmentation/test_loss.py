"""Known answers of the loss, and what changes nothing in it."""

import math

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("monai")

from torch import Tensor  # noqa: E402

from brains45k.errors import CallError  # noqa: E402
from brains45k.segmentation.loss import dice_cross_entropy, segmentation_loss  # noqa: E402

IGNORED = 255


def batch(*, samples: int = 3, classes: int = 3, size: int = 4, seed: int = 5) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn((samples, classes, *(size,) * 3), generator=generator)
    labels = torch.randint(0, classes, (samples, *(size,) * 3), generator=generator).to(torch.uint8)
    return logits, labels


def test_two_voxels_by_hand() -> None:
    """Probabilities (0.8, 0.2) and (0.4, 0.6), truth 0 and 1."""
    chances = torch.tensor([[0.8, 0.4], [0.2, 0.6]]).view(1, 2, 1, 1, 2)
    labels = torch.tensor([0, 1], dtype=torch.uint8).view(1, 1, 1, 2)
    entropy = -(math.log(0.8) + math.log(0.6)) / 2
    background = (2 * 0.8 + 1) / (0.8 + 0.4 + 1 + 1)
    foreground = (2 * 0.6 + 1) / (0.2 + 0.6 + 1 + 1)
    expected = entropy - (background + foreground) / 2
    assert dice_cross_entropy(chances.log(), labels).item() == pytest.approx(expected, abs=1e-6)


def test_it_is_the_references_formula() -> None:
    """Per sample (batch_dice False), smooth 1; the reference adds 1e-8 more below the line."""
    logits, labels = batch()
    chances, truth = logits.softmax(1), torch.nn.functional.one_hot(labels.long(), 3).movedim(-1, 1)
    axes = (2, 3, 4)
    right = (chances * truth).sum(axes)
    wrong = (chances * (1 - truth)).sum(axes) + ((1 - chances) * truth).sum(axes)
    dice = ((2 * right + 1) / (2 * right + wrong + 1 + 1e-8)).mean()
    expected = torch.nn.functional.cross_entropy(logits, labels.long()) - dice
    assert dice_cross_entropy(logits, labels).item() == pytest.approx(expected.item(), abs=1e-5)


def test_all_right_is_minus_one() -> None:
    _, labels = batch()
    logits = 50.0 * torch.nn.functional.one_hot(labels.long(), 3).movedim(-1, 1)
    assert dice_cross_entropy(logits, labels).item() == pytest.approx(-1, abs=1e-5)


def test_ignored_voxels_change_nothing() -> None:
    logits, labels = batch(size=6)
    labels[:, 4:] = IGNORED
    other = logits.clone()
    other[:, :, 4:] = 100 * torch.randn_like(other[:, :, 4:])
    cut = dice_cross_entropy(logits[:, :, :4], labels[:, :4])
    assert dice_cross_entropy(logits, labels).item() == pytest.approx(cut.item(), abs=1e-6)
    assert dice_cross_entropy(other, labels).item() == pytest.approx(cut.item(), abs=1e-6)


def test_ignored_voxels_get_no_gradient() -> None:
    logits, labels = batch()
    labels[:, 2:] = IGNORED
    logits.requires_grad_()
    dice_cross_entropy(logits, labels).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert (logits.grad[:, :, 2:] == 0).all()
    assert (logits.grad[:, :, :2] != 0).any()


def test_a_batch_is_the_mean_of_its_samples() -> None:
    logits, labels = batch()
    labels[1, :3] = IGNORED
    alone = [dice_cross_entropy(logits[row : row + 1], labels[row : row + 1]).item() for row in range(3)]
    assert dice_cross_entropy(logits, labels).item() == pytest.approx(sum(alone) / 3, abs=1e-6)


@pytest.mark.parametrize("value", [0, 1, IGNORED])
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_gradients_are_finite_where_classes_are_empty(value: int, scale: float) -> None:
    logits, labels = batch()
    logits = (scale * logits).requires_grad_()
    loss = dice_cross_entropy(logits, torch.full_like(labels, value))
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.isfinite()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_half_precision_is_computed_in_full() -> None:
    logits, labels = batch()
    half = logits.to(torch.bfloat16)
    found = dice_cross_entropy(half, labels)
    assert found.dtype == torch.float32
    assert torch.equal(found, dice_cross_entropy(half.float(), labels))


def test_one_level_is_no_deep_supervision() -> None:
    logits, labels = batch()
    assert torch.equal(segmentation_loss(logits, labels), dice_cross_entropy(logits, labels))
    assert torch.equal(segmentation_loss([logits], labels), dice_cross_entropy(logits, labels))


def test_levels_count_half_as_much_each() -> None:
    logits, labels = batch()
    coarse, coarsest = logits[:, :, ::2, ::2, ::2] + 1, logits[:, :, ::4, ::4, ::4].flip(1)
    losses = [
        dice_cross_entropy(logits, labels),
        dice_cross_entropy(coarse, labels[:, ::2, ::2, ::2]),
        dice_cross_entropy(coarsest, labels[:, ::4, ::4, ::4]),
    ]
    expected = (4 * losses[0] + 2 * losses[1] + losses[2]) / 7
    assert segmentation_loss([logits, coarse, coarsest], labels).item() == pytest.approx(expected.item(), abs=1e-6)


def test_other_shapes_are_refused() -> None:
    logits, labels = batch()
    with pytest.raises(CallError, match=r"labels of shape \(3, 4, 4, 3\) do not suit"):
        dice_cross_entropy(logits, labels[..., :3])
    with pytest.raises(CallError, match="do not suit"):
        segmentation_loss([logits, logits], labels)
