"""The U-Net of AMAES: its encoder, and the two decoders that MedNeXt shares.

Sources: AMAES (arXiv 2408.00640), its code at a51df88 with Yucca 1.1.7, whose parameter names are kept so that the
published checkpoints load. Weights start as PyTorch draws them.
"""

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name that all its users know

from brains45k.networks.blocks import ConvBlock
from brains45k.networks.network import LEVELS, Encoder


class UNetEncoder(Encoder):
    """Blocks of two convolutions, with a maximum over 2x2x2 voxels between them.

    Parameters
    ----------
    in_channels : int
        Of the image.
    filters : int
        Channels of the finest level: 32 for U-Net B, 64 for XL.
    levels : int
        Number of blocks; the paper's networks have five.
    """

    def __init__(self, in_channels: int, *, filters: int, levels: int = LEVELS) -> None:
        super().__init__()
        self.filters, self.levels = filters, levels
        self.in_conv = ConvBlock(in_channels, filters, convolutions=2)
        for number in range(1, levels):
            channels = filters * 2**number
            self.add_module(f"encoder_conv{number}", ConvBlock(channels // 2, channels, convolutions=2))

    def level(self, number: int, features: Tensor) -> Tensor:
        """Halve the size, except at the finest level, and convolve."""
        if number == 0:
            finest: Tensor = self.in_conv(features)
            return finest
        found: Tensor = getattr(self, f"encoder_conv{number}")(F.max_pool3d(features, 2))
        return found


class _Decoder(nn.Module):
    """For each level but the deepest: double the size, halve the channels, convolve. Then a linear layer.

    Parameters
    ----------
    filters : int
        Channels of the finest level.
    out_channels : int
        Of the result.
    levels : int
        Of the encoder.
    inputs : int
        Features that each block takes: those from below, and the encoder's of its level.
    convolutions : {1, 2}
        Of each block.
    """

    def __init__(self, filters: int, out_channels: int, *, levels: int, inputs: int, convolutions: int) -> None:
        super().__init__()
        self._stages = levels - 1
        for number in range(1, levels):
            channels = filters * 2 ** (levels - 1 - number)
            self.add_module(f"upsample{number}", nn.ConvTranspose3d(2 * channels, channels, kernel_size=2, stride=2))
            self.add_module(f"decoder_conv{number}", ConvBlock(inputs * channels, channels, convolutions=convolutions))
        self.out_conv = nn.Conv3d(filters, out_channels, kernel_size=1)

    def stages(self) -> list[tuple[nn.Module, nn.Module]]:
        """Return what each level is computed by, the coarsest first: its upsampling and its block."""
        numbers = range(1, self._stages + 1)
        return [(getattr(self, f"upsample{number}"), getattr(self, f"decoder_conv{number}")) for number in numbers]


class LightDecoder(_Decoder):
    """The light-weight decoder of pretraining: no skip connections, one convolution a level."""

    def __init__(self, filters: int, out_channels: int, *, levels: int = LEVELS) -> None:
        super().__init__(filters, out_channels, levels=levels, inputs=1, convolutions=1)

    def forward(self, deepest: Tensor) -> Tensor:
        """Return (N, out, X, Y, Z) for the deepest features."""
        features = deepest
        for upsample, block in self.stages():
            features = block(upsample(features))
        found: Tensor = self.out_conv(features)
        return found


class SkipDecoder(_Decoder):
    """The decoder of segmentation: the encoder's features of each level joined behind those from below.

    Parameters
    ----------
    filters : int
        Channels of the finest level.
    out_channels : int
        Number of classes.
    levels : int
        Of the encoder.
    deep_supervision : bool
        Whether each coarser level has a linear layer of its own, ``ds_out_conv0`` for the deepest features and so on
        upwards, as in Yucca 1.1.7. They are used in training alone.
    """

    def __init__(
        self, filters: int, out_channels: int, *, levels: int = LEVELS, deep_supervision: bool = False
    ) -> None:
        super().__init__(filters, out_channels, levels=levels, inputs=2, convolutions=2)
        self._deep_supervision = deep_supervision
        # Behind all others, so that these start with the same weights with and without them.
        for number in range(levels - 1 if deep_supervision else 0):
            channels = filters * 2 ** (levels - 1 - number)
            self.add_module(f"ds_out_conv{number}", nn.Conv3d(channels, out_channels, kernel_size=1))

    def forward(self, levels: list[Tensor]) -> Tensor | list[Tensor]:
        """Return (N, out, X, Y, Z) for the features of all levels, the finest first.

        In training with deep supervision, return those of all levels, the finest first: level n has 1/2**n of the
        size.
        """
        *skips, features = levels
        coarser: list[Tensor] = []
        for number, ((upsample, block), skip) in enumerate(zip(self.stages(), reversed(skips), strict=True)):
            if self._deep_supervision and self.training:
                coarser.append(getattr(self, f"ds_out_conv{number}")(features))
            features = block(upsample(features), skip)
        found: Tensor = self.out_conv(features)
        return [found, *reversed(coarser)] if coarser else found
