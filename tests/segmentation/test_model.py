"""A finetuned network from its file."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")
import torch
from support.tiny_model import TASK, bright_network, metadata, write_model

from brains45k.errors import DataError
from brains45k.networks import create, save_weights
from brains45k.segmentation.model import load_model
from brains45k.volume.preprocess import Preprocessing


def test_a_model_is_what_its_file_says(tmp_path: Path) -> None:
    path = write_model(tmp_path, preprocess={"preset": "reference", "spacing_mm": 1.5})
    model = load_model(path, device="cpu")
    assert (model.task.name, model.task.title, model.task.class_count) == ("lesions", "Lesions", 3)
    assert [role.name for role in model.task.roles] == ["flair", "t1"]
    assert model.preprocessing == Preprocessing(preset="reference", spacing_mm=1.5)
    assert model.patch_size_voxels == 32
    assert model.about["run"] == "tiny"


def test_weights_are_loaded_and_the_network_is_in_eval_mode(tmp_path: Path) -> None:
    model = load_model(str(write_model(tmp_path)))
    expected = bright_network().state_dict()
    found = model.network.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert not any(part.training for part in model.network.modules())


def without(*keys: str) -> dict[str, Any]:
    return {key: value for key, value in metadata().items() if key not in keys}


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"network": "unet_tiny", "head": "reconstruction"}, "is a pretraining checkpoint"),
        ({}, "does not say its network, head, task, preprocess, patch_size_voxels"),
        (without("task"), "does not say its task"),
        (metadata(network="unet_huge"), "'unet_huge' is unknown"),
        (metadata(preprocess={"preset": "papers"}), "preset 'papers' does not exist"),
        (metadata(preprocess={"colour": 1}), "colour"),
        (metadata(task={"name": "x", "document": TASK | {"classes": []}}), "classes"),
        (metadata(task={"name": "x"}), "document"),
        (metadata(network="unet_b"), "tensors of the encoder do not fit"),
    ],
)
def test_what_is_no_model_is_refused_in_one_line(about: dict[str, Any], said: str, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_weights(bright_network(), path, about)
    with pytest.raises(DataError, match=said) as refused:
        load_model(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert len(str(refused.value).splitlines()) == 1


def test_a_network_without_its_head_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_weights(create("unet_tiny", 2, 1, "reconstruction"), path, metadata())
    with pytest.raises(DataError, match=r"lacks 32 tensors of its network, first pred_head\."):
        load_model(path)


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    torch.save(bright_network().state_dict(), tmp_path / "m.pth")
    with pytest.raises(DataError, match=r"is no \.safetensors"):
        load_model(tmp_path / "m.pth")
    with pytest.raises(DataError, match="there is no such file"):
        load_model(tmp_path / "none.safetensors")


def test_layers_of_deep_supervision_are_for_training_alone(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    trained = create("unet_tiny", 2, 3, "segmentation", deep_supervision=True).eval()
    save_weights(trained, path, metadata(deep_supervision=True))
    network = load_model(path).network
    assert len(network.state_dict()) < len(trained.state_dict())
    image = torch.rand(1, 2, 16, 16, 16, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.equal(network(image), trained(image))
