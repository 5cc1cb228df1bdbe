"""Which network a file of weights fits, and what is said of it."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from networks import tables

pytest.importorskip("torch")
pytest.importorskip("safetensors")
import torch
from torch import Tensor

from brains45k.errors import DataError
from brains45k.networks import create, published, save_weights
from brains45k.networks.published import RELEASED, Candidate, describe, explain_released, inspect_weights

TINY = Candidate("unet_tiny", "reconstruction", 1, 1)


def tensors_of(candidate: Candidate = TINY) -> dict[str, Tensor]:
    network = create(candidate.name, candidate.in_channels, candidate.out_channels, candidate.head)
    return {name: parameter.detach() for name, parameter in network.named_parameters()}


def written(path: Path, tensors: Mapping[str, Any], prefix: str = "") -> Path:
    torch.save({prefix + name: tensor for name, tensor in tensors.items()}, path)
    return path


def weightless(candidate: Candidate) -> dict[str, Tensor]:
    """Views of one number: of any shape, and of no size."""
    shapes = {name: parameter.shape for name, parameter in candidate.weightless().named_parameters()}
    return {name: torch.ones(()).expand(shape) for name, shape in shapes.items()}


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Let a file stand for tensors that are never written."""

    def hold(tensors: Mapping[str, Tensor], name: str = "w.pth") -> Path:
        for module in ("published", "checkpoints"):
            monkeypatch.setattr(f"brains45k.networks.{module}.read_weights", lambda _path: dict(tensors))
        path = tmp_path / name
        path.write_bytes(b"weights")
        return path

    return hold


@pytest.mark.parametrize(
    "candidate",
    [
        *(Candidate(name, "reconstruction", 1, 1) for name in ("unet_b", "unet_tiny", "mednext_m", "mednext_l")),
        *(Candidate(name, "segmentation", 1, 3) for name in ("unet_b", "unet_tiny", "mednext_m", "mednext_l")),
        *(Candidate("unet_b", "segmentation", channels, 4) for channels in (2, 3, 4)),
        Candidate("unet_xl", "reconstruction", 1, 1),
        Candidate("mednext_m", "reconstruction", 4, 4),
    ],
    ids=str,
)
def test_each_network_is_known_by_its_tensors(candidate: Candidate, held: Any) -> None:
    found = inspect_weights(held(weightless(candidate)))
    assert found.fit == candidate
    assert not found.report.missing
    assert not found.report.unused


def test_swin_unetr_is_one_network_for_both_heads(held: Any) -> None:
    pytest.importorskip("monai")
    pytest.importorskip("einops")
    found = inspect_weights(held(weightless(Candidate("swin_unetr", "segmentation", 2, 3))))
    assert str(found.fit) == "swin_unetr, either head, 2 input channels, 3 output channels"
    assert not found.report.missing


@pytest.mark.parametrize("prefix", ["", "model.", "model._orig_mod.", "module.model."])
@pytest.mark.parametrize("nested", [False, True])
def test_prefixes_do_not_matter(prefix: str, nested: bool, tmp_path: Path) -> None:
    tensors = {prefix + name: tensor for name, tensor in tensors_of().items()}
    torch.save({"state_dict": tensors, "epoch": 3} if nested else tensors, tmp_path / "w.ckpt")
    found = inspect_weights(tmp_path / "w.ckpt")
    assert found.fit == TINY
    assert (found.report.encoder_loaded, found.report.head_loaded) == (32, 20)


@pytest.mark.parametrize("candidate", [TINY, Candidate("unet_tiny", "segmentation", 2, 3)], ids=str)
def test_a_head_called_decoder_tells_its_kind(candidate: Candidate, tmp_path: Path) -> None:
    named = {
        name.replace("rec_head", "decoder").replace("pred_head", "decoder"): t
        for name, t in tensors_of(candidate).items()
    }
    found = inspect_weights(written(tmp_path / "w.pth", named, "model."))
    assert found.fit == candidate
    assert not found.report.missing


def test_an_encoder_alone_fits(tmp_path: Path) -> None:
    encoder = {name: tensor for name, tensor in tensors_of().items() if name.startswith("encoder.")}
    found = inspect_weights(written(tmp_path / "w.pth", encoder))
    assert (found.fit.name, found.fit.in_channels) == ("unet_tiny", 1)
    assert (found.report.encoder_loaded, found.report.head_loaded) == (32, 0)


def test_what_is_told_of_a_file(tmp_path: Path) -> None:
    path = written(tmp_path / "w.pth", tensors_of(), "model.")
    content = path.read_bytes()
    lines = describe(inspect_weights(path))
    assert lines[0] == str(path)
    rows = {line.split(maxsplit=1)[0]: line.split(maxsplit=1)[1] for line in lines[1:]}
    assert rows["size"] == f"{len(content):,} bytes"
    assert rows["sha256"] == hashlib.sha256(content).hexdigest()
    assert rows["md5"] == hashlib.md5(content, usedforsecurity=False).hexdigest()
    assert rows["network"] == "unet_tiny, head reconstruction, 1 input channel, 1 output channel"
    assert rows["tensors"] == "32 of 32 tensors of the encoder and 20 of 20 of the head loaded"
    assert f"network: unet_tiny, pretrained: {path}}}" in rows["next"]
    assert any("allow_leakage: true" in line for line in lines)


def test_a_file_of_ours_says_where_it_is_from(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    about = {"network": "unet_tiny", "head": "reconstruction", "run": "small", "build_id": "b1", "corpus_digest": "c1"}
    save_weights(create("unet_tiny", 1, 1, "reconstruction"), path, about)
    (tmp_path / "volumes.parquet").write_bytes(b"rows")
    text = "\n".join(describe(inspect_weights(path)))
    assert "run           small\n" in text
    assert "build_id      b1\n" in text
    assert "corpus_digest c1\n" in text
    # What it saw lies beside it.
    assert "allow_leakage" not in text


def test_a_finetuned_file_of_ours_is_used_to_segment(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    about = {"network": "unet_tiny", "head": "segmentation", "run": "scratch", "fold": 2, "seed": 7}
    about |= {"task": {"name": "wmh", "document": {}}, "pretrained": None, "leakage": {"state": "none", "leaks": []}}
    save_weights(create("unet_tiny", 2, 2, "segmentation"), path, about)
    lines = describe(inspect_weights(path))
    rows = {line.split(maxsplit=1)[0]: line.split(maxsplit=1)[1] for line in lines[1:]}
    assert (rows["run"], rows["task"], rows["fold"], rows["pretrained"]) == ("scratch", "wmh", "2", "no")
    assert rows["leakage"] == "none"
    assert rows["next"] == f"brains45k segment IMAGE... --checkpoint {path} --out OUT.nii.gz"


def test_the_nearest_network_and_the_first_mismatch_are_told(tmp_path: Path) -> None:
    tensors = tensors_of()
    wide = {name: torch.zeros(tensor.shape[0] + 3, *tensor.shape[1:]) for name, tensor in tensors.items()}
    with pytest.raises(DataError, match=r"encoder\.in_conv\.conv1\.conv\.weight is") as refused:
        inspect_weights(written(tmp_path / "w.pth", wide))
    assert "The nearest network is unet_" in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_a_file_of_no_network_of_ours_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"shares no name with any network \(unet_b, .*\); it begins with fc\.weight"):
        inspect_weights(written(tmp_path / "w.pth", {"fc.weight": torch.zeros(2, 2), "fc.bias": torch.zeros(2)}))


class _Evil:
    """What runs when an unpickler meets it."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.target,)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_malicious_checkpoint_is_refused_and_not_run(legacy: bool, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    checkpoint = {"state_dict": tensors_of(), "hyper_parameters": _Evil(mark)}
    torch.save(checkpoint, tmp_path / "w.ckpt", _use_new_zipfile_serialization=not legacy)
    with pytest.raises(DataError, match="holds more than tensors and plain values"):
        inspect_weights(tmp_path / "w.ckpt")
    assert not mark.exists()
    # It would have run.
    torch.load(tmp_path / "w.ckpt", weights_only=False)
    assert mark.exists()


def test_a_web_page_is_told(tmp_path: Path) -> None:
    for name in ("w.pth", RELEASED[0].file, "w.safetensors"):
        (tmp_path / name).write_text("<!DOCTYPE html><title>Zenodo</title>")
        with pytest.raises(DataError, match="is a web page, not a checkpoint"):
            inspect_weights(tmp_path / name)


def test_what_does_not_exist_is_told(tmp_path: Path) -> None:
    for path in (tmp_path / RELEASED[0].file, tmp_path):
        with pytest.raises(DataError, match="there is no such file"):
            inspect_weights(path)


def sparse(path: Path, size_bytes: int) -> Path:
    with path.open("wb") as file:
        file.truncate(size_bytes)
    return path


def test_a_download_that_broke_off_is_told(tmp_path: Path) -> None:
    released = RELEASED[1]
    least = 4 * (14_134_944 + 3_744_673)
    path = sparse(tmp_path / released.file, least - 1)
    with pytest.raises(DataError, match=f"holds {least - 1:,} bytes, its tensors alone take {least:,}"):
        inspect_weights(path)


def released_lines(file: str, tensors: dict[str, Tensor], held: Any) -> list[str]:
    path = held(tensors, file)
    sparse(path, 66_000_000)
    return describe(inspect_weights(path))


def test_a_released_file_is_compared_with_what_its_name_promises(held: Any) -> None:
    candidate = Candidate("mednext_m", "reconstruction", 1, 1)
    lines = released_lines("mednext_m3_lw_dec_fullaug.pth", weightless(candidate), held)
    assert any("has each tensor of the released file of this name; no hash is known" in line for line in lines)
    lines = released_lines("mednext_m3_lw_dec_fullaug.pth", weightless(TINY), held)
    assert any("NOT the released file of this name, which is mednext_m, head rec" in line for line in lines)


@pytest.mark.parametrize("released", RELEASED, ids=lambda released: released.network)
def test_released_files_are_the_references_networks(released: published.Released, held: Any) -> None:
    # The tensors of the network by which the authors name the file, as counted in their code.
    table = f"pretrain_{released.file.removesuffix('_fullaug.pth')}_in1"
    shapes = tables.read_table(table)
    expected = Candidate(released.network, "reconstruction", 1, 1).weightless()
    assert {name: tuple(parameter.shape) for name, parameter in expected.named_parameters()} == shapes


def test_where_the_released_files_are() -> None:
    text = "\n".join(explain_released())
    assert "https://github.com/asbjrnmunk/amaes" in text
    for released in RELEASED:
        assert f"https://zenodo.org/records/13604788/files/{released.file}?download=1" in text
    for parameters in (17_879_617, 71_500_929, 16_236_385, 50_496_993):
        assert f"{parameters:,} parameters, {4 * parameters:,} bytes" in text
