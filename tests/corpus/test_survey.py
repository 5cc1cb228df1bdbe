"""The look at all sources before any work: found, missing, or something else in the root."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from support.small_corpus import SmallCorpus, config, document, write_catalog, write_frames, write_tiny

from brains45k.corpus.settings import Settings, read_settings
from brains45k.corpus.survey import State, Surveyed, demo_marker, index_path, plan_folder, survey, unusable
from brains45k.errors import CallError
from brains45k.fetch.journal import Journal
from brains45k.sources.catalog import Source


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings(config(), catalog=write_catalog(tmp_path / "config/sources"))


def look(workdir: Path, settings: Settings) -> dict[str, Surveyed]:
    return {found.name: found for found in survey(settings, workdir=workdir)}


def test_sources_that_are_there_are_indexed_and_planned(tmp_path: Path, settings: Settings) -> None:
    write_tiny(tmp_path / "data/sources/tiny")
    found = look(tmp_path, settings)["tiny"]
    assert (found.state, found.candidates, found.selected) == (State.FOUND, 12, 9)
    assert (found.root, found.note) == (Path("data/sources/tiny"), "layouts: case, mask")
    assert (tmp_path / index_path("tiny")).is_file()
    assert len(list((tmp_path / plan_folder("tiny")).glob("*.json"))) == 3


def test_a_download_that_has_not_finished_is_said(tmp_path: Path, settings: Settings) -> None:
    write_tiny(tmp_path / "data/sources/tiny")
    Journal(tmp_path / "data/sources/tiny").begin("digest")
    found = look(tmp_path, settings)["tiny"]
    assert (found.state, found.note.endswith("has not finished")) == (State.FOUND, True)


def test_channels_count_as_candidates(tmp_path: Path, settings: Settings) -> None:
    write_frames(tmp_path / "data/sources/frames")
    found = look(tmp_path, settings)["frames"]
    assert (found.candidates, found.selected) == (8, 8)


def test_the_clean_selection_selects_less(tmp_path: Path, settings: Settings) -> None:
    write_tiny(tmp_path / "data/sources/tiny")
    assert look(tmp_path, replace(settings, selection="clean"))["tiny"].selected == 8


def test_a_missing_source_says_how_to_get_it(tmp_path: Path, settings: Settings) -> None:
    found = look(tmp_path, settings)["tiny"]
    assert (found.state, found.note) == (State.MISSING, "by hand: 'brains45k guide tiny' has every step")
    assert not (tmp_path / index_path("tiny")).exists()


@pytest.mark.parametrize("names", [[], ["README.md"], [".gitkeep", "README.txt"]])
def test_a_root_with_nothing_of_its_own_is_missing(tmp_path: Path, settings: Settings, names: list[str]) -> None:
    root = tmp_path / "data/sources/tiny"
    root.mkdir(parents=True)
    for name in names:
        (root / name).touch()
    assert look(tmp_path, settings)["tiny"].state is State.MISSING


def test_a_wrong_root_shows_what_is_there_and_what_should_be(tmp_path: Path, settings: Settings) -> None:
    root = tmp_path / "data/sources/tiny"
    (root / "download").mkdir(parents=True)
    for name in ("tiny.zip", "a.txt", "README", "b.nii", "z1.txt", "z2.txt"):
        (root / name).touch()
    found = look(tmp_path, settings)["tiny"]
    assert (found.state, found.candidates, found.selected) == (State.WRONG_ROOT, 1, 0)
    assert found.note == (
        "no image fits a layout; found a.txt, b.nii, download/, tiny.zip; expected such as sub-01/sub-01_T1w.nii.gz"
    )


def test_a_root_above_the_download_will_do(tmp_path: Path, settings: Settings) -> None:
    write_tiny(tmp_path / "data/sources/tiny/some/folder")
    assert look(tmp_path, settings)["tiny"].selected == 9


def test_unusable_sources_are_those_that_are_not_there(tmp_path: Path, settings: Settings) -> None:
    write_tiny(tmp_path / "data/sources/tiny")
    assert [found.name for found in unusable(survey(settings, workdir=tmp_path))] == ["frames"]


def test_a_second_look_changes_nothing(copied: SmallCorpus) -> None:
    files = [path for folder in ("data/index", "data/plan") for path in (copied.workdir / folder).rglob("*.*")]
    before = {path: path.stat().st_mtime_ns for path in files}
    survey(copied.settings, workdir=copied.workdir)
    assert {path: path.stat().st_mtime_ns for path in files} == before
    assert len(before) == 7


def test_a_demo_source_is_written_by_a_rule_first(tmp_path: Path, settings: Settings) -> None:
    demo = replace(settings, demo=True)
    write_tiny(tmp_path / "data/sources/tiny")
    assert look(tmp_path, demo)["tiny"].state is State.TO_BE_WRITTEN
    demo_marker(tmp_path / "data/sources/tiny").touch()
    found = look(tmp_path, demo)
    assert (found["tiny"].state, found["frames"].state) == (State.FOUND, State.TO_BE_WRITTEN)
    assert unusable(found.values()) == []


def test_the_demo_spares_a_real_corpus(copied: SmallCorpus) -> None:
    with pytest.raises(CallError, match="holds a real corpus, and the demo would write over it"):
        survey(replace(copied.settings, demo=True), workdir=copied.workdir)


def test_the_demo_may_be_built_again(tmp_path: Path, settings: Settings) -> None:
    demo = replace(settings, demo=True)
    write_tiny(tmp_path / "data/sources/tiny")
    demo_marker(tmp_path / "data/sources/tiny").touch()
    first = look(tmp_path, demo)
    assert look(tmp_path, demo) == first


def test_a_source_of_which_nothing_is_taken_says_why(tmp_path: Path, settings: Settings) -> None:
    root = tmp_path / "data/sources/tiny"
    write_tiny(root)
    for path in root.rglob("*"):
        if path.is_file() and "T1w" not in path.name:
            path.unlink()
    rules = document()
    rules["selection"] = {name: entry | {"formats": [".mgz"]} for name, entry in rules["selection"].items()}
    entry = replace(settings.sources["tiny"], source=Source("tiny", rules))
    found = look(tmp_path, replace(settings, sources={"tiny": entry}))["tiny"]
    assert found.state is State.NOTHING_SELECTED
    assert "S_FORMAT" in found.note
    assert unusable([found]) == [found]


def test_the_index_of_a_source_that_is_gone_goes_too(tmp_path: Path, settings: Settings) -> None:
    write_tiny(tmp_path / "data/sources/tiny")
    write_frames(tmp_path / "data/sources/frames")
    look(tmp_path, settings)
    assert (tmp_path / index_path("frames")).exists()
    shutil.rmtree(tmp_path / "data/sources/frames")
    look(tmp_path, settings)
    assert not (tmp_path / index_path("frames")).exists()
    look(tmp_path, replace(settings, sources={"frames": settings.sources["frames"]}))
    assert not (tmp_path / index_path("tiny")).exists()
