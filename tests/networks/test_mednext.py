"""MedNeXt's blocks against MONAI's, which follow the paper's code, and the encoder's make-up."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")
import torch
from torch import Tensor, nn

from brains45k.networks.mednext import LARGE, MEDIUM, MedNeXtBlock, MedNeXtDownBlock, MedNeXtEncoder, Scale

CHANNELS, EXPANSION = 4, 3


def image(size: tuple[int, int, int] = (8, 6, 10)) -> Tensor:
    return torch.randn(2, CHANNELS, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("down", [False, True])
def test_blocks_are_monais(down: bool) -> None:
    theirs = pytest.importorskip("monai.networks.blocks.mednext_block")
    ours: nn.Module
    if down:
        ours = MedNeXtDownBlock(CHANNELS, expansion=EXPANSION)
        peer = theirs.MedNeXtDownBlock(CHANNELS, 2 * CHANNELS, EXPANSION, 3, use_residual_connection=True)
    else:
        ours = MedNeXtBlock(CHANNELS, expansion=EXPANSION)
        peer = theirs.MedNeXtBlock(CHANNELS, CHANNELS, EXPANSION, 3)
    for parameter in peer.parameters():
        nn.init.normal_(parameter)
    peer.double()
    ours.double().load_state_dict(peer.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(ours(image()), peer(image()), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("down", "size"), [(False, (8, 6, 10)), (True, (4, 3, 5))])
def test_a_block_takes_and_gives(down: bool, size: tuple[int, int, int]) -> None:
    block = (MedNeXtDownBlock if down else MedNeXtBlock)(CHANNELS, expansion=EXPANSION).double()
    assert block(image()).shape == (2, CHANNELS * (1 + down), *size)


@pytest.mark.parametrize("scale", [MEDIUM, LARGE])
def test_levels_have_their_blocks_and_expansions(scale: Scale) -> None:
    with torch.device("meta"):
        encoder = MedNeXtEncoder(1, scale=scale)
    for number, level in enumerate(("enc_block_0", "enc_block_1", "enc_block_2", "enc_block_3", "bottleneck")):
        blocks = list(encoder.get_submodule(level).children())
        assert len(blocks) == scale.blocks[number]
        for block in blocks:
            assert isinstance(block, MedNeXtBlock)
            assert block.conv2.out_channels == scale.expansions[number] * block.conv2.in_channels


def test_a_down_block_expands_as_the_next_level() -> None:
    with torch.device("meta"):
        encoder = MedNeXtEncoder(1, scale=MEDIUM)
    widths = [encoder.get_submodule(f"down_{number}").conv2 for number in range(4)]
    assert [width.out_channels // width.in_channels for width in widths] == [3, 4, 4, 4]  # type: ignore[operator, union-attr]
