"""Cases from paths: which file plays which role, who is tested on, and what is wrong."""

from pathlib import Path
from typing import Any

import pytest
from sklearn.model_selection import train_test_split
from tasks.trees import plan_tree, source, tiny_task, write_case, write_tree

from brains45k.sources.candidate import Candidate, candidates_of
from brains45k.sources.catalog import Source, load_source
from brains45k.sources.layout import extension_of
from brains45k.sources.scan import scan_source
from brains45k.sources.walk import FoundFile
from brains45k.tasks.cases import find_cases, held_out, name_of
from brains45k.tasks.plan import plan_task, read_plan, write_plan
from brains45k.tasks.task import Task, read_task

_CONFIG = Path(__file__).parents[2] / "config"


def named(task: str) -> tuple[Task, Source]:
    found = read_task(_CONFIG / "tasks" / f"{task}.yaml")
    return found, load_source(_CONFIG / "sources" / f"{found.source}.yaml")


def candidates(source: Source, *paths: str) -> list[Candidate]:
    files = [FoundFile(path, extension_of(path) or "", 1, 1) for path in paths]
    return [candidate for file in files for candidate in candidates_of(source, file)]


def planned(task: Task, source: Source, *paths: str) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = plan_task(task, source, candidates(source, *paths))["cases"]
    return cases


def brats(subject: str, *, folder: str = "Training", label: bool = True) -> list[str]:
    images = [f"BraTS_{folder}Data/{subject}/{subject}_{name}.nii.gz" for name in ("flair", "t1", "t1ce", "t2")]
    return [*images, *([f"BraTS_{folder}Data/{subject}/{subject}_seg.nii.gz"] if label else [])]


def test_a_tree_becomes_cases(tmp_path: Path) -> None:
    plan = plan_tree(tiny_task(), write_tree(tmp_path))
    assert [(case["case"], case["part"], case["group"], case["reason"]) for case in plan["cases"]] == [
        ("sub-01", "pool", "in_domain", None),
        ("sub-02", "pool", "in_domain", None),
        ("sub-03", "pool", "in_domain", None),
        ("sub-51", "test", "in_domain", None),
        ("sub-52", "test", "new_scanner", None),
    ]
    first = plan["cases"][0]
    assert [(image["role"], image["path"], image["frame"]) for image in first["images"]] == [
        ("flair", "train/A/sub-01/sub-01_FLAIR.nii.gz", None),
        ("t1", "train/A/sub-01/sub-01_T1w.nii.gz", None),
    ]
    file = tmp_path / first["label"]["path"]
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (first["label"]["bytes"], first["label"]["mtime_ns"])


def test_a_plan_is_written_when_it_changes_alone(tmp_path: Path) -> None:
    root, path = write_tree(tmp_path / "tiny", pool=1, test=1), tmp_path / "plans" / "little.json"
    assert write_plan(plan_tree(tiny_task(), root), path)
    assert read_plan(path) == plan_tree(tiny_task(), root)
    assert not write_plan(plan_tree(tiny_task(), root), path)
    write_case(root, "train/A/sub-02", 2)
    assert write_plan(plan_tree(tiny_task(), root), path)
    assert write_plan(plan_tree(tiny_task(ignore=[8]), root), path)


@pytest.mark.parametrize(
    ("missing", "reason", "detail"),
    [
        ("T1w", "E_IMAGE_MISSING", "t1"),
        ("mask", "E_LABEL_MISSING", None),
    ],
)
def test_a_case_without_a_file_is_a_row(tmp_path: Path, missing: str, reason: str, detail: str | None) -> None:
    folder = write_case(tmp_path, "train/A/sub-01", 1)
    (folder / f"sub-01_{missing}.nii.gz").unlink()
    (case,) = plan_tree(tiny_task(), tmp_path)["cases"]
    assert (case["reason"], case["detail"]) == (reason, detail)


def test_a_label_alone_is_a_row(tmp_path: Path) -> None:
    folder = write_case(tmp_path, "train/A/sub-01", 1)
    for name in ("FLAIR", "T1w"):
        (folder / f"sub-01_{name}.nii.gz").unlink()
    (case,) = plan_tree(tiny_task(), tmp_path)["cases"]
    assert (case["reason"], case["detail"], case["images"]) == ("E_IMAGE_MISSING", "flair, t1", [])


def test_two_files_for_one_role_are_named(tmp_path: Path) -> None:
    write_case(tmp_path, "train/A/sub-01", 1)
    write_case(tmp_path, "copy/train/A/sub-01", 1)
    (case,) = plan_tree(tiny_task(), tmp_path)["cases"]
    assert case["reason"] == "E_SEVERAL_FILES"
    assert case["detail"] == "flair: copy/train/A/sub-01/sub-01_FLAIR.nii.gz, train/A/sub-01/sub-01_FLAIR.nii.gz"


def test_a_subject_with_a_case_in_the_test_part_is_tested_on_with_all() -> None:
    document = source().document
    layouts = [
        layout | {"path": layout["path"].replace("{scan}", r"{scan}/{session:s\d}")} for layout in document["layouts"]
    ]
    layouts[-1]["path"] = r"{session:s\d}/{subject:sub-\d+}/{subject}_mask"
    both = Source("tiny", {**document, "layouts": layouts})
    task = tiny_task(case=["subject", "session"])
    found = planned(
        task, both, "train/A/s1/sub-01/sub-01_FLAIR.nii", "test/A/s2/sub-01/sub-01_FLAIR.nii",
        "train/A/s1/sub-02/sub-02_FLAIR.nii", "train/A/s1/sub-02/sub-02_mask.nii",
    )  # fmt: skip
    assert [(case["subject"], case["session"], case["part"]) for case in found] == [
        ("sub-01", "s1", "test"),
        ("sub-01", "s2", "test"),
        ("sub-02", "s1", "pool"),
    ]
    assert found[2]["label"] is not None


def test_the_test_part_of_a_split_is_scikit_learns() -> None:
    task, catalogued = named("brats21")
    task = Task(task.name, {**task.document, "test": {"split": {"seed": 4215532, "test_fraction": 0.25, "cases": 21}}})
    subjects = [f"BraTS2021_{number:05}" for number in range(0, 42, 2)]
    paths = [path for subject in reversed(subjects) for path in brats(subject)]
    _, expected = train_test_split(subjects, random_state=4215532)
    assert held_out(task, candidates(catalogued, *paths)) == set(expected)
    cases = planned(task, catalogued, *paths)
    assert {case["subject"] for case in cases if case["part"] == "test"} == set(expected)
    assert all(case["flags"] == [] for case in cases)
    without_one = planned(task, catalogued, *paths[5:])
    assert {tuple(case["flags"]) for case in without_one} == {("F_PARTIAL_SPLIT",)}


def test_validation_cases_of_brats_are_no_cases() -> None:
    task, catalogued = named("brats21")
    paths = [*brats("BraTS2021_00000"), *brats("BraTS2021_00001", folder="Validation", label=False)]
    (case,) = planned(task, catalogued, *paths)
    assert (case["subject"], case["reason"]) == ("BraTS2021_00000", None)
    assert [image["path"].rsplit("_", 1)[1] for image in case["images"]] == [
        "flair.nii.gz", "t1.nii.gz", "t1ce.nii.gz", "t2.nii.gz",
    ]  # fmt: skip


def test_brats_of_2023_has_cases_too() -> None:
    task, catalogued = named("brats21")
    subject = "BraTS-GLI-00002-000"
    paths = [f"{subject}/{subject}-{name}.nii.gz" for name in ("t1n", "t1c", "t2w", "t2f", "seg")]
    (case,) = planned(task, catalogued, *paths)
    assert [image["path"][-10:] for image in case["images"]] == [
        f"{name}.nii.gz" for name in ("t2f", "t1n", "t1c", "t2w")
    ]
    assert case["reason"] is None


@pytest.mark.parametrize("images", ["", "images/"])
def test_isles_joins_three_folders(images: str) -> None:
    task, catalogued = named("isles22")
    case = "sub-strokecase0001/ses-0001"
    name = "sub-strokecase0001_ses-0001"
    (found,) = planned(
        task, catalogued, f"ISLES-2022/derivatives/{case}/{name}_msk.nii.gz",
        f"ISLES-2022/{images}{case}/anat/{name}_FLAIR.nii.gz", f"ISLES-2022/{images}{case}/dwi/{name}_adc.nii.gz",
        f"ISLES-2022/{images}{case}/dwi/{name}_dwi.nii.gz",
    )  # fmt: skip
    assert (found["case"], found["session"], found["reason"]) == ("strokecase0001_0001", "0001", None)
    assert [image["role"] for image in found["images"]] == ["dwi", "adc", "flair"]


@pytest.mark.parametrize(
    ("place", "part", "group"),
    [
        ("training/Utrecht/0", "pool", "in_domain"),
        ("training/Amsterdam/GE3T/100", "pool", "in_domain"),
        ("WMH/Singapore/Train/50", "pool", "in_domain"),
        ("test/Utrecht/7", "test", "in_domain"),
        ("test/Amsterdam/GE3T/132", "test", "in_domain"),
        ("test/Amsterdam/GE1T5/150", "test", "out_of_domain"),
        ("test/Amsterdam/Philips_VU .PETMR_01./160", "test", "out_of_domain"),
        ("test/Amsterdam/Philips_VU .PETMR_01/160", "test", "out_of_domain"),
        ("test/Amsterdam/Philips_VU_.PETMR_01_/160", "test", "out_of_domain"),
        ("WMH/Amsterdam/Test/GE1T5/150", "test", "out_of_domain"),
    ],
)
@pytest.mark.parametrize("mask", ["wmh", "pre/wmh"])
def test_wmh_tells_its_parts_and_scanners(place: str, part: str, group: str, mask: str) -> None:
    task, catalogued = named("wmh")
    images = [f"{place}/{stage}/{name}.nii.gz" for stage in ("pre", "orig") for name in ("FLAIR", "T1", "3DT1")]
    (case,) = planned(task, catalogued, *images, f"{place}/{mask}.nii.gz", f"{place}/orig/3DT1_mask.nii.gz")
    assert (case["part"], case["group"], case["reason"]) == (part, group, None)
    assert [image["path"] for image in case["images"]] == [f"{place}/pre/FLAIR.nii.gz", f"{place}/pre/T1.nii.gz"]


@pytest.mark.parametrize("name", sorted(path.stem for path in (_CONFIG / "tasks").glob("*.yaml")))
def test_the_examples_of_the_label_layouts_each_belong_to_a_case(name: str) -> None:
    task, catalogued = named(name)
    layouts = [layout for layout in catalogued.layouts if layout.name in task.label_layouts]
    examples = [example for layout in layouts for example in layout.examples]
    cases = find_cases(task, candidates(catalogued, *examples))
    assert sum(len(case.labels) for case in cases) == len(examples) > 0
    assert all(all(case.key) for case in cases)


def test_channels_of_one_file_are_images_of_a_case() -> None:
    document = source().document
    channels = [{"name": "FLAIR", "suffix": "FLAIR"}, {"name": "t1w", "suffix": "T1w"}]
    layouts = [
        {"name": "frames", "path": r"{subject:sub-\d+}_images", "examples": ["a"]},
        {"name": "mask", "role": "label", "path": r"{subject:sub-\d+}_mask", "examples": ["a"]},
    ]
    frames = Source("tiny", {**document, "layouts": layouts, "channels": channels})
    roles = [{"name": name, "where": {"channel": [channel]}} for name, channel in (("t1", "t1w"), ("flair", "flair"))]
    task = tiny_task(images=roles, groups=None, test={"split": {"seed": 1, "test_fraction": 0.5, "cases": 2}})
    (case,) = planned(task, frames, "sub-01_images.nii.gz", "sub-01_mask.nii.gz")
    assert [(image["role"], image["frame"]) for image in case["images"]] == [("t1", 1), ("flair", 0)]
    assert (case["reason"], case["group"]) == (None, "all")


def test_held_out_agrees_with_the_plan(tmp_path: Path) -> None:
    root = write_tree(tmp_path)
    assert held_out(tiny_task(), scan_source(source(), root).candidates) == {"sub-51", "sub-52"}


@pytest.mark.parametrize(
    ("first", "second"),
    [(["a b"], ["a-b"]), (["a_b", "c"], ["a", "b_c"]), (["a", ""], ["a"]), (["../a"], ["a"])],
)
def test_two_keys_never_share_a_name(first: list[str], second: list[str]) -> None:
    assert name_of(first) != name_of(second)
    assert "/" not in name_of(first)
    assert "." not in name_of(first)
