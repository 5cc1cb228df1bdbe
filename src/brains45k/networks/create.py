"""Make a network by its name."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Protocol

import torch
from torch import Tensor, nn

from brains45k.errors import CallError
from brains45k.hints import hint
from brains45k.networks.blocks import Block
from brains45k.networks.mednext import LARGE, MEDIUM, MedNeXtEncoder
from brains45k.networks.network import Encoder, ReconstructionNetwork, SegmentationNetwork
from brains45k.networks.swin_unetr import swin_unetr
from brains45k.networks.unet import LightDecoder, SkipDecoder, UNetEncoder


class _MakeEncoder(Protocol):
    def __call__(self, in_channels: int, /) -> Encoder: ...


_ENCODERS: Mapping[str, _MakeEncoder] = MappingProxyType(
    {
        "unet_b": partial(UNetEncoder, filters=32),
        "unet_xl": partial(UNetEncoder, filters=64),
        "unet_tiny": partial(UNetEncoder, filters=8, levels=4),
        "mednext_m": partial(MedNeXtEncoder, scale=MEDIUM),
        "mednext_l": partial(MedNeXtEncoder, scale=LARGE),
    }
)
_SWIN_UNETR = "swin_unetr"

#: The names and heads that :func:`create` knows.
NAMES = (*_ENCODERS, _SWIN_UNETR)
HEADS = ("reconstruction", "segmentation")


@dataclass(frozen=True, slots=True)
class Options:
    """How a network computes; none of these changes a result beyond rounding.

    Attributes
    ----------
    checkpointing : bool
        Keep each block's input alone and compute the block again for the gradients: less memory, more time.
    channels_last : bool
        Store the weights, and take the image, with the channels of a voxel side by side, as some kernels of
        convolutions want them. The norms work channel by channel, and turn features back.
    compile : bool
        Compile the network at its first call. Names of parameters stay.
    """

    checkpointing: bool = False
    channels_last: bool = False
    compile: bool = False


_PLAIN = Options()


def create(
    name: str,
    in_channels: int,
    out_channels: int,
    head: str,
    *,
    deep_supervision: bool = False,
    options: Options = _PLAIN,
) -> nn.Module:
    """Make a network with the weights that PyTorch draws.

    Parameters
    ----------
    name : str
        ``unet_b`` (14.1 million parameters in its encoder), ``unet_xl`` (56.5), ``mednext_m`` (12.5), ``mednext_l``
        (46.8): the paper's, with the names of the published checkpoints; ``swin_unetr``: MONAI's, for comparison;
        ``unet_tiny``: U-Net B with a quarter of its channels and four levels, which learns from patches of 32 voxels,
        for trials on a CPU.
    in_channels : int
        Of the image.
    out_channels : int
        Of the reconstruction, or the number of classes.
    head : {"reconstruction", "segmentation"}
        The light-weight decoder without skip connections, or the decoder with them.
    deep_supervision : bool
        Whether the segmentation head returns, in training, a list of logits: the finest level's first, then those of
        each coarser level, half as large each. In evaluation it returns one tensor.
    options : Options
        How it computes.

    Returns
    -------
    torch.nn.Module
        (N, in_channels, X, Y, Z) to one tensor (N, out_channels, X, Y, Z). X, Y and Z are multiples of 16 voxels
        (8 for ``unet_tiny``, 32 for Swin UNETR), and not all of them that number itself.

    Raises
    ------
    CallError
        If the name or the head is unknown, a number of channels is not positive, MONAI is needed and absent, or there
        is no deep supervision for this network and head.

    Examples
    --------
    >>> network = create("unet_tiny", 1, 1, "reconstruction")
    >>> network(torch.zeros(2, 1, 32, 32, 32)).shape
    torch.Size([2, 1, 32, 32, 32])
    """
    _require_known("network", name, NAMES)
    _require_known("head", head, HEADS)
    for what, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
        if channels < 1:
            msg = f"{what}: {channels} is not positive."
            raise CallError(msg)
    if deep_supervision and (name == _SWIN_UNETR or head != "segmentation"):
        msg = f"{name}, {head}: there is no deep supervision for it. Set deep_supervision: false."
        raise CallError(msg)
    network = _make(
        name,
        in_channels,
        out_channels,
        head,
        deep_supervision=deep_supervision,
        checkpointing=options.checkpointing,
    )
    if options.channels_last:
        network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        network.register_forward_pre_hook(_channels_last)
    if options.compile:
        network.compile()
    return network


def _make(
    name: str, in_channels: int, out_channels: int, head: str, *, deep_supervision: bool, checkpointing: bool
) -> nn.Module:
    if name == _SWIN_UNETR:
        return swin_unetr(in_channels, out_channels, checkpointing=checkpointing)
    encoder = _ENCODERS[name](in_channels)
    network: nn.Module
    if head == "reconstruction":
        network = ReconstructionNetwork(encoder, LightDecoder(encoder.filters, out_channels, levels=encoder.levels))
    else:
        decoder = SkipDecoder(encoder.filters, out_channels, levels=encoder.levels, deep_supervision=deep_supervision)
        network = SegmentationNetwork(encoder, decoder)
    for part in network.modules():
        if isinstance(part, Block):
            part.checkpointing = checkpointing
    return network


def _channels_last(_network: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Give the input the layout of the weights."""
    return tuple(features.contiguous(memory_format=torch.channels_last_3d) for features in inputs)


def _require_known(what: str, name: str, known: Collection[str]) -> None:
    if name in known:
        return
    msg = f"{what}: {name!r} is unknown; {hint(name, known)}"
    raise CallError(msg)
