"""Files of weights: every layout that is met, and anything else refused in one line."""

import argparse
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")
pytest.importorskip("safetensors")
import torch
from safetensors.torch import save_file
from torch import Tensor

from brains45k.errors import DataError
from brains45k.networks.weights import read_weights

TENSORS = {"a.weight": torch.arange(6.0).view(2, 3), "b": torch.ones(4)}


def saved(folder: Path, held: object, name: str = "weights.pth") -> Path:
    path = folder / name
    torch.save(held, path)
    return path


def assert_tensors(found: dict[str, Tensor]) -> None:
    assert list(found) == list(TENSORS)
    assert all(torch.equal(found[name], TENSORS[name]) for name in TENSORS)


@pytest.mark.parametrize(
    "held",
    [
        TENSORS,
        {"state_dict": TENSORS},
        {"epoch": 3, "state_dict": TENSORS, "hyper_parameters": {"lr": 1e-4}, "loops": [None]},
        {**TENSORS, "note": "not a tensor", "step": 7},
    ],
)
@pytest.mark.parametrize("name", ["weights.pth", "last.ckpt", "w.pt"])
def test_layouts_of_torch_save(held: Any, name: str, tmp_path: Path) -> None:
    assert_tensors(read_weights(saved(tmp_path, held, name)))


def test_safetensors(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "w.safetensors")
    assert_tensors(read_weights(tmp_path / "w.safetensors"))


@pytest.mark.parametrize(
    "held", [{}, {"state_dict": {}}, {"a": 1}, [torch.ones(2)], torch.ones(2), None, {"x": TENSORS}]
)
def test_a_file_without_named_tensors(held: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"weights\.pth: holds no tensors by name"):
        read_weights(saved(tmp_path, held))


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is damaged, or no checkpoint"),
        (b"hello", "is damaged, or no checkpoint"),
        (b"PK\x03\x04 and no more", "is damaged, or no checkpoint"),
        (b"\x80\x02garbage", "is damaged, or no checkpoint"),
        (b"\xff" * 64, "is damaged, or no checkpoint"),
        (b"\n <!DOCTYPE html><html><body>Sign in</body></html>", "is a web page"),
    ],
)
def test_foreign_bytes(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=said) as caught:
        read_weights(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
def test_a_file_that_is_not_there(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder.pth").mkdir()
    (tmp_path / "folder.safetensors").mkdir()
    for path in (tmp_path / name, tmp_path / name.replace("w", "folder")):
        with pytest.raises(DataError, match="there is no such file"):
            read_weights(path)


def test_nothing_in_a_file_is_executed(tmp_path: Path) -> None:
    class Harmful:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "touched",))

    path = saved(tmp_path, {**TENSORS, "harm": Harmful()})
    with pytest.raises(DataError, match="holds more than tensors and plain values"):
        read_weights(path)
    assert not (tmp_path / "touched").exists()


def test_objects_of_a_training_script(tmp_path: Path) -> None:
    path = saved(tmp_path, {"state_dict": TENSORS, "args": argparse.Namespace(lr=1)})
    with pytest.raises(DataError, match="save its state_dict alone"):
        read_weights(path)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), cut=st.booleans())
def test_damage_is_told_or_harmless(suffix: str, seed: int, cut: bool, tmp_path: Path) -> None:
    path = tmp_path / f"w{suffix}"
    if suffix == ".pth":
        torch.save(TENSORS, path)
    else:
        save_file(TENSORS, path)
    content = bytearray(path.read_bytes())
    random = np.random.default_rng(seed)
    if cut:
        del content[int(random.integers(len(content))) :]
    for place in random.integers(len(content), size=4) if content else ():
        content[place] ^= int(random.integers(1, 256))
    path.write_bytes(content)
    # A flip may also hit a value, which nothing guards.
    with suppress(DataError):
        assert read_weights(path)
