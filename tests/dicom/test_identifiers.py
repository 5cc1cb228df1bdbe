"""Who was scanned: identifiers in every tag of a series, and nothing of them in what comes back."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from support import dicom

from brains45k.dicom.convert import Converted, convert_series
from brains45k.volume.refusal import RefusalError

_VOXELS_AT = 352


def converted(datasets: Sequence[Dataset], folder: Path) -> list[Converted]:
    return convert_series(dicom.save(datasets, folder))


def require_anonymous(text: bytes) -> None:
    for secret in (dicom.IDENTIFIER, dicom.BIRTHDAY, "1923-11-17"):
        for encoding in ("ascii", "utf-16-le", "utf-16-be"):
            assert secret.lower().encode(encoding) not in text.lower()


@pytest.mark.parametrize("make", [dicom.planted, dicom.planted_in_words])
def test_identifiers_are_in_nothing_that_comes_back(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], make: Callable[[], list[Dataset]]
) -> None:
    preamble = f"{dicom.IDENTIFIER} {dicom.BIRTHDAY}".encode()
    files = dicom.save(make(), tmp_path / dicom.IDENTIFIER, preamble=preamble)
    assert all(dicom.IDENTIFIER.encode() in file.read_bytes()[:128] for file in files)
    (image,) = convert_series(files)
    require_anonymous(image.nifti + repr((image.mark, image.sidecar, image.remarks)).encode())
    require_anonymous("".join(capfd.readouterr()).encode())
    # Not the time of day either.
    assert b"1133" not in image.nifti[:352]


def test_words_of_the_person_cost_the_texts_that_hold_them_and_nothing_else(tmp_path: Path) -> None:
    (image,) = converted(dicom.planted(SeriesDescription=f"T1 {dicom.IDENTIFIER}"), tmp_path)
    assert "SeriesDescription" not in image.sidecar
    assert (image.sidecar["ManufacturersModelName"], image.sidecar["EchoTime"]) == ("Trio", 0.01)


@pytest.mark.parametrize("text", ["T1 Müller", "T1 müller", "T1 19231117", "T1 11/17/1923", "T1 for Wu"])
def test_names_in_latin_letters_short_names_and_days_are_found(tmp_path: Path, text: str) -> None:
    datasets = dicom.series(SeriesDescription=text, PatientName="Müller^Wu", SpecificCharacterSet="ISO_IR 100")
    (image,) = converted(datasets, tmp_path)
    assert "SeriesDescription" not in image.sidecar


def test_one_images_words_count_for_the_other_images_of_a_series(tmp_path: Path) -> None:
    named = dicom.series(PatientName=f"{dicom.IDENTIFIER}^JOHN")
    for image in converted(named + dicom.series(number=2, SeriesDescription=f"T1 {dicom.IDENTIFIER}"), tmp_path):
        require_anonymous(repr(image.sidecar).encode())


def test_the_name_of_a_coil_is_in_no_mark(tmp_path: Path) -> None:
    # dcm2niix names a file by the coil where coils differ.
    both = [dicom.series(ReceiveCoilName=f"{dicom.IDENTIFIER}.{number}", number=number) for number in (1, 2)]
    for datasets in both:
        datasets[3].ReceiveCoilName = "HEAD"
    images = converted(both[0] + both[1], tmp_path / "both")
    assert [image.mark for image in images] == ["first", "first_2"]
    voxels = converted(dicom.series(), tmp_path / "alone")[0].nifti[_VOXELS_AT:]
    for image in images:
        require_anonymous(image.nifti + repr((image.mark, image.sidecar, image.remarks)).encode())
        assert image.nifti[_VOXELS_AT:] == voxels


@pytest.mark.parametrize("change", ["missing", "cut", "other name", "no voxels"])
def test_identifiers_are_in_no_refusal(tmp_path: Path, capfd: pytest.CaptureFixture[str], change: str) -> None:
    datasets = dicom.planted()
    if change == "missing":
        del datasets[7]
    if change == "other name":
        datasets[7].ProtocolName = f"{dicom.IDENTIFIER} again"
    if change == "no voxels":
        for dataset in datasets:
            del dataset.PixelData
    files = dicom.save(datasets, tmp_path / dicom.IDENTIFIER)
    if change == "cut":
        dicom.truncate(files[7])
    with pytest.raises(RefusalError) as raised:
        convert_series(files)
    refused = raised.value
    require_anonymous(f"{refused} {refused!r} {refused.detail}".encode())
    assert refused.__cause__ is None
    require_anonymous("".join(capfd.readouterr()).encode())
