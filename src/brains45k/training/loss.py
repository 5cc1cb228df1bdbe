"""The loss of AMAES: the mean squared error of the reconstruction."""

from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name that all its users know

from brains45k.errors import CallError

#: Which voxels the mean is over.
VOXELS = ("all", "masked")


def reconstruction_loss(prediction: Tensor, target: Tensor, mask: Tensor, *, over: str = "all") -> Tensor:
    """Return the mean squared error over all voxels, or over the hidden ones.

    The reference's ``--loss_masked_tokens_only`` sums over the hidden voxels but divides by all of them, which is this
    mean times the hidden share (0.6), and so a smaller step. Here the divisor is the number of hidden voxels.

    Parameters
    ----------
    prediction, target : torch.Tensor
        (N, channels, S, S, S).
    mask : torch.Tensor
        (N, 1, S, S, S), bool, true where the network saw nothing.
    over : {"all", "masked"}
        All voxels, hidden or not, as in the reference's released runs; or the hidden ones.

    Returns
    -------
    torch.Tensor
        A scalar, float32; not a number if the mean is over no voxel.

    Raises
    ------
    CallError
        If the shapes differ, or ``over`` is unknown.
    """
    if prediction.shape != target.shape or mask.shape != (len(target), 1, *target.shape[2:]):
        shapes = f"{tuple(prediction.shape)}, {tuple(target.shape)} and {tuple(mask.shape)}"
        msg = f"prediction, target and mask are {shapes}: the first two have to be equal, the mask with one channel"
        raise CallError(msg)
    if over not in VOXELS:
        msg = f"a loss over {over!r} is unknown: choose one of {', '.join(VOXELS)}"
        raise CallError(msg)
    prediction, target = prediction.float(), target.float()
    if over == "all":
        return F.mse_loss(prediction, target)
    errors = F.mse_loss(prediction, target, reduction="none") * mask
    return errors.sum() / (mask.sum() * target.shape[1])
