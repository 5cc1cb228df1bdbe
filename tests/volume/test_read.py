"""Reading a volume: frames, scaling, digests."""

import hashlib
from pathlib import Path

import nibabel
import numpy as np
import pytest
from support import bad_files as bad

from brains45k.codes import Code
from brains45k.volume.content import Named
from brains45k.volume.read import image_of, open_volume, read_image
from brains45k.volume.refusal import RefusalError

HEAD = bad.head_voxels()
FRAMES = np.stack([HEAD, HEAD // 2, HEAD // 3], axis=-1)


def write(folder: Path, content: bytes, name: str = "a.nii") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_voxels_are_native_float32_and_writeable(tmp_path: Path) -> None:
    image = read_image(write(tmp_path, bad.nifti(order=">")))
    assert image.voxels.dtype == np.dtype("=f4")
    assert image.voxels.flags.writeable
    assert image.dtype == "int16"


def test_a_frame_is_read_by_its_number(tmp_path: Path) -> None:
    opened = open_volume(write(tmp_path, bad.nifti(FRAMES)))
    for frame in range(3):
        assert np.array_equal(image_of(opened, frame=frame).voxels, FRAMES[..., frame])


@pytest.mark.parametrize("frame", [None, 3, 99])
def test_a_frame_that_is_not_there(frame: int | None, tmp_path: Path) -> None:
    opened = open_volume(write(tmp_path, bad.nifti(FRAMES)))
    with pytest.raises(RefusalError) as caught:
        image_of(opened, frame=frame)
    assert caught.value.code is Code.E_4D


def test_a_file_of_one_frame_is_a_plain_image(tmp_path: Path) -> None:
    opened = open_volume(write(tmp_path, bad.nifti(bad.frames(1))))
    assert opened.stored.shape == bad.SHAPE


def test_judging_one_frame_leaves_the_others_alone(tmp_path: Path) -> None:
    frames = FRAMES.astype(np.float32)
    frames[0, 0, 0, 0] = np.nan
    opened = open_volume(write(tmp_path, bad.nifti(frames)))
    assert Code.R_NAN in {remark.code for remark in image_of(opened, frame=0).remarks}
    assert image_of(opened, frame=1).remarks == ()
    assert np.isnan(opened.stored[0, 0, 0, 0])


def test_the_digest_is_of_the_file(tmp_path: Path) -> None:
    content = bad.gz(bad.nifti())
    opened = open_volume(write(tmp_path, content, "a.nii.gz"))
    assert opened.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("dtype", ["int32", "uint32", "int64", "uint64", "float64"])
def test_wide_numbers_are_scaled_before_they_are_rounded(dtype: str, tmp_path: Path) -> None:
    # Near 2^30 float32 steps by 64: scaling after the cast would lose the image.
    stored = HEAD.astype(np.int64) + (1 << 30)
    image = read_image(write(tmp_path, bad.nifti(stored.astype(dtype), scl_slope=0.5, scl_inter=-float(1 << 29))))
    assert np.array_equal(image.voxels, HEAD / 2)


@pytest.mark.parametrize("slope", [1.0, 2.008, 0.01, -1.0])
def test_intensities_are_scaled(slope: float, tmp_path: Path) -> None:
    image = read_image(write(tmp_path, bad.nifti(scl_slope=slope, scl_inter=-24)))
    assert np.allclose(image.voxels, HEAD * slope - 24, rtol=1e-5, atol=1e-4)


def test_a_derived_map_may_be_expected(tmp_path: Path) -> None:
    opened = open_volume(write(tmp_path, bad.nifti((HEAD / 1200).astype(np.float32))))
    assert [remark.code for remark in image_of(opened, named=Named.DERIVED).remarks] == [Code.F_DERIVED]


def test_repairs_and_flags_add_up(tmp_path: Path) -> None:
    content = bad.nifti(bad.spoiled(-4, where="corner"), vox_offset=0, xyzt_units=0, pixdim=bad.pixdim(0))
    codes = [remark.code for remark in read_image(write(tmp_path, content, "a.nii.gz")).remarks]
    assert codes == [Code.R_EXT, Code.R_OFFSET, Code.F_UNITS, Code.R_PIXDIM, Code.F_NEGATIVE]


@pytest.mark.parametrize(("image", "header"), [("a.img", "a.hdr"), ("A.IMG", "A.HDR"), ("A.IMG", "A.hdr")])
def test_a_pair_is_found_in_either_case(image: str, header: str, tmp_path: Path) -> None:
    head, voxels = bad.nifti_pair()
    write(tmp_path, head, header)
    assert np.array_equal(read_image(write(tmp_path, voxels, image)).voxels, HEAD)


def test_a_scaled_background_keeps_its_sign(tmp_path: Path) -> None:
    # 0.1 is no float32: nibabel's background lies a little above 0, and what is above 0 is Yucca's box.
    voxels = HEAD.astype(np.int16) + 900
    path = tmp_path / "a.nii"
    path.write_bytes(bad.nifti(voxels, scl_slope=0.1, scl_inter=-90))
    expected = np.asarray(nibabel.load(path).dataobj).astype(np.float32)
    assert expected.min() > 0
    assert np.array_equal(read_image(path).voxels, expected)
