"""MONAI's Swin UNETR, with which the paper compares.

What differs from the other networks: it is MONAI's class with MONAI's parameter names, so there is no published AMAES
checkpoint for it. Both heads are the same network, whose decoder has skip connections: a reconstruction can go around
the deepest features. The size must be a multiple of 32. Checkpointing covers its transformer blocks alone.
"""

from torch import Tensor, nn

from brains45k.errors import CallError
from brains45k.networks.network import require_size

# The width that MONAI's own pretrained weights have.
_FEATURES = 48
_SIZE_MULTIPLE_VOXELS = 32


def swin_unetr(in_channels: int, out_channels: int, *, checkpointing: bool) -> nn.Module:
    """Make a Swin UNETR: (N, in, X, Y, Z) to (N, out, X, Y, Z).

    Raises
    ------
    CallError
        If MONAI or its einops is not installed.
    """
    try:
        # Slow to import, and no other network needs it. MONAI asks for einops as late as in the first forward.
        import einops  # type: ignore[import-not-found, unused-ignore] # noqa: F401, PLC0415
        from monai.networks.nets.swin_unetr import SwinUNETR  # noqa: PLC0415
    except ImportError as error:
        msg = f"swin_unetr: {error.name} is not installed. Install it with pip install monai einops."
        raise CallError(msg) from error
    network: nn.Module = SwinUNETR(
        in_channels=in_channels, out_channels=out_channels, feature_size=_FEATURES, use_checkpoint=checkpointing
    )
    network.register_forward_pre_hook(_require_size)
    return network


def _require_size(_network: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    require_size(inputs[0], _SIZE_MULTIPLE_VOXELS)
