"""Names, heads and options; no option changes a result beyond rounding."""

import pickle

import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")
import torch
from torch import Tensor, nn

from brains45k import networks
from brains45k.errors import CallError
from brains45k.networks import HEADS, NAMES, Options, create
from brains45k.networks.blocks import Block

SMALL = [("unet_tiny", "reconstruction"), ("unet_tiny", "segmentation"), ("mednext_m", "reconstruction")]
PLAIN = Options()


def image(samples: int = 1, size: int = 16) -> Tensor:
    generator = torch.Generator().manual_seed(8)
    return torch.rand(samples, 1, size, size, 32, dtype=torch.float64, generator=generator)


def pair(name: str, head: str, options: Options) -> tuple[nn.Module, nn.Module]:
    """Make a network without options and one with them, of equal weights."""
    plain, other = create(name, 1, 2, head).double(), create(name, 1, 2, head, options=options).double()
    other.load_state_dict(plain.state_dict())
    return plain, other


def result_and_gradients(network: nn.Module, samples: int) -> list[Tensor]:
    result = network(image(samples))
    return [result.detach(), *torch.autograd.grad((result**2).mean(), list(network.parameters()))]


def assert_equal_to_rounding(first: nn.Module, second: nn.Module, samples: int = 1) -> None:
    """Compare results and gradients in double precision: the smallest image amplifies rounding, and nothing else."""
    (one, *gradients), (two, *others) = (result_and_gradients(network, samples) for network in (first, second))
    assert float((one - two).norm() / one.norm()) < 1e-10
    # A bias that a norm cancels has a gradient of rounding alone.
    largest = max(float(gradient.norm()) for gradient in gradients)
    for gradient, other in zip(gradients, others, strict=True):
        assert float((gradient - other).norm()) < 1e-10 * largest


def test_the_package_makes_networks() -> None:
    assert networks.create is create
    assert set(NAMES) == {"unet_b", "unet_xl", "unet_tiny", "mednext_m", "mednext_l", "swin_unetr"}
    assert HEADS == ("reconstruction", "segmentation")


@pytest.mark.parametrize(
    ("name", "head", "said"),
    [
        ("unet_x", "reconstruction", "network: 'unet_x' is unknown; did you mean 'unet_xl'"),
        ("mednext-m", "reconstruction", "did you mean 'mednext_m'"),
        ("resnet", "reconstruction", "known: unet_b, unet_xl,"),
        ("unet_b", "segmentaton", "head: 'segmentaton' is unknown; did you mean 'segmentation'"),
        ("unet_b", "", "known: reconstruction, segmentation"),
    ],
)
def test_unknown_names_are_told_with_the_nearest(name: str, head: str, said: str) -> None:
    with pytest.raises(CallError, match=said):
        create(name, 1, 1, head)


@pytest.mark.parametrize(("inputs", "outputs", "said"), [(0, 1, "in_channels: 0"), (1, -2, "out_channels: -2")])
def test_channels_are_positive(inputs: int, outputs: int, said: str) -> None:
    with pytest.raises(CallError, match=said):
        create("unet_tiny", inputs, outputs, "reconstruction")


def test_weights_are_those_that_pytorch_draws() -> None:
    torch.manual_seed(4)
    network = create("unet_tiny", 1, 1, "reconstruction")
    torch.manual_seed(4)
    first = nn.Conv3d(1, 8, 3, padding=1)
    assert torch.equal(network.get_parameter("encoder.in_conv.conv1.conv.weight"), first.weight)
    assert torch.equal(network.get_parameter("encoder.in_conv.conv1.norm.weight"), torch.ones(8))


@pytest.mark.parametrize(("name", "head"), SMALL)
def test_checkpointing_changes_nothing(name: str, head: str) -> None:
    plain, other = pair(name, head, Options(checkpointing=True))
    assert {part.checkpointing for part in plain.modules() if isinstance(part, Block)} == {False}
    assert {part.checkpointing for part in other.modules() if isinstance(part, Block)} == {True}
    assert_equal_to_rounding(plain, other)


@pytest.mark.parametrize(("name", "head", "samples"), [*((*row, 1) for row in SMALL), ("unet_tiny", "segmentation", 2)])
def test_channels_last_changes_nothing_beyond_rounding(name: str, head: str, samples: int) -> None:
    assert_equal_to_rounding(*pair(name, head, Options(channels_last=True)), samples)


def test_channels_last_in_single_precision() -> None:
    plain, other = (network.float() for network in pair("unet_tiny", "segmentation", Options(channels_last=True)))
    with torch.no_grad():
        one, two = (network(image(1, size=32).float()) for network in (plain, other))
    assert float((one - two).norm() / one.norm()) < 1e-5


def test_channels_last_reaches_weights_and_input() -> None:
    network = create("unet_tiny", 4, 1, "reconstruction", options=Options(channels_last=True))
    seen: list[tuple[int, ...]] = []
    network.get_submodule("encoder.in_conv").register_forward_pre_hook(
        lambda _part, inputs: seen.append(inputs[0].stride())
    )
    network(torch.zeros(2, 4, 16, 16, 32))
    assert seen == [(4 * 16 * 16 * 32, 1, 4 * 16 * 32, 4 * 32, 4)]
    assert network.get_parameter("encoder.encoder_conv1.conv2.conv.weight").stride(1) == 1


@pytest.mark.parametrize("head", HEADS)
def test_compiling_changes_nothing_beyond_rounding(head: str, compiled: list[nn.Module]) -> None:
    plain, other = pair("unet_tiny", head, Options(compile=True))
    assert compiled == [other]
    assert list(other.state_dict()) == list(plain.state_dict())
    assert_equal_to_rounding(plain, other)


@pytest.mark.usefixtures("compiled")
def test_a_network_is_traced_as_one_graph() -> None:
    with torch.device("meta"):
        explained = torch._dynamo.explain(create("unet_tiny", 1, 1, "segmentation"))(torch.zeros(1, 1, 16, 16, 32))
    assert explained.graph_count == 1
    assert explained.graph_break_count == 0


@pytest.mark.usefixtures("compiled")
def test_all_options_together() -> None:
    options = Options(checkpointing=True, channels_last=True, compile=True)
    assert_equal_to_rounding(*pair("unet_tiny", "reconstruction", options))


@pytest.mark.parametrize("options", [PLAIN, Options(checkpointing=True, channels_last=True)])
def test_a_network_can_be_sent_to_another_process(options: Options) -> None:
    network = create("unet_tiny", 1, 1, "reconstruction", options=options).double()
    other = pickle.loads(pickle.dumps(network))  # noqa: S301 - our own bytes
    with torch.no_grad():
        assert torch.equal(other(image()), network(image()))


def test_a_sample_is_computed_alone() -> None:
    network = create("unet_tiny", 1, 1, "reconstruction").double()
    batch = image(3)
    with torch.no_grad():
        together = network(batch)
        for number in range(3):
            torch.testing.assert_close(network(batch[number : number + 1])[0], together[number])
