"""Task files: read strictly, and refused with the key that is at fault."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from tasks.trees import source, task_document, tiny_task

from brains45k.errors import CallError
from brains45k.sources.catalog import load_source
from brains45k.tasks.cases import require_fields
from brains45k.tasks.task import IGNORED, Task, read_task

_CONFIG = Path(__file__).parents[2] / "config"
_TASK_FILES = sorted((_CONFIG / "tasks").glob("*.yaml"))


def write(folder: Path, document: dict[str, Any]) -> Path:
    path = folder / "little.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


def test_a_task_file_is_read(tmp_path: Path) -> None:
    task = read_task(write(tmp_path, task_document()))
    assert (task.name, task.source, task.case_fields) == ("little", "tiny", ("subject",))
    assert [role.name for role in task.roles] == ["flair", "t1"]
    assert task.roles[1].where == {"image": frozenset({"t1w"})}
    assert task.class_count == 3
    assert task.class_of_value() == {0: 0, 1: 1, 4: 2, 5: 2, 9: IGNORED}
    assert {region.name: task.region_values(region) for region in task.regions} == {"all": (1, 2), "core": (1,)}
    assert task.has_lesions
    assert task.test.split is None
    assert task.test.where == {"part": frozenset({"test"})}


def test_a_task_comes_back_from_its_document() -> None:
    task = tiny_task(test={"split": {"seed": 7, "test_fraction": 0.25, "cases": 8}})
    again = Task.from_document("little", json.loads(json.dumps(task.document)))
    assert again == task
    assert again.test == task.test


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lesion": True}, "unknown key 'lesion' at the top level; did you mean 'lesions'"),
        ({"images": [{"name": "a", "where": {"image": ["x"]}, "wher": 1}]}, "unknown key 'wher' at images.0; did you"),
        ({"images": [{"name": "flair", "where": {"image": ["FLAIR"]}}]}, "images.0.where.image.0: 'FLAIR'"),
        ({"images": [{"name": "a", "where": {"image": ["x"]}}] * 2}, "images: the name 'a' is given twice"),
        ({"regions": [{"name": "all", "classes": ["cor"]}]}, "'all' names the class 'cor', which does not exist"),
        ({"ignore": [4]}, "classes and ignore: the value 4 is given twice"),
        ({"classes": [{"name": "core", "values": [0]}]}, "classes.0.values.0: 0 is less than"),
        ({"case": ["session"]}, "case.0: 'subject' was expected"),
        ({"test": {}}, "at test"),
        ({"test": {"where": {"part": ["test"]}, "split": {}}}, "at test"),
        ({"groups": [{"name": "in_domain", "where": {"scan": ["b"]}}]}, "'in_domain' is what cases of no group"),
        ({"labels": None}, "'labels' is a required property"),
    ],
)
def test_a_broken_task_file_is_refused_with_its_key(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = write(tmp_path, task_document(**changes))
    with pytest.raises(CallError) as caught:
        read_task(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("path", _TASK_FILES, ids=lambda path: path.stem)
def test_each_task_file_fits_its_source(path: Path) -> None:
    task = read_task(path)
    require_fields(task, load_source(_CONFIG / "sources" / f"{task.source}.yaml"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": {"layouts": ["masc"]}}, "has no layout 'masc' of role label; known: mask"),
        ({"images": [{"name": "t1", "where": {"imag": ["t1w"]}}]}, "has the field 'imag'; known: image, part, scan"),
        ({"groups": [{"name": "far", "where": {"scn": ["b"]}}]}, "has the field 'scn'"),
        ({"case": ["subject", "visit"]}, "has the field 'visit'"),
        ({"images": [{"name": "t1", "where": {"channel": ["t1w"]}}]}, "has the field 'channel'"),
    ],
)
def test_what_the_source_does_not_have_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(CallError) as caught:
        require_fields(tiny_task(**changes), source())
    assert message in str(caught.value)


def test_brats_measures_the_challenge_regions() -> None:
    task = read_task(_CONFIG / "tasks" / "brats21.yaml")
    regions = {region.name: set(task.region_values(region)) for region in task.regions}
    values = {value: number for value, number in task.class_of_value().items() if value}
    assert regions["whole_tumour"] == {values[1], values[2], values[4]}
    assert regions["tumour_core"] == {values[1], values[4]}
    assert regions["enhancing_tumour"] == {values[4]} == {values[3]}
    # What a prediction's file says is the first value of each class: those of the 2021 release.
    assert [known.values[0] for known in task.classes] == [1, 2, 4]
