"""The whole augmentation: what it hangs on, what it leaves alone, and what it refuses."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from brains45k.errors import CallError
from brains45k.training.augment import PRESETS, Pair, augment, pipeline, source_size_voxels
from brains45k.training.augment.draws import stream
from brains45k.training.augment.preset import Preset
from brains45k.training.augment.spatial import centre_of
from brains45k.training.masking import draw_mask

SIZE = 16
SOURCE = source_size_voxels("all", SIZE)
EACH = pytest.mark.parametrize("preset", ["all", "spatial", "none"])


def patches(count: int, preset: str = "all", *, size: int = SIZE) -> Tensor:
    generator = torch.Generator().manual_seed(11)
    return torch.rand((count, 1, *(source_size_voxels(preset, size),) * 3), generator=generator) * 0.5 + 0.25


def augmented(keys: list[int], preset: str = "all", **options: Any) -> Pair:
    return augment(
        patches(1, preset).expand(len(keys), -1, -1, -1, -1), keys, preset=preset, size_voxels=SIZE, **options
    )


def drawn_by(preset: Preset, key: int) -> set[str]:
    """Name the transforms that a key draws."""
    found = {one.name for one in preset.intensity if one.draw(stream(key, one.name)) is not None}
    spatial = preset.spatial
    if spatial is not None and spatial.draw(stream(key, spatial.name), size_voxels=SIZE) is not None:
        found.add(spatial.name)
    return found


def keys_that_draw(*names: str, count: int = 3) -> list[int]:
    """Find keys that draw these transforms and no other."""
    found = (key for key in range(100_000) if drawn_by(PRESETS["all"], key) == set(names))
    return [next(found) for _ in range(count)]


def always(preset: Preset) -> Preset:
    """Make every transform of a preset happen."""
    intensity: list[Any] = list(preset.intensity)
    for number, one in enumerate(intensity):
        chances = [field.name for field in fields(one) if field.name.endswith("probability")]
        intensity[number] = replace(one, **dict.fromkeys(chances, 1.0))
    spatial = preset.spatial
    assert spatial is not None
    spatial = replace(spatial, elastic_probability=1.0, rotation_probability=1.0, scale_probability=1.0)
    return Preset(spatial=spatial, intensity=tuple(intensity))


@pytest.fixture
def everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRESETS, "all", always(PRESETS["all"]))


@pytest.mark.parametrize(("size", "source"), [(128, 181), (96, 135), (64, 90), (32, 45)])
def test_the_source_is_as_large_as_the_references(size: int, source: int) -> None:
    assert source_size_voxels("all", size) == source_size_voxels("spatial", size) == source
    assert source == int(2**0.5 * size)
    assert source_size_voxels("none", size) == size


@EACH
def test_results_are_new_float32_tensors_without_gradients(preset: str) -> None:
    source = patches(2, preset).requires_grad_()
    before = source.detach().clone()
    pair = augment(source, [3, 4], preset=preset, size_voxels=SIZE)
    for found in pair:
        assert found.shape == (2, 1, SIZE, SIZE, SIZE)
        assert found.dtype == torch.float32
        assert not found.requires_grad
        found.zero_()
    assert torch.equal(source.detach(), before)


@pytest.mark.parametrize(("size", "margin"), [(16, 6), (13, 5)])
def test_what_draws_nothing_passes_bit_by_bit(size: int, margin: int) -> None:
    keys = keys_that_draw()
    source = patches(3, size=size)
    assert source.shape[-1] == size + margin
    pair = augment(source, keys, preset="all", size_voxels=size)
    expected = torch.stack([centre_of(one[0], size) for one in source]).unsqueeze(1)
    assert torch.equal(pair.target, expected)
    assert torch.equal(pair.image, expected)


def test_no_preset_is_the_patch_itself() -> None:
    source = patches(2, "none")
    pair = augment(source, [1, 2], preset="none", size_voxels=SIZE)
    assert torch.equal(pair.image, source)
    assert torch.equal(pair.target, source)


@pytest.mark.parametrize("name", [one.name for one in PRESETS["all"].intensity])
def test_intensities_change_in_the_image_alone(name: str) -> None:
    keys = keys_that_draw(name)
    pair = augment(patches(3), keys, preset="all", size_voxels=SIZE)
    cut = augment(patches(3), keys_that_draw(), preset="all", size_voxels=SIZE).target
    assert torch.equal(pair.target, cut)
    for image, target in zip(*pair, strict=True):
        assert not torch.equal(image, target)


def test_space_changes_in_image_and_target_alike() -> None:
    keys = keys_that_draw("spatial")
    pair = augment(patches(3), keys, preset="all", size_voxels=SIZE)
    cut = augment(patches(3), keys_that_draw(), preset="all", size_voxels=SIZE).target
    assert torch.equal(pair.image, pair.target)
    assert all(not torch.equal(one, other) for one, other in zip(pair.target, cut, strict=True))


def test_transforms_follow_each_other_in_the_presets_order(monkeypatch: pytest.MonkeyPatch) -> None:
    key = keys_that_draw("bias_field", "gamma", count=1)
    forwards = augmented(key).image
    preset = PRESETS["all"]
    bias, gamma = preset.intensity[-2:]
    monkeypatch.setitem(PRESETS, "all", Preset(preset.spatial, (bias,)))
    shaded = augmented(key).image
    assert torch.equal(gamma.apply(shaded, [gamma.draw(stream(key[0], gamma.name)) or {}]), forwards)
    monkeypatch.setitem(PRESETS, "all", Preset(preset.spatial, (gamma, bias)))
    assert not torch.allclose(augmented(key).image, forwards, atol=1e-3)


@EACH
@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
def test_a_key_decides_and_nothing_else(preset: str, interpolation: str) -> None:
    first = augmented([5, 6, 7], preset, interpolation=interpolation)
    torch.manual_seed(3)
    again = augmented([5, 6, 7], preset, interpolation=interpolation)
    assert torch.equal(first.image, again.image)
    assert torch.equal(first.target, again.target)


@pytest.mark.usefixtures("everything")
def test_two_keys_augment_differently() -> None:
    pair = augmented([5, 6])
    assert not torch.equal(pair.image[0], pair.image[1])
    assert not torch.equal(pair.target[0], pair.target[1])


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=4, unique=True), st.randoms())
@settings(max_examples=15)
def test_a_sample_is_the_same_bit_by_bit_in_any_batch(keys: list[int], random: Any) -> None:
    """On a CPU; on an accelerator, whose libraries choose by size how to multiply, to rounding."""
    source = patches(len(keys))
    together = augment(source, keys, preset="all", size_voxels=SIZE)
    order = list(range(len(keys)))
    random.shuffle(order)
    shuffled = augment(source[order], [keys[row] for row in order], preset="all", size_voxels=SIZE)
    for place, row in enumerate(order):
        alone = augment(source[row : row + 1], [keys[row]], preset="all", size_voxels=SIZE)
        for one, other, third in zip(together, shuffled, alone, strict=True):
            assert torch.equal(one[row], other[place])
            assert torch.equal(one[row], third[0])


@pytest.mark.usefixtures("everything")
def test_rows_together_are_rows_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """As an accelerator takes them, but for the device."""
    one_by_one = augment(patches(4), range(4), preset="all", size_voxels=SIZE)
    monkeypatch.setattr(pipeline, "row_groups", lambda rows, _: [list(rows)])
    together = augment(patches(4), range(4), preset="all", size_voxels=SIZE)
    assert (together.image - one_by_one.image).abs().max() < 1e-6


@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
def test_the_range_of_the_source_is_kept(interpolation: str) -> None:
    source = patches(4)
    pair = augment(source, range(4), preset="all", size_voxels=SIZE, interpolation=interpolation)
    low, high = source.amin((1, 2, 3, 4)), source.amax((1, 2, 3, 4))
    for found in pair:
        assert (found.amin((1, 2, 3, 4)) >= low).all()
        assert (found.amax((1, 2, 3, 4)) <= high).all()
        assert found.isfinite().all()


@pytest.mark.usefixtures("everything")
def test_a_constant_stays_finite() -> None:
    for value in (0.0, 1.0):
        pair = augment(torch.full((1, 1, *(SOURCE,) * 3), value), [3], preset="all", size_voxels=SIZE)
        assert (pair.target == value).all()
        assert torch.allclose(pair.image, pair.target, atol=1e-6)


@EACH
def test_a_batch_of_none(preset: str) -> None:
    pair = augment(patches(0, preset), [], preset=preset, size_voxels=SIZE)
    assert pair.image.shape == pair.target.shape == (0, 1, SIZE, SIZE, SIZE)


@pytest.mark.parametrize("size", [8, 12, 32])
def test_any_size_of_patch_will_do(size: int) -> None:
    for key in range(3):
        pair = augment(patches(1, size=size), [key], preset="all", size_voxels=size)
        assert pair.image.shape[-1] == size


@pytest.mark.usefixtures("everything")
def test_the_global_generators_neither_decide_nor_move() -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[index]  # noqa: NPY002
    augmented([3, 4])
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # type: ignore[index]  # noqa: NPY002


@pytest.mark.usefixtures("everything")
def test_the_precision_of_the_network_decides_nothing() -> None:
    expected = augmented([3, 4])
    torch.set_float32_matmul_precision("medium")
    try:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = augmented([3, 4])
            assert torch.is_autocast_enabled("cpu")
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")
    assert torch.equal(found.image, expected.image)
    assert torch.equal(found.target, expected.target)


class NoWaiting(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Refuse what makes the host wait for the device: reading a number, or a shape that hangs on numbers."""

    waits = ("_local_scalar_dense", "nonzero", "masked_select", "item", "equal", "unique", "is_nonzero", "bincount")
    # These read the number of a tensor inside PyTorch.
    hidden = ("aten::masked_fill.Tensor", "aten::masked_fill_.Tensor", "aten::repeat_interleave.Tensor")

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.name()
        assert name not in self.hidden, name
        assert name.partition("::")[2].partition(".")[0] not in self.waits, name
        return func(*args, **(kwargs or {}))


@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
def test_nothing_waits_for_the_device(interpolation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "row_groups", lambda rows, _: [list(rows)])
    source = patches(2)
    with NoWaiting():  # type: ignore[no-untyped-call]
        augment(source, [3, 4], preset="all", size_voxels=SIZE, interpolation=interpolation)
        draw_mask([3, 4], size_voxels=SIZE)
        with pytest.raises(AssertionError, match="_local_scalar_dense"):
            source.sum().item()
        with pytest.raises(AssertionError, match="masked_fill"):
            source.masked_fill(source > 1, source.sum())


@pytest.mark.parametrize("name", [one.name for one in PRESETS["all"].intensity])
def test_each_transform_comes_as_often_as_in_the_reference(name: str) -> None:
    expected = {"blur": 0.1, "bias_field": 0.33, "low_resolution": 0.1 * (1 - 0.67**3)}.get(name, 0.2)
    (transform,) = (one for one in PRESETS["all"].intensity if one.name == name)
    count = 3000
    found = sum(transform.draw(stream(key, name)) is not None for key in range(count))
    assert abs(found - count * expected) < 5 * (count * expected * (1 - expected)) ** 0.5


def test_transforms_come_independently_of_each_other() -> None:
    preset = PRESETS["all"]
    names = [one.name for one in preset.intensity]
    table = np.array([[name in drawn_by(preset, key) for name in [*names, "spatial"]] for key in range(1500)])
    correlation = np.corrcoef(table.T) - np.eye(len(names) + 1)
    assert np.abs(correlation).max() < 5 / 1500**0.5


@pytest.mark.parametrize(
    ("source", "keys"),
    [
        (torch.zeros(2, 1, SOURCE, SOURCE, SOURCE - 1), [1, 2]),
        (torch.zeros(2, 1, SIZE, SIZE, SIZE), [1, 2]),
        (torch.zeros(2, 2, SOURCE, SOURCE, SOURCE), [1, 2]),
        (torch.zeros(1, SOURCE, SOURCE, SOURCE), [1]),
        (torch.zeros(2, 1, SOURCE, SOURCE, SOURCE), [1]),
        (torch.zeros(1, 1, SOURCE, SOURCE, SOURCE, dtype=torch.float64), [1]),
        (torch.zeros(1, 1, SOURCE, SOURCE, SOURCE, dtype=torch.int16), [1]),
    ],
)
def test_other_patches_are_refused(source: Tensor, keys: list[int]) -> None:
    with pytest.raises(CallError, match=rf"ask for \({len(keys)}, 1, {SOURCE}, {SOURCE}, {SOURCE}\) torch.float32"):
        augment(source, keys, preset="all", size_voxels=SIZE)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(CallError, match="choose one of all, spatial, basic, none"):
        augment(patches(1), [1], preset="fullaug", size_voxels=SIZE)
    with pytest.raises(CallError, match="choose one of linear, cubic"):
        augment(patches(1), [1], preset="all", size_voxels=SIZE, interpolation="nearest")
