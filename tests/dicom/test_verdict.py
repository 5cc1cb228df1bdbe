"""From what dcm2niix printed, left and returned to a code. That it does print so, test_convert.py shows."""

from pathlib import Path

import pytest

from brains45k.codes import Code
from brains45k.dicom.outputs import Output
from brains45k.dicom.program import Run
from brains45k.dicom.verdict import judge_run
from brains45k.errors import CallError
from brains45k.volume.refusal import RefusalError, Remark

WHOLE = "Convert 4 DICOM as out/image (32x32x4x1)\n"
UNEVEN = "Warning: Interslice distance varies in this volume (incompatible with NIfTI format).\n"
COPIES = "{} images have identical time, series, acquisition and instance values. DUPLICATES REMOVED.\n"


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Four files, of which the last two are copies of the first two."""
    paths = [tmp_path / f"{index}.dcm" for index in range(4)]
    for index, path in enumerate(paths):
        path.write_bytes(bytes([index % 2]))
    return paths


def output(*, is_even: bool = False) -> Output:
    return Output(Path("out/image.nii"), "image", is_even=is_even, is_untilted=False)


def refused(run: Run, files: list[Path], outputs: list[Output]) -> tuple[Code, str]:
    with pytest.raises(RefusalError) as raised:
        judge_run(run, files, outputs, limit_s=600)
    return raised.value.code, raised.value.detail


def test_a_whole_series_passes_without_a_remark(files: list[Path]) -> None:
    assert judge_run(Run(0, WHOLE), files, [output()], limit_s=600) == ()


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (None, WHOLE, "E_DCM_CRASH"),
        (-11, WHOLE, "E_DCM_CRASH"),
        (1, WHOLE, "E_DCM_CRASH"),
        (12, "", "E_DCM_CRASH"),
        (8, WHOLE, "E_DCM_PARTIAL"),
        (10, WHOLE, "E_DCM_PARTIAL"),
        (1, "Warning: File not large enough to store image data: in/000007.dcm\n", "E_DCM_PARTIAL"),
        (0, "Warning: Missing images? Expected 4 images, but instance number\n" + WHOLE, "E_DCM_PARTIAL"),
        (0, "Error: Missing images. Found 4 images, expected 5 slices\n" + UNEVEN + WHOLE, "E_DCM_PARTIAL"),
        (1, "Slice positions repeated, but number of slices (31) not divisible\n" + UNEVEN + WHOLE, "E_DCM_PARTIAL"),
        (0, "DICOM images may be missing, expected 5 spatial locations per volume\n" + WHOLE, "E_DCM_PARTIAL"),
        (0, "Convert 3 DICOM as out/image (32x32x3x1)\n", "E_DCM_PARTIAL"),
        (0, UNEVEN + WHOLE, "E_DCM_SPACING"),
        (1, UNEVEN + WHOLE, "E_DCM_SPACING"),
        (2, "No valid DICOM images were found\n", "E_DCM_NONE"),
    ],
)
def test_each_fault_has_its_code(files: list[Path], code: int | None, text: str, expected: str) -> None:
    assert refused(Run(code, text), files, [output()])[0] == expected


@pytest.mark.parametrize("run", [Run(0, WHOLE), Run(1, "Unable to decompress DICOM transfer syntax '1.2'\n")])
def test_a_run_without_an_image_is_none(files: list[Path], run: Run) -> None:
    assert refused(run, files, []) == ("E_DCM_NONE", "4 files")


def test_uneven_slices_pass_where_an_even_copy_was_written(files: list[Path]) -> None:
    assert judge_run(Run(0, UNEVEN + WHOLE), files, [output(is_even=True)], limit_s=600) == ()


def test_uneven_slices_pass_where_their_order_was_the_cause(files: list[Path]) -> None:
    text = UNEVEN + "Slice re-ordering resolved inter-slice distance variability.\n" + WHOLE
    assert judge_run(Run(0, text), files, [output()], limit_s=600) == ()


def test_a_count_of_both_echoes_is_no_missing_slice(files: list[Path]) -> None:
    expected = "DICOM images may be missing, expected 4 spatial locations per volume, but found 2 slices.\n"
    text = expected + "Convert 2 DICOM as out/image_e1 (9x9x2x1)\nConvert 2 DICOM as out/image_e2 (9x9x2x1)\n"
    assert judge_run(Run(0, text), files, [output()], limit_s=600) == ()


def test_echoes_of_different_length_are_partial(files: list[Path]) -> None:
    text = "Convert 3 DICOM as out/image_e1 (9x9x3x1)\nConvert 1 DICOM as out/image_e2 (9x9x1x1)\n"
    assert refused(Run(0, text), files, [output()]) == ("E_DCM_PARTIAL", "one echo has 1 slices, another 3")


def test_copies_byte_for_byte_are_a_remark(files: list[Path]) -> None:
    text = COPIES.format(2) + "Convert 2 DICOM as out/image (32x32x2x1)\n"
    remarks = judge_run(Run(0, text), files, [output()], limit_s=600)
    assert remarks == (Remark(Code.R_DCM_COPIES, "2 of 4 files"),)


def test_files_left_out_that_are_no_copies_are_partial(files: list[Path]) -> None:
    text = COPIES.format(3) + "Convert 1 DICOM as out/image (32x32x1x1)\n"
    code, detail = refused(Run(0, text), files, [output()])
    assert code == "E_DCM_PARTIAL"
    assert detail.startswith("1 of 4 files")


def test_a_full_disk_is_not_the_series_fault(files: list[Path]) -> None:
    with pytest.raises(CallError, match="TMPDIR"):
        judge_run(Run(1, "Error: Unable to write out/image.nii (disk full?)\n" + WHOLE), files, [], limit_s=600)


def test_a_tag_that_reads_like_a_message_does_not_count(files: list[Path]) -> None:
    text = "Slices not stacked: protocol name varies 'Convert 9 DICOM as out/image (' != 'b'\n"
    assert refused(Run(0, text + "Convert 3 DICOM as out/image (32x32x3x1)\n"), files, [output()])[0] == "E_DCM_PARTIAL"
