"""A subject's images in, labels on the first image's grid out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("monai")
import torch
from support import bad_files as bad
from support.tiny_model import CORE, LPS, OTHER, TASK, ball, write_model, write_scan

from brains45k.errors import CallError, DataError
from brains45k.segmentation.inference import predict_scores
from brains45k.segmentation.model import load_model
from brains45k.segmentation.segment import Segmented, choose_device, place_of, predict_case, save_labels, segment
from brains45k.tasks.prepare import prepare_images
from brains45k.volume.read import read_image

PLACE = ("qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z")
ROWS = ("srow_x", "srow_y", "srow_z")


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("subject")
    return [write_scan(folder / "flair.nii.gz", ball(CORE)), write_scan(folder / "t1.nii.gz", ball(OTHER))]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model"))


def run(images: list[Path], target: Path, checkpoint: Path, **options: Any) -> Segmented:
    return segment(images, target, checkpoint=checkpoint, device="cpu", progress=False, **options)


def labels_of(path: Path) -> Any:
    return np.asarray(nibabel.load(path).dataobj)


def dice(found: Any, truth: Any) -> float:
    return float(2 * np.sum(found & truth) / (np.sum(found) + np.sum(truth)))


def test_labels_lie_where_the_lesion_is_in_the_file(subject: list[Path], checkpoint: Path, tmp_path: Path) -> None:
    done = run(subject, tmp_path / "out.nii.gz", checkpoint)
    scan, out = nibabel.load(subject[0]), nibabel.load(tmp_path / "out.nii.gz")
    labels = labels_of(done.path)
    assert nibabel.aff2axcodes(scan.affine) == ("L", "P", "S")
    assert labels.shape == scan.shape
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(out.affine, scan.affine)
    # The first value of the class that the network finds, which is neither its number nor its second value.
    assert np.unique(labels).tolist() == [0, 4]
    assert dice(labels == 4, ball(CORE)) > 0.95
    voxel_ml = 1.5 * 1.25 * 2 / 1000
    assert done.volumes_ml == pytest.approx({"core": (labels == 4).sum() * voxel_ml, "oedema": 0}, rel=1e-3)
    assert done.remarks == ()


def test_images_are_taken_in_the_order_of_the_call(subject: list[Path], tmp_path: Path) -> None:
    second = write_model(tmp_path, channel=1)
    run(subject, tmp_path / "out.nii.gz", second)
    run(subject[::-1], tmp_path / "turned.nii.gz", second)
    assert dice(labels_of(tmp_path / "out.nii.gz") == 4, ball(OTHER)) > 0.95
    assert dice(labels_of(tmp_path / "turned.nii.gz") == 4, ball(CORE)) > 0.95


def test_the_same_bytes_every_time_and_nothing_beside_them(
    subject: list[Path], checkpoint: Path, tmp_path: Path
) -> None:
    for name in ("one.nii.gz", "two.nii.gz"):
        run(subject, tmp_path / name, checkpoint)
    assert (tmp_path / "one.nii.gz").read_bytes() == (tmp_path / "two.nii.gz").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.nii.gz", "two.nii.gz"]


def test_a_case_is_predicted_as_its_files_are(subject: list[Path], checkpoint: Path, tmp_path: Path) -> None:
    model = load_model(checkpoint)
    prepared = prepare_images([read_image(path) for path in subject], model.preprocessing)
    image = prepared.image.copy()
    image.setflags(write=False)
    classes = predict_case(model, image, prepared.grid, device="cpu")
    assert classes.dtype == np.uint8
    assert np.unique(classes).tolist() == [0, 1]
    run(subject, tmp_path / "out.nii.gz", checkpoint)
    np.testing.assert_array_equal(classes == 1, labels_of(tmp_path / "out.nii.gz") == 4)


def test_options_reach_the_windows(
    subject: list[Path], checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def spy(*arguments: Any, **options: Any) -> Any:
        seen.append(options)
        return predict_scores(*arguments, **options)

    monkeypatch.setattr("brains45k.segmentation.segment.predict_scores", spy)
    run(subject, tmp_path / "out.nii.gz", checkpoint, mirror=True, overlap=0.25)
    (options,) = seen
    assert options == {
        "patch_size_voxels": 32, "overlap": 0.25, "mirror": True, "device": torch.device("cpu"), "progress": None
    }  # fmt: skip


def test_a_gpu_that_is_too_small_is_told(
    subject: list[Path], checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any, **options: Any) -> Any:
        raise torch.cuda.OutOfMemoryError

    monkeypatch.setattr("brains45k.segmentation.segment.predict_scores", full)
    with pytest.raises(CallError, match="does not hold a window of 32 voxels"):
        run(subject, tmp_path / "out.nii.gz", checkpoint)
    assert not list(tmp_path.iterdir())


def test_values_that_a_byte_cannot_hold(subject: list[Path], tmp_path: Path) -> None:
    document = TASK | {"classes": [{"name": "core", "values": [300]}, {"name": "oedema", "values": [2]}]}
    path = write_model(tmp_path, task={"name": "wide", "document": document})
    run(subject, tmp_path / "out.nii.gz", path)
    labels = labels_of(tmp_path / "out.nii.gz")
    assert labels.dtype == np.uint16
    assert np.unique(labels).tolist() == [0, 300]


@pytest.mark.parametrize("count", [1, 3])
def test_a_wrong_number_of_images_is_told_with_their_names(
    count: int, subject: list[Path], checkpoint: Path, tmp_path: Path
) -> None:
    images = (subject * 2)[:count]
    with pytest.raises(CallError, match=f"{count} images given, 2 needed, in this order: flair, t1"):
        run(images, tmp_path / "out.nii.gz", checkpoint)
    assert not list(tmp_path.iterdir())


def test_a_target_that_must_not_be_written(subject: list[Path], checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "link.nii.gz").symlink_to(subject[1])
    for name, said in (
        ("link.nii.gz", "is the scan itself"),
        ("out.npy", r"must end in \.nii\.gz"),
        ("none/out.nii.gz", "does not exist"),
    ):
        with pytest.raises(CallError, match=said):
            run(subject, tmp_path / name, checkpoint)
    assert nibabel.load(subject[1]).get_data_dtype() == np.float32


def test_a_damaged_image_is_named_with_its_code(subject: list[Path], checkpoint: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.nii.gz"
    broken.write_bytes(subject[1].read_bytes()[:-2000])
    with pytest.raises(DataError, match=r"broken\.nii\.gz: E_GZ_TRUNC: ") as refused:
        run([subject[0], broken], tmp_path / "out.nii.gz", checkpoint)
    assert len(str(refused.value).splitlines()) == 1
    assert not (tmp_path / "out.nii.gz").exists()


def test_repairs_are_told(subject: list[Path], checkpoint: Path, tmp_path: Path) -> None:
    scan = nibabel.load(subject[0])
    voxels = np.asarray(scan.dataobj)
    nibabel.save(nibabel.Nifti1Image(voxels / voxels.max(), scan.affine), tmp_path / "unit.nii.gz")
    done = run([tmp_path / "unit.nii.gz", subject[1]], tmp_path / "out.nii.gz", checkpoint)
    (remark,) = [remark for remark in done.remarks if "F_UNIT_RANGE" in remark]
    assert remark.startswith(f"{tmp_path / 'unit.nii.gz'}: ")


def test_a_disk_that_does_not_take_it_leaves_nothing(subject: list[Path], checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / ".out.nii.gz.partial").mkdir()
    with pytest.raises(CallError, match=r"out\.nii\.gz: cannot be written"):
        run(subject, tmp_path / "out.nii.gz", checkpoint)
    assert not (tmp_path / "out.nii.gz").exists()


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == choose_device("cpu") == torch.device("cpu")
    with pytest.raises(CallError, match="torch sees no GPU"):
        choose_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == choose_device("cuda") == torch.device("cuda")
    assert choose_device("cpu") == torch.device("cpu")


def written_like(path: Path, target: Path) -> Any:
    """Write labels in an image's place and load them by nibabel."""
    image = read_image(path)
    save_labels(np.ones(image.intensities.stored.shape, np.uint8), target, header=place_of(path, image.affine))
    return nibabel.load(target)


@pytest.mark.parametrize(("sform_code", "qform_code"), [(1, 1), (2, 0), (0, 1), (4, 2), (0, 0)])
def test_both_forms_are_the_files_own(sform_code: int, qform_code: int, tmp_path: Path) -> None:
    path = write_scan(tmp_path / "a.nii.gz", ball(CORE), sform_code=sform_code, qform_code=qform_code)
    theirs, ours = nibabel.load(path), written_like(path, tmp_path / "out.nii.gz")
    for name in (*PLACE, *ROWS, "xyzt_units"):
        np.testing.assert_array_equal(ours.header[name], theirs.header[name], err_msg=name)
    np.testing.assert_array_equal(ours.header["pixdim"][:4], theirs.header["pixdim"][:4])
    np.testing.assert_array_equal(ours.affine, theirs.affine)
    assert ours.shape == theirs.shape


def test_forms_that_differ_stay_different(tmp_path: Path) -> None:
    path = write_scan(tmp_path / "a.nii.gz", ball(CORE))
    scan = nibabel.load(path)
    shifted = LPS.copy()
    shifted[:3, 3] += 0.25
    scan.set_sform(shifted, code=2)
    nibabel.save(scan, tmp_path / "b.nii.gz")
    ours = written_like(tmp_path / "b.nii.gz", tmp_path / "out.nii.gz")
    np.testing.assert_allclose(ours.get_sform(), shifted, atol=1e-4)
    np.testing.assert_allclose(ours.get_qform(), LPS, atol=1e-4)


WRITERS: dict[str, Callable[[Any, Path], object]] = {
    "two.nii": lambda image, path: nibabel.save(nibabel.Nifti2Image(image.dataobj, image.affine), path),
    "pair.img": lambda image, path: nibabel.save(nibabel.Nifti1Pair(image.dataobj, image.affine), path),
    "a.mgz": lambda image, path: nibabel.save(nibabel.MGHImage(np.float32(image.dataobj), image.affine), path),
    "zipped.nii": lambda image, path: path.write_bytes(bad.gz(image.to_bytes())),
    "four.nii": lambda image, path: nibabel.save(nibabel.Nifti1Image(image.get_fdata()[..., None], image.affine), path),
}


@pytest.mark.parametrize("name", WRITERS)
def test_other_files_than_nii_gz(name: str, tmp_path: Path) -> None:
    scan = nibabel.load(write_scan(tmp_path / "a.nii.gz", ball(CORE)))
    WRITERS[name](scan, tmp_path / name)
    ours = written_like(tmp_path / name, tmp_path / "out.nii.gz")
    np.testing.assert_allclose(ours.affine, scan.affine, atol=1e-5)
    assert ours.shape == scan.shape
    assert np.asarray(ours.dataobj).sum() == np.prod(scan.shape)


def test_an_analyze_pair_gets_the_place_that_we_read_it_at(tmp_path: Path) -> None:
    head, voxels = bad.analyze_pair()
    (tmp_path / "a.hdr").write_bytes(head)
    (tmp_path / "a.img").write_bytes(voxels)
    ours = written_like(tmp_path / "a.img", tmp_path / "out.nii.gz")
    np.testing.assert_allclose(ours.affine, read_image(tmp_path / "a.img").affine, atol=1e-5)
