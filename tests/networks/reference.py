"""AMAES's networks once more, as functions of their parameters by name: what the modules are compared with.

Written from the description of the architectures, with none of the package's code. What is often got wrong can be got
wrong on purpose, to see that the comparison would tell.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name that all its users know

Parameters = Mapping[str, Tensor]


@dataclass(frozen=True)
class Choices:
    """What is often got wrong, set right."""

    eps: float = 1e-5
    slope: float = 0.01
    gelu: str = "none"
    pooling: str = "max"
    skip_first: bool = False


def run(parameters: Parameters, image: Tensor, choices: Choices = Choices()) -> Tensor:
    """Return what the network computes: its kind and head are told from the names of its parameters."""
    is_mednext = "encoder.stem.weight" in parameters
    levels = (mednext_encoder if is_mednext else unet_encoder)(parameters, image, choices)
    head = "rec_head" if "rec_head.out_conv.weight" in parameters else "pred_head"
    x = levels[-1]
    for number in range(1, 5):
        up = f"{head}.upsample{number}"
        x = F.conv_transpose3d(x, parameters[f"{up}.weight"], parameters[f"{up}.bias"], stride=2)
        if head == "pred_head":
            skip = levels[4 - number]
            x = torch.cat([skip, x] if choices.skip_first else [x, skip], 1)
        x = conv_block(parameters, f"{head}.decoder_conv{number}", x, choices)
    return F.conv3d(x, parameters[f"{head}.out_conv.weight"], parameters[f"{head}.out_conv.bias"])


def unet_encoder(parameters: Parameters, image: Tensor, choices: Choices) -> list[Tensor]:
    pool = F.max_pool3d if choices.pooling == "max" else F.avg_pool3d
    levels = [conv_block(parameters, "encoder.in_conv", image, choices)]
    for number in range(1, 5):
        levels.append(conv_block(parameters, f"encoder.encoder_conv{number}", pool(levels[-1], 2), choices))
    return levels


def mednext_encoder(parameters: Parameters, image: Tensor, choices: Choices) -> list[Tensor]:
    x = F.conv3d(image, parameters["encoder.stem.weight"], parameters["encoder.stem.bias"])
    levels: list[Tensor] = []
    for number in range(5):
        if number:
            x = mednext_block(parameters, f"encoder.down_{number - 1}", x, choices)
        name = f"encoder.enc_block_{number}" if number < 4 else "encoder.bottleneck"
        count = len({key.split(".")[2] for key in parameters if key.startswith(f"{name}.")})
        for block in range(count):
            x = mednext_block(parameters, f"{name}.{block}", x, choices)
        levels.append(x)
    return levels


def mednext_block(parameters: Parameters, name: str, x: Tensor, choices: Choices) -> Tensor:
    def conv(part: str, y: Tensor, *, stride: int = 1, padding: int = 0, groups: int = 1) -> Tensor:
        weight, bias = parameters[f"{name}.{part}.weight"], parameters[f"{name}.{part}.bias"]
        return F.conv3d(y, weight, bias, stride=stride, padding=padding, groups=groups)

    is_down = f"{name}.res_conv.weight" in parameters
    y = conv("conv1", x, stride=2 if is_down else 1, padding=1, groups=x.shape[1])
    y = norm(parameters, f"{name}.norm", y, choices.eps)
    y = conv("conv3", F.gelu(conv("conv2", y), approximate=choices.gelu))
    if is_down:
        return y + conv("res_conv", x, stride=2)
    return y + x


def conv_block(parameters: Parameters, name: str, x: Tensor, choices: Choices) -> Tensor:
    for part in ("conv1", "conv2"):
        layer = f"{name}.{part}"
        if f"{layer}.conv.weight" in parameters:
            x = F.conv3d(x, parameters[f"{layer}.conv.weight"], parameters[f"{layer}.conv.bias"], padding=1)
            x = norm(parameters, f"{layer}.norm", x, choices.eps)
            x = torch.where(x > 0, x, choices.slope * x)
    return x


def norm(parameters: Parameters, name: str, x: Tensor, eps: float) -> Tensor:
    """Centre and scale each channel of each sample: instance norm, and group norm with a group for each channel."""
    mean = x.mean((2, 3, 4), keepdim=True)
    variance = ((x - mean) ** 2).mean((2, 3, 4), keepdim=True)
    weight, bias = (parameters[f"{name}.{part}"].view(1, -1, 1, 1, 1) for part in ("weight", "bias"))
    return (x - mean) / (variance + eps).sqrt() * weight + bias
