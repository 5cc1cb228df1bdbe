"""NIfTI headers against nibabel, where the file is sound."""

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from support import bad_files as bad

from brains45k.codes import Code
from brains45k.volume.nifti import declared_bytes, judge_header, pair_bytes, parse_analyze, parse_nifti
from brains45k.volume.read import read_image
from brains45k.volume.refusal import RefusalError

ANGLES = st.tuples(*[st.floats(-180, 180)] * 3)


def turned(angles_deg: tuple[float, float, float], left_handed: bool) -> NDArray[np.float64]:
    """Turn about all three axes, and mirror if asked."""
    rotation = nibabel.eulerangles.euler2mat(*np.deg2rad(angles_deg))
    affine = np.eye(4)
    affine[:3, :3] = rotation @ np.diag([-4.0 if left_handed else 4.0, 4.0, 4.0])
    affine[:3, 3] = (-40, 12, 7)
    return affine


@given(ANGLES, st.booleans(), st.sampled_from("<>"), st.sampled_from([1, 2]))
def test_the_qform_is_nibabels(angles: tuple[float, float, float], mirrored: bool, order: str, version: int) -> None:
    affine = turned(angles, mirrored)
    content = bad.nifti(order=order, version=version, sform_code=0, **bad.qform(affine))
    fields = parse_nifti(content[:600])
    header = judge_header(fields, content[:600], image_bytes=len(content), single_file=True)
    # Close to half a turn the rounded quaternion itself is that far off.
    assert np.allclose(header.affine, affine, atol=5e-3)
    assert header.oriented


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("length", [1.0000002, 1.0005])
def test_a_rounded_half_turn_is_an_orientation(version: int, length: float) -> None:
    lps: dict[str, Any] = {"quatern_b": 0, "quatern_c": 0, "quatern_d": length, "qform_code": 1}
    content = bad.nifti(version=version, sform_code=0, **lps)
    header = judge_header(parse_nifti(content), content, image_bytes=len(content), single_file=True)
    assert np.allclose(header.affine[:3, :3], np.diag([-4, -4, 4]), atol=1e-4)


@given(ANGLES, st.booleans())
def test_the_sform_is_nibabels(angles: tuple[float, float, float], mirrored: bool) -> None:
    affine = turned(angles, mirrored)
    content = bad.nifti(affine=affine)
    header = judge_header(parse_nifti(content), content, image_bytes=len(content), single_file=True)
    assert np.allclose(header.affine, affine, atol=1e-4)
    assert header.oriented
    assert np.allclose(header.spacing_mm, 4.0)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("extension", [b"", bad.extension(48)])
def test_the_length_is_known_from_the_header(order: str, version: int, extension: bytes) -> None:
    content = bad.nifti(order=order, version=version, extension=extension)
    assert declared_bytes(content[:600]) == len(content)


def test_the_length_of_a_pairs_voxels_is_known() -> None:
    header, voxels = bad.nifti_pair()
    assert pair_bytes(parse_analyze(header)) == len(voxels)


@pytest.mark.parametrize("order", "<>")
def test_an_analyze_header_has_no_orientation(order: str) -> None:
    head, voxels = bad.analyze_pair(order=order)
    header = judge_header(parse_analyze(head), head, image_bytes=len(voxels), single_file=False)
    assert not header.oriented
    assert header.spacing_mm == (4.0, 4.0, 4.0)
    assert header.shape == bad.SHAPE


def test_other_bytes_are_no_analyze_header() -> None:
    with pytest.raises(RefusalError) as caught:
        parse_analyze(bytes(348))
    assert caught.value.code is Code.E_MAGIC


@given(st.data())
def test_a_mutated_header_is_refused_or_read(data: st.DataObject) -> None:
    content = bytearray(bad.nifti(extension=bad.extension(32), **bad.qform()))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, 380))
        content[start : start + 4] = data.draw(st.binary(min_size=4, max_size=4))
    with np.errstate(over="ignore", invalid="ignore"):
        try:
            fields = parse_nifti(bytes(content))
            header = judge_header(fields, bytes(content), image_bytes=len(content), single_file=True)
        except RefusalError:
            return
    assert header.offset + int(np.prod(header.shape)) * header.dtype.itemsize == len(content)
    assert np.isfinite(header.affine).all()
    assert min(header.spacing_mm) > 0


@pytest.mark.shared
@pytest.mark.parametrize("name", ["stroke_T2", "seg3d_T1", "ms20_T1w", "ms07x_FLAIR"])
def test_real_volumes_are_read_as_by_nibabel(name: str, shared_volumes: Path) -> None:
    path = shared_volumes / f"{name}.nii.gz"
    image, other = read_image(path), nibabel.load(path)
    assert np.allclose(image.voxels, other.get_fdata(dtype=np.float32), rtol=1e-6)
    assert np.allclose(image.affine, other.affine, atol=1e-4)
    assert np.allclose(image.spacing_mm, other.header.get_zooms())


@pytest.mark.shared
def test_a_real_analyze_pair_is_read(shared_volumes: Path) -> None:
    image = read_image(shared_volumes / "analyze_avg152T1.img")
    assert image.voxels.shape == (91, 109, 91)
    assert image.spacing_mm == (2.0, 2.0, 2.0)
    assert Code.F_NO_XFORM in {remark.code for remark in image.remarks}


@pytest.mark.shared
@pytest.mark.parametrize("name", ["ms07x_lesion", "ms20_brainmask_commonspace", "ms20_gt_commonspace"])
def test_real_labels_are_refused(name: str, shared_volumes: Path) -> None:
    with pytest.raises(RefusalError) as caught:
        read_image(shared_volumes / f"{name}.nii.gz")
    assert caught.value.code is Code.E_LABELMAP
