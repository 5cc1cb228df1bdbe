"""The selections: each code for what is not taken, the published split, and copies beside originals."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split
from support.small_corpus import tiny_source

from brains45k.codes import Code
from brains45k.sources.candidate import Candidate, Verdict, candidates_of
from brains45k.sources.catalog import Split
from brains45k.sources.layout import extension_of
from brains45k.sources.select import select, split_is_complete, training_part
from brains45k.sources.walk import FoundFile

LAYOUTS = [
    {"name": "masks", "role": "label", "path": "masks/{subject}", "examples": ["masks/a.nii"]},
    {"name": "spectra", "role": "other", "path": "mrs/{subject}", "examples": ["mrs/a.nii"]},
    {"name": "held", "path": "held/{subject}", "set": {"part": "test"}, "examples": ["held/a.nii"]},
    {"name": "kinds", "path": r"{subject}/{series}/{scan:I\d}/*/{file}", "examples": ["s/i/I7/nifti/x.nii"]},
    {"name": "visits", "path": "{subject}/{session}/{series}", "examples": ["a/b/c.nii"]},
    {"name": "flat", "path": "{subject}", "set": {"part": "training"}, "examples": ["a.nii"]},
]


def verdicts(paths: list[str], **rules: Any) -> list[Verdict]:
    return judged(paths, **rules)[1]


def judged(paths: list[str], **rules: Any) -> tuple[list[Candidate], list[Verdict]]:
    entry = {"summary": "Some."} | rules
    source = tiny_source(layouts=LAYOUTS, selection={"reference": entry, "clean": entry}, images={})
    found = [FoundFile(path, extension_of(path) or "", 1, 0) for path in paths]
    candidates = [candidate for file in found for candidate in candidates_of(source, file)]
    return candidates, select(candidates, source.selections["reference"])


def verdict(path: str, **rules: Any) -> Verdict:
    (only,) = verdicts([path], **rules)
    return only


@pytest.mark.parametrize(
    ("path", "rules", "code"),
    [
        ("a/b/c.nii", {}, None),
        ("a/b/._c.nii", {}, Code.S_HIDDEN),
        ("a/b/c/d/e.nii", {}, None),
        ("masks/a.nii", {}, Code.S_LABEL),
        ("mrs/a.nii", {}, Code.S_OTHER),
        ("held/a.nii", {"layouts": ["visits"]}, Code.S_COHORT),
        ("a/b/1.dcm", {}, None),
        ("a/b/1.dcm", {"formats": [".nii"]}, None),
        ("a/b/1.dcm", {"formats": [".nii.gz"]}, Code.S_FORMAT),
        ("a/b/c.mgz", {"formats": [".nii", ".nii.gz"]}, Code.S_FORMAT),
        ("a/b/c.NII", {"formats": [".nii"]}, None),
        ("held/a.nii", {"where": {"part": ["training"]}}, Code.S_COHORT),
        ("a.nii", {"where": {"part": ["training"]}}, None),
        ("a/b/c.nii", {"where": {"part": ["training"]}}, Code.S_COHORT),
        ("a/b/T1_MPRAGE.nii", {"suffixes": ["T1w"]}, None),
        ("a/b/T2_TSE.nii", {"suffixes": ["T1w"]}, Code.S_CONTRAST),
        ("a/b/foo.nii", {"suffixes": ["T1w"]}, Code.S_UNKNOWN_SERIES),
        ("a/b/t2_localizer.nii", {"suffixes": ["T2w"]}, Code.S_LOCALIZER),
        ("a/b/phantom_T1.nii", {"suffixes": ["T1w"]}, Code.S_PHANTOM),
        ("a/b/ep2d_diff_ADC.nii", {"suffixes": ["dwi"]}, Code.S_DERIVED),
        ("a/b/foo.nii", {}, None),
    ],
)
def test_one_candidate(path: str, rules: dict[str, Any], code: Code | None) -> None:
    assert verdict(path, **rules).code == code


@pytest.mark.parametrize(
    ("paths", "codes"),
    [
        (["a/b/1.dcm", "a/b/c.nii"], [Code.S_DICOM, None]),
        (["a/b/1.dcm", "a/d/c.nii"], [None, None]),
        (["a/b/1.dcm", "a/b/c.mgz"], [None, Code.S_FORMAT]),
        (["s/i/I7/dicom/1.dcm", "s/i/I7/nifti/x.nii", "s/i/I8/dicom/1.dcm"], [Code.S_DICOM, None, None]),
        # By LONI's own numbers these are two images.
        (["a/b/x_S1_I7.dcm", "a/b/x_S1_I8.nii"], [None, None]),
        (["a/b/x_S1_I7.dcm", "a/b/x_S1_I7.nii"], [Code.S_DICOM, None]),
    ],
)
def test_a_series_that_lies_there_as_nifti_too_is_taken_once(paths: list[str], codes: list[Code | None]) -> None:
    assert [verdict.code for verdict in verdicts(paths, formats=[".nii"])] == codes


def test_an_empty_file_is_no_twin_of_a_series() -> None:
    source = tiny_source(layouts=LAYOUTS, images={})
    files = [FoundFile("a/b/1.dcm", ".dcm", 9, 0), FoundFile("a/b/c.nii", ".nii", 0, 0)]
    found = [candidate for file in files for candidate in candidates_of(source, file)]
    assert select(found, source.selections["reference"])[0].taken


def test_a_path_that_fits_no_layout() -> None:
    source = tiny_source()
    (candidate,) = candidates_of(source, FoundFile("elsewhere/a.nii", ".nii", 1, 0))
    assert select([candidate], source.selections["reference"]) == [Verdict(Code.S_LAYOUT)]


def test_details_name_what_was_found() -> None:
    assert verdict("a/b/c.mgz", formats=[".nii.gz", ".nii"]).detail == ".mgz; taken: .nii, .nii.gz"
    assert verdict("held/a.nii", where={"part": ["training"]}).detail == "part is 'test'"
    assert verdict("a/b/c.nii", where={"part": ["training"]}).detail == "part is 'not stated'"
    assert verdict("a/b/T2_TSE.nii", suffixes=["T1w"]).detail == "T2w"
    assert verdict("a/b/foo.nii", suffixes=["T1w"]).detail == "series 'foo'"


@pytest.mark.parametrize(
    ("series", "words", "detail"),
    [
        ("T1_MPRAGE", [("reject", ["adc"]), ("accept", ["t1"])], ""),
        ("T1_ADC", [("reject", ["adc"]), ("accept", ["t1"])], "'adc' in series 't1_adc'"),
        ("T1_ADC", [("accept", ["t1"]), ("reject", ["adc"])], "'adc' in series 't1_adc'"),
        ("ADC", [("accept", ["t1"]), ("reject", ["adc"])], "no accepted word in series 'adc'"),
        ("ADC", [("reject", ["adc"]), ("accept", ["t1"])], "'adc' in series 'adc'"),
        # Substrings, as the reference code has them: a word inside a word counts.
        ("padcat", [("reject", ["adc"])], "'adc' in series 'padcat'"),
    ],
)
def test_words_are_looked_for_in_order(series: str, words: list[tuple[str, list[str]]], detail: str) -> None:
    rules = [{"field": "series", kind: values} for kind, values in words]
    found = verdict(f"a/b/{series}.nii", words=rules)
    assert found == (Verdict(Code.S_WORD, detail) if detail else Verdict())


def test_a_field_that_is_not_there_holds_no_word() -> None:
    assert verdict("a.nii", words=[{"field": "series", "reject": ["a"]}]).taken
    assert verdict("a.nii", words=[{"field": "series", "accept": ["a"]}]).code is Code.S_WORD


def test_the_split_is_that_of_the_reference_code() -> None:
    names = [f"BraTS2021_{number:05d}" for number in range(1251)]
    training = training_part(reversed(names), Split(seed=4215532, test_fraction=0.25, cases=1251))
    expected, _ = train_test_split(sorted(names), random_state=4215532)
    assert len(training) == 938
    assert training == set(expected)


@settings(deadline=None)
@given(
    count=st.integers(2, 400),
    seed=st.integers(0, 2**32 - 1),
    fraction=st.sampled_from([0.1, 0.2, 0.25, 0.3, 1 / 3, 0.5]),
)
def test_the_split_is_that_of_scikit_learn(count: int, seed: int, fraction: float) -> None:
    names = [f"case{number}" for number in range(count)]
    expected, _ = train_test_split(sorted(names), random_state=seed, test_size=fraction)
    assert training_part(names, Split(seed, fraction, count)) == set(expected)


def test_the_split_holds_out_all_volumes_of_a_case() -> None:
    paths = [f"s{subject}/v/{series}.nii" for subject in range(8) for series in ("a", "b")]
    candidates, found = judged(paths, split={"seed": 3, "test_fraction": 0.25, "cases": 8})
    held_out = [candidate.subject for candidate, one in zip(candidates, found, strict=True) if one.code is Code.S_SPLIT]
    assert len(held_out) == 4
    assert len(set(held_out)) == 2


def test_the_split_is_drawn_from_what_the_other_rules_take() -> None:
    paths = [*(f"s{subject}.nii" for subject in range(8)), *(f"held/t{subject}.nii" for subject in range(8))]
    rules = {"where": {"part": ["training"]}, "split": {"seed": 3, "test_fraction": 0.25, "cases": 8}}
    found = verdicts(paths, **rules)
    assert found[:8] == verdicts(paths[:8], **rules)
    assert {one.code for one in found[8:]} == {Code.S_COHORT}


@pytest.mark.parametrize(("cases", "complete"), [(8, True), (9, False), (7, False)])
def test_a_split_knows_whether_it_is_complete(cases: int, complete: bool) -> None:
    split: dict[str, Any] = {"seed": 3, "test_fraction": 0.25, "cases": cases}
    candidates, found = judged([*(f"s{subject}.nii" for subject in range(8)), "masks/s9.nii"], split=split)
    assert split_is_complete(candidates, found, Split(**split)) is complete


def copies(*paths: str) -> list[bool]:
    """Tell of each path whether it is dropped as a copy."""
    return [one.code is Code.S_COPY for one in verdicts(list(paths), drop_copies=True)]


def test_a_copy_is_dropped_beside_its_original() -> None:
    candidates, found = judged(
        ["a/2014-01-01/MPRAGE_Repeat.nii", "a/2014-01-01/MPR__GradWarp__N3.nii", "a/2014-01-01/MPRAGE.nii"],
        drop_copies=True,
    )
    assert [one.code for one in found] == [None, Code.S_COPY, None]
    assert found[1].detail == f"beside {candidates[0].volume_id}"


def test_the_first_copy_is_kept_where_there_is_no_original() -> None:
    assert copies("a/d/MPR__GradWarp.nii", "a/d/MPR__GradWarp__N3.nii") == [False, True]


@pytest.mark.parametrize(
    "other",
    [
        "b/2014-01-01/MPRAGE.nii",
        "a/2014-01-02/MPRAGE.nii",
        "a/2014-01-01/T2_TSE.nii",
        "a/2014-01-01/MPRAGE_post_GAD.nii",
    ],
    ids=["subject", "day", "contrast", "agent"],
)
def test_a_copy_is_kept_where_only_another_image_is_there(other: str) -> None:
    assert copies(other, "a/2014-01-01/MPR__GradWarp.nii") == [False, False]


def test_a_copy_of_another_acquisition_of_the_day_is_not_lost() -> None:
    assert copies("a/2014-01-01_08_00_00.0/MPRAGE.nii", "a/2014-01-01_09_30_00.0/MPR__N3.nii") == [False, False]


def test_underscore_folders_are_skipped_where_the_reference_code_did() -> None:
    (skipped,) = verdicts(["_old/d/MPRAGE.nii"], skip_underscore_folders=True)
    assert skipped.code is Code.S_HIDDEN
    (taken,) = verdicts(["_old/d/MPRAGE.nii"])
    assert taken.taken


def test_copies_stay_where_the_rules_do_not_drop_them() -> None:
    assert all(one.taken for one in verdicts(["a/d/MPRAGE.nii", "a/d/MPR__N3.nii"]))
