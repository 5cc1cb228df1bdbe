"""What the U-Net is built of, and blocks that can compute their features again instead of keeping them."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name that all its users know
from torch.utils.checkpoint import checkpoint

_NEGATIVE_SLOPE = 0.01


class Block(nn.Module):
    """A part of a network; with ``checkpointing`` it keeps its inputs alone and computes the rest again for gradients.

    A block draws no random numbers, so what is computed again is the same.
    """

    checkpointing = False

    def compute(self, *features: Tensor) -> Tensor:
        """Return what the block is for."""
        raise NotImplementedError

    def forward(self, *features: Tensor) -> Tensor:
        """Call :meth:`compute`, and keep of it what gradients need, or nothing."""
        if not (self.checkpointing and torch.is_grad_enabled()):
            return self.compute(*features)
        found: Tensor = checkpoint(self.compute, *features, use_reentrant=False, preserve_rng_state=False)
        return found


class ConvBlock(Block):
    """One or two convolutions of 3x3x3 voxels, each with its norm and activation.

    Parameters
    ----------
    in_channels : int
        Of all inputs together.
    out_channels : int
        Of each convolution.
    convolutions : {1, 2}
        Named ``conv1`` and ``conv2``.
    """

    def __init__(self, in_channels: int, out_channels: int, *, convolutions: int) -> None:
        super().__init__()
        self.conv1 = ConvLayer(in_channels, out_channels)
        self.conv2 = ConvLayer(out_channels, out_channels) if convolutions > 1 else nn.Identity()

    def compute(self, *features: Tensor) -> Tensor:
        """Join features (N, C, X, Y, Z) along their channels and return (N, out, X, Y, Z)."""
        joined = features[0] if len(features) == 1 else torch.cat(features, dim=1)
        found: Tensor = self.conv2(self.conv1(joined))
        return found


class ConvLayer(nn.Module):
    """Convolution of 3x3x3 voxels, instance norm, leaky ReLU: (N, in, X, Y, Z) to (N, out, X, Y, Z)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(in_channels, out_channels, kernel_size=3, padding=1)
        self.norm = NormActivation(out_channels, affine=True)

    def forward(self, features: Tensor) -> Tensor:
        """Return features of the same size."""
        found: Tensor = self.norm(self.conv(features))
        return found


class NormActivation(nn.InstanceNorm3d):
    """Instance norm and leaky ReLU, which keep one result for the gradients instead of two.

    Torch computes an instance norm as the batch norm of N*C channels and returns a view of its result. Here the
    activation takes the result's place before it is viewed: through a view, autograd would copy every gradient.
    The values are torch's own to the last bit.
    """

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, C, X, Y, Z) for (N, C, X, Y, Z)."""
        samples, channels, *size = features.shape
        normal = F.batch_norm(
            features.contiguous().view(1, samples * channels, *size),
            running_mean=None,
            running_var=None,
            weight=self.weight.repeat(samples),
            bias=self.bias.repeat(samples),
            training=True,
            eps=self.eps,
        )
        return F.leaky_relu(normal, _NEGATIVE_SLOPE, inplace=True).view(features.shape)
