"""What the config names stays out of the corpus, with its own code and nothing else."""

from dataclasses import replace
from pathlib import Path

import pytest
from support.small_corpus import SmallCorpus, config, rebuild, write_catalog, write_tiny

from brains45k.codes import Code
from brains45k.corpus.leave_out import leave_out, require_volumes
from brains45k.corpus.settings import read_settings
from brains45k.corpus.survey import survey
from brains45k.errors import CallError
from brains45k.sources.candidate import Candidate
from brains45k.sources.scan import scan_source


@pytest.fixture
def candidates(tmp_path: Path) -> list[Candidate]:
    settings = read_settings(config(), catalog=write_catalog(tmp_path / "config/sources"))
    write_tiny(tmp_path / "tiny")
    return scan_source(settings.sources["tiny"].source, tmp_path / "tiny").candidates


def codes(candidates: list[Candidate]) -> dict[str, tuple[Code | None, Code | None]]:
    return {one.file.path: (one.reference.code, one.clean.code) for one in candidates}


def test_a_subject_stays_out_with_all_that_was_taken_of_it(candidates: list[Candidate]) -> None:
    before, after = codes(candidates), codes(leave_out(candidates, subjects={"sub-01"}, volumes=()))
    changed = {path for path in after if after[path] != before[path]}
    assert changed == {"sub-01/sub-01_T1w.nii.gz", "sub-01/sub-01_T2w.nii.gz"}
    assert {after[path] for path in changed} == {(Code.S_TASK_TEST, Code.S_TASK_TEST)}
    assert after["sub-01/sub-01_mask.nii.gz"] == (Code.S_LABEL, Code.S_LABEL)


def test_a_volume_stays_out_by_its_name(candidates: list[Candidate]) -> None:
    name = next(one.volume_id for one in candidates if one.file.path == "sub-02/sub-02_T1w.nii.gz")
    before, after = codes(candidates), codes(leave_out(candidates, subjects=(), volumes=[name]))
    assert {path for path in after if after[path] != before[path]} == {"sub-02/sub-02_T1w.nii.gz"}
    assert after["sub-02/sub-02_T1w.nii.gz"] == (Code.S_NAMED, Code.S_NAMED)


def test_what_a_selection_turned_down_keeps_its_code(candidates: list[Candidate]) -> None:
    before = codes(candidates)["sub-06/sub-06_FLAIR.nii.gz"]
    assert before[0] is None
    assert before[1] is not None
    after = codes(leave_out(candidates, subjects={"sub-06"}, volumes=()))
    assert after["sub-06/sub-06_FLAIR.nii.gz"] == (Code.S_TASK_TEST, before[1])


def test_nothing_named_changes_nothing(candidates: list[Candidate]) -> None:
    assert leave_out(candidates, subjects=(), volumes=()) == candidates


def test_a_name_that_no_source_has_is_refused() -> None:
    with pytest.raises(CallError, match="'tiny_01_T1'"):
        require_volumes(["tiny_01_T1w", "tiny_01_T1"], {"tiny_01_T1w"})


def test_an_image_of_a_series_has_the_series_name_with_something_behind_it() -> None:
    require_volumes(["adni_a_e1", "adni_a_first_2"], {"adni_a"}, {"adni_a"})
    with pytest.raises(CallError, match="'adni_b_e1'"):
        require_volumes(["adni_b_e1"], {"adni_a", "adni_b"}, {"adni_a"})


def test_the_corpus_leaves_out_a_volume_and_says_so(copied: SmallCorpus) -> None:
    row = copied.rows()["sub-02/sub-02_T1w.nii.gz"]
    assert row["status"] == "kept"
    rebuild(copied.workdir, replace(copied.settings, exclude_volumes=(row["volume_id"],)))
    after = copied.rows()
    assert (after["sub-02/sub-02_T1w.nii.gz"]["status"], after["sub-02/sub-02_T1w.nii.gz"]["reason"]) == (
        "excluded",
        Code.S_NAMED,
    )
    # The copy of it that was a duplicate takes its place.
    assert after["sub-05/sub-05_T1w.nii"]["status"] == "kept"


def test_a_misspelt_volume_ends_the_run_but_not_one_of_a_source_that_is_missing(tmp_path: Path) -> None:
    settings = read_settings(config(), catalog=write_catalog(tmp_path / "config/sources"))
    write_tiny(tmp_path / "data/sources/tiny")
    survey(replace(settings, exclude_volumes=("frames_case11",)), workdir=tmp_path)
    with pytest.raises(CallError, match="'tiny_misspelt'"):
        survey(replace(settings, exclude_volumes=("tiny_misspelt",)), workdir=tmp_path)


def test_a_subject_that_is_held_out_is_no_volume_of_the_corpus(copied: SmallCorpus) -> None:
    found = survey(
        copied.settings,
        workdir=copied.workdir,
        held_out=lambda source, _: frozenset({"sub-01"}) if source.name == "tiny" else frozenset(),
    )
    selected = {source.name: source.selected for source in found}
    assert selected == {"tiny": 7, "frames": 8}
