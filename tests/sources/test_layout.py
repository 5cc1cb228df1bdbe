"""Path templates: what they match, what their fields hold, and what is no template."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brains45k.sources.layout import EXTENSIONS, compile_template, extension_of

BIDS = r"{subject:sub-\d+}/anat/{subject}_{image:T1w|FLAIR}"


def fields(template: str, path: str) -> dict[str, str] | None:
    found = compile_template(template).fullmatch(path)
    return found.groupdict() if found else None


@pytest.mark.parametrize(
    ("name", "extension"),
    [
        ("sub-01_T1w.nii", ".nii"),
        ("sub-01_T1w.nii.gz", ".nii.gz"),
        ("SUB-01.NII.GZ", ".nii.gz"),
        ("brain.mgz", ".mgz"),
        ("a.img.gz", ".img.gz"),
        ("IM0001.DCM", ".dcm"),
        ("a.nii.gz.md5", None),
        ("a.gz", None),
        ("nii", None),
        ("a.json", None),
    ],
)
def test_the_longest_extension_is_found_in_any_case(name: str, extension: str | None) -> None:
    assert extension_of(name) == extension


def test_a_template_spells_its_fields() -> None:
    assert fields(BIDS, "sub-01/anat/sub-01_T1w.nii.gz") == {
        "matched": "sub-01/anat/sub-01_T1w",
        "subject": "sub-01",
        "image": "T1w",
    }


def test_a_repeated_field_holds_the_same_text() -> None:
    assert fields(BIDS, "sub-01/anat/sub-02_T1w.nii.gz") is None


@pytest.mark.parametrize("folder", ["", "ds000001/", "a/b c/d.e/"])
def test_folders_above_a_template_are_free(folder: str) -> None:
    found = fields(BIDS, f"{folder}sub-01/anat/sub-01_T1w.nii")
    assert found is not None
    assert found["matched"] == "sub-01/anat/sub-01_T1w"


def test_a_folder_is_free_only_as_a_whole() -> None:
    assert fields("anat/{image}", "myanat/T1.nii") is None


@pytest.mark.parametrize(
    "path",
    [
        "sub-01/anat/sub-01_T1w.nii.gz/more",
        "sub-01/anat/extra/sub-01_T1w.nii.gz",
        "sub-01/anat/sub-01_T1w.json",
        "sub-01/anat/sub-01_T1w",
        "sub-01/anat/sub-01_T1w_.nii.gz",
        "sub-x/anat/sub-x_T1w.nii.gz",
    ],
)
def test_a_template_matches_the_whole_end(path: str) -> None:
    assert fields(BIDS, path) is None


def test_case_is_free_and_kept_as_found() -> None:
    found = fields(BIDS, "SUB-01/Anat/sub-01_t1W.NII.GZ")
    assert found is not None
    assert (found["subject"], found["image"]) == ("SUB-01", "t1W")


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_any_extension_of_an_image_fits(extension: str) -> None:
    assert fields("{image}", f"T1{extension}") == {"matched": "T1", "image": "T1"}


def test_a_field_takes_no_more_than_one_component() -> None:
    assert fields("{subject}/{image}", "a/b/c.nii") == {"matched": "b/c", "subject": "b", "image": "c"}


def test_a_field_is_not_empty() -> None:
    assert fields("x_{image}", "x_.nii") is None


def test_a_star_may_be_empty_and_stays_in_its_component() -> None:
    template = "*Validation*/{image}"
    assert fields(template, "Validation/T1.nii") is not None
    assert fields(template, "BraTS_ValidationData/T1.nii") is not None
    assert fields(template, "Validation/more/T1.nii") is None


def test_dots_and_brackets_outside_fields_are_literal() -> None:
    assert fields("a.b(c)+/{image}", "a.b(c)+/T1.nii") is not None
    assert fields("a.b/{image}", "axb/T1.nii") is None


def test_braces_in_an_expression_may_nest() -> None:
    template = r"{subject:\d{3}_S_\d{4,5}}/{image}"
    assert fields(template, "037_S_5126/T1.nii") is not None
    assert fields(template, "37_S_5126/T1.nii") is None


def test_an_expression_may_hold_a_colon() -> None:
    assert fields("{session:(?:a|b)x}/{image}", "bx/T1.nii") == {"matched": "bx/T1", "session": "bx", "image": "T1"}


@pytest.mark.parametrize(
    ("template", "cause"),
    [
        ("{subject/{image", "brace at character 0 is not closed"),
        ("a/{subject", "brace at character 2 is not closed"),
        ("{}", "missing group name"),
        ("{1st}", "bad character in group name '1st'"),
        ("{image:(}", "unterminated subpattern"),
        ("{matched}", "redefinition of group name 'matched'"),
    ],
)
def test_what_is_no_template_is_named(template: str, cause: str) -> None:
    with pytest.raises(ValueError, match=cause) as caught:
        compile_template(template)
    assert repr(template) in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/{}*\n\r"), min_size=1, max_size=30))
def test_a_literal_template_matches_itself_alone(text: str) -> None:
    pattern = compile_template(text)
    assert pattern.fullmatch(f"{text}.nii")
    assert pattern.fullmatch(f"{text}x.nii") is None
    assert isinstance(pattern, re.Pattern)


def test_a_folder_above_may_hold_a_newline() -> None:
    assert fields("{subject}/{image}", "two\nlines/a/T1.nii") is not None
