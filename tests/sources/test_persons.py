"""Dates, ids and names in a text: what is taken for one, and what is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brains45k.sources.persons import is_personal, words_of_persons


@pytest.mark.parametrize(
    "date",
    [
        *["20110512", "2011-05-12", "2011_5_12", "1949.12.31", "20080226115753"],
        *["2/26/2008", "02/26/2008", "26.2.2008", "26-02-2008", "2_26_2008", "02262008", "26021949"],
        *["2/26/08", "26.02.08", "26-02-08"],
        *["26 Feb 2008", "26-FEB-2008", "26Feb2008", "26. February 2008", "3rd March 2008"],
        *["Feb 26, 2008", "Feb 2008", "FEB2008", "26 feb 08", "1 Sept 2008"],
    ],
)
@pytest.mark.parametrize("around", ["{}", "T1 {}", "T1_{}_SAG", "MPRAGE ({}) rpt", "t1 {}."])
def test_a_date_is_found_wherever_it_stands(date: str, around: str) -> None:
    assert is_personal(around.format(date))


@pytest.mark.parametrize("subject", ["137_S_1414", "137-s-1414", "137 S 1414", "137S1414", "003_S_10001"])
@pytest.mark.parametrize("around", ["{}", "T1 {}", "ADNI_{}_MR", "MPRAGE{}"])
def test_an_id_of_adni_is_found(subject: str, around: str) -> None:
    assert is_personal(around.format(subject))


@pytest.mark.parametrize(
    "text",
    [
        *[
            "MPRAGE GRAPPA2",
            "Sag IR-SPGR 3D",
            "t1_mpr_ns_sag_p2_iso_1.0",
            "Axial PD/T2 FSE",
            "AX T2 FSE 5/1.5",
            "3D 1.2x1x1",
        ],
        *[
            "TE 2.98 TR 2300",
            "B1-Calibration 1/2",
            "ADNI2 Year 1 Visit",
            "ADNI1/GO Month 12",
            "MT1; GradWarp; N3m",
            "V04",
        ],
        *["HighRes 2000", "march 12 slices", "Signa HDxt 1.5", "2013051", "12345678", "20119912", "R2.1.10"],
        *["GR/IR SK/SP/MP", "ep2d_diff_64dir", "MARCO 3000", "DIS2D 128 S 12"],
    ],
)
def test_what_is_no_date_and_no_id_stays(text: str) -> None:
    assert not is_personal(text)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"PatientName": "Doe^Jonathan"}, {"doe", "jonathan"}),
        ({"PatientName": "Wu^J^^Dr"}, {"wu", "dr"}),
        ({"OperatorsName": ["Lee", "Jonathan"]}, {"jonathan"}),
        ({"PatientID": "137_S_1414"}, {"1414"}),
        ({"PatientID": 31415}, {"31415"}),
        ({"PatientBirthDate": "1923-11-17", "InstitutionName": "Clinic"}, {"1923"}),
        ({"PatientName": None, "PatientID": {}, "AccessionNumber": 10**400}, set()),
    ],
)
def test_words_of_persons(document: dict[str, object], words: set[str]) -> None:
    assert words_of_persons(document) == words


@pytest.mark.parametrize(
    ("text", "personal"),
    [
        ("T1 JONATHAN", True),
        ("T1jonathan2", True),
        ("T1 of Lee", True),
        ("T1_lee_2", True),
        ("Sleep study", False),
        ("T1 axial", False),
    ],
)
def test_long_words_count_anywhere_and_short_ones_as_a_whole(text: str, personal: bool) -> None:
    assert is_personal(text, frozenset({"jonathan", "lee"})) is personal


@given(st.text(), st.text())
def test_a_name_is_found_in_any_text_that_holds_it_as_a_word(name: str, text: str) -> None:
    for word in words_of_persons({"PatientName": name}):
        assert is_personal(f"{text} {word} {text}", words_of_persons({"PatientName": name}))
