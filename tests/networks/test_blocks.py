"""Blocks: the norm is torch's own and keeps less; what is computed again is computed once more, and the same."""

from collections.abc import Callable

import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")
import torch
from torch import Tensor, nn

from brains45k.networks.blocks import Block, ConvBlock, ConvLayer, NormActivation

CHANNELS = 6


def features(samples: int = 1, channels: int = CHANNELS, size: int = 8) -> Tensor:
    generator = torch.Generator().manual_seed(samples)
    return torch.randn(samples, channels, size, size, size, generator=generator).mul(3).add(1).requires_grad_()


def plain_norm(ours: NormActivation) -> nn.Module:
    norm = nn.InstanceNorm3d(CHANNELS, affine=True)
    norm.load_state_dict(ours.state_dict())
    return nn.Sequential(norm, nn.LeakyReLU(0.01))


def drawn(norm: NormActivation) -> NormActivation:
    with torch.no_grad():
        for parameter in norm.parameters():
            parameter.uniform_(-1, 2)
    return norm


def result_and_gradients(network: nn.Module, image: Tensor) -> list[Tensor]:
    result = network(image)
    # Another weight for each voxel: the gradients of a plain sum are zero behind a norm.
    weights = torch.arange(result.numel(), dtype=result.dtype).sin().view(result.shape)
    return [result, *torch.autograd.grad((result * weights).sum(), [image, *network.parameters()])]


def kept(compute: Callable[[], Tensor], numel: int) -> int:
    """Count the different tensors of a size that autograd keeps."""
    places: set[int] = set()

    def note(tensor: Tensor) -> Tensor:
        if tensor.numel() == numel:
            places.add(tensor.data_ptr())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        compute()
    return len(places)


@pytest.mark.parametrize("samples", [1, 3])
def test_the_norm_is_torchs_to_the_last_bit(samples: int) -> None:
    ours = drawn(NormActivation(CHANNELS, affine=True))
    for mine, theirs in zip(
        result_and_gradients(ours, features(samples)),
        result_and_gradients(plain_norm(ours), features(samples)),
        strict=True,
    ):
        assert torch.equal(mine, theirs)


def test_each_layer_keeps_one_tensor_less_than_a_plain_one() -> None:
    parts = [ConvLayer(CHANNELS, CHANNELS) for _ in range(3)]
    layers = nn.Sequential(*parts)
    plain = nn.Sequential(*(nn.Sequential(part.conv, plain_norm(part.norm)) for part in parts))
    image = features()
    # The image, and of each layer what the convolution and what the activation gave.
    assert kept(lambda: layers(image), image.numel()) == 1 + 3 * 2
    # What the norm gave too; the last activation's result is for the next layer to keep.
    assert kept(lambda: plain(image), image.numel()) == 1 + 3 * 3 - 1


def test_gradients_are_not_copied_through_a_view() -> None:
    names: list[str] = []
    ahead = [NormActivation(CHANNELS, affine=True)(features()).grad_fn]
    while ahead:
        node = ahead.pop()
        if node is not None:
            names.append(node.name())
            ahead += [before for before, _ in node.next_functions]
    assert "LeakyReluBackward1" in names
    assert not [name for name in names if "CopySlices" in name or "AsStrided" in name]


@pytest.mark.parametrize("convolutions", [1, 2])
def test_inputs_are_joined_in_their_order(convolutions: int) -> None:
    block = ConvBlock(2 * CHANNELS, CHANNELS, convolutions=convolutions)
    first, second = features(1), features(2)[:1]
    joined = torch.cat([first, second], dim=1)
    assert torch.equal(block(first, second), block(joined))
    assert not torch.equal(block(second, first), block(joined))


@pytest.mark.parametrize("convolutions", [1, 2])
def test_computing_again_changes_no_bit(convolutions: int) -> None:
    block = ConvBlock(CHANNELS, CHANNELS, convolutions=convolutions)
    as_usual = result_and_gradients(block, features())
    block.checkpointing = True
    for again, usual in zip(result_and_gradients(block, features()), as_usual, strict=True):
        assert torch.equal(again, usual)


def test_a_block_that_computes_again_keeps_its_inputs_alone() -> None:
    block = ConvBlock(2 * CHANNELS, CHANNELS, convolutions=2)
    image, skip = features(1), features(2)[:1].detach()
    usual = kept(lambda: block(image, skip), image.numel())
    block.checkpointing = True
    assert kept(lambda: block(image, skip), image.numel()) < usual == 4


@pytest.mark.parametrize(("checkpointing", "gradients", "calls"), [(True, True, 2), (False, True, 1), (True, False, 1)])
def test_how_often_a_block_computes(checkpointing: bool, gradients: bool, calls: int) -> None:
    class Counted(Block):
        count = 0

        def compute(self, *features: Tensor) -> Tensor:
            self.count += 1
            return features[0].exp()

    block = Counted()
    block.checkpointing = checkpointing
    with torch.set_grad_enabled(gradients):
        result = block(features())
    if gradients:
        result.sum().backward()
    assert block.count == calls
