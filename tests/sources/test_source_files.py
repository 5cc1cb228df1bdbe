"""The source files: valid, true to the real paths they quote, and selecting what they say."""

from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import jsonschema
import pytest
import yaml

from brains45k.schema import load_schema
from brains45k.sources.candidate import candidates_of
from brains45k.sources.catalog import Source, load_source
from brains45k.sources.select import select
from brains45k.sources.walk import FoundFile

FOLDER = Path(__file__).parents[2] / "config" / "sources"
COHORTS = ("adni", "oasis3", "oasis4", "ppmi")
CHALLENGES = ("brats21", "isles22", "msd", "msseg1", "wmh")
NAMES = (*COHORTS, *CHALLENGES, "bids", "lesions")

EXPECTED = {
    "msd": (1064, 266),
    "isles22": (750, 250),
    "wmh": (120, 60),
    "brats21": (3752, 938),
    "msseg1": (75, 15),
}


@cache
def source_of(name: str) -> Source:
    return load_source(FOLDER / f"{name}.yaml")


def examples() -> list[tuple[str, str, str]]:
    return [
        (name, layout.name, example)
        for name in NAMES
        for layout in source_of(name).layouts
        for example in layout.examples
    ]


def test_no_other_source_file_is_there() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.yaml")) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_file_is_valid(name: str) -> None:
    validator = jsonschema.Draft202012Validator(
        load_schema("source"), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    document = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    assert [error.message for error in validator.iter_errors(document)] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_homepage_is_an_address(name: str) -> None:
    # jsonschema checks the format "uri" only where an optional package is installed.
    parts = urlsplit(source_of(name).document["homepage"])
    assert parts.scheme in {"http", "https"}
    assert parts.netloc


@pytest.mark.parametrize("name", NAMES)
def test_lines_are_short(name: str) -> None:
    lines = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if len(line) > 110] == []


@pytest.mark.parametrize(("name", "layout", "example"), examples())
def test_an_example_is_matched_first_by_its_own_layout(name: str, layout: str, example: str) -> None:
    match = source_of(name).match(example)
    assert match is not None
    assert match[0].name == layout
    if match[0].role == "image":
        assert match[1]["subject"]


@pytest.mark.parametrize(("name", "layout", "example"), examples())
def test_an_example_is_matched_below_other_folders_and_in_other_case(name: str, layout: str, example: str) -> None:
    for path in (f"a download/2024-01/{example}", example.upper(), example.lower()):
        match = source_of(name).match(path)
        assert match is not None
        assert match[0].name == layout


@pytest.mark.parametrize("name", NAMES)
def test_names_are_used_once_and_rules_refer_to_what_is_there(name: str) -> None:
    source = source_of(name)
    layouts = [layout.name for layout in source.layouts]
    assert len(set(layouts)) == len(layouts)
    fields = {field for layout in source.layouts for field in (*layout.pattern.groupindex, *layout.implied)}
    for rules in source.selections.values():
        assert (rules.layouts or frozenset()) <= set(layouts)
        assert set(rules.where) <= fields
        assert {field for field, _, _ in rules.words} <= fields


@pytest.mark.parametrize("name", NAMES)
def test_where_and_words_are_in_lower_case(name: str) -> None:
    for rules in source_of(name).selections.values():
        values = [value for allowed in rules.where.values() for value in allowed]
        words = [word for _, _, group in rules.words for word in group]
        assert [text for text in (*values, *words) if text != text.lower()] == []


@pytest.mark.parametrize("name", [name for name in NAMES if name not in {"adni", "ppmi", "msd"}])
def test_the_contrast_of_every_selected_example_is_known(name: str) -> None:
    source = source_of(name)
    for layout in source.layouts:
        for example in layout.examples:
            match = source.match(example)
            if layout.role == "image" and match and "image" in match[1]:
                assert match[1]["image"].lower() in source.images


@pytest.mark.parametrize("name", CHALLENGES)
def test_expected_counts_are_the_derived_ones(name: str) -> None:
    expected = source_of(name).document["expected"]
    assert (expected["volumes"], expected["subjects"]) == EXPECTED[name]
    assert expected["basis"].startswith("derived: ")
    assert "Table 1 was not available" in expected["basis"]


def test_expected_counts_add_up() -> None:
    total = sum(source_of(name).document["expected"]["volumes"] for name in CHALLENGES)
    assert total == 5761
    assert 44_756 - total == 38_995


def msd_files() -> list[str]:
    return [f"imagesTs/BRATS_{n}" for n in range(485, 751)] + [f"labelsTr/BRATS_{n:03d}" for n in range(1, 485)]


def isles22_files() -> list[str]:
    cases = [f"sub-strokecase{n:04d}" for n in range(1, 251)]
    kinds = ("anat/{0}_FLAIR", "dwi/{0}_dwi", "dwi/{0}_adc", "{0}_msk")
    return [f"{case}/ses-0001/{kind.format(f'{case}_ses-0001')}" for case in cases for kind in kinds]


def brats21_files() -> list[str]:
    cases = [f"BraTS2021_{n:05d}" for n in range(1251)]
    return [f"{case}/{case}_{kind}" for case in cases for kind in ("flair", "t1", "t1ce", "t2", "seg")]


def wmh_files() -> list[str]:
    sites = ("training/Utrecht", "training/Singapore", "training/Amsterdam/GE3T", "test/Utrecht")
    subjects = [f"{site}/{20 * place + n}" for place, site in enumerate(sites) for n in range(20)]
    images = [f"{stage}/{image}" for stage in ("pre", "orig") for image in ("FLAIR", "T1", "3DT1")]
    return [f"{subject}/{kind}" for subject in subjects for kind in (*images, "wmh")]


def msseg1_files() -> list[str]:
    centres = ("Training/Center_01", "Training/Center_07", "Training/Center_08", "Testing/Center_01")
    patients = [f"{centre}/Patient_{n:02d}" for centre in centres for n in range(1, 6)]
    images = ("DP", "FLAIR", "GADO", "T1", "T2")
    kinds = [f"Preprocessed_Data/{image}_preprocessed" for image in images]
    kinds += [f"Raw_Data/{image}" for image in images]
    return [f"{patient}/{kind}" for patient in patients for kind in (*kinds, "Masks/Consensus")]


COMPLETE_DOWNLOADS = {
    "msd": msd_files(),
    "isles22": isles22_files(),
    "brats21": brats21_files(),
    "wmh": wmh_files(),
    "msseg1": msseg1_files(),
}


@pytest.mark.parametrize("name", CHALLENGES)
def test_the_reference_selection_of_a_complete_download_has_the_expected_counts(name: str) -> None:
    source = source_of(name)
    files = [FoundFile(f"{path}.nii.gz", ".nii.gz", 1, 0) for path in COMPLETE_DOWNLOADS[name]]
    candidates = [candidate for file in files for candidate in candidates_of(source, file)]
    verdicts = select(candidates, source.selections["reference"])
    taken = [candidate for candidate, verdict in zip(candidates, verdicts, strict=True) if verdict.taken]
    assert (len(taken), len({candidate.subject for candidate in taken})) == EXPECTED[name]


@pytest.mark.parametrize("name", COHORTS)
def test_what_nobody_published_is_not_invented(name: str) -> None:
    expected = source_of(name).document["expected"]
    assert expected["volumes"] is None
    assert expected["subjects"] is None
    assert expected["basis"].startswith("unknown: together 38,995 = 44,756 (paper) - 5,761")


@pytest.mark.parametrize("name", NAMES)
def test_only_the_cohorts_have_the_reference_volume_rule(name: str) -> None:
    rule = source_of(name).selections["reference"].volume
    if name in COHORTS:
        assert (rule.min_size_voxels, rule.min_value) == (15, 0)
    else:
        assert rule.min_value is None


@pytest.mark.parametrize("name", NAMES)
def test_clean_loses_no_volume_for_a_negative_voxel(name: str) -> None:
    assert source_of(name).selections["clean"].volume.min_value is None


@pytest.mark.parametrize(
    ("name", "formats"),
    [("adni", {".nii"}), ("ppmi", {".nii"}), ("oasis3", {".nii.gz"}), ("oasis4", {".nii.gz"})],
)
def test_the_reference_reads_the_formats_that_its_code_read(name: str, formats: set[str]) -> None:
    assert source_of(name).selections["reference"].formats == frozenset(formats)
    assert source_of(name).selections["clean"].formats is None


def test_the_splits_are_those_of_the_downstream_tasks() -> None:
    reference, clean = (source_of("brats21").selections[key].split for key in ("reference", "clean"))
    assert reference is not None
    assert (reference.seed, reference.test_fraction, reference.cases) == (4215532, 0.25, 1251)
    assert clean == reference
    isles = source_of("isles22").selections
    assert isles["reference"].split is None
    assert isles["clean"].split is not None
    assert (isles["clean"].split.seed, isles["clean"].split.cases) == (859032, 250)


def test_ppmi_words_come_in_the_order_of_the_reference_code() -> None:
    words = source_of("ppmi").selections["reference"].words
    assert [(field, verdict) for field, verdict, _ in words] == [
        ("series", "reject"),
        ("series", "reject"),
        ("series", "accept"),
    ]
    assert words[0][2] == ("2d",)
    assert "mt" in words[1][2]
    assert "grappa" in words[2][2]


def test_channels_of_msd_are_in_the_order_of_its_dataset_json() -> None:
    channels = source_of("msd").channels
    assert [channel.name for channel in channels] == ["flair", "t1w", "t1gd", "t2w"]
    assert [channel.contrast.suffix for channel in channels] == ["FLAIR", "T1w", "T1w", "T2w"]
    assert [channel.contrast.contrast_agent for channel in channels] == [None, None, "gadolinium", None]


@pytest.mark.parametrize(
    ("name", "path", "role"),
    [
        ("wmh", "training/Utrecht/0/wmh.nii.gz", "label"),
        ("wmh", "WMH/Amsterdam/Train_GE3T/100/pre/wmh.nii.gz", "label"),
        ("wmh", "training/Singapore/50/orig/T1_mask.nii.gz", "label"),
        ("wmh", "additional_annotations/observer_o4/training/Amsterdam/GE3T/100/result.nii.gz", "label"),
        (
            "isles22",
            "derivatives/sub-strokecase0150/ses-0001/sub-strokecase0150_ses-0001_msk.nii.gz",
            "label",
        ),
        ("brats21", "BraTS2021_00002/BraTS2021_00002_seg.nii.gz", "label"),
        ("msseg1", "testing/Center_03/Patient_01/masks/Consensus.nii.gz", "label"),
        ("oasis3", "OAS30001_PIB_d0000/pet1/sub-OAS30001_ses-d0000_acq-PIB_pet.nii.gz", "other"),
        ("oasis3", "OAS30001_AV45_d2430/scans/pet1-pet/resources/NIFTI/files/a_pet.nii.gz", "other"),
        ("oasis3", "OAS30001_MR_d0129/mri/orig/001.mgz", "other"),
        ("bids", "derivatives/a/b/c/sub-01/anat/sub-01_T1w.nii.gz", "other"),
        ("bids", "sub-01/ses-1/anat/sub-01_ses-1_T1w_seg.nii.gz", "label"),
    ],
)
def test_what_is_no_image_is_told_from_images(name: str, path: str, role: str) -> None:
    match = source_of(name).match(path)
    assert match is not None
    assert match[0].role == role


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("msd", "imagesTs/._BRATS_485.nii.gz"),
        ("wmh", "Utrecht/0/pre/FLAIR.nii.gz"),
        ("msseg1", "Center_01/Patient_01/Raw_Data/T1.nii.gz"),
        ("brats21", "BraTS2021_00000/BraTS2021_00002_t1.nii.gz"),
        ("brats21", "BraTS-GLI-00005-100/BraTS-GLI-00005-100-t1n.nii.gz"),
        ("bids", "sub-01/func/sub-01_task-rest_bold.nii.gz"),
        ("adni", "ADNI/002_S_0295/MPRAGE/2012-05-10_15_44_50.0/scan.nii"),
    ],
)
def test_what_cannot_be_placed_safely_is_not_matched(name: str, path: str) -> None:
    assert source_of(name).match(path) is None


@pytest.mark.parametrize(
    ("name", "path", "part"),
    [
        (
            "brats21",
            "RSNA_ASNR_MICCAI_BraTS2021_ValidationData/BraTS2021_00001/BraTS2021_00001_t2.nii.gz",
            "validation",
        ),
        (
            "brats21",
            "BraTS2021_ValidationSet/UCSF-PDGM/BraTS2021_00018/BraTS2021_00018_t1.nii.gz",
            "validation",
        ),
        ("brats21", "BraTS2021_TrainingSet/IvyGAP/BraTS2021_00000/BraTS2021_00000_t1.nii.gz", "training"),
        ("brats21", "BraTS2021_Training_Data/BraTS2021_00495/BraTS2021_00495_t1.nii", "training"),
        ("wmh", "test/Amsterdam/Philips_VU .PETMR_01./161/pre/FLAIR.nii.gz", "test"),
        ("wmh", "training/Amsterdam/GE3T/100/pre/FLAIR.nii.gz", "training"),
        (
            "msseg1",
            "MSSEG1_2016/training/Center_07/Patient_02/preprocessed_data/DP_preprocessed.nii.gz",
            "training",
        ),
        (
            "msseg1",
            "MSSEG1_2016/Testing/Center_07/Patient_02/Preprocessed_Data/DP_preprocessed.nii.gz",
            "test",
        ),
        ("msd", "imagesTr/BRATS_001.nii.gz", "training"),
    ],
)
def test_held_out_parts_are_told_from_the_rest(name: str, path: str, part: str) -> None:
    match = source_of(name).match(path)
    assert match is not None
    assert match[1]["part"] == part


def test_both_selections_of_a_challenge_ask_for_one_part() -> None:
    for name in ("brats21", "wmh", "msseg1"):
        for rules in source_of(name).selections.values():
            assert rules.where["part"] == {"training"}
    for rules in source_of("msd").selections.values():
        assert rules.where["part"] == {"test"}


def test_patients_of_two_centres_are_two_subjects() -> None:
    subjects = set()
    for folder in ("Training/Center_01", "Training/Center_07", "Testing/Center_01"):
        match = source_of("msseg1").match(f"{folder}/Patient_01/Raw_Data/T1.nii.gz")
        assert match is not None
        subjects.add(match[1]["subject"])
    assert len(subjects) == 3


@pytest.mark.parametrize(
    "path",
    [
        "OAS30001_MR_d0129/anat1/sub-OAS30001_ses-d0129_run-01_T1w.nii.gz",
        "OAS30001_MR_d0129/scans/anat1-T1w/resources/NIFTI/files/sub-OAS30001_ses-d0129_run-01_T1w.nii.gz",
        "OASIS3/OAS30001/OAS30001_MR_d0129/anat1/NIFTI/sub-OAS30001_sess-d0129_run-01_T1w.nii.gz",
        "sub-OAS30001/ses-d0129/anat/sub-OAS30001_ses-d0129_run-01_T1w.nii.gz",
    ],
)
def test_the_four_trees_of_oasis_name_subject_and_session_alike(path: str) -> None:
    match = source_of("oasis3").match(path)
    assert match is not None
    assert (match[1]["subject"], match[1]["session"], match[1]["image"]) == ("OAS30001", "d0129", "T1w")
    assert "anat" in match[1]["scan"]


_CATALOG = Path(__file__).resolve().parents[2] / "config/sources"


def test_no_source_takes_the_files_of_another() -> None:
    # bids is meant to take any dataset's anat folders.
    sources = {path.stem: load_source(path) for path in _CATALOG.glob("*.yaml") if path.stem != "bids"}
    mixed = {
        (other, name, example)
        for name, source in sources.items()
        for layout in source.layouts
        if layout.role == "image"
        for example in layout.examples
        for other, candidate in sources.items()
        if other != name and (match := candidate.match(example)) and match[0].role == "image"
    }
    assert {pair[:2] for pair in mixed} <= {("oasis3", "oasis4"), ("oasis4", "oasis3")}
    assert mixed == set()
