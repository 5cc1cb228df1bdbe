"""Encoder and head together: which features a head sees, and which sizes are refused."""

import weakref

import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")
import torch
from torch import nn

from brains45k.errors import CallError
from brains45k.networks import create
from brains45k.networks.blocks import ConvBlock
from brains45k.networks.network import require_size


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ((32, 32, 120), "32x32x120 voxels: each size must be a multiple of 16"),
        ((33, 32, 32), "33x32x32"),
        ((0, 32, 32), "0x32x32"),
        ((8, 8, 8), "8x8x8"),
        ((16, 16, 16), "16x16x16 voxels: too small"),
    ],
)
@pytest.mark.parametrize("name", ["unet_b", "mednext_m"])
@pytest.mark.parametrize("head", ["reconstruction", "segmentation"])
def test_unsuitable_sizes_are_named(name: str, head: str, size: tuple[int, int, int], said: str) -> None:
    with torch.device("meta"):
        network = create(name, 1, 2, head)
        with pytest.raises(CallError, match=said):
            network(torch.zeros(2, 1, *size))


@pytest.mark.parametrize("shape", [(1, 32, 32, 32), (32, 32, 32), (1, 1, 1, 32, 32, 32)])
def test_other_axes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(CallError, match=r"a network takes \(sample, channel, x, y, z\)"):
        require_size(torch.zeros(shape), 16)


@pytest.mark.parametrize("name", ["unet_b", "unet_xl", "unet_tiny", "mednext_m", "mednext_l"])
@pytest.mark.parametrize("size", [(16, 16, 32), (48, 64, 160)])
def test_any_multiple_of_16_will_do(name: str, size: tuple[int, int, int]) -> None:
    with torch.device("meta"):
        assert create(name, 4, 3, "segmentation")(torch.zeros(2, 4, *size)).shape == (2, 3, *size)
        assert create(name, 1, 1, "reconstruction")(torch.zeros(2, 1, *size)).shape == (2, 1, *size)


@pytest.mark.parametrize(("name", "count"), [("unet_tiny", 4), ("unet_b", 5), ("mednext_m", 5)])
def test_levels_halve_and_double(name: str, count: int) -> None:
    with torch.device("meta"):
        network = create(name, 1, 3, "segmentation")
        encoder = network.encoder
        assert isinstance(encoder, nn.Module)
        levels = encoder(torch.zeros(1, 1, 32, 48, 64))
    finest = levels[0].shape[1]
    assert [tuple(level.shape) for level in levels] == [
        (1, finest * 2**number, 32 >> number, 48 >> number, 64 >> number) for number in range(count)
    ]


def test_a_reconstruction_sees_the_deepest_features_alone() -> None:
    network = create("unet_tiny", 1, 1, "reconstruction")
    image = torch.rand(1, 1, 32, 32, 32)
    with torch.no_grad():
        deepest = network.encoder(image)[-1]  # type: ignore[operator]
        assert torch.equal(network(image), network.rec_head(deepest))  # type: ignore[operator]


def test_a_segmentation_sees_every_level() -> None:
    network = create("unet_tiny", 1, 2, "segmentation").double()
    with torch.no_grad():
        levels = network.encoder(torch.rand(1, 1, 32, 32, 32).double())  # type: ignore[operator]
        whole = network.pred_head(levels)  # type: ignore[operator]
        for number in range(len(levels)):
            without = [level * (other != number) for other, level in enumerate(levels)]
            assert not torch.allclose(network.pred_head(without), whole)  # type: ignore[operator]


def test_without_gradients_a_reconstruction_holds_one_level() -> None:
    network = create("unet_tiny", 1, 1, "reconstruction")
    found: list[weakref.ref[torch.Tensor]] = []
    held: list[bool] = []
    for name, part in network.named_modules():
        if isinstance(part, ConvBlock) and name.startswith("encoder."):
            part.register_forward_hook(lambda _part, _inputs, output: found.append(weakref.ref(output)))
    head = network.get_submodule("rec_head")
    head.register_forward_pre_hook(lambda _part, _inputs: held.extend(level() is not None for level in found))
    with torch.no_grad():
        network(torch.rand(1, 1, 32, 32, 32))
    assert held == [False, False, False, True]


@pytest.mark.parametrize(("name", "count"), [("unet_tiny", 4), ("unet_b", 5), ("mednext_m", 5)])
def test_deep_supervision_says_something_of_each_level_in_training(name: str, count: int) -> None:
    with torch.device("meta"):
        network = create(name, 2, 3, "segmentation", deep_supervision=True)
        image = torch.zeros(1, 2, 32, 48, 64)
        levels = network.train()(image)
        one = network.eval()(image)
    assert [tuple(level.shape) for level in levels] == [
        (1, 3, 32 >> number, 48 >> number, 64 >> number) for number in range(count)
    ]
    assert one.shape == (1, 3, 32, 48, 64)


def test_deep_supervision_adds_its_layers_and_changes_no_other() -> None:
    """The names and widths are Yucca's (1.1.7): ds_out_conv0 takes the deepest features."""
    torch.manual_seed(3)
    plain = create("unet_b", 1, 3, "segmentation")
    torch.manual_seed(3)
    deep = create("unet_b", 1, 3, "segmentation", deep_supervision=True)
    added = {name: tuple(part.shape) for name, part in deep.named_parameters() if name not in plain.state_dict()}
    weights = {f"pred_head.ds_out_conv{number}.weight": (3, 32 * 2 ** (4 - number), 1, 1, 1) for number in range(4)}
    assert added == weights | {f"pred_head.ds_out_conv{number}.bias": (3,) for number in range(4)}
    assert all(torch.equal(deep.state_dict()[name], value) for name, value in plain.state_dict().items())


def test_deep_supervision_leaves_the_finest_level_as_it_is() -> None:
    network = create("unet_tiny", 1, 2, "segmentation", deep_supervision=True)
    image = torch.rand(1, 1, 32, 32, 32)
    with torch.no_grad():
        assert torch.equal(network.train()(image)[0], network.eval()(image))


@pytest.mark.parametrize(("name", "head"), [("swin_unetr", "segmentation"), ("unet_b", "reconstruction")])
def test_deep_supervision_is_refused_where_there_is_none(name: str, head: str) -> None:
    with pytest.raises(CallError, match=f"{name}, {head}: there is no deep supervision"):
        create(name, 1, 1, head, deep_supervision=True)
