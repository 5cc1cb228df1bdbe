"""The peer: the U-Net with the light-weight decoder as one writes it down, layer by layer."""

from itertools import pairwise

from torch import nn

#: Channels of the levels, the finest first.
_WIDTHS = {
    "unet_tiny": (8, 16, 32, 64),
    "unet_b": (32, 64, 128, 256, 512),
    "unet_xl": (64, 128, 256, 512, 1024),
}


def plain_network(name: str, *, in_place: bool = False) -> nn.Sequential:
    """Make the network whose parameters come in the order of ours.

    Parameters
    ----------
    name : str
        As in :func:`brains45k.networks.create`.
    in_place : bool
        Let the activations write over their input, as nnU-Net does.
    """
    widths = _WIDTHS[name]
    layers: list[nn.Module] = [*_convolution(1, widths[0], in_place), *_convolution(widths[0], widths[0], in_place)]
    for before, width in pairwise(widths):
        layers += [nn.MaxPool3d(2), *_convolution(before, width, in_place), *_convolution(width, width, in_place)]
    for before, width in pairwise(reversed(widths)):
        layers += [nn.ConvTranspose3d(before, width, 2, stride=2), *_convolution(width, width, in_place)]
    return nn.Sequential(*layers, nn.Conv3d(widths[0], 1, 1))


def _convolution(before: int, width: int, in_place: bool) -> list[nn.Module]:
    norm = nn.InstanceNorm3d(width, affine=True)
    return [nn.Conv3d(before, width, 3, padding=1), norm, nn.LeakyReLU(0.01, inplace=in_place)]
