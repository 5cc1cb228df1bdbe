"""Images that tests of the augmentations share."""

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

if TYPE_CHECKING:
    from torch import Tensor

_COUNT, _SIZE = 3, 32


@pytest.fixture(scope="session")
def images() -> "Tensor":
    """Three smooth images of 32 voxels without symmetry, from 0 to 1, with background. Tests must leave them be."""
    # Test modules are skipped without PyTorch, and this file is not.
    torch = pytest.importorskip("torch")
    random = np.random.default_rng(7)
    voxels = np.stack([gaussian_filter(random.random((_SIZE,) * 3), 1.5) for _ in range(_COUNT)])[:, None]
    voxels[:, :, :, : _SIZE // 8] = 0
    voxels = np.clip(voxels - 0.9 * np.median(voxels, axis=(1, 2, 3, 4), keepdims=True), 0, None)
    voxels /= voxels.max(axis=(1, 2, 3, 4), keepdims=True)
    made: Tensor = torch.from_numpy(voxels.astype(np.float32))
    return made


@pytest.fixture(scope="session")
def image(images: "Tensor") -> "Tensor":
    """The first of them: (1, 1, 32, 32, 32)."""
    return images[:1]
