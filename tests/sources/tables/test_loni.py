"""ADNI and PPMI: what a collection's list, a search's result and the XML files say, and how an image finds it."""

from pathlib import Path

import pytest
from sources.tables.ida import COLLECTION_HEADER, PROTOCOL, collection_row, idaxs, imaging, processed, write

from brains45k.sources.facts import Facts
from brains45k.sources.tables import Tables, read_tables

ACQUIRED = Facts(
    sequence="3D GR/IR",
    weighting="T1",
    manufacturer="SIEMENS",
    model="TrioTim",
    field_strength_t=3.0,
    echo_time_ms=2.98,
    repetition_time_ms=2300.0,
    inversion_time_ms=900.0,
    flip_angle_deg=9.0,
    slice_thickness_mm=1.2,
)
RAW = "ADNI/002_S_0295/MPRAGE/2012-05-10_15_44_50.0/S150055"
RAW_FILE = f"{RAW}/ADNI_002_S_0295_MR_MPRAGE_br_raw_20120511095524148_75_S150055_I303066.nii"


def read(root: Path, **files: str) -> Tables:
    names = [write(root, name.replace("__", "."), content) for name, content in files.items()]
    return read_tables(["loni"], root, names)


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        (RAW_FILE, {"scan": "S150055"}),
        (RAW_FILE, {}),
        ("ADNI/002_S_0295/MPRAGE/2012-05-10_15_44_50.0/I303066/ADNI_002_S_0295_MR_MPRAGE__br_raw_2_54.dcm", {}),
        ("PPMI/3107/MPRAGE/2011-04-13_12_07_16.0/I303066/nifti/any.nii.gz", {"scan": "I303066"}),
        ("elsewhere/I303066_MPRAGE_20120511_3.nii.gz", {}),
        ("elsewhere/x.nii", {"scan": "I303066"}),
    ],
)
@pytest.mark.parametrize("image", ["I303066", "303066", " i0303066 ", "303066.0"])
def test_an_image_is_found_by_its_id(tmp_path: Path, path: str, fields: dict[str, str], image: str) -> None:
    tables = read(tmp_path, list__csv=COLLECTION_HEADER + collection_row(image, "002_S_0295", "v02", "MPRAGE"))
    assert tables.facts_of(path, fields) == Facts(description="MPRAGE", visit="v02")
    assert tables.warnings == ()


@pytest.mark.parametrize(
    "path", ["ADNI/002_S_0295/MPRAGE/2012-05-10_15_44_50.0/I303067/x.nii", "I1/I30306/I303066x.nii"]
)
def test_another_image_is_not(tmp_path: Path, path: str) -> None:
    tables = read(tmp_path, list__csv=COLLECTION_HEADER + collection_row("I303066", "002_S_0295", "v02", "MPRAGE"))
    assert tables.facts_of(path, {}) == Facts()


def test_the_folder_goes_before_the_files_name(tmp_path: Path) -> None:
    rows = collection_row("I1", "3000", "BL", "T1") + collection_row("I2", "3000", "BL", "T2")
    tables = read(tmp_path, list__csv=COLLECTION_HEADER + rows)
    assert tables.facts_of("PPMI/3000/x/I1/a_S9_I2.nii", {}).description == "T1"


def test_the_protocol_of_a_search_is_read(tmp_path: Path) -> None:
    protocol = ";".join(f"{term}={value}" for term, value in PROTOCOL.items())
    table = (
        "Subject ID,Project,Phase,Sex,Weight,Research Group,Visit,Study Date,Age,Modality,Description,"
        "Imaging Protocol,Image ID\n"
        f"3118,PPMI,,F,70.0,PD,Baseline,4/27/2016,61.2,MRI,MPRAGE GRAPPA2,{protocol},665282\n"
    )
    tables = read(tmp_path, idaSearch_4_27_2016__csv=table)
    path = "PPMI/3118/x/2016-04-27_12_56_28.0/S405061/PPMI_3118_MR_MPRAGE_GRAPPA2_br_raw_2_82_S405061_I665282.nii"
    assert tables.facts_of(path, {}) == ACQUIRED.or_else(Facts(description="MPRAGE GRAPPA2", visit="BL"))


def test_an_xml_file_is_read(tmp_path: Path) -> None:
    xml = idaxs("002_S_0295", "ADNI2 Year 2 Visit", "150055", raw=imaging("303066", "Accelerated <3D> MPRAGE"))
    tables = read(tmp_path, ADNI_002_S_0295_MPRAGE_S150055_I303066__xml=xml)
    expected = ACQUIRED.or_else(Facts(description="Accelerated <3D> MPRAGE", visit="ADNI2 Year 2 Visit"))
    assert tables.facts_of(RAW_FILE, {}) == expected
    assert tables.warnings == ()


def test_a_processed_image_has_its_own_name_and_the_protocol_of_its_original(tmp_path: Path) -> None:
    derived = processed("882756", "MT1; GradWarp; N3m", original="303066", description="MPRAGE GRAPPA2")
    tables = read(tmp_path, any__xml=idaxs("037_S_5126", "ADNI2 Year 1 Visit", "585807", derived=derived))
    of_both = ACQUIRED.or_else(Facts(visit="ADNI2 Year 1 Visit"))
    assert tables.facts_of("x/I882756/a.nii", {}) == of_both.or_else(Facts(description="MT1; GradWarp; N3m"))
    assert tables.facts_of("x/I303066/a.nii", {}) == of_both.or_else(Facts(description="MPRAGE GRAPPA2"))
    assert tables.warnings == ()


def test_a_file_without_an_id_has_what_all_of_its_series_have(tmp_path: Path) -> None:
    raw = idaxs("002_S_0295", "ADNI Screening", "150055", raw=imaging("303066", "MPRAGE"))
    alone = read(tmp_path / "one", a__xml=raw)
    assert alone.facts_of(f"{RAW}/renamed.nii", {}).description == "MPRAGE"
    other = idaxs("002_S_0295", "ADNI Screening", "150055", raw=imaging("303067", "N3m"))
    both = read(tmp_path / "two", a__xml=raw, b__xml=other)
    assert both.facts_of(f"{RAW}/renamed.nii", {}) == ACQUIRED.or_else(Facts(visit="ADNI Screening"))
    assert both.facts_of(RAW_FILE, {}).description == "MPRAGE"
    assert both.warnings == ()


def test_an_xml_file_whose_id_is_only_in_its_name_is_found_by_it(tmp_path: Path) -> None:
    xml = idaxs("002_S_0295", "ADNI Screening", "", raw=imaging("", "MPRAGE"))
    tables = read(tmp_path, ADNI_002_S_0295_MPRAGE_S150055_I303066__xml=xml)
    assert tables.facts_of("x/I303066/a.nii", {}).description == "MPRAGE"
    assert tables.facts_of(f"{RAW}/renamed.nii", {}).description == "MPRAGE"


def test_an_xml_file_that_names_no_image_costs_a_warning(tmp_path: Path) -> None:
    tables = read(tmp_path, a__xml=idaxs("002_S_0295", "ADNI Screening", "1", raw=imaging("", "MPRAGE")))
    assert tables.warnings == ("a.xml: names no image.",)


@pytest.mark.parametrize(
    ("subject", "word", "visit"),
    [
        ("3000", "Screening", "SC"),
        ("3000", "BASELINE", "BL"),
        ("3000", "Month 3", "V01"),
        ("3000", "Month 156", "V20"),
        ("3000", "Unscheduled Visit 01", "U01"),
        ("3000", "V04", "V04"),
        ("3000", "Month 6", "Month 6"),
        ("3000", "Month 99", "Month 99"),
        ("3000", "n/a", None),
        ("002_S_0295", "Month 24", "Month 24"),
        ("002_S_0295", "ADNI1/GO Month 12", "ADNI1/GO Month 12"),
        ("", "Baseline", "Baseline"),
    ],
)
def test_a_visit_is_its_code_where_the_word_is_known(
    tmp_path: Path, subject: str, word: str, visit: str | None
) -> None:
    tables = read(tmp_path, list__csv=COLLECTION_HEADER + collection_row("I1", subject, word, "MPRAGE"))
    assert tables.facts_of("x/I1/a.nii", {}).visit == visit


def test_a_code_and_a_word_for_one_visit_do_not_contradict(tmp_path: Path) -> None:
    tables = read(
        tmp_path,
        list__csv=COLLECTION_HEADER + collection_row("I303066", "002_S_0295", "m12", "MPRAGE"),
        a__xml=idaxs("002_S_0295", "ADNI1/GO Month 12", "150055", raw=imaging("303066", "MPRAGE")),
    )
    assert tables.facts_of(RAW_FILE, {}).visit == "m12"
    assert tables.warnings == ()


def test_tables_that_contradict_each_other_are_not_taken(tmp_path: Path) -> None:
    tables = read(
        tmp_path,
        list__csv=COLLECTION_HEADER + collection_row("I303066", "002_S_0295", "m12", "Axial FLAIR"),
        a__xml=idaxs("002_S_0295", "ADNI1/GO Month 12", "150055", raw=imaging("303066", "MPRAGE")),
    )
    assert tables.facts_of(RAW_FILE, {}) == ACQUIRED.or_else(Facts(visit="m12"))
    (warning,) = tables.warnings
    assert warning.startswith("a.xml: contradicts")
    assert "image 303066: description" in warning


def test_two_visits_in_one_file_are_not_told_apart(tmp_path: Path) -> None:
    xml = idaxs(
        "3000", "Baseline</visitIdentifier></visit><visit><visitIdentifier>Month 12", "1", raw=imaging("1", "T1")
    )
    assert read(tmp_path, a__xml=xml).facts_of("x/I1/a.nii", {}).visit is None


def test_a_field_in_gauss_and_placeholders_are_understood(tmp_path: Path) -> None:
    protocol = {"Field Strength": "15000", "TE": "0.0", "TR": "-1", "Mfg Model": "NULL", "Weighting": "PD"}
    tables = read(tmp_path, a__xml=idaxs("3000", "BL", "1", raw=imaging("1", "", protocol)))
    assert tables.facts_of("x/I1/a.nii", {}) == Facts(visit="BL", weighting="PD", field_strength_t=1.5)


@pytest.mark.parametrize("day", ["20110512", "2011-05-12", "5/12/2011", "12 May 2011", "002_S_0295"])
def test_nothing_of_the_person_is_taken(tmp_path: Path, day: str) -> None:
    protocol = dict.fromkeys(("Weighting", "Manufacturer", "Mfg Model", "Acquisition Type", "Pulse Sequence"), day)
    tables = read(
        tmp_path,
        list__csv=COLLECTION_HEADER + collection_row("I1", "002_S_0295", "m12", f"T1 {day}"),
        a__xml=idaxs("002_S_0295", f"Visit of {day}", "150055", raw=imaging("1", f"{day} T1", protocol)),
    )
    assert tables.facts_of("x/I1/a.nii", {}) == Facts(visit="m12")
