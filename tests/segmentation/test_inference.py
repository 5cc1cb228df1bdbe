"""Windows over an image: what is put together from them, and how much memory that takes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("monai")
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from brains45k.errors import CallError
from brains45k.networks import create
from brains45k.segmentation.inference import predict_scores, window_count

SIDE = 16
#: Some axes shorter than a window, some a multiple of it, some neither.
SHAPES = [(16, 16, 16), (37, 50, 21), (5, 40, 3), (32, 48, 17)]


class Map(nn.Module):
    """Three outputs of two channels, voxel by voxel; and what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.windows: list[Tensor] = []

    def forward(self, windows: Tensor) -> Tensor:
        self.windows += list(windows)
        first, second = windows[:, :1], windows[:, 1:]
        return torch.cat([first + 1, 3 * second - first, first * second], dim=1)


class Ramp(nn.Module):
    """The image times a ramp along each axis of the window."""

    def forward(self, windows: Tensor) -> Tensor:
        ramp = torch.arange(SIDE, dtype=torch.float32)
        return windows * ramp[:, None, None] * ramp[:, None] * ramp


def image_of(shape: Sequence[int], *, channels: int = 2) -> Tensor:
    return torch.rand((channels, *shape), generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.5, 0.8])
def test_what_does_not_depend_on_the_place_comes_out_the_same_everywhere(
    shape: tuple[int, ...], overlap: float
) -> None:
    image, network = image_of(shape), Map()
    scores = predict_scores(network, image, patch_size_voxels=SIDE, overlap=overlap)
    torch.testing.assert_close(scores, Map()(image[None])[0], rtol=1e-5, atol=1e-6)
    assert scores.shape == (3, *shape)
    assert scores.dtype == torch.float32
    assert scores.device.type == "cpu"


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.5, 0.8])
def test_windows_are_counted(shape: tuple[int, ...], overlap: float) -> None:
    network = Map()
    predict_scores(network, image_of(shape), patch_size_voxels=SIDE, overlap=overlap)
    assert len(network.windows) == window_count(shape, patch_size_voxels=SIDE, overlap=overlap)
    assert {tuple(window.shape) for window in network.windows} == {(2, SIDE, SIDE, SIDE)}


def test_a_small_image_lies_in_the_middle_of_background() -> None:
    network = Map()
    predict_scores(network, torch.ones(2, 6, 16, 3), patch_size_voxels=SIDE)
    (window,) = network.windows
    filled = np.argwhere(window[0].numpy())
    assert filled.min(axis=0).tolist() == [5, 0, 6]
    assert filled.max(axis=0).tolist() == [10, 15, 8]
    assert window[0].sum() == 6 * 16 * 3


def test_the_image_stays_as_it_is() -> None:
    image = image_of((20, 16, 33))
    before = image.clone()
    predict_scores(Ramp(), image, patch_size_voxels=SIDE, mirror=True)
    assert torch.equal(image, before)


def test_several_windows_at_once_give_the_same() -> None:
    image = image_of((37, 30, 21))
    one, four = (predict_scores(Ramp(), image, patch_size_voxels=SIDE, batch_size=size) for size in (1, 4))
    torch.testing.assert_close(one, four)


def test_all_eight_mirror_images_are_averaged() -> None:
    image = image_of((20, 16, 33))
    scores = predict_scores(Ramp(), image, patch_size_voxels=SIDE, mirror=True)
    # Along each axis the ramp and its mirror image average to its middle, only if all combinations take part.
    torch.testing.assert_close(scores, image * ((SIDE - 1) / 2) ** 3)
    plain = predict_scores(Ramp(), image, patch_size_voxels=SIDE)
    assert (plain - scores).abs().max() > 100


def test_a_constant_network_gives_the_constant() -> None:
    class Constant(nn.Module):
        """Two outputs, whatever the image."""

        def forward(self, windows: Tensor) -> Tensor:
            values = torch.tensor([1.5, -2.0])[:, None, None, None]
            return values.expand(len(windows), 2, SIDE, SIDE, SIDE).clone()

    scores = predict_scores(Constant(), image_of((30, 9, 40)), patch_size_voxels=SIDE, mirror=True)
    torch.testing.assert_close(scores, torch.tensor([1.5, -2.0])[:, None, None, None].expand(2, 30, 9, 40))


def test_the_middle_of_a_window_counts_more_than_its_border() -> None:
    class Numbered(nn.Module):
        """Each window's voxels are its number."""

        count = 0

        def forward(self, windows: Tensor) -> Tensor:
            self.count += 1
            return torch.full_like(windows, self.count - 1)

    # Two windows along x, from 0 and from 8.
    scores = predict_scores(Numbered(), torch.zeros(1, 24, 16, 16), patch_size_voxels=SIDE)[0, :, 8, 8]
    assert scores[:8].eq(0).all()
    assert scores[16:].eq(1).all()
    assert scores[8:16].diff().gt(0).all()
    assert scores[8] < 0.05
    torch.testing.assert_close(scores[8:16] + scores[8:16].flip(0), torch.ones(8))


def test_a_real_network_gives_the_same_each_time() -> None:
    network = create("unet_tiny", 2, 3, "segmentation").eval()
    image = image_of((35, 16, 20))
    first, second = (predict_scores(network, image, patch_size_voxels=SIDE) for _ in range(2))
    assert torch.equal(first, second)
    assert not first.requires_grad


def test_a_window_that_the_network_does_not_take_is_named() -> None:
    network = create("unet_tiny", 2, 3, "segmentation")
    with pytest.raises(CallError, match="20x20x20 voxels: each size must be a multiple of 8"):
        predict_scores(network, image_of((30, 30, 30)), patch_size_voxels=20)


def test_a_bar_counts_the_windows(capsys: pytest.CaptureFixture[str]) -> None:
    predict_scores(Map(), image_of((24, 24, 16)), patch_size_voxels=SIDE, progress="wmh")
    said = capsys.readouterr().err
    assert "wmh" in said
    assert "4/4" in said
    predict_scores(Map(), image_of((24, 24, 16)), patch_size_voxels=SIDE)
    assert not capsys.readouterr().err


class Allocations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Note how large each new tensor is, in bytes."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.sizes: list[int] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = {
            value.untyped_storage().data_ptr() for value in tree_leaves((args, kwargs)) if isinstance(value, Tensor)
        }
        result = func(*args, **(kwargs or {}))
        storages = [value.untyped_storage() for value in tree_leaves(result) if isinstance(value, Tensor)]
        self.sizes += [storage.nbytes() for storage in storages if storage.data_ptr() not in given]
        return result


@pytest.mark.parametrize(("shape", "padded"), [((80, 48, 64), False), ((80, 96, 9), True)])
@pytest.mark.parametrize("mirror", [False, True])
def test_memory_is_bounded_by_the_image_and_a_window(shape: tuple[int, ...], padded: bool, mirror: bool) -> None:
    classes, channels = 3, 2
    image = image_of(shape, channels=channels)
    with Allocations() as allocations:
        predict_scores(Map(), image, patch_size_voxels=SIDE, mirror=mirror)
    voxels = int(np.prod(np.maximum(shape, SIDE)))
    window = 4 * SIDE**3
    # What is as large as the image is made once, not once for each window or mirror image.
    large = sum(size for size in allocations.sizes if size >= voxels)
    assert large <= 4 * (classes + 1) * voxels + (4 * channels * voxels if padded else 0)
    assert max(size for size in allocations.sizes if size < voxels) <= window * max(classes, channels)
