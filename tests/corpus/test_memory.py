"""What a header declares, and the memory that follows from it."""

import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest
from support import bad_files as bad

from brains45k.corpus.memory import ARRAYS, Extent, peak_bytes, peek


def test_a_header_is_read_whatever_the_container(tmp_path: Path) -> None:
    voxels = np.zeros((50, 60, 70, 2), np.int16)
    affine = np.diag([2.0, 3.0, 4.0, 1.0])
    expected = Extent((50, 60, 70, 2), (2.0, 3.0, 4.0), 2)
    nibabel.save(nibabel.Nifti1Image(voxels, affine), tmp_path / "one.nii")
    nibabel.save(nibabel.Nifti2Image(voxels, affine), tmp_path / "two.nii.gz")
    nibabel.save(nibabel.Nifti1Pair(voxels, affine), tmp_path / "pair.img")
    nibabel.save(nibabel.MGHImage(voxels, affine), tmp_path / "brain.mgz")
    for name in ("one.nii", "two.nii.gz", "pair.img", "brain.mgz"):
        assert peek(tmp_path / name) == expected


def test_a_spacing_in_metres_is_turned_into_millimetres(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(np.zeros((50, 60, 70), np.uint8), np.diag([0.002, 0.003, 0.004, 1]))
    image.header.set_xyzt_units("meter")
    nibabel.save(image, tmp_path / "a.nii")
    found = peek(tmp_path / "a.nii")
    assert found is not None
    assert found.spacing_mm == pytest.approx((2, 3, 4), rel=1e-5)


@pytest.mark.parametrize(
    "content",
    [b"", b"text", gzip.compress(b"text"), b"\x1f\x8b", bad.nifti()[:100]],
    ids=["empty", "text", "zipped text", "magic alone", "cut short"],
)
def test_what_cannot_be_read_declares_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.nii.gz").write_bytes(content)
    assert peek(tmp_path / "a.nii.gz") is None


def test_what_is_not_there_declares_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder.nii").mkdir()
    assert peek(tmp_path / "folder.nii") is None
    assert peek(tmp_path / "gone.nii") is None


def test_the_larger_of_input_and_output_counts() -> None:
    up = peak_bytes(Extent((100, 100, 20), (1.0, 1.0, 5.0), 2), file_bytes=7, spacing_mm=1.0)
    down = peak_bytes(Extent((200, 200, 200), (0.5, 0.5, 0.5), 2), file_bytes=7, spacing_mm=1.0)
    assert up == 14 + ARRAYS * 4 * 101 * 101 * 101
    assert down == 14 + ARRAYS * 4 * 200**3


def test_wide_voxels_count_while_they_are_read() -> None:
    extent = Extent((100, 100, 100), (2.0, 2.0, 2.0), 16)
    assert peak_bytes(extent, file_bytes=0, spacing_mm=8.0) == 20 * 100**3


def test_all_frames_of_a_file_stay_in_memory() -> None:
    one, four = (Extent((100, 100, 100, frames), (1.0, 1.0, 1.0), 4) for frames in (1, 4))
    apart = peak_bytes(four, file_bytes=0, spacing_mm=1.0) - peak_bytes(one, file_bytes=0, spacing_mm=1.0)
    assert apart == 4 * 4 * 100**3


@pytest.mark.parametrize("spacing_mm", [float("nan"), float("inf"), 1e-6, 1e6])
def test_a_spacing_that_no_head_has_asks_for_nothing(tmp_path: Path, spacing_mm: float) -> None:
    # A broken header must not ask a cluster for more than it has.
    image = nibabel.Nifti1Image(np.zeros((50, 60, 70), np.uint8), None)
    image.header["pixdim"][3] = spacing_mm
    (tmp_path / "a.nii").write_bytes(image.header.binaryblock + bytes(4 + 50 * 60 * 70))
    assert peek(tmp_path / "a.nii") is None
