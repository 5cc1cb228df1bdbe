"""A volume as a file of its own."""

from pathlib import Path

import nibabel
import numpy as np
import pytest
from support import bad_files as bad

from brains45k.errors import CallError
from brains45k.volume.read import read_image
from brains45k.volume.save import require_target, save_volume
from brains45k.volume.volume import Volume

VOLUME = Volume(
    data=(bad.head_voxels() / 1000).astype(np.float32),
    affine=bad.rotated(bad.diagonal(), 10),
    spacing_mm=(4.0, 4.0, 4.0),
)


@pytest.mark.parametrize("name", ["a.nii.gz", "a.npy"])
def test_the_same_bytes_every_time(name: str, tmp_path: Path) -> None:
    first, second = tmp_path / name, tmp_path / f"other_{name}"
    save_volume(VOLUME, first)
    save_volume(VOLUME, second)
    assert first.read_bytes() == second.read_bytes()


def test_nifti_holds_voxels_and_affine(tmp_path: Path) -> None:
    save_volume(VOLUME, tmp_path / "a.nii.gz")
    image = nibabel.load(tmp_path / "a.nii.gz")
    assert np.array_equal(np.asarray(image.dataobj), VOLUME.data)
    assert image.get_data_dtype() == np.float32
    assert np.allclose(image.affine, VOLUME.affine, atol=1e-4)
    assert np.allclose(image.get_sform(), image.get_qform(), atol=1e-4)


def test_nifti_states_millimetres(tmp_path: Path) -> None:
    save_volume(VOLUME, tmp_path / "a.nii.gz")
    assert nibabel.load(tmp_path / "a.nii.gz").header.get_xyzt_units()[0] == "mm"


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    scaled = Volume(VOLUME.data * 1000 + 2, VOLUME.affine, VOLUME.spacing_mm)
    save_volume(scaled, tmp_path / "a.nii.gz")
    image = read_image(tmp_path / "a.nii.gz")
    assert np.array_equal(image.voxels, scaled.data)
    assert np.allclose(image.affine, scaled.affine, atol=1e-4)
    assert image.remarks == ()


def test_npy_holds_the_voxels(tmp_path: Path) -> None:
    save_volume(VOLUME, tmp_path / "a.npy")
    assert np.array_equal(np.load(tmp_path / "a.npy"), VOLUME.data)


@pytest.mark.parametrize("name", ["a.nii.gz", "a.npy"])
def test_a_good_target(name: str, tmp_path: Path) -> None:
    require_target(tmp_path / name, tmp_path / "scan.nii.gz")


@pytest.mark.parametrize("name", ["a.nii", "a.png", "a", "no such folder/a.npy"])
def test_a_bad_target_is_the_callers_fault(name: str, tmp_path: Path) -> None:
    with pytest.raises(CallError, match="a"):
        require_target(tmp_path / name, tmp_path / "scan.nii.gz")


def test_the_scan_itself_is_no_target(tmp_path: Path) -> None:
    scan = tmp_path / "scan.nii.gz"
    scan.write_bytes(b"voxels")
    (tmp_path / "link.nii.gz").symlink_to(scan)
    for name in ("scan.nii.gz", "link.nii.gz"):
        with pytest.raises(CallError, match="is the scan itself"):
            require_target(tmp_path / name, scan)


def test_a_folder_is_no_target(tmp_path: Path) -> None:
    (tmp_path / "a.npy").mkdir()
    with pytest.raises(CallError, match="is a folder"):
        require_target(tmp_path / "a.npy", tmp_path / "scan.nii.gz")


def test_a_target_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / ".a.npy.partial").mkdir()
    with pytest.raises(CallError, match="cannot be written"):
        save_volume(VOLUME, tmp_path / "a.npy")
    assert not (tmp_path / "a.npy").exists()
