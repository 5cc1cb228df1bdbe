"""BraTS 2021: the other names of a case."""

import csv
import io
from pathlib import Path

import pytest
from sources.tables.ida import write
from sources.tables.sheets import workbook

from brains45k.sources.facts import Facts
from brains45k.sources.tables import Tables, read_tables

HEADER_17 = (
    "BraTS2021,BraTS2020,BraTS2019,BraTS2018,BraTS2017,Cohort Name (if publicly available),"
    "Site No (represents the originating institution),Local ID \n"
)
ROWS_17 = (
    "BraTS2021_00115,BraTS20_Training_901,N/A,N/A,N/A,IvyGAP,16,W99\n"
    "BraTS2021_00131,BraTS20_Training_902,BraTS19_CBICA_XYZ_1,Brats18_CBICA_XYZ_1,Brats17_CBICA_XYZ_1,"
    "Private Collection,1,N/A\n"
    "BraTS2021_00780,N/A,N/A,N/A,N/A,Private Collection,21,N/A\n"
)
TCIA: list[list[object]] = [
    [
        "Data Collection (as on TCIA+additional)", "Site ID", "PatientID on TCIA Radiology Portal",
        "Study date (m/d/yyyy) per PatientID", "BraTS2021 ID", "Segmentation (Task 1) Cohort", "MGMT (Task 2) Cohort",
        "MGMT value",
    ],
    ["TCGA-GBM", 4.0, "TCGA-00-0001", "1/1/2001", "BraTS2021_00001", "Training", "n/a", None],
    ["UCSF-PDGM", 18.0, 57.0, None, "BraTS2021_00002", "Training", "Training", 1],
    ["UPENN-GBM_Additional", 1.0, "new-not-previously-in-TCIA", None, "BraTS2021_00131", "Training", None, None],
    ["IvyGAP", 16.0, "W99", None, "BraTS2021_00115", "Training", None, None],
    ["UPENN-GBM", 1.0, "UPENN-GBM-00169_11", None, "00169", None, "Training", 0],
]  # fmt: skip


def read(root: Path, **files: str | bytes) -> Tables:
    names = [write(root, name.replace("__", "."), content) for name, content in files.items()]
    return read_tables(["brats_mapping"], root, names)


def origin(tables: Tables, subject: str) -> str | None:
    facts = tables.facts_of(f"BraTS2021_Training_Data/{subject}/{subject}_t1.nii.gz", {"subject": subject})
    assert facts == Facts(origin=facts.origin)
    return facts.origin


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("BraTS2021_00115", "BraTS20_Training_901; IvyGAP W99"),
        ("brats2021_00115", "BraTS20_Training_901; IvyGAP W99"),
        (
            "BraTS2021_00131",
            "BraTS20_Training_902; BraTS19_CBICA_XYZ_1; Brats18_CBICA_XYZ_1; Brats17_CBICA_XYZ_1",
        ),
        ("BraTS2021_00780", None),
        ("BraTS2021_99999", None),
    ],
)
def test_the_names_of_earlier_years_are_found(tmp_path: Path, subject: str, expected: str | None) -> None:
    tables = read(tmp_path, BraTS21_17_Mapping__csv=HEADER_17 + ROWS_17)
    assert origin(tables, subject) == expected
    assert tables.warnings == ()


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("BraTS2021_00001", "TCGA-GBM TCGA-00-0001"),
        ("BraTS2021_00002", "UCSF-PDGM 57"),
        ("BraTS2021_00131", "UPENN-GBM_Additional"),
        ("00169", None),
    ],
)
def test_the_collection_of_tcia_is_found(tmp_path: Path, subject: str, expected: str | None) -> None:
    tables = read(tmp_path, renamed__xlsx=workbook(TCIA))
    assert origin(tables, subject) == expected
    assert tables.warnings == ()


def test_a_crosswalk_saved_as_text_with_a_title_is_the_same(tmp_path: Path) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows([["Crosswalk"], [], *TCIA])
    assert origin(read(tmp_path, a__csv=text.getvalue()), "BraTS2021_00001") == "TCGA-GBM TCGA-00-0001"


def test_both_tables_together_name_each_origin_once(tmp_path: Path) -> None:
    tables = read(tmp_path, a__csv=HEADER_17 + ROWS_17, b__xlsx=workbook(TCIA))
    assert origin(tables, "BraTS2021_00115") == "BraTS20_Training_901; IvyGAP W99"
    assert tables.warnings == ()


def test_the_release_of_2023_is_found_by_both_ids(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        ["BraTS2023", *HEADER_17.rstrip("\n").split(",")],
        ["BraTS-GLI-00006-000", "BraTS2021_00006", None, None, None, None, "TCGA-LGG", 5, "TCGA-00-0002"],
        ["BraTS-GLI-01734-000", None, None, None, None, None, "Private Collection", 30, None],
    ]
    tables = read(tmp_path, BraTS2023_2017_GLI_Mapping__xlsx=workbook(rows))
    assert origin(tables, "BraTS-GLI-00006-000") == "BraTS2021_00006; TCGA-LGG TCGA-00-0002"
    assert origin(tables, "BraTS2021_00006") == "BraTS-GLI-00006-000; TCGA-LGG TCGA-00-0002"
    assert origin(tables, "BraTS-GLI-01734-000") is None


def test_contradicting_rows_cost_the_contradicting_name_alone(tmp_path: Path) -> None:
    again = "BraTS2021_00115,BraTS20_Training_903,N/A,N/A,N/A,IvyGAP,16,W99\n"
    tables = read(tmp_path, a__csv=HEADER_17 + ROWS_17 + again)
    assert origin(tables, "BraTS2021_00115") == "IvyGAP W99"
    (warning,) = tables.warnings
    assert warning.startswith("a.csv: contradicts")


def test_a_table_of_labels_is_none_of_these(tmp_path: Path) -> None:
    tables = read(tmp_path, train_labels__csv="BraTS21ID,MGMT_value\n00000,1\n")
    assert origin(tables, "BraTS2021_00000") is None
    assert tables.warnings == ()
