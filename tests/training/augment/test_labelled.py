"""Images of several channels with their labels: one warp for all, intensities channel by channel, keys alone decide."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")
import torch
from torch import Tensor

from brains45k.errors import CallError
from brains45k.training.augment import Labelled, augment_labelled
from brains45k.training.augment.draws import stream
from brains45k.training.augment.preset import PRESETS, Preset
from brains45k.training.augment.spatial import Warp, rotation, warp, warp_labelled

SIZE = 16
EACH = pytest.mark.parametrize("preset", ["all", "spatial", "basic", "none"])


def batch(count: int = 3, channels: int = 2, *, size: int = SIZE) -> Labelled:
    generator = torch.Generator().manual_seed(4)
    image = torch.rand((count, channels, *(size,) * 3), generator=generator) * 0.5 + 0.25
    label = torch.randint(0, 4, (count, *(size,) * 3), generator=generator).to(torch.uint8)
    label[label == 3] = 255
    return Labelled(image, label)


def slope(size: int) -> Tensor:
    """Make an image that grows along a slanted line, from about 0 to about 1."""
    x, y, z = torch.meshgrid(*[torch.arange(size, dtype=torch.float32)] * 3, indexing="ij")
    return (x + 2 * y + 0.5 * z) / (3.5 * size)


def warps() -> list[Warp]:
    """Return warps as "all" draws them: turned, scaled and bent."""
    spatial = PRESETS["all"].spatial
    assert spatial is not None
    drawn = (spatial.draw(stream(key, "spatial"), size_voxels=32) for key in range(40))
    return [how for how in drawn if how is not None][:12]


@pytest.mark.parametrize("how", warps())
def test_a_label_follows_its_image_through_a_warp(how: Warp) -> None:
    """Half a voxel along each axis is what a nearest voxel may be off, and linear reading keeps a slope as it is."""
    image, threshold = slope(32), 0.45
    label = (image > threshold).to(torch.uint8)
    found, found_label = torch.empty(1, 32, 32, 32), torch.empty(32, 32, 32, dtype=torch.uint8)
    warp_labelled(image[None], label, how, out=found, out_label=found_label, interpolation="linear")
    half_a_voxel = 0.5 * 3.5 / (3.5 * 32)
    # Outside is the smallest voxel, and the label 0: both below the threshold.
    sure = (found[0] - threshold).abs() > half_a_voxel + 1e-5
    assert sure.float().mean() > 0.8
    assert torch.equal(found_label[sure], (found[0] > threshold).to(torch.uint8)[sure])
    assert found_label.any()


def test_channels_are_warped_as_each_alone() -> None:
    source, label = batch(1, 3)
    how = Warp(rotation((20, -28, 13)).T * 0.95)
    found, found_label = torch.empty_like(source[0]), torch.empty_like(label[0])
    warp_labelled(source[0], label[0], how, out=found, out_label=found_label, interpolation="linear")
    for channel, one in zip(source[0], found, strict=True):
        alone = torch.empty_like(one)
        warp(channel, how, out=alone, interpolation="linear")
        assert torch.equal(one, alone)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_quarter_turns_of_labels_are_exact(quarters: int) -> None:
    source, label = batch(1, 1)
    how = Warp(rotation((0, 0, 90 * quarters)).T)
    found, found_label = torch.empty_like(source[0]), torch.empty_like(label[0])
    warp_labelled(source[0], label[0], how, out=found, out_label=found_label, interpolation="linear")
    assert torch.equal(found_label, torch.rot90(label[0], quarters, (0, 1)))


def test_outside_is_each_channels_minimum_and_background() -> None:
    source = torch.stack([torch.full((SIZE,) * 3, 0.5), torch.full((SIZE,) * 3, 0.75)])
    source[0, 8, 8, 8], source[1, 8, 8, 8] = 0.125, 0.25
    label = torch.full((SIZE,) * 3, 2, dtype=torch.uint8)
    found, found_label = torch.empty_like(source), torch.empty_like(label)
    how = Warp(rotation((0, 0, 30)).T)
    warp_labelled(source, label, how, out=found, out_label=found_label, interpolation="linear")
    corner = (0, 0, slice(None))
    assert (found[0][corner] == 0.125).all()
    assert (found[1][corner] == 0.25).all()
    assert (found_label[corner] == 0).all()
    assert found_label[8, 8, 4] == 2


def test_no_label_is_invented() -> None:
    source = batch(8)
    found = augment_labelled(source, range(8), preset="all")
    assert set(found.label.flatten().tolist()) <= {0, 1, 2, 255}
    assert found.label.dtype == torch.uint8


@EACH
def test_results_are_new_and_the_source_stays(preset: str) -> None:
    source = batch()
    before = Labelled(*(part.clone() for part in source))
    found = augment_labelled(source, [3, 4, 5], preset=preset)
    assert found.image.shape == source.image.shape
    assert found.label.shape == source.label.shape
    for part, other in zip(source, before, strict=True):
        assert torch.equal(part, other)
    found.image.zero_()
    found.label.zero_()
    assert torch.equal(source.image, before.image)
    assert torch.equal(source.label, before.label)


def test_no_preset_is_the_patch_itself() -> None:
    source = batch()
    found = augment_labelled(source, [1, 2, 3], preset="none")
    assert torch.equal(found.image, source.image)
    assert torch.equal(found.label, source.label)


def test_basic_changes_about_as_many_samples_as_the_reference() -> None:
    source = batch(1, 1, size=4)
    count, expected = 600, 1 - 0.8 * (1 - 0.2 * (1 - 0.34**3))
    together = Labelled(source.image.expand(count, -1, -1, -1, -1), source.label.expand(count, -1, -1, -1))
    found = augment_labelled(together, range(count), preset="basic")
    changed = int((found.image != source.image).flatten(1).any(1).sum())
    assert abs(changed - count * expected) < 5 * (count * expected * (1 - expected)) ** 0.5


@pytest.mark.parametrize("name", [one.name for one in PRESETS["all"].intensity])
def test_intensities_are_drawn_for_each_channel(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (transform,) = (one for one in PRESETS["all"].intensity if one.name == name)
    monkeypatch.setitem(PRESETS, "all", Preset(None, (transform,)))
    keys = range(60)
    source = batch(1, 3, size=8)
    together = Labelled(source.image.expand(60, -1, -1, -1, -1), source.label.expand(60, -1, -1, -1))
    found = augment_labelled(together, keys, preset="all")
    drawn = [
        [transform.draw(stream(key, purpose)) is not None for purpose in (name, f"{name}.1", f"{name}.2")]
        for key in keys
    ]
    changed = (found.image != source.image).flatten(2).any(2).tolist()
    assert all(
        was <= may for row, could in zip(changed, drawn, strict=True) for was, may in zip(row, could, strict=True)
    )
    assert {tuple(row) for row in drawn} > {(True, False, False), (False, True, False)}
    assert any(any(row) for row in changed)
    assert torch.equal(found.label, together.label)


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=4, unique=True), st.randoms())
@settings(max_examples=10)
def test_a_sample_is_the_same_bit_by_bit_in_any_batch(keys: list[int], random: Any) -> None:
    source = batch(len(keys))
    together = augment_labelled(source, keys, preset="all")
    order = list(range(len(keys)))
    random.shuffle(order)
    shuffled = augment_labelled(
        Labelled(source.image[order], source.label[order]), [keys[row] for row in order], preset="all"
    )
    for place, row in enumerate(order):
        one = Labelled(source.image[row : row + 1], source.label[row : row + 1])
        alone = augment_labelled(one, [keys[row]], preset="all")
        for whole, other, third in zip(together, shuffled, alone, strict=True):
            assert torch.equal(whole[row], other[place])
            assert torch.equal(whole[row], third[0])


@pytest.mark.parametrize("image", [torch.zeros(2, SIZE, SIZE, SIZE), torch.zeros(2, 1, SIZE, SIZE, 8)])
def test_other_patches_are_refused(image: Tensor) -> None:
    with pytest.raises(CallError, match="ask for"):
        augment_labelled(Labelled(image, torch.zeros(2, SIZE, SIZE, SIZE)), [1, 2], preset="none")


def test_other_labels_and_names_are_refused() -> None:
    source = batch()
    with pytest.raises(CallError, match="2 keys ask for"):
        augment_labelled(source, [1, 2], preset="none")
    with pytest.raises(CallError, match="choose one of linear, cubic"):
        augment_labelled(source, [1, 2, 3], preset="none", interpolation="nearest")
    with pytest.raises(CallError, match="augmentation 'more' is unknown"):
        augment_labelled(source, [1, 2, 3], preset="more")
