"""The loss of finetuning: cross-entropy minus soft Dice, as in nnU-Net and AMAES (asbjrnmunk/amaes at a51df88)."""

from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name that all its users know

from brains45k.errors import CallError
from brains45k.tasks.task import IGNORED

_SMOOTH = 1.0


def segmentation_loss(logits: Tensor | Sequence[Tensor], labels: Tensor) -> Tensor:
    """Return the loss of a batch, of all levels together if there are several.

    Level n counts 1/2**n times as much as the finest, and all together count 1, as in nnU-Net; its labels are every
    2**n-th voxel along each axis.

    Parameters
    ----------
    logits : torch.Tensor or sequence of torch.Tensor
        (N, K, X, Y, Z); with deep supervision those of all levels, the finest first, each half as large as the last.
    labels : torch.Tensor
        (N, X, Y, Z), uint8: classes 0 to K-1, and 255 where nothing counts.

    Returns
    -------
    torch.Tensor
        A scalar, float32: near -1 where all is right; the mean over the samples.

    Raises
    ------
    CallError
        If labels and logits have other shapes.
    """
    levels = [logits] if isinstance(logits, Tensor) else logits
    weights = [0.5**number for number in range(len(levels))]
    losses = [
        weight * dice_cross_entropy(level, labels[:, :: 2**number, :: 2**number, :: 2**number])
        for number, (level, weight) in enumerate(zip(levels, weights, strict=True))
    ]
    return torch.stack(losses).sum() / sum(weights)


def dice_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return cross-entropy minus soft Dice, each a mean over the samples.

    Of a sample, the first is the mean over its voxels, the second the mean over the classes, background included, of
    (2 tp + 1) / (2 tp + fp + fn + 1) with probabilities in place of counts. Ignored voxels are part of neither; a
    sample that has no others gives 0 and -1. The reference takes the mean of the cross-entropy over all voxels of a
    batch, which is the same, since it ignores none.

    Parameters
    ----------
    logits : torch.Tensor
        (N, K, X, Y, Z), of any floating type.
    labels : torch.Tensor
        (N, X, Y, Z), uint8.

    Raises
    ------
    CallError
        If the shapes do not suit.
    """
    if labels.shape != (len(logits), *logits.shape[2:]):
        msg = f"labels of shape {tuple(labels.shape)} do not suit logits of shape {tuple(logits.shape)}"
        raise CallError(msg)
    logits = logits.float()
    return _cross_entropy(logits, labels) + _minus_dice(logits, labels)


def _cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    errors = F.cross_entropy(logits, labels.long(), ignore_index=IGNORED, reduction="none").flatten(1)
    counted = (labels != IGNORED).flatten(1).sum(1)
    return (errors.sum(1) / counted.clamp(min=1)).mean()


def _minus_dice(logits: Tensor, labels: Tensor) -> Tensor:
    counts = (labels != IGNORED).unsqueeze(1)
    classes = torch.arange(logits.shape[1], device=labels.device, dtype=labels.dtype).view(1, -1, 1, 1, 1)
    # No class has the number of ignored voxels, so that they are 0 in the truth without more ado.
    truth = (labels.unsqueeze(1) == classes).to(logits.dtype)
    distance: Tensor = _dice_distance()(logits.softmax(1) * counts, truth)
    return distance - 1


@cache
def _dice_distance() -> nn.Module:
    # Slow to import, and not needed to predict.
    from monai.losses.dice import DiceLoss  # noqa: PLC0415

    loss: nn.Module = DiceLoss(smooth_nr=_SMOOTH, smooth_dr=_SMOOTH)
    return loss
