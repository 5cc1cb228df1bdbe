"""dcm2niix's names: which file is which image, and in which order they come."""

from pathlib import Path

import pytest

from brains45k.dicom.outputs import list_outputs


def touch(folder: Path, *stems: str) -> Path:
    for stem in stems:
        (folder / f"{stem}.nii").touch()
    return folder


def tails(folder: Path) -> list[str]:
    return [output.tail for output in list_outputs(folder)]


@pytest.mark.parametrize(
    ("stem", "tail", "is_part"),
    [
        ("image", "", False),
        ("imagea", "a", False),
        ("image_e2", "e2", False),
        ("image_i00003", "i00003", False),
        ("image_e1a", "e1a", False),
        ("image_cHEAD_e2", "e2", False),
        ("image_t500", "t500", False),
        ("image_phMag", "phMag", False),
        ("image_ADC", "ADC", False),
        ("image_ph", "ph", True),
        ("image_pha", "pha", True),
        ("image_e2_ph", "e2_ph", True),
        ("image_real", "real", True),
        ("image_imaginarya", "imaginarya", True),
        ("image_fieldmaphz", "fieldmaphz", True),
        ("image_ROI12", "ROI12", True),
    ],
)
def test_a_tail_tells_images_apart(tmp_path: Path, stem: str, tail: str, is_part: bool) -> None:
    (output,) = list_outputs(touch(tmp_path, stem))
    assert (output.tail, output.is_part) == (tail, is_part)
    assert output.sidecar == tmp_path / f"{stem}.json"


@pytest.mark.parametrize(
    ("stems", "chosen"),
    [
        (["image", "image_Eq_1"], "image_Eq_1"),
        (["image", "image_Eq"], "image_Eq"),
        (["image", "image_Tilt_1"], "image_Tilt_1"),
        (["image", "image_Tilt_1", "image_Tilt_Eq_1"], "image_Tilt_Eq_1"),
        (["image", "image_Tilt_1", "image_Eq_1"], "image_Eq_1"),
    ],
)
def test_the_most_corrected_copy_stands_for_its_image(tmp_path: Path, stems: list[str], chosen: str) -> None:
    (output,) = list_outputs(touch(tmp_path, *stems))
    assert output.path.stem == chosen
    assert output.tail == ""
    assert (output.is_even, output.is_untilted) == ("Eq" in chosen, "Tilt" in chosen)
    assert output.sidecar.name == "image.json"


def test_each_image_has_its_own_copies(tmp_path: Path) -> None:
    touch(tmp_path, "image_e1", "image_e2", "image_e2_Eq_1", "image_e2_ph")
    assert [output.path.stem for output in list_outputs(tmp_path)] == ["image_e1", "image_e2_Eq_1", "image_e2_ph"]


def test_numbers_are_in_the_order_of_numbers(tmp_path: Path) -> None:
    touch(tmp_path, "image_e10", "image_e2", "image_e1", "image", "imagea")
    assert tails(tmp_path) == ["", "e1", "e2", "e10", "a"]


@pytest.mark.parametrize("coil", ["ZEBEDIAH", "H;E 1.A", "ZE_BE", "1923-11-17"])
def test_the_name_of_a_coil_is_in_no_tail(tmp_path: Path, coil: str) -> None:
    assert tails(touch(tmp_path, f"image_c{coil}", f"image_c{coil}_ph")) == ["", "ph"]


def test_an_empty_folder_has_none(tmp_path: Path) -> None:
    assert list_outputs(tmp_path) == []
