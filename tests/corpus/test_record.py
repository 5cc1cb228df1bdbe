"""The digest of voxels: the same for equal images however they are stored, another for any other."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support import bad_files as bad

from brains45k.corpus.record import digest_of_voxels
from brains45k.volume.image import Image, Intensities
from brains45k.volume.reorient import reorient

HEAD = np.pad(bad.head_voxels(), 3)
AFFINE = np.eye(4)


def digest(voxels: NDArray[Any], affine: NDArray[np.float64] = AFFINE, *, slope: float = 1.0) -> str:
    return digest_of_voxels(reorient(Image(Intensities(voxels, slope), affine, (1.0, 1.0, 1.0))))


@pytest.mark.parametrize("dtype", ["<i2", ">i2", "<u2", "<f4", ">f4"])
def test_the_type_in_storage_does_not_matter(dtype: str) -> None:
    assert digest(HEAD.astype(dtype)) == digest(HEAD.astype(np.int16))


@pytest.mark.parametrize("codes", ["LPS", "PIR", "SAL"])
def test_the_order_of_storage_does_not_matter(codes: str) -> None:
    turned, affine = bad.oriented(HEAD, AFFINE, codes)
    assert digest(np.asarray(turned), affine) == digest(HEAD)


def test_a_zero_has_no_sign() -> None:
    assert digest((-HEAD).astype(np.int16), slope=-1.0) == digest(HEAD)
    assert digest(np.where(HEAD == 0, -0.0, HEAD / 8).astype(np.float32)) == digest((HEAD / 8).astype(np.float32))


@pytest.mark.parametrize("change", [1.0, 0.5, 40_000.0, -3.0])
def test_one_voxel_makes_another_image(change: float) -> None:
    other = HEAD.astype(np.float32)
    other[12, 12, 12] += change
    assert digest(other) != digest(HEAD)


def test_a_wider_margin_makes_another_image() -> None:
    assert digest(np.pad(HEAD, ((0, 1), (0, 0), (0, 0)))) != digest(HEAD)
    assert digest(np.pad(HEAD, ((1, 0), (0, 0), (0, 0)))) != digest(np.pad(HEAD, ((0, 1), (0, 0), (0, 0))))


def test_another_background_makes_another_image() -> None:
    assert digest(HEAD + 1) != digest(HEAD)


def test_numbers_that_16_bits_do_not_hold_are_told_apart() -> None:
    large = HEAD.astype(np.float32) * 100
    assert large.max() > np.iinfo(np.int16).max
    assert digest(large) == digest(large.astype(">f4"))
    assert digest(large) != digest(large.astype(np.int32).astype(np.int16).astype(np.float32))
