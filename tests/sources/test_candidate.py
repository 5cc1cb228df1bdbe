"""Candidates: one per file or channel, with a name that is readable, unique and stable."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.small_corpus import tiny_source

from brains45k.sources.candidate import Candidate, candidates_of, is_hidden, volume_id
from brains45k.sources.layout import extension_of
from brains45k.sources.series import Kind
from brains45k.sources.walk import FoundFile

CHANNELS = [{"name": "flair", "suffix": "FLAIR"}, {"name": "t1gd", "suffix": "T1w", "contrast_agent": "gadolinium"}]
ANY = [{"name": "any", "path": "{subject}/{session}/{series}", "examples": ["a/b/c.nii"]}]


def found(path: str) -> FoundFile:
    return FoundFile(path, extension_of(path) or "", 1, 0)


def one(path: str, **changes: Any) -> Candidate:
    (candidate,) = candidates_of(tiny_source(**changes), found(path))
    return candidate


@pytest.mark.parametrize(
    ("path", "hidden"),
    [
        ("a/b.nii", False),
        ("a/._b.nii", True),
        (".b.nii", True),
        ("__MACOSX/a/b.nii", True),
        ("my__MACOSX/b.nii", False),
        (".cache/b.nii", True),
    ],
)
def test_hidden_side_files(path: str, hidden: bool) -> None:
    assert is_hidden(path) is hidden


def test_fields_are_kept_as_found() -> None:
    candidate = one("OAS 1/ses-M0.5/Sag T1 (MP-RAGE).nii.gz", layouts=ANY)
    assert (candidate.subject, candidate.session, candidate.series) == ("OAS 1", "ses-M0.5", "Sag T1 (MP-RAGE)")


def test_a_name_is_readable() -> None:
    assert re.fullmatch(r"tiny_OAS-1_ses-M0-5_T1-w_[0-9a-f]{8}", one("OAS 1/ses-M0.5/T1.w.nii", layouts=ANY).volume_id)


def test_names_are_what_they_always_were() -> None:
    # Names stand in manifests that people keep: they may never change.
    assert one("sub-01/sub-01_T1w.nii.gz").volume_id == "tiny_sub-01_T1w_66b379f1"
    assert one("elsewhere/a.b.nii.gz").volume_id == "tiny_a_243062bd"
    first, second = candidates_of(tiny_source(channels=CHANNELS), found("sub-01/sub-01_T1w.nii.gz"))
    assert (first.volume_id, second.volume_id) == ("tiny_sub-01_T1w_flair_3e9197f2", "tiny_sub-01_T1w_t1gd_07270d7e")


# Bytes of a file name that are not UTF-8 come as lone surrogates.
@given(st.text(st.characters(exclude_characters="/\0") | st.sampled_from("\udc80\udcff"), min_size=1, max_size=60))
def test_a_name_has_neither_dots_nor_spaces(text: str) -> None:
    path = f"{text}/{text}/{text}.nii"
    name = volume_id("tiny", path, {"subject": text, "series": text}, None, unique=path)
    assert re.fullmatch("[A-Za-z0-9_-]+", name)


@pytest.mark.parametrize("folder", ["", "download/", "disk 1/tiny v2.0/"])
def test_a_name_stays_when_the_root_moves_up(folder: str) -> None:
    assert one(f"{folder}sub-01/sub-01_T1w.nii.gz").volume_id == one("sub-01/sub-01_T1w.nii.gz").volume_id


def test_names_differ_where_only_lost_characters_differ() -> None:
    names = {one(f"a/b/{series}.nii", layouts=ANY).volume_id for series in ("T1.x", "T1 x", "T1-x", "T1_x")}
    assert len(names) == 4


def test_a_file_that_fits_no_layout_is_a_candidate_without_one() -> None:
    candidate = one("elsewhere/a.nii")
    assert (candidate.layout, candidate.subject, candidate.series) == (None, None, None)
    assert candidate.name.kind is Kind.UNKNOWN


def test_a_hidden_file_fits_no_layout() -> None:
    assert one("a/b/._c.nii", layouts=ANY).layout is None


def test_each_channel_is_a_candidate() -> None:
    candidates = candidates_of(tiny_source(channels=CHANNELS), found("sub-01/sub-01_T1w.nii.gz"))
    assert [candidate.channel and candidate.channel.name for candidate in candidates] == ["flair", "t1gd"]
    assert [candidate.name.suffix for candidate in candidates] == ["FLAIR", "T1w"]
    assert [candidate.name.contrast_agent for candidate in candidates] == [None, "gadolinium"]
    assert len({candidate.volume_id for candidate in candidates}) == 2
    assert len({candidate.file.path for candidate in candidates}) == 1


@pytest.mark.parametrize("path", ["sub-01/sub-01_mask.nii.gz", "elsewhere/a.nii"])
def test_a_label_or_a_stray_has_no_channels(path: str) -> None:
    assert one(path, channels=CHANNELS).channel is None


def test_the_source_file_says_the_contrast() -> None:
    candidate = one("sub-01/sub-01_FLAIR.nii")
    assert (candidate.name.suffix, candidate.name.kind, candidate.name.rule) == ("FLAIR", Kind.IMAGE, "source file")


def test_a_layout_says_the_contrast_of_all_its_files() -> None:
    layout = {"name": "any", "path": "{subject}", "suffix": "T2w", "examples": ["a.nii"]}
    assert one("a.nii", layouts=[layout]).name.suffix == "T2w"


def test_an_override_goes_before_the_series_name() -> None:
    overrides = {"t2_tse": {"suffix": "FLAIR"}}
    assert one("a/b/t2_tse.nii", layouts=ANY, series_overrides=overrides).name.suffix == "FLAIR"
    assert one("a/b/t2_tse.nii", layouts=ANY).name.suffix == "T2w"


@pytest.mark.parametrize(("suffix", "kind"), [("ADC", Kind.DERIVED), ("dwi", Kind.DIFFUSION), ("PDw", Kind.IMAGE)])
def test_a_stated_suffix_has_its_kind(suffix: str, kind: Kind) -> None:
    assert one("sub-01/sub-01_T1w.nii", images={"t1w": {"suffix": suffix}}).name.kind is kind


def test_a_series_keeps_its_name_whichever_slice_comes_first() -> None:
    layouts = [{"name": "series", "path": "{subject}/{series}/{file}", "examples": ["a/b/c.nii"]}]
    source = tiny_source(layouts=layouts, images={})
    names = {candidates_of(source, found(f"sub-01/T1/{first}.dcm"))[0].volume_id for first in ("0001", "0000")}
    images = {candidates_of(source, found(f"sub-01/T1/{image}.nii"))[0].volume_id for image in ("0001", "0000")}
    assert (len(names), len(images)) == (1, 2)
