"""DICOM series through dcm2niix itself: sound ones keep geometry and voxels, each fault has its code."""

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from support import dicom

from brains45k.codes import Code
from brains45k.dicom import program
from brains45k.dicom.convert import Converted, convert_series
from brains45k.dicom.program import find_program
from brains45k.dicom.series import series_files
from brains45k.errors import CallError
from brains45k.volume.read import image_of, open_volume
from brains45k.volume.refusal import RefusalError

# From voxel to RAS mm: x and y run to the right and to the back in DICOM's terms, from -64 mm.
AFFINE = np.array([[-4.0, 0, 0, 64], [0, -4, 0, 64], [0, 0, 5, 0], [0, 0, 0, 1]])
FIXED = slice(80, 148), slice(252, 328)


@pytest.fixture(autouse=True)
def scratch(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, of this test alone."""
    folder = tmp_path_factory.mktemp("scratch")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def load(content: bytes) -> nibabel.Nifti1Image:
    return nibabel.Nifti1Image.from_stream(io.BytesIO(content))


def converted(datasets: Sequence[Dataset], folder: Path) -> list[Converted]:
    return convert_series(dicom.save(datasets, folder))


def canonical(image: nibabel.Nifti1Image) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    turned = nibabel.as_closest_canonical(image)
    return np.asarray(turned.dataobj, np.float64), turned.affine


def codes(image: Converted) -> list[str]:
    return [remark.code.value for remark in image.remarks]


def refusal(files: Sequence[Path]) -> RefusalError:
    with pytest.raises(RefusalError) as raised:
        convert_series(files)
    return raised.value


def without(datasets: list[Dataset], keyword: str) -> list[Dataset]:
    for dataset in datasets:
        del dataset[keyword]
    return datasets


def require_original(image: Converted, voxels: NDArray[np.int16] = dicom.VOXELS) -> None:
    found, affine = canonical(load(image.nifti))
    expected, expected_affine = canonical(nibabel.Nifti1Image(voxels, AFFINE))
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(affine, expected_affine, atol=1e-4)


SOUND: dict[str, Callable[[], list[Dataset]]] = {
    "one file per slice": dicom.series,
    "one file in all": lambda: [dicom.enhanced()],
    "rle": lambda: dicom.compressed("rle"),
    "jpeg 2000": lambda: dicom.compressed("jpeg2000"),
    "big-endian": lambda: dicom.compressed("big_endian"),
    "implicit": lambda: dicom.compressed("implicit"),
    "3D": lambda: dicom.series(MRAcquisitionType="3D"),
    "identifiers": dicom.planted,
    "identifiers in words": dicom.planted_in_words,
}


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_series_keeps_voxels_and_geometry(tmp_path: Path, name: str) -> None:
    (image,) = converted(SOUND[name](), tmp_path)
    assert (image.mark, image.remarks) == ("", ())
    require_original(image)


def test_files_in_any_order_give_the_same_image(tmp_path: Path) -> None:
    files = dicom.save(dicom.series(), tmp_path)
    assert convert_series(files[::-1]) == convert_series(files)


def test_the_image_is_one_that_the_reader_takes(tmp_path: Path) -> None:
    (image,) = converted(dicom.series(), tmp_path)
    opened = open_volume(Path("a.nii"), image.nifti)
    assert image_of(opened).remarks == ()


def test_facts_of_the_scan_come_with_it(tmp_path: Path) -> None:
    (image,) = converted(dicom.series(InversionTime=900.0), tmp_path)
    assert image.sidecar == {
        "Manufacturer": "Siemens", "ManufacturersModelName": "Trio", "MagneticFieldStrength": 3,
        "SeriesDescription": "T1 axial", "MRAcquisitionType": "2D", "ScanningSequence": "SE", "SequenceVariant": "SK",
        "EchoTime": 0.01, "RepetitionTime": 0.5, "InversionTime": 0.9, "FlipAngle": 90, "SliceThickness": 5,
    }  # fmt: skip


def plain_run(source: Path, out: Path) -> bytes:
    """Return the image of dcm2niix as a person calls it, on the whole folder."""
    out.mkdir()
    subprocess.run([find_program(), "-z", "n", "-f", "plain", "-o", out, source], check=True, capture_output=True)
    (image,) = out.glob("*.nii")
    return image.read_bytes()


def require_plain(image: Converted, plain: bytes) -> None:
    """Require the same voxels byte for byte, and the same header but for its texts."""
    assert image.nifti[352:] == plain[352:]
    assert [image.nifti[part] for part in FIXED] == [plain[part] for part in FIXED]


@pytest.mark.parametrize("name", ["one file per slice", "3D", "one file in all", "identifiers in words"])
def test_the_image_is_that_of_a_plain_run(tmp_path: Path, name: str) -> None:
    (image,) = converted(SOUND[name](), tmp_path / "source")
    require_plain(image, plain_run(tmp_path / "source", tmp_path / "out"))


@pytest.mark.shared
def test_the_real_series_is_that_of_a_plain_run(shared_volumes: Path, tmp_path: Path) -> None:
    with tarfile.open(shared_volumes / "dicom_T1sag_HFS.tgz") as archive:
        archive.extractall(tmp_path / "real")  # noqa: S202 - our own
    files = series_files(next((tmp_path / "real").rglob("*.dcm")))
    (image,) = convert_series(files)
    plain = plain_run(files[0].parent, tmp_path / "out")
    require_plain(image, plain)
    np.testing.assert_array_equal(load(image.nifti).affine, load(plain).affine)
    assert (len(files), image.remarks) == (35, ())
    assert image.sidecar["MagneticFieldStrength"] == 3
    # The hospital, the scanner and the study's owner are in what dcm2niix writes even where it is to say nothing.
    for text in (b"Richland", b"67060", b"Rorden", b"15:04:41", b"150441"):
        assert text not in image.nifti + repr(image.sidecar).encode()


def test_each_echo_is_an_image(tmp_path: Path) -> None:
    first, second = converted(dicom.dual_echo(), tmp_path)
    assert (first.mark, second.mark) == ("e1", "e2")
    assert codes(first) == codes(second) == ["F_DCM_SEVERAL"]
    require_original(first)
    require_original(second, dicom.VOXELS // 2)
    assert (first.sidecar["EchoTime"], second.sidecar["EchoTime"]) == (0.01, 0.09)


def test_a_phase_image_beside_its_magnitude_is_left_out(tmp_path: Path) -> None:
    (image,) = converted(dicom.magnitude_and_phase(), tmp_path)
    assert image.mark == ""
    assert [(remark.code, remark.detail) for remark in image.remarks] == [(Code.F_DCM_PARTS, "1 of 2 images")]
    require_original(image)


def test_a_series_of_phase_alone_is_given(tmp_path: Path) -> None:
    (image,) = converted(dicom.series(ImageType=["ORIGINAL", "PRIMARY", "P", "ND"]), tmp_path)
    assert (image.mark, image.remarks) == ("", ())


def test_an_overlay_is_left_out(tmp_path: Path) -> None:
    (image,) = converted(dicom.overlaid(), tmp_path)
    assert codes(image) == ["F_DCM_PARTS"]
    require_original(image)


def test_two_series_in_a_folder_are_two_images(tmp_path: Path) -> None:
    first, second = converted(dicom.series() + dicom.series(number=2), tmp_path)
    assert (first.mark, second.mark) == ("first", "a")
    assert codes(first) == codes(second) == ["F_DCM_SEVERAL"]
    require_original(first)
    require_original(second)


def test_each_plane_of_a_localizer_is_an_image_of_one_slice(tmp_path: Path) -> None:
    images = converted(dicom.localizer(), tmp_path)
    assert [image.mark for image in images] == ["i00001", "i00002", "i00003"]
    assert {load(image.nifti).shape for image in images} == {(32, 32, 1)}


def test_uneven_distances_are_made_even_with_a_remark(tmp_path: Path) -> None:
    (image,) = converted(dicom.uneven(), tmp_path)
    assert codes(image) == ["R_DCM_EVEN"]
    evened = load(image.nifti)
    heights_mm = np.cumsum(4.0 + 0.5 * np.arange(16))
    assert evened.shape[2] * evened.header.get_zooms()[2] == pytest.approx(np.ptp(heights_mm), rel=0.1)
    assert image.sidecar["EchoTime"] == 0.01


def test_a_tilted_gantry_is_corrected_with_a_remark(tmp_path: Path) -> None:
    (image,) = converted(dicom.tilted(), tmp_path)
    assert codes(image) == ["R_DCM_TILT"]
    axes = load(image.nifti).affine[:3, :3]
    np.testing.assert_allclose(axes.T @ axes, np.diag(np.diag(axes.T @ axes)), atol=1e-3)


def test_copies_of_files_are_ignored_with_a_remark(tmp_path: Path) -> None:
    (image,) = converted(dicom.series() * 2, tmp_path)
    assert [(remark.code, remark.detail) for remark in image.remarks] == [(Code.R_DCM_COPIES, "16 of 32 files")]
    require_original(image)


def test_colours_are_left_to_the_reader(tmp_path: Path) -> None:
    (image,) = converted(dicom.coloured(), tmp_path)
    with pytest.raises(RefusalError) as raised:
        open_volume(Path("a.nii"), image.nifti)
    assert raised.value.code == "E_RGB"


BAD: dict[str, tuple[Callable[[], list[Dataset]], str]] = {
    "missing slice": (lambda: dicom.series([index for index in range(16) if index != 7]), "E_DCM_PARTIAL"),
    "two missing slices": (lambda: dicom.series([0, 1, 2, 5, 6, 7, 8]), "E_DCM_PARTIAL"),
    "shorter echo": (lambda: dicom.dual_echo()[:-1], "E_DCM_PARTIAL"),
    "shorter volume": (lambda: (dicom.series() + dicom.series(first_instance=17))[:-1], "E_DCM_PARTIAL"),
    "header of more slices": (
        lambda: dicom.series(Manufacturer="GE MEDICAL SYSTEMS", ImagesInAcquisition=20), "E_DCM_PARTIAL",
    ),
    "slices of two sizes": (lambda: dicom.series()[:-1] + dicom.series([15], Rows=16), "E_DCM_PARTIAL"),
    "one slice without voxels": (
        lambda: dicom.series()[:-1] + without(dicom.series([15]), "PixelData"), "E_DCM_PARTIAL",
    ),
    "same numbers, other voxels": (
        lambda: dicom.series() + dicom.series([3], PixelData=bytes(2048)), "E_DCM_PARTIAL",
    ),
    "broken JPEG 2000": (lambda: dicom.garbled("jpeg2000", 4), "E_DCM_PARTIAL"),
    "broken RLE": (lambda: dicom.garbled("rle", 15), "E_DCM_PARTIAL"),
    "uneven in 32 bits": (lambda: [dicom.widened(dataset) for dataset in dicom.uneven()], "E_DCM_SPACING"),
    "a little uneven in 3D": (
        lambda: [dicom.volumetric(dataset) for dataset in dicom.uneven(lambda index: 5 + 0.3 * (index % 2))],
        "E_DCM_SPACING",
    ),
    "no voxels": (lambda: without(dicom.series(), "PixelData"), "E_DCM_NONE"),
    "deflated": (lambda: dicom.compressed("deflated"), "E_DCM_NONE"),
    "too large": (lambda: dicom.series(range(2), Rows=60000, Columns=60000), "E_DCM_NONE"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_series_has_its_code(tmp_path: Path, name: str) -> None:
    make, code = BAD[name]
    assert refusal(dicom.save(make(), tmp_path)).code == code


@pytest.mark.parametrize("place", [0, 7, 15])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.6, 0.99])
def test_a_cut_file_costs_its_series(tmp_path: Path, place: int, share: float) -> None:
    files = dicom.save(dicom.series(), tmp_path)
    dicom.truncate(files[place], share)
    assert refusal(files).code == "E_DCM_PARTIAL"


@pytest.mark.parametrize("share", [0.3, 0.6, 0.99])
def test_a_cut_multi_frame_file_is_refused(tmp_path: Path, share: float) -> None:
    files = dicom.save([dicom.enhanced()], tmp_path)
    dicom.truncate(files[0], share)
    assert refusal(files).code in {"E_DCM_PARTIAL", "E_DCM_NONE"}


def test_a_page_in_place_of_a_slice_costs_its_series(tmp_path: Path) -> None:
    files = dicom.save(dicom.series(), tmp_path)
    files[-1].write_bytes(b"<!DOCTYPE html><title>Log in</title>" * 100)
    assert refusal(files).code == "E_DCM_PARTIAL"


def test_pages_in_place_of_all_slices_are_no_image(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(b"<!DOCTYPE html><title>Log in</title>" * 100)
    assert refusal([tmp_path / "a.dcm"]).code == "E_DCM_NONE"


def test_no_files_are_no_image() -> None:
    assert refusal([]).code == "E_DCM_NONE"


def test_a_link_that_leads_nowhere_is_not_passed_over(tmp_path: Path) -> None:
    files = dicom.save(dicom.series(), tmp_path)
    files[-1].unlink()
    files[-1].symlink_to(tmp_path / "nowhere")
    refused = refusal(files)
    assert (refused.code, refused.detail) == (Code.E_UNREADABLE, "a slice is a link that leads nowhere")


def test_a_slice_that_vanished_is_said_so(tmp_path: Path) -> None:
    files = dicom.save(dicom.series(), tmp_path)
    files[-1].unlink()
    assert refusal(files).code == "E_CHANGED"


def test_names_of_files_do_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = dicom.HOSTILE_NAMES
    dicom.save(dicom.series(range(len(names))), tmp_path / "a folder; touch hit", names=names)
    (image,) = convert_series(series_files(Path("a folder; touch hit/IM.DCM")))
    require_original(image, dicom.VOXELS[:, :, : len(names)])
    assert [path for path in tmp_path.rglob("*") if path.name == "hit"] == []


# What a run leaves behind.


@pytest.mark.parametrize("name", ["sound", *BAD])
def test_nothing_is_left_behind(tmp_path: Path, scratch: Path, name: str) -> None:
    files = dicom.save(dicom.series() if name == "sound" else BAD[name][0](), tmp_path)
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in tmp_path.rglob("*")}
    if name == "sound":
        convert_series(files)
    else:
        refusal(files)
    assert {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in tmp_path.rglob("*")} == before
    assert list(scratch.iterdir()) == []


def test_a_run_out_of_time_leaves_nothing(tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub = tmp_path / "stub"
    stub.write_text("#!/bin/sh\ntouch out/image.nii\nsleep 300\n")
    stub.chmod(0o755)
    monkeypatch.setattr(program, "find_program", lambda: stub)
    with pytest.raises(RefusalError) as raised:
        convert_series(dicom.save(dicom.series([0]), tmp_path / "source"), limit_s=0.5)
    assert (raised.value.code, raised.value.detail) == (Code.E_DCM_CRASH, "it was stopped after 0.5 s")
    assert list(scratch.iterdir()) == []


def test_a_folder_for_temporary_files_that_is_not_there_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = dicom.save(dicom.series([0]), tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(CallError, match="TMPDIR"):
        convert_series(files)
