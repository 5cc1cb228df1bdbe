"""MGH headers against nibabel."""

from pathlib import Path

import nibabel
import numpy as np
import pytest
from support import bad_files as bad

from brains45k.volume.mgh import declared_bytes, judge_header
from brains45k.volume.read import read_image
from brains45k.volume.reorient import axis_codes


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32"])
def test_voxels_and_affine_are_nibabels(dtype: str, tmp_path: Path) -> None:
    voxels = (bad.head_voxels() // 8).astype(dtype)
    path = tmp_path / "a.mgz"
    path.write_bytes(bad.gz(bad.mgh(voxels, Mdc=[[-1, 0, 0], [0, 0, -1], [0, 1, 0]], Pxyz_c=(3, -4, 5))))
    image, other = read_image(path), nibabel.load(path)
    assert np.array_equal(image.voxels, np.asarray(other.dataobj))
    assert np.allclose(image.affine, other.affine)
    assert axis_codes(image.affine) == "LIA"
    assert image.dtype == dtype


def test_the_tags_behind_the_voxels_do_not_count() -> None:
    content = bad.mgh(tags=bytes(700))
    assert declared_bytes(content) == len(content) - 700
    assert judge_header(content[:400], image_bytes=len(content)).shape == bad.SHAPE


def test_frames_are_kept() -> None:
    content = bad.mgh(bad.frames(3))
    assert judge_header(content[:400], image_bytes=len(content)).shape == (*bad.SHAPE, 3)


def test_without_its_flag_nothing_is_stated() -> None:
    content = bad.mgh(goodRASFlag=0)
    header = judge_header(content[:400], image_bytes=len(content))
    assert not header.oriented
    assert header.spacing_mm == (1.0, 1.0, 1.0)


@pytest.mark.shared
def test_a_real_brain_is_read_as_by_nibabel(shared_volumes: Path) -> None:
    path = shared_volumes / "fs_brain.mgz"
    image, other = read_image(path), nibabel.load(path)
    assert np.array_equal(image.voxels, np.asarray(other.dataobj))
    assert np.allclose(image.affine, other.affine)
    assert axis_codes(image.affine) == "LIA"
