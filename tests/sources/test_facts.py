"""Facts of a scan: what a sidecar states, in which unit, and what is not taken from it."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brains45k.sources.facts import FIELDS, Facts, as_number, as_text, facts_of_sidecar, read_sidecar

# As dcm2niix writes it: seconds.
BIDS = {
    "Modality": "MR",
    "MagneticFieldStrength": 3,
    "Manufacturer": "Siemens",
    "ManufacturersModelName": "Prisma_fit",
    "SeriesDescription": "Accelerated_Sagittal_MPRAGE",
    "ProtocolName": "a person's own words",
    "ScanningSequence": "GR_IR",
    "SequenceVariant": "SK_SP_MP",
    "MRAcquisitionType": "3D",
    "PulseSequenceDetails": "%SiemensSeq%_tfl",
    "SliceThickness": 1,
    "EchoTime": 0.00298,
    "RepetitionTime": 2.3,
    "InversionTime": 0.9,
    "FlipAngle": 9,
    "ConversionSoftware": "dcm2niix",
}
# As ISLES22's sidecars are: DICOM's keywords, milliseconds.
ISLES22 = {
    "Manufacturer": "Philips Medical Systems",
    "ManufacturerModelName": "Achieva dStream",
    "PatientSex": "F",
    "PatientAge": "060Y",
    "ScanningSequence": "IR",
    "SequenceVariant": "SK",
    "MRAcquisitionType": "2D",
    "SliceThickness": 4.0,
    "RepetitionTime": 12000.0,
    "EchoTime": 140.0,
    "InversionTime": 2850.0,
    "MagneticFieldStrength": 3.0,
    "FlipAngle": 90.0,
}

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
sidecars = st.dictionaries(st.sampled_from([*BIDS, *ISLES22, "PatientName", "PatientID"]) | st.text(), anything)


def test_a_sidecar_of_bids_is_read_in_seconds() -> None:
    assert facts_of_sidecar(BIDS) == Facts(
        description="Accelerated_Sagittal_MPRAGE",
        sequence="3D GR/IR SK/SP/MP",
        manufacturer="Siemens",
        model="Prisma_fit",
        field_strength_t=3.0,
        echo_time_ms=2.98,
        repetition_time_ms=2300.0,
        inversion_time_ms=900.0,
        flip_angle_deg=9.0,
        slice_thickness_mm=1.0,
    )


def test_a_sidecar_with_dicom_keywords_is_read_in_milliseconds() -> None:
    assert facts_of_sidecar(ISLES22) == Facts(
        sequence="2D IR SK",
        manufacturer="Philips Medical Systems",
        model="Achieva dStream",
        field_strength_t=3.0,
        echo_time_ms=140.0,
        repetition_time_ms=12000.0,
        inversion_time_ms=2850.0,
        flip_angle_deg=90.0,
        slice_thickness_mm=4.0,
    )


@pytest.mark.parametrize(
    ("times", "echo_repetition_inversion_ms"),
    [
        ({"EchoTime": 0.03, "RepetitionTime": 3}, (30.0, 3000.0, None)),
        ({"EchoTime": 7e-05, "RepetitionTime": 0.004}, (0.07, 4.0, None)),
        ({"EchoTime": 3.2, "RepetitionTime": 8.6, "InversionTime": 450}, (3.2, 8.6, 450.0)),
        ({"EchoTime": "140", "RepetitionTime": "9000.5"}, (140.0, 9000.5, None)),
        ({"RepetitionTime": 20}, (None, 20_000.0, None)),
        ({"RepetitionTime": 31}, (None, 31.0, None)),
        ({"InversionTime": 2500}, (None, None, 2500.0)),
        ({"EchoTime": 0.03, "RepetitionTime": 3000}, (None, 3000.0, None)),
        ({"EchoTime": [0.03], "RepetitionTime": [2.0, 2.5]}, (30.0, None, None)),
        ({"EchoTime": -0.03, "RepetitionTime": 0, "InversionTime": 0}, (None, None, None)),
        ({"EchoTime": float("nan"), "RepetitionTime": float("inf")}, (None, None, None)),
        ({"EchoTime": True, "RepetitionTime": None, "InversionTime": {}}, (None, None, None)),
    ],
)
def test_the_unit_of_times_is_told_by_their_size(
    times: dict[str, Any], echo_repetition_inversion_ms: tuple[float | None, ...]
) -> None:
    facts = facts_of_sidecar(times)
    assert (facts.echo_time_ms, facts.repetition_time_ms, facts.inversion_time_ms) == echo_repetition_inversion_ms


@pytest.mark.parametrize(
    ("stated", "field_strength_t"),
    [
        *[(1.494, 1.494), (15000, 1.5), ("30000", 3.0), (640, 0.064)],
        *[(0, None), (50, None), (1e9, None), (10**400, None), ("3 T", None)],
    ],
)
def test_a_field_is_in_tesla_or_gauss(stated: object, field_strength_t: float | None) -> None:
    assert facts_of_sidecar({"MagneticFieldStrength": stated}).field_strength_t == field_strength_t


@pytest.mark.parametrize(
    ("document", "sequence"),
    [
        ({"ScanningSequence": ["SE", "EP"], "MRAcquisitionType": "2D"}, "2D SE/EP"),
        ({"ScanningSequence": "['GR', 'IR']"}, "GR/IR"),
        ({"MRAcquisitionType": "3D", "PulseSequenceDetails": "%SiemensSeq%_tfl"}, "3D %SiemensSeq%_tfl"),
        ({"MRAcquisitionType": "2D", "ScanningSequence": [], "PulseSequenceDetails": 3}, "2D"),
        ({"ScanningSequence": "\\\\"}, None),
    ],
)
def test_a_sequence_is_spelt_in_one_way(document: dict[str, Any], sequence: str | None) -> None:
    assert facts_of_sidecar(document).sequence == sequence


@pytest.mark.parametrize(
    "person",
    [
        {"PatientName": "Doe^Jonathan"},
        {"PatientID": "sub jonathan"},
        {"ReferringPhysicianName": ["Jonathan"]},
        {"OperatorsName": "JONATHAN"},
    ],
)
def test_text_that_repeats_what_is_said_of_a_person_is_not_taken(person: dict[str, Any]) -> None:
    document = {"SeriesDescription": "T1 for Jonathan", "ManufacturersModelName": "Jonathan's scanner"}
    assert facts_of_sidecar(document).description == "T1 for Jonathan"
    assert facts_of_sidecar(document | person) == Facts()


@pytest.mark.parametrize("date", ["20110512", "2/26/2008", "26 Feb 2008", "137_S_1414"])
def test_text_that_holds_a_date_or_an_id_is_not_taken(date: str) -> None:
    keys = ("SeriesDescription", "Manufacturer", "ManufacturersModelName", "PulseSequenceDetails")
    assert facts_of_sidecar(dict.fromkeys(keys, f"T1 {date}")) == Facts()


def test_nothing_else_of_a_person_is_taken() -> None:
    planted = dict.fromkeys(("PatientSex", "PatientAge", "PatientComments", "InstitutionName", "StudyDate"), "planted")
    assert facts_of_sidecar({**planted, "ProtocolName": "planted", "ImageComments": "planted"}) == Facts()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("  a\r\n b\x00c ", "a b c"),
        ("n/a", None),
        (" ", None),
        (7, None),
        (["a"], None),
        ("\ud800T1", "?T1"),
        ("x" * 500, "x" * 200),
    ],
)
def test_text_is_one_line_of_valid_characters(value: object, text: str | None) -> None:
    assert as_text(value) == text


@given(sidecars)
def test_no_sidecar_raises_and_all_facts_can_be_written(document: dict[str, Any]) -> None:
    facts = facts_of_sidecar(document)
    for name in FIELDS:
        value = getattr(facts, name)
        if isinstance(value, str):
            assert value.encode().decode() == value.strip() != ""
        else:
            assert value is None or 0 < value < 1e5


@given(anything)
def test_a_number_is_finite_or_none(value: object) -> None:
    number = as_number(value)
    assert number is None or abs(number) < float("inf")


@given(st.builds(Facts, visit=st.none() | st.text(), echo_time_ms=st.none() | st.floats(1, 2)))
def test_or_else_fills_only_gaps(facts: Facts) -> None:
    other = Facts(visit="BL", echo_time_ms=9.0, model="Prisma")
    filled = facts.or_else(other)
    for name in FIELDS:
        own = getattr(facts, name)
        assert getattr(filled, name) == (getattr(other, name) if own is None else own)
    assert facts.or_else(Facts()) == facts


def write(root: Path, name: str, content: bytes) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("image", "sidecar"),
    [
        ("sub-01_T1w.nii.gz", "sub-01_T1w.json"),
        ("sub-01_T1w.NII", "sub-01_T1w.json"),
        ("anat1/NIFTI/sub-01_FLAIR.nii.gz", "anat1/BIDS/sub-01_FLAIR.json"),
        (
            "scans/anat1-T1w/resources/NIFTI/files/sub-01_T1w.nii.gz",
            "scans/anat1-T1w/resources/BIDS/files/sub-01_T1w.json",
        ),
        ("I1553012_Sagittal_3D_FLAIR_20220307110304_3.nii.gz", "I1553012_Sagittal_3D_FLAIR_20220307110304_3.json"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_sidecar_is_found_where_downloads_have_it(tmp_path: Path, image: str, sidecar: str, encoding: str) -> None:
    write(tmp_path, sidecar, json.dumps(BIDS).encode(encoding))
    assert read_sidecar(tmp_path / image) == (facts_of_sidecar(BIDS), None)


@pytest.mark.parametrize("image", ["a.nii.gz", "NIFTI/a.nii", "a.dcm", "a"])
def test_an_image_without_a_sidecar_has_no_facts(tmp_path: Path, image: str) -> None:
    write(tmp_path, "b.json", b"{}")
    assert read_sidecar(tmp_path / image) == (Facts(), None)


def test_a_sidecar_in_latin_1_is_read(tmp_path: Path) -> None:
    write(tmp_path, "a.json", '{"InstitutionName": "Hôpital", "Manufacturer": "GE"}'.encode("latin-1"))
    assert read_sidecar(tmp_path / "a.nii.gz") == (Facts(manufacturer="GE"), None)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "not JSON"),
        (b'{"EchoTime": 0.03', "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"EchoTime": ' + b"9" * 5000 + b"}", "not JSON"),
        (b"<!DOCTYPE html><title>Log in</title>", "not JSON"),
        (b"[1, 2]", "no JSON object"),
        (b" " * ((4 << 20) + 1), "larger than 4 MiB"),
    ],
)
def test_a_damaged_sidecar_costs_one_line(tmp_path: Path, content: bytes, cause: str) -> None:
    write(tmp_path, "a.json", content)
    facts, warning = read_sidecar(tmp_path / "a.nii.gz")
    assert facts == Facts()
    assert warning is not None
    assert warning.startswith("a.json: ")
    assert cause in warning
    assert "\n" not in warning


def test_a_sidecar_that_cannot_be_opened_costs_one_line(tmp_path: Path) -> None:
    facts, warning = read_sidecar(tmp_path / f"{'a' * 300}.nii.gz")
    assert facts == Facts()
    assert warning is not None
    assert "cannot be read" in warning


def test_a_folder_in_the_sidecars_place_is_no_sidecar(tmp_path: Path) -> None:
    (tmp_path / "a.json").mkdir()
    assert read_sidecar(tmp_path / "a.nii.gz") == (Facts(), None)


@given(st.binary(max_size=200))
def test_no_bytes_in_a_sidecar_raise(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = write(tmp_path_factory.getbasetemp(), "bytes/a.json", content)
    facts, warning = read_sidecar(path.with_name("a.nii.gz"))
    assert facts == Facts() or warning is None
