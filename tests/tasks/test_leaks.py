"""Planted leaks are found, each for what it is, and nothing else is."""

import io
import json
from pathlib import Path

import pyarrow as pa
import pytest
from support import bad_files as bad
from support.small_corpus import RAS, head, write_nifti
from tasks.trees import plan_tree, tiny_task, write_tree

from brains45k.corpus.record import digest_of_voxels
from brains45k.errors import CallError, DataError
from brains45k.tasks.leaks import FROM_SCRATCH, Leak, Leakage, find_leaks, require_no_leaks
from brains45k.tasks.manifest import CASES
from brains45k.tasks.prepare import prepare_task
from brains45k.volume.preprocess import Preprocessing
from brains45k.volume.read import read_image
from brains45k.volume.reorient import reorient

TEST = ("sub-51", "sub-52")


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    """The table of a small task, prepared from files."""
    folder = tmp_path_factory.mktemp("leaks")
    root, task = write_tree(folder / "tiny", pool=2, test=2), tiny_task()
    plan = plan_tree(task, root)
    parameters = Preprocessing(spacing_mm=4.0)
    rows = prepare_task(plan, task, root, parameters, folder / "cases", workers=1, log=io.StringIO())
    return pa.Table.from_pylist(rows, schema=CASES)


def seen(*rows: tuple[str, str, str, str | None]) -> pa.Table:
    """Build the record of a pretrained network."""
    names = ("volume_id", "source", "subject", "voxel_sha256")
    return pa.Table.from_pylist(
        [dict(zip(names, row, strict=True)) | {"split": "train"} for row in rows],
        schema=pa.schema([*((name, pa.string()) for name in names), ("split", pa.string())]),
    )


def digest_of_file(path: Path) -> str:
    return digest_of_voxels(reorient(read_image(path)))


def require(
    cases: pa.Table, record: pa.Table | None, *, allow: bool = False, config_hint: str = "config/config.yaml"
) -> Leakage:
    return require_no_leaks(cases, TEST, record, allow=allow, checkpoint="m.safetensors", config_hint=config_hint)


CLEAN = (
    ("tiny_sub-01_flair", "tiny", "sub-01", "0" * 64),
    # The same name in another source is another person.
    ("other_sub-51_flair", "other", "sub-51", "1" * 64),
)


def test_no_false_alarm(cases: pa.Table) -> None:
    pool = [image["voxel_sha256"] for row in cases.to_pylist() if row["part"] == "pool" for image in row["images"]]
    record = seen(*CLEAN, *((f"tiny_{index}", "tiny", "sub-02", digest) for index, digest in enumerate(pool)))
    assert find_leaks(cases, TEST, record) == []
    leakage = require(cases, record)
    assert leakage.to_json() == {"state": "none", "leaks": []}


def test_the_same_subject_is_a_leak(cases: pa.Table) -> None:
    record = seen(*CLEAN, ("tiny_sub-52_x", "tiny", "sub-52", "2" * 64), ("tiny_sub-52_y", "tiny", "sub-52", None))
    assert find_leaks(cases, TEST, record) == [Leak("sub-52", "subject", "tiny_sub-52_x")]
    with pytest.raises(CallError) as caught:
        require(cases, record)
    message = str(caught.value)
    assert message.startswith("m.safetensors: has seen 1 of the 2 test cases of task little, by subject: sub-52. ")
    assert "exclude_tasks: [little] in config/config.yaml and pretrain again" in message
    assert "allow_leakage: true, which every result then states" in message
    assert "exclude_volumes" not in message


@pytest.mark.parametrize("codes", ["RAS", "LPS", "IRP", "PIR", "ASL"])
def test_the_same_image_under_another_name_is_a_leak_however_it_is_stored(
    cases: pa.Table, tmp_path: Path, codes: str
) -> None:
    voxels, affine = bad.oriented(head(2 * 51 + 1), RAS, codes)
    copy = write_nifti(tmp_path / "BRATS_485.nii", voxels.astype("float64"), affine)
    record = seen(*CLEAN, ("msd_BRATS-485_t1", "msd", "BRATS_485", digest_of_file(copy)))
    assert find_leaks(cases, TEST, record) == [Leak("sub-51", "image", "msd_BRATS-485_t1", "t1")]
    with pytest.raises(CallError) as caught:
        require(cases, record, config_hint="my.yaml")
    message = str(caught.value)
    assert "by image, under another name: sub-51 (t1 is msd_BRATS-485_t1). " in message
    assert "Set exclude_volumes: [msd_BRATS-485_t1] in my.yaml and pretrain again" in message
    assert "exclude_tasks" not in message


def test_one_voxel_more_makes_another_image(cases: pa.Table, tmp_path: Path) -> None:
    voxels = head(2 * 51 + 1)
    voxels[12, 12, 12] += 1
    copy = write_nifti(tmp_path / "BRATS_485.nii", voxels)
    assert find_leaks(cases, TEST, seen(("msd_x", "msd", "BRATS_485", digest_of_file(copy)))) == []


def test_both_kinds_are_told_with_both_remedies(cases: pa.Table, tmp_path: Path) -> None:
    copy = write_nifti(tmp_path / "copy.nii", head(2 * 51))
    record = seen(("msd_x", "msd", "B", digest_of_file(copy)), ("tiny_y", "tiny", "sub-52", None))
    with pytest.raises(CallError) as caught:
        require(cases, record)
    message = str(caught.value)
    assert (
        "has seen 2 of the 2 test cases of task little, by subject: sub-52; by image, under another name: " in message
    )
    assert "Set exclude_tasks: [little] and exclude_volumes: [msd_x] in " in message


def test_the_images_of_a_subject_that_leaks_are_no_second_finding(cases: pa.Table) -> None:
    (row,) = (row for row in cases.to_pylist() if row["case"] == "sub-51")
    record = seen(*((f"tiny_{one['role']}", "tiny", "sub-51", one["voxel_sha256"]) for one in row["images"]))
    assert [(leak.kind, leak.role) for leak in find_leaks(cases, TEST, record)] == [
        ("subject", None), ("image", "flair"), ("image", "t1"),
    ]  # fmt: skip
    with pytest.raises(CallError, match=r"1 of the 2 test cases of task little, by subject: sub-51\. Set") as caught:
        require(cases, record)
    assert "exclude_volumes" not in str(caught.value)


def test_many_leaks_are_shortened() -> None:
    rows = [
        {
            "task": "little", "case": f"c{number}", "source": "tiny", "subject": f"c{number}", "part": "test",
            "group": "all", "status": "kept", "images": [],
        }
        for number in range(63)
    ]  # fmt: skip
    many = pa.Table.from_pylist(rows, schema=CASES)
    record = seen(*((f"v{number}", "tiny", f"c{number}", None) for number in range(63)))
    with pytest.raises(CallError, match=r"63 of the 63 .* by subject: c0, c1, c2 and 60 more\. Set"):
        require_no_leaks(many, many["case"].to_pylist(), record, allow=False, checkpoint="m")


def test_leaks_that_are_allowed_are_stated(cases: pa.Table) -> None:
    leakage = require(cases, seen(("tiny_x", "tiny", "sub-51", None)), allow=True)
    assert json.loads(json.dumps(leakage.to_json())) == {
        "state": "allowed",
        "leaks": [{"case": "sub-51", "kind": "subject", "volume_id": "tiny_x", "role": None}],
    }
    assert require(cases, seen(*CLEAN), allow=True).state == "none"


def test_a_checkpoint_without_a_record_is_unknown(cases: pa.Table) -> None:
    with pytest.raises(CallError, match=r"m\.safetensors: says nothing of the volumes .*allow_leakage"):
        require(cases, None)
    assert require(cases, None, allow=True).to_json() == {"state": "unknown", "leaks": []}
    assert FROM_SCRATCH.to_json() == {"state": "not pretrained", "leaks": []}


def test_a_table_that_does_not_fit_is_told(cases: pa.Table) -> None:
    with pytest.raises(DataError, match="test case nobody is not in the table"):
        find_leaks(cases, ["nobody"], seen(*CLEAN))
    with pytest.raises(DataError, match="no column voxel_sha256"):
        find_leaks(cases, TEST, seen(*CLEAN).drop_columns(["voxel_sha256"]))
