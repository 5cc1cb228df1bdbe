"""The reference preset against a plain re-implementation of the order that built BRAINS-45K.

Written from the description of Yucca's ``volume_wise_znorm`` at unit spacing: nibabel turns, NumPy normalises,
scikit-image resizes, all in float64.
"""

from pathlib import Path

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.transform import resize
from support import bad_files as bad

from brains45k.volume import Preprocessing, preprocess

Array = NDArray[np.float64]


def crop_to_positive(data: Array) -> Array:
    """Crop to the box of what is above zero, one voxel too large at the high ends."""
    hits = np.argwhere(data > 0)
    return data[tuple(slice(low, high + 2) for low, high in zip(hits.min(axis=0), hits.max(axis=0), strict=True))]


def normalise(data: Array) -> Array:
    foreground = data[data != data.min()]
    data = np.minimum(data, np.percentile(foreground, 99))
    clipped = np.minimum(foreground, np.percentile(foreground, 99))
    scores = (data - clipped.mean()) / clipped.std()
    return np.asarray((scores - scores.min()) / np.ptp(scores))


def plain_preprocess(path: Path, spacing_mm: float) -> Array:
    image = nibabel.as_closest_canonical(nibabel.load(path))
    data = normalise(crop_to_positive(np.asarray(image.dataobj, dtype=np.float64)))
    zooms = np.array(image.header.get_zooms()[:3], dtype=np.float64)
    shape = np.round(zooms / spacing_mm * data.shape).astype(int)
    return np.asarray(resize(data, shape, order=3))


def psnr_db(found: NDArray[np.float32], expected: Array) -> float:
    return float(-10 * np.log10(np.mean((found - expected) ** 2) + 1e-30))


def compare(path: Path, spacing_mm: float = 1.0) -> None:
    found = preprocess(path, Preprocessing(preset="reference", spacing_mm=spacing_mm))
    expected = plain_preprocess(path, spacing_mm)
    assert found.shape == expected.shape
    assert psnr_db(found.data, expected) >= 60
    assert np.abs(found.data - expected).max() <= 1e-5


@pytest.mark.parametrize("codes", ["RAS", "LPS", "PIR"])
@pytest.mark.parametrize("spacing_mm", [2.5, 4.5])
def test_a_synthetic_head(codes: str, spacing_mm: float, tmp_path: Path) -> None:
    head = np.pad(bad.head_voxels(), 3)
    data, affine = bad.oriented(head, bad.diagonal(3.5, 4, 5), codes)
    path = tmp_path / "a.nii"
    path.write_bytes(bad.nifti(data, affine=affine))
    compare(path, spacing_mm)


@pytest.mark.parametrize("lowest", [-3.0, 40.0])
def test_a_background_that_is_not_zero(lowest: float, tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    path.write_bytes(bad.nifti(np.pad(bad.head_voxels(), 2).astype(np.float32) + np.float32(lowest)))
    compare(path, 3.0)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["orientations/PIR.nii.gz", "ms20_FLAIR.nii.gz"])
def test_a_real_head(name: str, shared_volumes: Path) -> None:
    compare(shared_volumes / name)
