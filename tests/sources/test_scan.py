"""The scan of a source: every file once, named uniquely, judged by both selections."""

from pathlib import Path
from typing import Any

from support.small_corpus import tiny_source, write_tiny

from brains45k.codes import Code
from brains45k.sources.candidate import Candidate
from brains45k.sources.scan import scan_source

SPLIT = {"seed": 1, "test_fraction": 0.25, "cases": 4}


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def subjects(root: Path, count: int) -> Path:
    return touch(root, *(f"sub-{number:02d}/sub-{number:02d}_T1w.nii" for number in range(count)))


def selection(*, reference: dict[str, Any] | None = None, clean: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"reference": {"summary": "R."} | (reference or {}), "clean": {"summary": "C."} | (clean or {})}


def flags(candidates: list[Candidate]) -> set[tuple[Code, ...]]:
    return {candidate.flags for candidate in candidates}


def test_every_file_with_an_image_extension_is_there(tmp_path: Path) -> None:
    write_tiny(tmp_path)
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.suffix in {".gz", ".nii"}}
    candidates = scan_source(tiny_source(), tmp_path).candidates
    assert {candidate.file.path for candidate in candidates} == files
    assert len(candidates) == len(files) == 12


def test_both_verdicts_are_there(tmp_path: Path) -> None:
    write_tiny(tmp_path)
    verdicts = {
        candidate.file.path: (candidate.reference.code, candidate.clean.code)
        for candidate in scan_source(tiny_source(), tmp_path).candidates
    }
    assert verdicts["sub-01/sub-01_T1w.nii.gz"] == (None, None)
    assert verdicts["sub-06/sub-06_FLAIR.nii.gz"] == (None, Code.S_COHORT)
    assert verdicts["sub-01/sub-01_mask.nii.gz"] == (Code.S_LABEL, Code.S_LABEL)


def test_a_verdict_is_asked_for_by_name(tmp_path: Path) -> None:
    (candidate,) = scan_source(tiny_source(), touch(tmp_path, "sub-06/sub-06_FLAIR.nii")).candidates
    assert candidate.verdict("reference").taken
    assert not candidate.verdict("clean").taken


def test_a_second_copy_of_a_download_gets_other_names(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{folder}/sub-01/sub-01_T1w.nii" for folder in ("copy", "download", "more")))
    candidates = scan_source(tiny_source(), tmp_path).candidates
    assert len({candidate.volume_id for candidate in candidates}) == 3
    # The first keeps the name that it has alone.
    (alone,) = scan_source(tiny_source(), tmp_path / "copy").candidates
    assert candidates[0].volume_id == alone.volume_id


def test_channels_of_a_second_copy_get_other_names(tmp_path: Path) -> None:
    channels = [{"name": "a", "suffix": "T1w"}, {"name": "b", "suffix": "T2w"}]
    touch(tmp_path, *(f"{folder}/sub-01/sub-01_T1w.nii" for folder in ("copy", "download")))
    candidates = scan_source(tiny_source(channels=channels), tmp_path).candidates
    assert len({candidate.volume_id for candidate in candidates}) == 4


def test_the_same_name_with_two_extensions_is_two_volumes(tmp_path: Path) -> None:
    touch(tmp_path, "sub-01/sub-01_T1w.nii", "sub-01/sub-01_T1w.nii.gz")
    assert len({candidate.volume_id for candidate in scan_source(tiny_source(), tmp_path).candidates}) == 2


def test_an_incomplete_split_is_flagged(tmp_path: Path) -> None:
    source = tiny_source(selection=selection(reference={"split": SPLIT}))
    root = subjects(tmp_path, 3)
    assert flags(scan_source(source, root).candidates) == {(Code.F_PARTIAL_SPLIT,)}
    assert flags(scan_source(source, root, selection="clean").candidates) == {()}


def test_a_complete_split_is_not_flagged(tmp_path: Path) -> None:
    source = tiny_source(selection=selection(reference={"split": SPLIT}))
    candidates = scan_source(source, subjects(tmp_path, 4)).candidates
    assert flags(candidates) == {()}
    assert sum(candidate.reference.code is Code.S_SPLIT for candidate in candidates) == 1


def test_an_incomplete_split_of_the_clean_selection_is_flagged(tmp_path: Path) -> None:
    source = tiny_source(selection=selection(clean={"split": SPLIT}))
    root = subjects(tmp_path, 3)
    assert flags(scan_source(source, root, selection="clean").candidates) == {(Code.F_PARTIAL_SPLIT,)}
    assert flags(scan_source(source, root).candidates) == {()}


def test_a_root_below_where_the_layout_begins_will_do(tmp_path: Path) -> None:
    layouts = [{"name": "deep", "path": "training/{site}/{subject}/{image}", "examples": ["training/a/b/T1w.nii"]}]
    source = tiny_source(layouts=layouts)
    place = tmp_path / "training/Utrecht/7"
    place.mkdir(parents=True)
    (place / "T1w.nii").touch()
    names = {
        scan_source(source, root).candidates[0].volume_id for root in (tmp_path, tmp_path / "training", place.parent)
    }
    assert len(names) == 1
    assert scan_source(source, place).candidates[0].layout is None
