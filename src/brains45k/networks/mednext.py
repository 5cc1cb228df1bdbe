"""The encoder of MedNeXt, with kernels of 3 voxels. The paper sets the U-Net's decoders on it.

Sources: MedNeXt (arXiv 2303.09975); AMAES (arXiv 2408.00640), its code at a51df88 with Yucca 1.1.7: there the networks
are ``mednext_{m3,l3}_lw_dec`` (pretraining) and ``mednext_{m3,l3}_std_dec`` (finetuning), whose parameter names are
kept. Weights start as PyTorch draws them.
"""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name that all its users know

from brains45k.networks.blocks import Block
from brains45k.networks.network import Encoder

_FILTERS = 32


@dataclass(frozen=True, slots=True)
class Scale:
    """How many blocks each level has, finest first, and how many times they widen their channels inside."""

    blocks: tuple[int, int, int, int, int]
    expansions: tuple[int, int, int, int, int]


MEDIUM = Scale(blocks=(3, 4, 4, 4, 4), expansions=(2, 3, 4, 4, 4))
LARGE = Scale(blocks=(3, 4, 8, 8, 8), expansions=(3, 4, 8, 8, 8))


class MedNeXtEncoder(Encoder):
    """Five levels of MedNeXt blocks, with a block between them that halves the size.

    Parameters
    ----------
    in_channels : int
        Of the image.
    scale : Scale
        M or L.
    """

    def __init__(self, in_channels: int, *, scale: Scale) -> None:
        super().__init__()
        self.filters = _FILTERS
        self.stem = nn.Conv3d(in_channels, _FILTERS, kernel_size=1)
        self.enc_block_0 = _blocks(scale, 0)
        self.down_0 = _down_block(scale, 0)
        self.enc_block_1 = _blocks(scale, 1)
        self.down_1 = _down_block(scale, 1)
        self.enc_block_2 = _blocks(scale, 2)
        self.down_2 = _down_block(scale, 2)
        self.enc_block_3 = _blocks(scale, 3)
        self.down_3 = _down_block(scale, 3)
        self.bottleneck = _blocks(scale, 4)

    def level(self, number: int, features: Tensor) -> Tensor:
        """Halve the size, or widen the image at the finest level, and go through the level's blocks."""
        entries = (self.stem, self.down_0, self.down_1, self.down_2, self.down_3)
        blocks = (self.enc_block_0, self.enc_block_1, self.enc_block_2, self.enc_block_3, self.bottleneck)
        found: Tensor = blocks[number](entries[number](features))
        return found


class _Widening(Block):
    """Depthwise convolution, norm of each channel, widen, GELU (the exact one), narrow."""

    def __init__(self, in_channels: int, out_channels: int, *, expansion: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(in_channels, in_channels, kernel_size=3, stride=stride, padding=1, groups=in_channels)
        self.norm = nn.GroupNorm(num_groups=in_channels, num_channels=in_channels)
        self.conv2 = nn.Conv3d(in_channels, expansion * in_channels, kernel_size=1)
        self.conv3 = nn.Conv3d(expansion * in_channels, out_channels, kernel_size=1)

    def compute(self, *features: Tensor) -> Tensor:
        (before,) = features
        found: Tensor = self.conv3(F.gelu(self.conv2(self.norm(self.conv1(before)))))
        return found


class MedNeXtBlock(_Widening):
    """The layers above, and the input added to their result: (N, C, X, Y, Z) to (N, C, X, Y, Z)."""

    def __init__(self, channels: int, *, expansion: int) -> None:
        super().__init__(channels, channels, expansion=expansion, stride=1)

    def compute(self, *features: Tensor) -> Tensor:
        """Return features of the same size and number of channels."""
        return super().compute(*features) + features[0]


class MedNeXtDownBlock(_Widening):
    """The layers above with a stride of 2: (N, C, X, Y, Z) to (N, 2C, X/2, Y/2, Z/2).

    What is added is every second voxel of the input through a linear layer.
    """

    def __init__(self, channels: int, *, expansion: int) -> None:
        super().__init__(channels, 2 * channels, expansion=expansion, stride=2)
        self.res_conv = nn.Conv3d(channels, 2 * channels, kernel_size=1, stride=2)

    def compute(self, *features: Tensor) -> Tensor:
        """Return features of half the size and twice the channels."""
        added: Tensor = self.res_conv(features[0])
        return super().compute(*features) + added


def _blocks(scale: Scale, level: int) -> nn.Sequential:
    """Make the blocks of a level."""
    channels = _FILTERS * 2**level
    count, expansion = scale.blocks[level], scale.expansions[level]
    return nn.Sequential(*(MedNeXtBlock(channels, expansion=expansion) for _ in range(count)))


def _down_block(scale: Scale, level: int) -> MedNeXtDownBlock:
    """Make the block that leads from a level to the next, whose expansion it has."""
    return MedNeXtDownBlock(_FILTERS * 2**level, expansion=scale.expansions[level + 1])
