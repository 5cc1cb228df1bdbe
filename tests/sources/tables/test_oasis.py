"""OASIS-3: the table that holds its sidecars."""

from pathlib import Path

import pytest
from sources.tables.ida import write

from brains45k.sources.facts import Facts
from brains45k.sources.tables import read_tables

TABLE = (
    "subject_id,label,filename,scan category,Manufacturer,ManufacturersModelName,MagneticFieldStrength,EchoTime,"
    "RepetitionTime,InversionTime,FlipAngle,SliceThickness,SeriesDescription,MRAcquisitionType,ScanningSequence\r\n"
    "OAS30001,OAS30001_MR_d0129,sub-OAS30001_ses-d0129_run-01_T1w.json,T1w,Siemens,Biograph_mMR,3,0.00295,2.3,0.9,9,"
    "1.2,MPRAGE GRAPPA2,3D,\"['GR', 'IR']\"\r\n"
    "OAS30002,OAS30002_MR_d3132,sub-OAS30002_sess-d3132_T2w.json,T2w,Siemens,TrioTim,3,,,,,,,,\r\n"
)


@pytest.mark.parametrize("separator", ["/", "/anat1/NIFTI/", "/scans/anat1-T1w/resources/NIFTI/files/"])
def test_an_image_is_found_by_the_name_of_its_sidecar(tmp_path: Path, separator: str) -> None:
    tables = read_tables(["oasis"], tmp_path, [write(tmp_path, "OASIS3_data_files/any.csv", TABLE)])
    path = f"OAS30001_MR_d0129{separator}sub-OAS30001_ses-d0129_run-01_T1w.nii.gz"
    assert tables.facts_of(path, {}) == Facts(
        description="MPRAGE GRAPPA2",
        sequence="3D GR/IR",
        manufacturer="Siemens",
        model="Biograph_mMR",
        field_strength_t=3.0,
        echo_time_ms=2.95,
        repetition_time_ms=2300.0,
        inversion_time_ms=900.0,
        flip_angle_deg=9.0,
        slice_thickness_mm=1.2,
    )
    assert tables.warnings == ()


@pytest.mark.parametrize("session", ["ses", "sess"])
def test_both_spellings_of_a_session_are_the_same(tmp_path: Path, session: str) -> None:
    tables = read_tables(["oasis"], tmp_path, [write(tmp_path, "any.csv", TABLE)])
    assert tables.facts_of(f"sub-OAS30002_{session}-d3132_T2w.nii.gz", {}).model == "TrioTim"
    assert tables.facts_of(f"sub-OAS30003_{session}-d3132_T2w.nii.gz", {}) == Facts()


def test_a_row_without_a_file_costs_a_warning(tmp_path: Path) -> None:
    table = "filename,MagneticFieldStrength\n,3\n,3\na.json,1.5\n,\n"
    tables = read_tables(["oasis"], tmp_path, [write(tmp_path, "any.csv", table)])
    assert tables.facts_of("a.nii.gz", {}).field_strength_t == 1.5
    (warning,) = tables.warnings
    assert warning.startswith("any.csv: has rows without an id")
    assert "1 more" in warning
