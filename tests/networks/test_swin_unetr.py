"""MONAI's Swin UNETR under our contract."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")
import torch
from torch import nn

from brains45k.errors import CallError
from brains45k.networks import Options, create, load_weights


@pytest.fixture(scope="module")
def network() -> nn.Module:
    pytest.importorskip("monai")
    pytest.importorskip("einops")
    return create("swin_unetr", 1, 2, "segmentation")


@pytest.fixture(scope="module")
def image() -> torch.Tensor:
    return torch.rand(1, 1, 32, 32, 64, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("missing", ["monai.networks.nets.swin_unetr", "einops"])
def test_without_monai_the_remedy_is_told(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(CallError, match=r"is not installed\. Install it with pip install monai einops"):
        create("swin_unetr", 1, 1, "reconstruction")


@pytest.mark.parametrize(
    ("size", "said"), [((32, 32, 48), "32x32x48 voxels: each size must be a multiple of 32"), ((32,) * 3, "too small")]
)
def test_unsuitable_sizes_are_named(network: nn.Module, size: tuple[int, int, int], said: str) -> None:
    with pytest.raises(CallError, match=said):
        network(torch.zeros(1, 1, *size))


def test_options_change_nothing_beyond_rounding(network: nn.Module, image: torch.Tensor) -> None:
    other = create("swin_unetr", 1, 2, "segmentation", options=Options(checkpointing=True, channels_last=True))
    other.load_state_dict(network.state_dict())
    assert {part.use_checkpoint for part in other.modules() if hasattr(part, "use_checkpoint")} == {True}
    with torch.no_grad():
        one, two = network(image), other(image)
    assert one.shape == (1, 2, 32, 32, 64)
    assert float((one - two).norm() / one.norm()) < 1e-5


def test_weights_go_to_another_head_without_the_decoder(
    network: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tensors = dict(network.state_dict()) | {"out.conv.conv.weight": torch.ones(1, 48, 1, 1, 1)}
    monkeypatch.setattr("brains45k.networks.checkpoints.read_weights", lambda _path: tensors)
    report = load_weights(network, tmp_path / "x.pth")
    assert report.encoder_loaded == report.encoder_total == 129
    assert (report.head_loaded, report.head_total) == (0, 22)
    assert set(report.missing) == set(report.unused)
    assert all(name.startswith(("decoder", "out.")) for name in report.missing)
